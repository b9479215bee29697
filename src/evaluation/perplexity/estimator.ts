// What an estimator of perplexity is: something that says log p(x) of each sentence of a batch, and how sure that is.

import type { Posterior } from '../../inference/posterior.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import type { ModelSize } from '../cost.js';

/** What an estimator has to say of one sentence. */
export interface SentenceEstimate {
  /** log p^(x), nats. */
  logLikelihood: number;
  /** Words of the sentence, counting `</s>`. */
  words: number;
  /** Weights behind the estimate. */
  draws: number;
  effectiveSampleSize: number;
  /** Monte Carlo error of `logLikelihood`, nats. */
  standardError: number;
  /** Weights that were not finite, and counted as zero. */
  notFinite: number;
  /** Share of the sentence's chains with a step whose Jacobian is not positive definite. */
  notPositiveDefinite?: number;
  /** Mean acceptance of the sentence's Metropolis steps. */
  acceptance?: number;
}

export interface PerplexityEstimator {
  readonly name: string;
  /** Weights a sentence. */
  readonly draws: number;
  /** Of the first so many short runs of a sentence the density is asked for. */
  readonly pathDraws: number;
  /** Forward passes of the decoder over a token that an estimate takes; for a plan. */
  passes(size: ModelSize): number;
  /** Another estimate, which comes for nothing once this one is made of the same posterior. */
  readonly beside?: PerplexityEstimator;
  /**
   * One estimate a sentence. The noise is keyed by sentence, so an estimate does not depend on the others.
   * @param posterior of these very sentences, which other quantities may share; its keys are the noise's.
   */
  estimate(likelihood: ConditionalLikelihood, posterior: Posterior): SentenceEstimate[];
}
