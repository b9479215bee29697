// Cyclical-VAE: Anneal-VAE, but the KL weight falls back and rises again every few epochs (Fu et al. 2019). The cycle is
// `klWeight.cycleEpochs`; the loss is the same, and the learning rate falls along with each cycle where
// `optimizer.cosineEpochs` has it so, as theirs does.

import { InputError } from '../errors.js';
import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, klWeightKeys } from './kl-weight.js';

export const cyclicalVae = defineMethod({
  name: 'cyclical-vae',
  label: 'Cyclical-VAE',
  inference: 'gaussian',
  config: klWeightKeys,
  defaults: KL_WEIGHT_DEFAULTS,
  selects: 'negative-elbo',
  /** @throws InputError for a KL weight without cycles. */
  create: (run, corpus) => {
    if (typeof run.klWeight === 'number' || run.klWeight.cycleEpochs === null) {
      throw new InputError(
        'cyclical-vae: klWeight needs cycleEpochs, such as {start: 0.1, warmupEpochs: 5, cycleEpochs: 10}',
      );
    }
    return new Vae(run, corpus);
  },
});
