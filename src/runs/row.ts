// A measured number, with all that is needed to believe it or to doubt it. One such row is one file of a run folder.

export const METRICS = ['ppl', 'recon', 'au', 'kl', 'mi', 'gain', 'noisy-recon', 'accuracy'] as const;
export type Metric = (typeof METRICS)[number];

export interface EffectiveSampleSizes {
  mean: number;
  min: number;
  /** Share of the sentences with less than two: their estimate rests on a single draw. */
  shareBelow2: number;
}

/** Plain data: what JSON.parse gives back of a row is the row. */
export interface ResultRow {
  metric: Metric;
  /** How the number came about: the estimator of `ppl` and `kl`, else what inference or classifier was used. */
  estimator: string;
  /** What tells the row from others of its metric: `swaps-2`, `labels-100`. */
  variant?: string;
  /** Name of the split. */
  split: string;
  /**
   * Perplexity; nats a sentence (`recon`, `kl`, `mi`, `gain`, `noisy-recon`); a count (`au`); a share (`accuracy`). Null
   * where it is not a finite number.
   */
  value: number | null;
  /** Of `value`, over sentences; null where it is not a finite number, as with a single sentence. */
  standardError: number | null;
  sentences: number;
  /** Words of those sentences, counting `</s>`; for `ppl` and `recon`. */
  words?: number;
  /** Draws, or chains, a sentence; 0 where nothing is drawn. */
  draws: number;
  effectiveSampleSize?: EffectiveSampleSizes;
  /** Share of the chains with a step whose Jacobian is not positive definite, where there are Jacobians. */
  notPositiveDefinite?: number;
  /** Mean acceptance of Metropolis steps, where there are any. */
  acceptance?: number;
  /** Further numbers of this estimator, by name. */
  facts?: Record<string, number>;
  /** The number's parts: nats of each latent `dimension` (`kl`), of each `position` in the sentence (`gain`). */
  series?: Record<string, (number | null)[]>;
  seed: number;
  /** Time spent on this row; draws that several rows share are counted with the first that asks for them. */
  seconds: number;
  /** Each a sentence that a reader of the number should see beside it. */
  warnings: string[];
}

/** A quantity of each sentence that it was measured on. */
export interface SentenceValues {
  /** Which sentence of the split, in increasing order; [sentences]. */
  index: Int32Array;
  /** log p(x) for `ppl`, else what `ResultRow.value` is the mean of; nats, [sentences]. */
  value: Float32Array;
}

/** A row fresh from its measurement. */
export interface Result extends ResultRow {
  /** Kept beside the row, not in it; absent where the number is none of single sentences, such as a count of dimensions. */
  perSentence?: SentenceValues;
}

/** JSON knows no NaN and no infinity. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
