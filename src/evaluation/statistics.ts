// Means over sentences and over their draws.

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
