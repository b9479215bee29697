// AE: reconstruction alone. In the loss z is the encoder's mean or, as Li et al. 2019 have it, a draw of its Gaussian, whose
// variance nothing then keeps from vanishing; a sentence's code is the mean either way. Not a model of text - nothing ties its codes to the prior - but a row of
// Tables 4 and 5, and where the encoders of FBP-VAE and FB-VAE come from (Li et al. 2019).

import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Batch } from '../data/batches.js';
import { PointPosterior } from '../inference/amortized.js';
import type { Posterior } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import type { EncodedBatch } from '../model/lstm/encoder.js';
import { AmortizedModel } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import type { Iteration, Learner, Position } from './method.js';

const autoencoder = z.strictObject({
  sampled: z
    .boolean()
    .describe("whether the code of the loss is a draw of the encoder's Gaussian, or its mean: true or false"),
});

export type AutoencoderKeys = { autoencoder: z.infer<typeof autoencoder> };

class Autoencoder extends AmortizedModel<AutoencoderKeys> {
  readonly quantities = ['reconstruction'];

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { reconstruction, kl: _, ...update } = this.descend(batch, at, 0, learner);
    return { ...update, quantities: { reconstruction } };
  }

  protected override code(encoded: EncodedBatch, noise: tf.Tensor2D): tf.Tensor2D {
    return this.run.autoencoder.sampled ? super.code(encoded, noise) : encoded.mean;
  }

  override posterior(batch: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys): Posterior {
    return new PointPosterior(likelihood, this.encoded(batch).mean, keys);
  }
}

export const ae = defineMethod({
  name: 'ae',
  label: 'AE',
  inference: 'point',
  config: { autoencoder },
  defaults: { autoencoder: { sampled: false } },
  selects: 'reconstruction',
  create: (run, corpus) => new Autoencoder(run, corpus),
});
