// FB-VAE: free bits on each dimension, with the encoder of an autoencoder to start from (Kingma et al. 2016; Li et al.
// 2019). Every dimension has its share of the target, so none can do another's work.

import * as tf from '@tensorflow/tfjs-core';
import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { FREE_BITS_DEFAULTS, FREE_BITS_VARIATIONS, type FreeBitsKeys, freeBitsKeys } from './free-bits.js';

class FreeBitsVae extends Vae<FreeBitsKeys> {
  /** sum over d of max(target / Z, KL_d) of each sentence. */
  protected override klTerm(kl: tf.Tensor2D): tf.Tensor1D {
    return tf.sum(tf.maximum(kl, this.run.freeBits.target / this.latentSize), 1);
  }
}

export const fbVae = defineMethod({
  name: 'fb-vae',
  label: 'FB-VAE',
  inference: 'gaussian',
  config: freeBitsKeys,
  defaults: FREE_BITS_DEFAULTS,
  variations: FREE_BITS_VARIATIONS,
  selects: 'negative-elbo',
  create: (run, corpus) => new FreeBitsVae(run, corpus),
});
