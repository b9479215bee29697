// Perplexity: how many words, on average, the model might as well be choosing between at every place. An estimator says
// log p(x) of each sentence; what is here turns those into the number of the table.

import type { ConditionalLikelihood } from '../inference/likelihood.js';
import type { ShortRunChains } from './short-run-chains.js';

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
  /** Of the first so many chains of a sentence the density is asked for. */
  readonly pathDraws: number;
  /**
   * One estimate a sentence. The noise is keyed by sentence, so an estimate does not depend on the others.
   * @param chains short runs of these very sentences, which other quantities may share; their keys are the noise's.
   */
  estimate(likelihood: ConditionalLikelihood, chains: ShortRunChains): SentenceEstimate[];
}

export interface Perplexity {
  value: number;
  standardError: number;
  sentences: number;
  words: number;
}

/**
 * PPL = exp(-sum log p(x) / words). Its standard error is that of a ratio of two means over sentences, by the delta
 * method; the Monte Carlo noise of the sentences' estimates is in it, their bias is not.
 */
export function perplexity(estimates: readonly Pick<SentenceEstimate, 'logLikelihood' | 'words'>[]): Perplexity {
  const sentences = estimates.length;
  const words = estimates.reduce((sum, { words }) => sum + words, 0);
  const rate = -estimates.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0) / words;
  const squares = estimates.reduce((sum, { logLikelihood, words }) => sum + (-logLikelihood - rate * words) ** 2, 0);
  const rateError = Math.sqrt((squares * sentences) / (sentences - 1)) / words;
  const value = Math.exp(rate);
  return { value, standardError: value * rateError, sentences, words };
}

/** Perplexity of a model that knows -log p(x) exactly: a language model without a latent code. */
export function exactPerplexity(nll: ArrayLike<number>, words: ArrayLike<number>): Perplexity {
  return perplexity(Array.from(nll, (value, i) => ({ logLikelihood: -value, words: words[i]! })));
}

export interface EffectiveSampleSizes {
  mean: number;
  min: number;
  /** Share of the sentences with less than two: their estimate rests on a single draw. */
  shareBelow2: number;
}

export function effectiveSampleSizes(estimates: readonly SentenceEstimate[]): EffectiveSampleSizes {
  const sizes = estimates.map(({ effectiveSampleSize }) => effectiveSampleSize);
  return {
    mean: sizes.reduce((sum, size) => sum + size, 0) / sizes.length,
    min: sizes.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY),
    shareBelow2: sizes.filter((size) => size < 2).length / sizes.length,
  };
}
