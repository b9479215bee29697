// Cyclical-VAE: Anneal-VAE, but the KL weight falls back and rises again every few epochs (Fu et al. 2019). The cycle is
// `klWeight.cycleEpochs`; the loss is the same, and the learning rate falls along with each cycle where
// `optimizer.cosineEpochs` has it so, as theirs does.

import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { cyclicalKlWeightKeys } from './kl-weight.js';

export const cyclicalVae = defineMethod({
  name: 'cyclical-vae',
  label: 'Cyclical-VAE',
  inference: 'gaussian',
  config: cyclicalKlWeightKeys,
  defaults: { klWeight: { start: 0.1, warmupEpochs: 5, cycleEpochs: 10 } },
  selects: 'negative-elbo',
  create: (run, corpus) => new Vae(run, corpus),
});
