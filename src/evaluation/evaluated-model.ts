// A model as the evaluation sees it: what it knows of sentences, and no method.

import type { Batch } from '../data/batches.js';
import type { Posterior } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import type { Inference } from '../methods/method.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';

/** A model of sentences with a latent code, and how it infers it. */
export interface LatentModel {
  readonly hasLatent: true;
  readonly latentSize: number;
  /** One with a code. */
  readonly inference: Inference;
  /** For quantities of sentences that it writes; absent where nothing is asked but its likelihood. */
  readonly decoder?: LatentDecoder;
  /** p(z), where it is not N(0, I), as `ConditionalLikelihood.prior` is. */
  prior?(): ConditionalLikelihood;
  /** log p(x | z) of a batch, without dropout; the caller disposes it. */
  likelihood(batch: Batch): BatchLikelihood;
  /**
   * q(z | x) of a batch.
   * @param likelihood that batch's, to infer with; the posterior is good for as long as it is.
   * @param pathDraws the first so many short runs of each sentence can have their density asked for; none unless given.
   */
  posterior(batch: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys, pathDraws?: number): Posterior;
}

/** A model without one, which knows each sentence's probability. */
export interface ExactModel {
  readonly hasLatent: false;
  /** -log p(x) of each sentence in nats, over words and `</s>`; [batch.size]. */
  sentenceNll(batch: Batch): Float32Array;
}

export type EvaluatedModel = LatentModel | ExactModel;
