// A measured number, with all that is needed to believe it or to doubt it. One such row is one file of a run folder.

import { z } from 'zod';
import { sha256 } from '../storage/sha256.js';
import { JsonFormat, measuredNumber } from './json-format.js';

const effectiveSampleSizes = z.strictObject({
  mean: measuredNumber,
  min: measuredNumber,
  /** Share of the sentences with less than two: their estimate rests on a single draw. */
  shareBelow2: measuredNumber,
});
export type EffectiveSampleSizes = z.infer<typeof effectiveSampleSizes>;

const resultRow = z.strictObject({
  /** Which there are is for src/evaluation/registry.ts to say; a plugin's may be among them. */
  metric: z.string().min(1),
  /** How the number came about: the estimator of `ppl` and `kl`, else what inference or classifier was used. */
  estimator: z.string(),
  /** What tells the row from others of its metric: `swaps-2`, `labels-100`. */
  variant: z.string().optional(),
  /** Name of the split. */
  split: z.string(),
  /** In the unit of its metric; null where it is not a finite number. */
  value: z.number().nullable(),
  /** Of `value`, over sentences; null where it is not a finite number, as with a single sentence. */
  standardError: z.number().nullable(),
  sentences: z.int(),
  /** Words of those sentences, counting `</s>`; for `ppl` and `recon`. */
  words: z.int().optional(),
  /** Draws, or chains, a sentence; 0 where nothing is drawn. */
  draws: z.int(),
  effectiveSampleSize: effectiveSampleSizes.optional(),
  /** Share of the chains with a step whose Jacobian is not positive definite, where there are Jacobians. */
  notPositiveDefinite: measuredNumber.optional(),
  /** Mean acceptance of Metropolis steps, where there are any. */
  acceptance: measuredNumber.optional(),
  /** Further numbers of this estimator, by name. */
  facts: z.record(z.string(), measuredNumber).optional(),
  /** The number's parts: nats of each latent `dimension` (`kl`), of each `position` in the sentence (`gain`). */
  series: z.record(z.string(), z.array(z.number().nullable())).optional(),
  seed: z.int(),
  /** Time spent on this row; draws that several rows share are counted with the first that asks for them. */
  seconds: z.number(),
  /** Each a sentence that a reader of the number should see beside it. */
  warnings: z.array(z.string()),
});
export type ResultRow = z.infer<typeof resultRow>;

/** Of a row what its measurement says. */
export const MEASURED = resultRow.omit({ split: true, seed: true, seconds: true });

/** Which weights something was made of, and what made it. */
export const provenance = {
  /** The epoch after which the weights were saved, from 1. */
  epoch: z.int(),
  backend: z.string(),
  threads: z.int(),
  /** Of the source; null outside a repository. */
  commit: z.string().nullable(),
  /** SHA-256 of the weights' file. */
  weights: z.string(),
  /** Content hash of the corpus. */
  dataHash: z.string(),
};

export type Provenance = z.infer<z.ZodObject<typeof provenance>>;

const measuredRow = resultRow.extend({
  ...provenance,
  /** What else the number depends on, such as an estimator's own chains and steps; by name, lists as text. */
  settings: z.record(z.string(), z.union([z.number(), z.string()]).nullable()),
});
/** A measured quantity, and which of a run's weights it was measured on, where. */
export type MeasuredRow = z.infer<typeof measuredRow>;

export const ROW = new JsonFormat('row', 2, measuredRow, 'remove it and measure again with sri eval');

/**
 * The name of a row's file: what tells it from the run's other rows, first in words and then by the sum of all that its
 * number depends on. The same measurement made again replaces the old one and nothing else.
 */
export function rowName(row: MeasuredRow): string {
  const { metric, variant, estimator, split, epoch, sentences, draws, settings, weights, dataHash, seed } = row;
  const what = variant === undefined ? [metric] : [metric, variant];
  const drawn = draws > 0 ? [`${draws}-draws`] : [];
  const identity = JSON.stringify([weights, dataHash, seed, Object.entries(settings).sort()]);
  const sum = sha256(identity).slice(0, 12);
  return [...what, estimator, split, `epoch-${epoch}`, `${sentences}-sentences`, ...drawn, sum].join('.');
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
