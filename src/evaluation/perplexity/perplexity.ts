// Perplexity: how many words, on average, the model might as well be choosing between at every place. An estimator says
// log p(x) of each sentence; what is here turns those into the number of the table.

import type { Posterior } from '../../inference/posterior.js';
import { jointLikelihood, jointPosterior } from '../../inference/tilted-prior.js';
import { can } from '../../methods/capability.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { percent } from '../../notation.js';
import { type EffectiveSampleSizes, finiteOrNull } from '../../runs/row.js';
import { defineMetric } from '../define-metric.js';
import {
  countNotFinite,
  type ExactMeasurement,
  foldingWarning,
  type MeasuredQuantity,
  type Measurement,
} from '../measurement.js';
import { sentenceValues } from '../statistics.js';
import type { PerplexityEstimator, SentenceEstimate } from './estimator.js';
import { type NormalizerEstimate, normalizerOf, SHARED_ERROR } from './normalizer.js';

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

/** The effective sample sizes (Kong 1992) of all sentences' importance weights in three numbers. */
export function effectiveSampleSizes(estimates: readonly SentenceEstimate[]): EffectiveSampleSizes {
  const sizes = estimates.map(({ effectiveSampleSize }) => effectiveSampleSize);
  return {
    mean: sizes.reduce((sum, size) => sum + size, 0) / sizes.length,
    min: sizes.reduce((least, size) => Math.min(least, size), Number.POSITIVE_INFINITY),
    shareBelow2: sizes.filter((size) => size < 2).length / sizes.length,
  };
}

/** Acceptance outside these bounds means that the step's tuning did not get to its target. */
const USUAL_ACCEPTANCE = [0.4, 0.8] as const;

export class PerplexityMeasurement implements Measurement {
  readonly metric = 'ppl';
  readonly pathDraws: number;
  private readonly estimates: SentenceEstimate[] = [];
  private readonly sentences: number[] = [];
  /** Of a prior that is not N(0, I). */
  private normalizer: NormalizerEstimate | null = null;

  constructor(private readonly estimator: PerplexityEstimator) {
    this.pathDraws = estimator.pathDraws;
  }

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences } = posterior.keys;
    const estimates = checkedEstimates(
      this.estimator.name,
      this.estimator.estimate(jointLikelihood(likelihood), jointPosterior(posterior, likelihood.prior)),
      likelihood.words,
    );
    this.sentences.push(...sentences);
    if (likelihood.prior === undefined) {
      this.estimates.push(...estimates);
      return;
    }
    // The end of log C from above keeps log p(x) an estimate from below, as the others' are: as far as no part of the prior
    // was missed.
    const normalizer = normalizerOf(likelihood.prior, posterior.keys.seed, () => posterior.z(1));
    this.normalizer = normalizer;
    this.estimates.push(
      ...estimates.map((estimate) => ({ ...estimate, logLikelihood: estimate.logLikelihood - normalizer.reverse })),
    );
  }

  result(): MeasuredQuantity {
    const { estimates, estimator, metric } = this;
    const { standardError, sentences, words, ...all } = perplexity(estimates);
    // An infinite probability would come out as a perplexity of 0.
    const value = estimates.every(({ logLikelihood }) => Number.isFinite(logLikelihood)) ? all.value : Number.NaN;
    const notPositiveDefinite = meanOf(estimates.map((estimate) => estimate.notPositiveDefinite));
    const acceptance = meanOf(estimates.map((estimate) => estimate.acceptance));
    // What log C is off by is the same for all sentences, so that their spread does not show it.
    const ofConstant = (value * (this.normalizer?.reverseError ?? 0) * sentences) / words;
    return {
      metric,
      estimator: estimator.name,
      value: finiteOrNull(value),
      standardError: finiteOrNull(Math.hypot(standardError, ofConstant)),
      sentences,
      words,
      draws: estimator.draws,
      effectiveSampleSize: effectiveSampleSizes(estimates),
      ...(notPositiveDefinite === null ? {} : { notPositiveDefinite }),
      ...(acceptance === null ? {} : { acceptance }),
      perSentence: sentenceValues(
        this.sentences,
        estimates.map(({ logLikelihood }) => logLikelihood),
      ),
      ...(this.normalizer === null ? {} : { facts: this.normalizerFacts(this.normalizer) }),
      warnings: this.warnings(notPositiveDefinite, acceptance),
    };
  }

  /** log C of the prior from both ends, and the perplexity that the other end than the row's makes. */
  private normalizerFacts({
    forward,
    forwardError,
    reverse,
    reverseError,
    levels,
  }: NormalizerEstimate): Record<string, number> {
    const other = this.estimates.map(({ logLikelihood, words }) => ({
      logLikelihood: logLikelihood + reverse - forward,
      words,
    }));
    return {
      logNormalizerFromBelow: forward,
      logNormalizerFromBelowError: forwardError,
      logNormalizerFromAbove: reverse,
      [SHARED_ERROR]: reverseError,
      logNormalizerLevels: levels,
      pplWithNormalizerFromBelow: perplexity(other).value,
    };
  }

  private warnings(notPositiveDefinite: number | null, acceptance: number | null): string[] {
    const warnings: string[] = [];
    const poor = this.estimates.filter(({ effectiveSampleSize }) => effectiveSampleSize < 2).length;
    if (poor > 0) {
      warnings.push(
        `${poor} of ${this.estimates.length} sentences have an effective sample size below 2: ` +
          'their estimate rests on a single draw',
      );
    }
    const unknown = countNotFinite(Float64Array.from(this.estimates, ({ logLikelihood }) => logLikelihood));
    if (unknown > 0) warnings.push(`${unknown} sentences have no finite probability`);
    const lost = this.estimates.reduce((sum, { notFinite }) => sum + notFinite, 0);
    if (lost > 0) warnings.push(`${lost} weights were not finite and counted as zero`);
    if (notPositiveDefinite !== null && notPositiveDefinite > 0) warnings.push(foldingWarning(notPositiveDefinite));
    if (acceptance !== null && (acceptance < USUAL_ACCEPTANCE[0] || acceptance > USUAL_ACCEPTANCE[1])) {
      warnings.push(`${percent(acceptance)} of the Metropolis steps were accepted: their tuning missed its target`);
    }
    return warnings;
  }
}

