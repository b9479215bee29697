// delta-VAE in its plainest form (after Razavi et al. 2019): q(z | x) has a variance that training cannot change and that is
// not the prior's, so that no encoder brings the KL below a rate that was committed to beforehand. Where the source keeps
// the rate apart by correlated priors of sequences, here it is the Gaussian's own: KL >= Z/2 (v - 1 - log v).

import * as tf from '@tensorflow/tfjs-core';
import type { z } from 'zod';
import { positive } from '../config/numbers.js';
import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import type { EncodedBatch } from '../model/lstm/encoder.js';
import { Vae } from './amortized-model.js';
import { defineMethod } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, type KlWeightKeys, klWeightKeys } from './kl-weight.js';

const committedRate = positive.describe(
  'delta, nats a sentence, below which no KL can fall: the variance of q(z | x) follows from it, the same in every ' +
    'dimension; a number above 0',
);

export type CommittedRateKeys = KlWeightKeys & { committedRate: z.infer<typeof committedRate> };

/**
 * log v of the v in (0, 1) whose KL to the prior is the least that `rate` allows, Z/2 (v - 1 - log v) = rate.
 * @param rate nats, above 0.
 */
export function committedLogVariance(rate: number, latentSize: number): number {
  const share = (2 * rate) / latentSize;
  // f(u) = exp(u) - 1 - u falls from infinity to 0 as u rises to 0, and is at least share at u = -1 - share.
  let [low, high] = [-1 - share, 0];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (Math.expm1(middle) - middle > share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

class DeltaVae extends Vae<CommittedRateKeys> {
  private readonly logVariance: number;

  constructor(run: RunConfig<CommittedRateKeys>, corpus: PreparedCorpus) {
    super(run, corpus);
    this.logVariance = committedLogVariance(run.committedRate, this.latentSize);
  }

  protected override encode(batch: Batch): EncodedBatch {
    const { mean } = this.encoder.encode(batch);
    return { mean, logVariance: tf.fill(mean.shape, this.logVariance) };
  }
}

export const deltaVae = defineMethod({
  name: 'delta-vae',
  label: 'delta-VAE',
  inference: 'gaussian',
  config: { ...klWeightKeys, committedRate },
  defaults: { ...KL_WEIGHT_DEFAULTS, committedRate: 5 },
  variations: {
    rate: { key: () => 'committedRate', of: (run) => run.committedRate, to: (rate) => ({ committedRate: rate }) },
  },
  selects: 'negative-elbo',
  create: (run, corpus) => new DeltaVae(run, corpus),
});
