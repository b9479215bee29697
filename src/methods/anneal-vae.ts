// Anneal-VAE: the ELBO with a KL weight that rises to 1 over the first epochs (Bowman et al. 2016).

import { AmortizedModel } from './amortized-model.js';
import { defineMethod } from './define-method.js';

export const annealVae = defineMethod({
  name: 'anneal-vae',
  label: 'Anneal-VAE',
  inference: 'gaussian',
  selects: 'negative-elbo',
  create: (run, corpus) => new AmortizedModel(run, corpus),
});