/** Of a model that knows -log p(x), so that nothing is to be estimated. */
export class ExactPerplexityMeasurement implements ExactMeasurement {
  readonly metric = 'ppl';
  private readonly nll: number[] = [];
  private readonly words: number[] = [];
  private readonly sentences: number[] = [];

  add({ indices, size, tokens }: Parameters<ExactMeasurement['add']>[0], nll: Float32Array): void {
    this.nll.push(...nll);
    this.words.push(...Array<number>(size).fill(tokens));
    this.sentences.push(...indices);
  }

  result(): MeasuredQuantity {
    const { metric, nll, words, sentences } = this;
    const { value, standardError, ...counts } = exactPerplexity(nll, words);
    const notFinite = countNotFinite(Float64Array.from(nll));
    return {
      metric,
      estimator: 'exact',
      value: finiteOrNull(value),
      standardError: finiteOrNull(standardError),
      ...counts,
      draws: 0,
      perSentence: sentenceValues(
        sentences,
        nll.map((value) => -value),
      ),
      warnings: notFinite > 0 ? [`${notFinite} sentences have no finite probability`] : [],
    };
  }
}

const ESTIMATE_PARTS = [
  'logLikelihood',
  'words',
  'draws',
  'effectiveSampleSize',
  'standardError',
  'notFinite',
] as const;

/**
 * What an estimator said of a batch, one of a plugin perhaps.
 * @param words of each sentence of the batch.
 * @throws {TypeError} naming the estimator, where it is no estimate of each sentence.
 */
function checkedEstimates(name: string, estimates: SentenceEstimate[], words: Int32Array): SentenceEstimate[] {
  const sentences = words.length;
  if (!Array.isArray(estimates) || estimates.length !== sentences) {
    const given = Array.isArray(estimates) ? `${estimates.length} estimates` : 'no list of estimates';
    throw new TypeError(`the estimator ${name} gave ${given} of ${sentences} sentences; it gives one of each`);
  }
  for (const [i, estimate] of estimates.entries()) {
    const lacking = ESTIMATE_PARTS.find((part) => typeof estimate?.[part] !== 'number');
    if (lacking !== undefined) {
      throw new TypeError(`the estimator ${name}: ${lacking} of an estimate is ${estimate?.[lacking]}; it is a number`);
    }
    if (estimate.words !== words[i]) {
      throw new TypeError(
        `the estimator ${name}: words of an estimate is ${estimate.words}; its sentence has ${words[i]}`,
      );
    }
  }
  return estimates;
}

/** Null where no sentence has the number. */
function meanOf(values: (number | undefined)[]): number | null {
  const given = values.filter((value) => value !== undefined);
  return given.length === 0 ? null : given.reduce((sum, value) => sum + value, 0) / given.length;
}

export const ppl = defineMetric({
  name: 'ppl',
  label: 'PPL',
  description: 'perplexity',
  direction: 'lower',
  cost: () => 'dear',
  measure: ({ estimator }) =>
    [estimator, estimator.beside].flatMap((one) => (one === undefined ? [] : [new PerplexityMeasurement(one)])),
  measureExact: () => new ExactPerplexityMeasurement(),
  passes: ({ estimator, ...size }) => estimator.passes(size),
  validation: {
    when: 'judged',
    columns: (inference) => [
      'validationPpl',
      'validationPplError',
      ...(can(inference, 'code') ? ['validationEffectiveSampleSize'] : []),
    ],
    values: ([row]) => ({
      validationPpl: row?.value,
      validationPplError: row?.standardError,
      validationEffectiveSampleSize: row?.effectiveSampleSize?.mean,
    }),
  },
});
