// FBP-VAE: free bits on the whole KL, with the encoder of an autoencoder to start from (Kingma et al. 2016; Li et al.
// 2019). Below the target the KL costs the same whatever it is, and has no gradient.

import * as tf from '@tensorflow/tfjs-core';
import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { FREE_BITS_DEFAULTS, FREE_BITS_VARIATIONS, type FreeBitsKeys, freeBitsKeys } from './free-bits.js';

class FreeBitsPoolVae extends Vae<FreeBitsKeys> {
  /** max(target, KL) of each sentence. */
  protected override klTerm(kl: tf.Tensor2D): tf.Tensor1D {
    return tf.maximum(tf.sum(kl, 1), this.run.freeBits.target);
  }
}

export const fbpVae = defineMethod({
  name: 'fbp-vae',
  label: 'FBP-VAE',
  inference: 'gaussian',
  config: freeBitsKeys,
  defaults: FREE_BITS_DEFAULTS,
  variations: FREE_BITS_VARIATIONS,
  selects: 'negative-elbo',
  create: (run, corpus) => new FreeBitsPoolVae(run, corpus),
});
