// The output layer and its loss in one operation: affine to the vocabulary, then cross-entropy. Fused because the
// logits, one number a token and vocabulary entry, are larger than everything else together and never need to exist whole.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';
import { currentPrecision } from './precision.js';

/**
 * -log softmax(outputKernel h_n + outputBias)[target_n] for every token.
 *
 * @param hidden `[tokens, hidden]`, the LSTM's outputs (after dropout, where there is any).
 * @param outputKernel `[vocabulary, hidden]`.
 * @param outputBias `[vocabulary]`.
 * @param targets `[tokens]`, int32, each in [0, vocabulary).
 * @returns `[tokens]`, nats. Differentiable in hidden, outputKernel and outputBias. The precision of the products is that of
 *   the innermost `inPrecision`.
 */
export function tokenNll(
  hidden: tf.Tensor2D,
  outputKernel: tf.Tensor2D,
  outputBias: tf.Tensor1D,
  targets: tf.Tensor1D,
): tf.Tensor1D {
  if (!hasKernel('TokenNll')) return tokenNllPortable(hidden, outputKernel, outputBias, targets);
  const precision = currentPrecision();
  // Gradients in the forward pass are of the sum: training's losses are means, whose upstream is one number for all tokens.
  const { gradientDepth, kernelDepth } = tf.engine().state;
  const withGradients = !weighing && gradientDepth > 0 && kernelDepth === 0;
  const op = tf.customGrad((...args) => {
    const [h, kernel, bias] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
    const save = args[3] as unknown as tf.GradSaveFunc;
    const inputs = { hidden: h, outputKernel: kernel, outputBias: bias, targets };
    const [value, logNormalizer, ...ofSum] = runKernel('TokenNll', inputs, { precision, withGradients });
    save([h, kernel, bias, targets, logNormalizer, ...(ofSum as tf.Tensor[])]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [h, kernel, bias, labels, logNormalizer, ...ofSum] = saved as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor1D,
        tf.Tensor1D,
        tf.Tensor1D,
        ...tf.Tensor[],
      ];
      const upstream = ofSum.length === 0 ? null : onlyNumber(dy.dataSync<'float32'>());
      if (upstream !== null) return ofSum.map((gradient) => tf.mul(gradient, upstream));
      const dNll = dy as tf.Tensor1D;
      const again = { dNll, hidden: h, outputKernel: kernel, outputBias: bias, targets: labels, logNormalizer };
      return runKernel('TokenNllGradient', again, { precision });
    };
    return { value, gradFunc };
  });
  return op(hidden, outputKernel, outputBias) as tf.Tensor1D;
}

/** Whether what is computed weighs one token's NLL otherwise than another's. */
let weighing = false;

/**
 * What `compute` gives, a loss that weighs the tokens' NLLs by numbers of its own. Without this `tokenNll` has the gradients of
 * their sum with its values, for which a mean asks, and would compute others from the logits again.
 */
export function unevenly<Result>(compute: () => Result): Result {
  const before = weighing;
  weighing = true;
  try {
    return compute();
  } finally {
    weighing = before;
  }
}

/** The number that all of them are, or null. */
function onlyNumber(values: Float32Array): number | null {
  const [first = 0] = values;
  return values.every((value) => value === first) ? first : null;
}

/** The portable version works through the tokens in pieces of at most this many logits (64 MiB of floats). */
const LOGITS_AT_ONCE = 1 << 24;

/**
 * The same in plain tfjs ops, a piece of the tokens at a time; the backward pass computes each piece's logits again
 * rather than keeping them.
 */
export function tokenNllPortable(
  hidden: tf.Tensor2D,
  outputKernel: tf.Tensor2D,
  outputBias: tf.Tensor1D,
  targets: tf.Tensor1D,
): tf.Tensor1D {
  const [tokens] = hidden.shape;
  const [vocabulary] = outputKernel.shape;
  const pieceSize = Math.max(1, Math.floor(LOGITS_AT_ONCE / vocabulary));
  const pieces: [start: number, size: number][] = [];
  for (let start = 0; start < tokens; start += pieceSize) pieces.push([start, Math.min(pieceSize, tokens - start)]);

  const logitsOf = (rows: tf.Tensor2D, kernel: tf.Tensor2D, bias: tf.Tensor1D) =>
    tf.add(tf.matMul(rows, kernel, false, true), bias) as tf.Tensor2D;

  const op = tf.customGrad((...args) => {
    const [h, kernel, bias] = args as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
    const save = args[3] as unknown as tf.GradSaveFunc;
    save([h, kernel, bias, targets]);
    const value = tf.concat(
      pieces.map(([start, size]) =>
        tf.tidy(() => {
          const rows = tf.slice(h, [start, 0], [size, -1]);
          const wanted = tf.slice(targets, start, size);
          const target = tf.add(tf.sum(tf.mul(rows, tf.gather(kernel, wanted)), 1), tf.gather(bias, wanted));
          return tf.sub(tf.logSumExp(logitsOf(rows, kernel, bias), 1), target) as tf.Tensor1D;
        }),
      ),
    );
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [h, kernel, bias, labels] = saved as unknown as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
      const dHidden: tf.Tensor2D[] = [];
      let dKernel: tf.Tensor = tf.zerosLike(kernel);
      let dBias: tf.Tensor = tf.zerosLike(bias);
      for (const [start, size] of pieces) {
        const rows = tf.slice(h, [start, 0], [size, -1]);
        const wanted = tf.slice(labels, start, size);
        const probability = tf.softmax(logitsOf(rows, kernel, bias));
        const upstream = tf.reshape(tf.slice(dy as tf.Tensor1D, start, size), [size, 1]);
        const dLogits: tf.Tensor2D = tf.mul(tf.sub(probability, tf.oneHot(wanted, vocabulary)), upstream);
        dHidden.push(tf.matMul(dLogits, kernel));
        dKernel = tf.add(dKernel, tf.matMul(dLogits, rows, true, false));
        dBias = tf.add(dBias, tf.sum(dLogits, 0));
      }
      return [tf.concat(dHidden), dKernel, dBias];
    };
    return { value, gradFunc };
  });
  return op(hidden, outputKernel, outputBias) as tf.Tensor1D;
}
