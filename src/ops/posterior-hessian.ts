// The second derivative of each sentence's NLL in z: what the density of a short run's end, and the search for its step
// size, need at every step of the path.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';
import { contextInputs, hiddenGivenLatent, repeatContext, type SentenceContext } from './sentence-context.js';

export interface PosteriorHessian {
  /** `[rows]`, nats. */
  nll: tf.Tensor1D;
  /** `[rows, latent]`. */
  gradient: tf.Tensor2D;
  /** `[rows, latent, latent]`, symmetric: d2NLL/dz2 (the prior's identity is not in it). */
  hessian: tf.Tensor3D;
}

/**
 * NLL, its gradient and its Hessian in z for each row.
 * @param z `[rows, latent]`, rows = draws * batch; row r belongs to sentence r % batch.
 */
export function posteriorHessian(context: SentenceContext, z: tf.Tensor2D): PosteriorHessian {
  if (!hasKernel('PosteriorHessian')) return posteriorHessianPortable(context, z);
  const [nll, gradient, hessian] = runKernel<tf.Tensor[]>('PosteriorHessian', { ...contextInputs(context), z });
  return { nll: nll as tf.Tensor1D, gradient: gradient as tf.Tensor2D, hessian: hessian as tf.Tensor3D };
}

/** The same by differentiating twice, one Hessian-vector product a latent dimension. */
export function posteriorHessianPortable(context: SentenceContext, z: tf.Tensor2D): PosteriorHessian {
  const [rows, latent] = z.shape;
  return tf.tidy(() => {
    const repeated = repeatContext(context, rows);
    const nllOf = (codes: tf.Tensor2D): tf.Tensor1D => {
      const hidden = hiddenGivenLatent(repeated, codes);
      const [tokens, , size] = hidden.shape;
      const flat = tf.reshape(hidden, [tokens * rows, size]);
      const targets = tf.reshape(repeated.targets, [tokens * rows]);
      const logits = tf.add(tf.matMul(flat, context.outputKernel, false, true), context.outputBias);
      // The largest logit only guards against overflow; as a constant it keeps the second derivative simple.
      const shift = tf.tensor(tf.max(logits, 1, true).dataSync(), [tokens * rows, 1]);
      const logSum = tf.add(tf.log(tf.sum(tf.exp(tf.sub(logits, shift)), 1, true)), shift);
      const target = tf.add(
        tf.sum(tf.mul(flat, tf.gather(context.outputKernel, targets)), 1),
        tf.gather(context.outputBias, targets),
      );
      const tokenNll = tf.sub(tf.reshape(logSum, [tokens * rows]), target);
      return tf.sum(tf.reshape(tokenNll, [tokens, rows]), 0);
    };
    const gradientOf = tf.grad((codes: tf.Tensor) => tf.sum(nllOf(codes as tf.Tensor2D)));
    const columns = Array.from({ length: latent }, (_, d) =>
      tf.grad((codes: tf.Tensor) => tf.sum(tf.slice(gradientOf(codes), [0, d], [-1, 1])))(z),
    );
    return {
      nll: nllOf(z),
      gradient: gradientOf(z) as tf.Tensor2D,
      hessian: tf.stack(columns, 1) as tf.Tensor3D,
    };
  });
}
