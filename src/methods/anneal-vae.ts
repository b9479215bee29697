// Anneal-VAE: the ELBO with a KL weight that rises to 1 over the first epochs (Bowman et al. 2016).

import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, klWeightKeys } from './kl-weight.js';

export const annealVae = defineMethod({
  name: 'anneal-vae',
  label: 'Anneal-VAE',
  inference: 'gaussian',
  config: klWeightKeys,
  defaults: KL_WEIGHT_DEFAULTS,
  selects: 'negative-elbo',
  create: (run, corpus) => new Vae(run, corpus),
});
