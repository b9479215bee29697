// SA-VAE (Kim et al. 2018): the encoder's Gaussian, refined by gradient steps on the sentence's own ELBO, and trained
// through those steps. The decoder learns from the refined code; the encoder learns to be a good place to start from.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { count, positive } from '../config/numbers.js';
import type { Batch } from '../data/batches.js';
import { GaussianPosterior } from '../inference/amortized.js';
import { type DiagonalGaussian, dimensionKl, type Posterior } from '../inference/posterior.js';
import {
  type DecoderProbe,
  negativeElbo,
  type RefinementOptions,
  refine,
  refinementAdjoint,
} from '../inference/semi-amortized.js';
import { drawNormals, type SentenceKeys } from '../inference/sentence-noise.js';
import type { DropoutMasks } from '../model/dropout-masks.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { inPrecision } from '../ops/precision.js';
import { unevenly } from '../ops/token-nll.js';
import { RandomStream } from '../random/philox.js';
import { Vae } from './amortized-model.js';
import { chainMasks } from './chain-masks.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, type KlWeightKeys, klWeightAt, klWeightKeys } from './kl-weight.js';
import type { Iteration, Learner, Position } from './method.js';

/** Steps of the refinement whose debt to the decoder's weights is gathered in one pass; bounds the memory of it. */
const PROBES_AT_ONCE = 4;

const semiAmortized = z.strictObject({
  steps: count.describe('gradient steps that refine the mean and log variance; a whole number from 1'),
  learningRate: positive.describe('of those steps; a number above 0'),
  momentum: z.number().min(0).lt(1).describe('of those steps, from 0 to below 1'),
  clipNorm: positive.describe('largest norm of a gradient in a step; a number above 0'),
  scope: z
    .enum(['sentence', 'batch'])
    .describe(
      'whose loss a step descends in training: batch, its mean over the sentences, the gradients in all means and in all ' +
        'log variances clipped apart, or sentence, its share of a full batch, each gradient clipped by itself, as in ' +
        'evaluation always',
    ),
  difference: positive
    .default(0.01)
    .describe(
      "half the distance of the difference quotients that make the steps' second derivatives; a number above 0",
    ),
});

export type SemiAmortizedKeys = { semiAmortized: z.infer<typeof semiAmortized> };

class SaVae extends Vae<KlWeightKeys & SemiAmortizedKeys> {
  override readonly quantities = ['reconstruction', 'kl', 'klWeight', 'encoderKl'];

  override learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { seed } = this.run;
    const key = { seed, epoch: at.epoch, batch: at.batch };
    const klWeight = klWeightAt(this.run.klWeight, at);
    const { semiAmortized, training } = this.run;
    const scale = semiAmortized.scope === 'batch' ? batch.size : training.batchSize;
    const options: RefinementOptions = { ...semiAmortized, klWeight, scale };
    const size = batch.size * this.latentSize;

    // The refinement: one dropout mask for all of its steps, and the same again wherever they are looked back upon.
    const masksOfChain = () => chainMasks(this.decoder, batch, key);
    const likelihood = this.decoder.likelihood(batch, masksOfChain());
    const noise = new RandomStream({ ...key, purpose: 'refinement' }).normals(options.steps * size);
    const start = this.encoded(batch);
    const refinement = refine(likelihood, start, noise, options);

    // What the loss at the refined Gaussian owes to it, and through the steps to where they started.
    const lossMasks = () => this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const lossLikelihood = this.decoder.likelihood(batch, lossMasks());
    const eps = new RandomStream({ ...key, purpose: 'reparameterization' }).normals(size);
    const { z, nll, gradient } = negativeElbo(lossLikelihood, refinement.gaussian, eps, {
      klWeight,
      scale: batch.size,
    });
    const adjoint = refinementAdjoint(likelihood, refinement, gradient, options);
    lossLikelihood.dispose();
    likelihood.dispose();

