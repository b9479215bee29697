// Means over sentences and over their draws, and the few special functions that the estimators' formulas need.

import type { SentenceValues } from '../runs/row.js';
import { type MeanEstimate, meanEstimate } from '../statistics.js';

/** A mean over sentences that arrive batch by batch, each known by its place in the split. */
export class SentenceMean {
  private readonly values: number[] = [];
  private readonly sentences: number[] = [];

  /** @param sentences which of the split; as many as values. */
  add(values: ArrayLike<number>, sentences: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) {
      this.values.push(values[i]!);
      this.sentences.push(sentences[i]!);
    }
  }

  result(): MeanEstimate {
    return meanEstimate(this.values);
  }

  /** What the mean is of. */
  perSentence(): SentenceValues {
    return sentenceValues(this.sentences, this.values);
  }
}

/** Values of sentences in the order of the split, whichever order they were measured in. */
export function sentenceValues(sentences: readonly number[], values: readonly number[]): SentenceValues {
  const order = Array.from(sentences.keys()).sort((a, b) => sentences[a]! - sentences[b]!);
  return {
    index: Int32Array.from(order, (at) => sentences[at]!),
    value: Float32Array.from(order, (at) => values[at]!),
  };
}

/** Mean over the draws of each sentence; `values` is `[draws * sentences]`, the result `[sentences]`. */
export function meanOverDraws(values: ArrayLike<number>, sentences: number): Float64Array {
  const draws = values.length / sentences;
  const means = new Float64Array(sentences);
  for (let row = 0; row < values.length; row++) means[row % sentences]! += values[row]! / draws;
  return means;
}

/** log Gamma(x) for x > 0, by Stirling's series after moving x to where it converges; relative error below 1e-13. */
export function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  while (at < 12) {
    shift += Math.log(at);
    at += 1;
  }
  const inverse = 1 / (at * at);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / at;
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** The derivative of `logGamma`, for x > 0. */
export function digamma(x: number): number {
  let shift = 0;
  let at = x;
  while (at < 12) {
    shift += 1 / at;
    at += 1;
  }
  const inverse = 1 / (at * at);
  const series = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse * (1 / 240 - inverse / 132))));
  return Math.log(at) - 0.5 / at - series - shift;
}

/** P(N(0, 1) <= x), by Abramowitz and Stegun 7.1.26: absolute error below 1e-7. */
export function normalCdf(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * polynomial * Math.exp((-x * x) / 2);
  return x > 0 ? 1 - tail : tail;
}
