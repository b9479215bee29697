// beta-VAE (Higgins et al. 2017): the KL counts beta times in the loss. Above 1 the code is held nearer to the prior than the
// ELBO holds it; below 1 it is let go, which is the plainest cure of a code that is not used, paid for in the prior's fit.

import type { z } from 'zod';
import { notNegative } from '../config/numbers.js';
import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, type KlWeightKeys, klWeightKeys } from './kl-weight.js';
import type { Position } from './method.js';

const beta = notNegative.describe(
  'what the KL is multiplied with, beside klWeight, which says how that is reached: above 1 as in the source, below 1 ' +
    'against collapse; a number from 0',
);

export type BetaKeys = KlWeightKeys & { beta: z.infer<typeof beta> };

class BetaVae extends Vae<BetaKeys> {
  protected override klWeight(at: Position): number {
    return this.run.beta * super.klWeight(at);
  }
}

export const betaVae = defineMethod({
  name: 'beta-vae',
  label: 'beta-VAE',
  inference: 'gaussian',
  config: { ...klWeightKeys, beta },
  defaults: { ...KL_WEIGHT_DEFAULTS, beta: 4 },
  variations: {
    beta: { key: () => 'beta', of: (run) => run.beta, to: (value) => ({ beta: value }) },
  },
  selects: 'negative-elbo',
  create: (run, corpus) => new BetaVae(run, corpus),
});
