// Cyclical-VAE: Anneal-VAE, but the KL weight falls back and rises again every few epochs (Fu et al. 2019). The cycle is
// `klWeight.cycleEpochs`; the loss and all else are the same.

import { InputError } from '../errors.js';
import { AmortizedModel } from './amortized-model.js';
import type { Method } from './method.js';

export const cyclicalVae: Method = {
  name: 'cyclical-vae',
  label: 'Cyclical-VAE',
  inference: 'gaussian',
  /** @throws InputError for a KL weight without cycles. */
  create: (run, corpus) => {
    if (typeof run.klWeight === 'number' || run.klWeight.cycleEpochs === null) {
      throw new InputError(
        'cyclical-vae: klWeight needs cycleEpochs, such as {start: 0, warmupEpochs: 5, cycleEpochs: 10}',
      );
    }
    return new AmortizedModel(run, corpus);
  },
};
