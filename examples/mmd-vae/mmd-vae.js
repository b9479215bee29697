// A method of one's own: MMD-VAE (Zhao, Song and Ermon, "InfoVAE: Balancing Learning and Inference in Variational
// Autoencoders", AAAI 2019, with their alpha = 1). The KL of each q(z | x) to the prior is not in the loss at all, so no
// sentence is pushed towards the prior; only all codes of a batch together are held to it, by the maximum mean discrepancy
// (Gretton et al. 2012):
//
//     loss = mean over the batch of NLL(z) + weight * MMD(z of the batch, draws of the prior),  z ~ q(z | x)

import { defineMethod } from 'sri';
import { AmortizedModel, notNegative, positive, RandomStream, tf, z } from 'sri/parts';

/**
 * MMD^2 of two samples under the kernel k(a, b) = exp(-|a - b|^2 / (2 variance)): the mean kernel within each less twice that
 * between them, a sum of squares in the kernel's feature space.
 * @param a `[n, size]`.
 * @param b `[m, size]`.
 */
export function discrepancy(a, b, variance) {
  const kernel = (left, right) => {
    const squares = (values) => tf.sum(tf.square(values), 1, true);
    const products = tf.matMul(left, right, false, true);
    const distances = tf.sub(tf.add(squares(left), tf.transpose(squares(right))), tf.mul(products, 2));
    return tf.mean(tf.exp(tf.div(tf.neg(distances), 2 * variance)));
  };
  return tf.sub(tf.add(kernel(a, a), kernel(b, b)), tf.mul(kernel(a, b), 2));
}

class MmdVae extends AmortizedModel {
  quantities = ['reconstruction', 'kl', 'mmd'];

  learn(batch, at, learner) {
    const { reconstruction, kl, ...update } = this.descend(batch, at, 0, learner);
    return { ...update, quantities: { reconstruction, kl, mmd: this.mmd } };
  }

  /** The codes' discrepancy from draws of the prior that are its own: after a resume, and on every backend, the same. */
  batchTerm(codes, key) {
    const { weight, priorDraws, kernelVariance } = this.run.mmd;
    const normals = new RandomStream({ ...key, purpose: 'mmd-vae/prior' }).normals(priorDraws * this.latentSize);
    const prior = tf.tensor2d(normals, [priorDraws, this.latentSize]);
    const mmd = discrepancy(codes, prior, kernelVariance ?? this.latentSize);
    this.mmd = mmd.dataSync()[0];
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
  // Nothing here bounds log p(x), and the KL is free: what an epoch is worth is what it reconstructs and its discrepancy.
  selects: 'reconstruction',
  create: (run, corpus) => new MmdVae(run, corpus),
});
