// Pooling-VAE (Long et al. 2019): the ELBO, with an encoder whose Gaussian is computed from the mean or the maximum of its
// states. The last state alone tells sentences apart so little at first that the decoder learns to do without it; other
// methods pool as well where `model.encoderPooling` says so.

import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, klWeightKeys } from './kl-weight.js';

export const poolingVae = defineMethod({
  name: 'pooling-vae',
  label: 'Pooling-VAE',
  inference: 'gaussian',
  config: klWeightKeys,
  defaults: KL_WEIGHT_DEFAULTS,
  selects: 'negative-elbo',
  create: (run, corpus) => new Vae({ ...run, model: { encoderPooling: 'max', ...run.model } }, corpus),
});
