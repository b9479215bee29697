// A table of metrics, whichever they are: a column for each, and for each of a metric's variants, as far as some run has it.

import { findMetric, metrics } from '../evaluation/registry.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { readingTable } from './reading.js';
import { bySeeds, meanOverSeeds, range, SEEDS_PROVENANCE, type SeedMean, type Seeds, seedCount } from './seeds.js';
import { type Column, columnsWithErrors, makeTable, methodLabel, significant, type Table } from './table.js';
import { printedRows } from './table1.js';

/** A metric, or one variant of it, as the table heads it. */
interface Quantity {
  metric: string;
  variant: string | undefined;
  heading: string;
}

interface Line {
  runs: Seeds;
  /** One for each quantity; null where it was not measured. */
  means: (SeedMean | null)[];
}

/**
 * The metrics of these names, in their order, of the given runs on a split. Runs that differ in their seed alone make one
 * line; those with nothing measured are left out.
 */
export function metricTable(names: readonly string[], runs: readonly MeasuredRun[], split: string): Table {
  return tableOf(quantitiesOf(runs, split, names), runs, split);
}

/**
 * The metrics that no other table shows - mutual information, what the decoder gains from the code, and whatever plugins
 * bring - as of {@link metricTable}, in the order of the registry; those of plugins that are not loaded come last, by name.
 * @param shown names of metrics that other tables show.
 */
export function furtherQuantities(runs: readonly MeasuredRun[], split: string, shown: ReadonlySet<string>): Table {
  const known = metrics().map(({ name }) => name);
  const unknown = runs.flatMap(({ rows }) => rows.map(({ metric }) => metric)).filter((name) => !known.includes(name));
  const names = [...known, ...[...new Set(unknown)].sort((a, b) => a.localeCompare(b))];
  return metricTable(
    names.filter((name) => !shown.has(name)),
    runs,
    split,
  );
}

function tableOf(quantities: readonly Quantity[], runs: readonly MeasuredRun[], split: string): Table {
  const lines = bySeeds(runs)
    .map((seeds): Line => ({ runs: seeds, means: quantities.map((quantity) => meanOf(seeds, quantity, split)) }))
    .filter(({ means }) => means.some((mean) => mean !== null));
  const each = (suffix: string, cell: (mean: SeedMean) => string | number | null): Column<Line>[] =>
    quantities.map(({ heading }, at) => [
      `${heading}${suffix}`,
      ({ means }) => {
        const mean = means[at]!;
        return mean === null ? null : cell(mean);
      },
    ]);
  return makeTable(
    [
      ['Method', ({ runs: [first] }) => methodLabel(first!)],
      ...each('', ({ value }) => (value === null ? null : Number(value.toPrecision(4)))),
      ...each(' standard error', ({ standardError }) => significant(standardError)),
      ...each(' estimator', ({ estimator }) => estimator),
      ...each(' draws', ({ rows }) => range(rows.map(({ draws }) => draws))),
      ...each(' sentences', ({ rows }) => range(rows.map(({ sentences }) => sentences))),
      ['Seeds', ({ means }) => seedCount(means)],
      ['Split', () => split],
      ...SEEDS_PROVENANCE,
    ],
    lines,
  );
}

/** Such a table for reading. */
export function readingMetrics(table: Table): ReadingTable {
  return readingTable(table, columnsWithErrors(table), [['epochs', 'Epochs']]);
}

/** In the order of the names, and of a metric's variants by their headings. */
function quantitiesOf(runs: readonly MeasuredRun[], split: string, names: readonly string[]): Quantity[] {
  const found = new Map<string, Quantity>();
  for (const { rows } of runs) {
    for (const { metric, variant, split: of } of rows) {
      if (of !== split || !names.includes(metric)) continue;
      const { label, unit } = findMetric(metric) ?? { label: metric, unit: '' };
      const name = variant === undefined ? label : `${label} ${variant}`;
      found.set(`${metric} ${variant ?? ''}`, { metric, variant, heading: unit === '' ? name : `${name} (${unit})` });
    }
  }
  const rank = ({ metric }: Quantity) => names.indexOf(metric);
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || a.heading.localeCompare(b.heading));
}

function meanOf(runs: Seeds, { metric, variant }: Quantity, split: string): SeedMean | null {
  return meanOverSeeds(printedRows(runs, metric, variant, split));
}
