// What a table, its picture and its chart have in common is worked out for the first of them and kept for the others.

import type { MeasuredRun } from '../runs/measured-run.js';

type OfRuns<T> = (runs: readonly MeasuredRun[], split: string) => T;

/** A function of runs, worked out once for each list of runs and split: a list, once read, stays as it is. */
export function once<T>(make: OfRuns<T>): OfRuns<T> {
  const known = new WeakMap<readonly MeasuredRun[], Map<string, T>>();
  return (runs, split) => {
    const bySplit = known.get(runs) ?? new Map<string, T>();
    known.set(runs, bySplit);
    if (!bySplit.has(split)) bySplit.set(split, make(runs, split));
    return bySplit.get(split)!;
  };
}
