// InfoVAE (Zhao, Song and Ermon 2019): what ties the codes to the prior is how far all of them together, q(z), are from it,
// by maximum mean discrepancy. Of each sentence's own KL, which asks that its code say nothing, a part is kept or none: with
// alpha 1 it is MMD-VAE.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { notNegative, positive } from '../config/numbers.js';
import type { Batch } from '../data/batches.js';
import { Noted } from '../ops/noted.js';
import { RandomStream, type StreamKey } from '../random/philox.js';
import { AmortizedModel } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import type { Iteration, Learner, Position } from './method.js';

const weights = z
  .strictObject({
    alpha: z
      .number()
      .max(1)
      .describe('weight of the mutual information of sentence and code; the KL counts 1 - alpha: a number to 1'),
    lambda: notNegative.describe(
      'weight of the divergence of q(z) from the prior; the MMD counts alpha + lambda - 1, which may not be below 0: a ' +
        'number from 0',
    ),
    bandwidth: positive
      .nullable()
      .describe(
        'b of the kernel exp(-d^2 / b) of the MMD, d being the distance of two codes: a number above 0, or null for ' +
          'the square of latentSize, as the authors have it',
      ),
  })
  .refine(({ alpha, lambda }) => alpha + lambda >= 1, {
    path: ['lambda'],
    message: 'alpha + lambda - 1 is what the MMD counts, and not below 0',
  });

export type InfoVaeKeys = { infoVae: z.infer<typeof weights> };

/**
 * The squared maximum mean discrepancy of two samples, as the authors estimate it: mean k(x, x') + mean k(y, y') - 2 mean
 * k(x, y) over all pairs, each point's with itself too, with k = exp(-|x - y|^2 / bandwidth). From 0, which it is for equal
 * samples, to 2; the pairs with themselves make it about (1 - mean k) (1 / n + 1 / m) for two samples of one distribution.
 * @param x `[n, size]`.
 * @param y `[m, size]`.
 */
export function squaredMmd(x: tf.Tensor2D, y: tf.Tensor2D, bandwidth: number): tf.Scalar {
  const kernel = (a: tf.Tensor2D, b: tf.Tensor2D) => {
    const squares = (of: tf.Tensor2D) => tf.sum(tf.square(of), 1, true);
    const distance = tf.sub(tf.add(squares(a), tf.transpose(squares(b))), tf.mul(tf.matMul(a, b, false, true), 2));
    return tf.mean(tf.exp(tf.div(distance, -bandwidth)));
  };
  return tf.sub(tf.add(kernel(x, x), kernel(y, y)), tf.mul(kernel(x, y), 2));
}

class InfoVae extends AmortizedModel<InfoVaeKeys> {
  readonly quantities = ['reconstruction', 'kl', 'mmd'];
  /** Of the batch at hand: the squared MMD. */
  private readonly noted = new Noted();

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { reconstruction, kl, ...update } = this.descend(batch, at, 1 - this.run.infoVae.alpha, learner);
    const [mmd = 0] = this.noted.read();
    return { ...update, quantities: { reconstruction, kl, mmd } };
  }

  protected override batchTerm(codes: tf.Tensor2D, key: Omit<StreamKey, 'purpose'>): tf.Scalar {
    const { alpha, lambda, bandwidth } = this.run.infoVae;
    const drawn = new RandomStream({ ...key, purpose: 'prior-codes' }).normals(codes.size);
    const mmd = squaredMmd(codes, tf.tensor2d(drawn, codes.shape), bandwidth ?? this.latentSize ** 2);
    this.noted.keep(mmd);
    return tf.mul(mmd, alpha + lambda - 1);
  }
}

export const infoVae = defineMethod({
  name: 'info-vae',
  label: 'InfoVAE',
  inference: 'gaussian',
  config: { infoVae: weights },
  defaults: { infoVae: { alpha: 1, lambda: 1000, bandwidth: null } },
  selects: 'negative-elbo',
  create: (run, corpus) => new InfoVae(run, corpus),
});
