// Skip-VAE (Dieng et al. 2019): the ELBO, with a decoder in which z reaches every word's probabilities by a road of its own
// as well. Any other method has that decoder where `model.decoder` is skip-lstm.

import { InputError } from '../errors.js';
import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, klWeightKeys } from './kl-weight.js';

export const skipVae = defineMethod({
  name: 'skip-vae',
  label: 'Skip-VAE',
  inference: 'gaussian',
  config: klWeightKeys,
  defaults: KL_WEIGHT_DEFAULTS,
  selects: 'negative-elbo',
  /** @throws InputError for a decoder that has no such road. */
  create: (run, corpus) => {
    const { decoder } = run.model;
    if (decoder !== 'lstm' && decoder !== 'skip-lstm') {
      throw new InputError(`skip-vae: model.decoder is skip-lstm, or lstm for the same; ${decoder} skips nothing`);
    }
    return new Vae({ ...run, model: { ...run.model, decoder: 'skip-lstm' } }, corpus);
  },
});
