// Anneal-VAE: the ELBO with a KL weight that rises to 1 over the first epochs (Bowman et al. 2016).

import { AmortizedModel } from './amortized-model.js';
import type { Method } from './method.js';

export const annealVae: Method = {
  name: 'anneal-vae',
  label: 'Anneal-VAE',
  inference: 'gaussian',
  create: (run, corpus) => new AmortizedModel(run, corpus),
};
