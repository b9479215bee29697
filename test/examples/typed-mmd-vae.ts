// examples/mmd-vae/mmd-vae.js in TypeScript, as its README says that it is to be written: the compiler reads it with the tests.

import { defineMethod, type Iteration, type Learner, type Position } from '../../src/index.js';
import {
  AmortizedModel,
  type Batch,
  notNegative,
  positive,
  RandomStream,
  type StreamKey,
  tf,
  z,
} from '../../src/parts.js';

interface Keys {
  mmd: { weight: number; priorDraws: number; kernelVariance: number | null };
}

/** MMD^2 of `[n, size]` and `[m, size]`. */
function discrepancy(a: tf.Tensor2D, b: tf.Tensor2D, variance: number): tf.Scalar {
  const kernel = (left: tf.Tensor2D, right: tf.Tensor2D): tf.Scalar => {
    const squares = (values: tf.Tensor2D) => tf.sum(tf.square(values), 1, true);
    const products = tf.matMul(left, right, false, true);
    const distances = tf.sub(tf.add(squares(left), tf.transpose(squares(right))), tf.mul(products, 2));
    return tf.mean(tf.exp(tf.div(tf.neg(distances), 2 * variance)));
  };
  return tf.sub(tf.add(kernel(a, a), kernel(b, b)), tf.mul(kernel(a, b), 2));
}

class MmdVae extends AmortizedModel<Keys> {
  readonly quantities = ['reconstruction', 'kl', 'mmd'];
  private mmd = 0;

  override learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { reconstruction, kl, ...update } = this.descend(batch, at, 0, learner);
    return { ...update, quantities: { reconstruction, kl, mmd: this.mmd } };
  }

  protected override batchTerm(codes: tf.Tensor2D, key: Omit<StreamKey, 'purpose'>): tf.Scalar {
    const { weight, priorDraws, kernelVariance } = this.run.mmd;
    const normals = new RandomStream({ ...key, purpose: 'mmd-vae/prior' }).normals(priorDraws * this.latentSize);
    const mmd = discrepancy(
      codes,
      tf.tensor2d(normals, [priorDraws, this.latentSize]),
      kernelVariance ?? this.latentSize,
    );
    this.mmd = mmd.dataSync<'float32'>()[0]!;
    return tf.mul(mmd, weight);
  }
}

export default defineMethod({
  name: 'mmd-vae',
  label: 'MMD-VAE',
  inference: 'gaussian',
  config: {
    mmd: z.strictObject({
      weight: notNegative.describe('what the discrepancy counts in the loss, nats a sentence; a number from 0'),
      priorDraws: z.int().min(1).describe('draws of the prior that a batch is held against; a whole number from 1'),
      kernelVariance: positive
        .nullable()
        .describe('variance of the Gaussian kernel; a number above 0, or null for the number of dimensions'),
    }),
  },
  defaults: { mmd: { weight: 100, priorDraws: 64, kernelVariance: null } },
  selects: 'reconstruction',
  create: (run, corpus) => new MmdVae(run, corpus),
});