    // Scalars whose gradients in the weights are the terms of the whole derivative; their values mean nothing.
    const terms = [
      () => this.weightedEncoding(batch, adjoint.start),
      () => this.reconstruction(batch, z, lossMasks()),
      ...groups(adjoint.probes, PROBES_AT_ONCE).map(
        (probes) => () => this.weightedProbes(batch, probes, masksOfChain()),
      ),
    ];
    const { gradientNorm } = learner.minimize(terms);

    const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / batch.size;
    const reconstruction = mean(nll);
    const kl = mean(dimensionKl(refinement.gaussian));
    const quantities = { reconstruction, kl, klWeight, encoderKl: mean(dimensionKl(start)) };
    return { loss: reconstruction + klWeight * kl, gradientNorm, quantities };
  }

  override flops({ size, tokens }: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops({ size, tokens });
    const { steps } = this.run.semiAmortized;
    // A step goes forward and back to z once, its adjoint so twice, and twice more to the weights as well.
    const refinement = steps * (3 * 2 + 2 * 3) * latent;
    return refinement + 3 * (words + latent + size * tokens * this.encoder.flopsPerToken);
  }

  override posterior(batch: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys): Posterior {
    // The source refines by the mean over whatever batch it evaluates. A sentence of a small batch, as subsets by length have
    // them, would take steps many times those that it was trained with, and its numbers depend on who is measured with it.
    const { semiAmortized, training } = this.run;
    const options = { ...semiAmortized, scope: 'sentence', klWeight: 1, scale: training.batchSize } as const;
    const { steps } = options;
    const noise = drawNormals(keys, 'refinement', { from: 0, to: 1, steps, size: this.latentSize });
    const { gaussian } = refine(likelihood, this.encoded(batch), noise, options);
    return new GaussianPosterior(likelihood, gaussian, keys, 'refined');
  }

  /** sum of (mean, log variance) times what the loss owes them: its gradient is the encoder's. */
  private weightedEncoding(batch: Batch, owed: DiagonalGaussian): tf.Scalar {
    const { mean, logVariance } = this.encoder.encode(batch);
    const weighted = (value: tf.Tensor2D, weight: Float32Array) =>
      tf.sum(tf.mul(value, tf.tensor2d(weight, value.shape)));
    return tf.add(weighted(mean, owed.mean), weighted(logVariance, owed.logVariance));
  }

  /** Mean NLL at the refined codes, as the decoder's weights see it. */
  private reconstruction(batch: Batch, z: Float32Array, masks: DropoutMasks): tf.Scalar {
    return tf.mean(this.decoder.sentenceNll(batch, tf.tensor2d(z, [batch.size, this.latentSize]), masks));
  }

  /**
   * What the steps' gradients owe to the decoder's weights. It is made of small differences, which rounded products would
   * lose, so it is of f32 as the steps are.
   */
  private weightedProbes(batch: Batch, probes: readonly DecoderProbe[], masks: DropoutMasks): tf.Scalar {
    const draws = probes.flatMap(({ plus, minus, weight }) => [
      { z: plus, weight },
      { z: minus, weight: weight.map((value) => -value) },
    ]);
    const rows = draws.length * batch.size;
    const z = tf.concat(draws.map((draw) => tf.tensor2d(draw.z, [batch.size, this.latentSize])));
    const weights = tf.concat(draws.map(({ weight }) => tf.tensor1d(weight)));
    const nll = unevenly(() =>
      inPrecision('f32', () => this.decoder.sentenceNll(batch, tf.reshape(z, [rows, this.latentSize]), masks)),
    );
    return tf.sum(tf.mul(nll, weights));
  }
}

function groups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

export const saVae = defineMethod({
  name: 'sa-vae',
  label: 'SA-VAE',
  inference: 'gaussian',
  config: { ...klWeightKeys, semiAmortized },
  defaults: {
    ...KL_WEIGHT_DEFAULTS,
    semiAmortized: { steps: 20, learningRate: 1, momentum: 0.5, clipNorm: 5, scope: 'sentence', difference: 0.01 },
  },
  selects: 'negative-elbo',
  create: (run, corpus) => new SaVae(run, corpus),
});
