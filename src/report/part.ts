// Whether runs learned from all of a published set or from a part of it, which no number of theirs shows.

import { findDataSet } from '../data/registry.js';
import { SPLIT_NAMES, type SplitName } from '../data/splits.js';
import type { MeasuredRun } from '../runs/measured-run.js';

/** Sentences of each split as published; null for a set of the user's own. */
export function publishedSizes(dataSet: string): Readonly<Record<SplitName, number>> | null {
  return findDataSet(dataSet)?.published ?? null;
}

/**
 * A sentence that says which part of the published set runs learned from and were measured on.
 *
 * @param runs on one data set.
 * @returns null where it was all of it, and of a set of the user's own.
 */
export function partNotice(runs: readonly MeasuredRun[]): string | null {
  const dataSet = runs[0]!.run.dataSet;
  const published = publishedSizes(dataSet);
  if (published === null) return null;
  const parts = runs.flatMap(({ manifest: { sentences } }) =>
    SPLIT_NAMES.some((split) => sentences[split] < published[split]) ? [sentences] : [],
  );
  if (parts.length === 0) return null;
  const sizes = (of: Readonly<Record<SplitName, number>>) =>
    SPLIT_NAMES.map((split) => of[split].toLocaleString('en-US')).join(' / ');
  const those = [...new Set(parts.map(sizes))].join(' and ');
  return (
    `A part of ${dataSet}: ${those} sentences (train / valid / test) of the ${sizes(published)} published, so ` +
    "these are not numbers to set against the paper's."
  );
}
