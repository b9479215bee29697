// Runs that differ in their seed alone make one line of a table: each quantity is their mean, beside how far the seeds are
// apart. Every single number stays in the list of measurements.

import { experiment } from '../config/learned.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { MeasuredRow } from '../runs/row.js';
import { distinctRuns } from './mixture.js';
import { type Cell, type Column, inPaperOrder, PROVENANCE } from './table.js';

/** Runs that differ in their seed alone, in the order of their seeds; one or more. */
export type Seeds = readonly MeasuredRun[];

/** Runs grouped so, in the order of {@link inPaperOrder}; one that stands there twice counts once. */
export function bySeeds(runs: readonly MeasuredRun[]): Seeds[] {
  const groups = new Map<string, MeasuredRun[]>();
  for (const measured of inPaperOrder(distinctRuns(runs))) {
    // How it is measured and where it ran may differ.
    const key = JSON.stringify([experiment(measured.run), measured.manifest.dataHash]);
    groups.set(key, [...(groups.get(key) ?? []), measured]);
  }
  return [...groups.values()];
}

/** A quantity over the seeds that it was measured of. */
export interface SeedMean {
  /** The mean; null where a seed's is not finite. */
  value: number | null;
  /** Of the mean; see {@link combineSeeds}. */
  standardError: number | null;
  /** Over seeds; null for a single one. */
  deviation: number | null;
  /** By which all of its rows are. */
  estimator: string;
  /** A row for each seed. */
  rows: readonly MeasuredRow[];
}

/**
 * The mean of a quantity over seeds; see {@link combineSeeds}.
 *
 * @param rows one for each seed; null where it was not measured. The mean is over those by the estimator that most have:
 *   a mean of two kinds of number would be neither.
 * @returns null where nothing was measured.
 */
export function meanOverSeeds(rows: readonly (MeasuredRow | null)[]): SeedMean | null {
  const measured = rows.filter((row) => row !== null);
  const byEstimator = measured.map(({ estimator }) => measured.filter((row) => row.estimator === estimator));
  const same = byEstimator.toSorted((a, b) => b.length - a.length)[0];
  return same === undefined ? null : { ...combineSeeds(same), estimator: same[0]!.estimator, rows: same };
}

/**
 * What seeds found, in one number. With n of them, sd apart, and standard errors e_i over sentences, the mean's own standard
 * error is sqrt(mean(e_i)^2 + sd^2 / n). The first part does not shrink with n: seeds that are measured on the same
 * sentences are all off together. The second is what other seeds would have given. The noise of the measurement itself,
 * and of sentences where seeds draw their own, is in both, so the error is stated rather too large than too small.
 *
 * @param seeds one or more.
 */
export function combineSeeds(
  seeds: readonly Pick<MeasuredRow, 'value' | 'standardError'>[],
): Pick<SeedMean, 'value' | 'standardError' | 'deviation'> {
  const n = seeds.length;
  const value = mean(seeds.map((seed) => seed.value));
  if (n === 1) return { value, standardError: seeds[0]!.standardError, deviation: null };
  if (value === null) return { value, standardError: null, deviation: null };
  const squares = seeds.map((seed) => (seed.value! - value) ** 2);
  const variance = squares.reduce((sum, square) => sum + square) / (n - 1);
  const within = mean(seeds.map((seed) => seed.standardError));
  const standardError = within === null ? null : Math.sqrt(within ** 2 + variance / n);
  return { value, standardError, deviation: Math.sqrt(variance) };
}

/** Null where one of them is no finite number, or there are none. */
export function mean(values: readonly (number | null | undefined)[] = []): number | null {
  const finite = values.filter((value): value is number => value != null && Number.isFinite(value));
  if (finite.length === 0 || finite.length < values.length) return null;
  return finite.reduce((sum, value) => sum + value) / finite.length;
}

/** How many seeds a line's quantities are the mean of: a number, or `1-3` where some were measured of fewer. */
export function seedCount(quantities: readonly (SeedMean | null)[]): Cell | null {
  return range(quantities.flatMap((quantity) => (quantity === null ? [] : [quantity.rows.length])));
}

/** A number that all of the rows have, or from the least to the most of them. */
export function range(numbers: readonly number[] = []): Cell | null {
  if (numbers.length === 0) return null;
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? least : `${least}-${most}`;
}

/** What made the runs of a line: what they have in common once, what differs for each seed. */
export const SEEDS_PROVENANCE: readonly Column<{ runs: Seeds }>[] = PROVENANCE.map(([name, cell]) => [
  name,
  ({ runs }) => {
    const cells = [...new Set(runs.map((measured) => cell({ measured }) ?? ''))];
    return cells.length === 1 ? cells[0] : cells.join('; ');
  },
]);
