// What was measured beside the paper's quantities: mutual information, what the decoder gains from the code, and whatever
// metrics plugins bring. A column for each, as far as some run has it.

import { findMetric, metrics } from '../evaluation/registry.js';
import { chooseRow, type MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { readingTable } from './reading.js';
import { bySeeds, meanOverSeeds, range, SEEDS_PROVENANCE, type SeedMean, type Seeds, seedCount } from './seeds.js';
import { type Column, makeTable, methodLabel, significant, type Table } from './table.js';

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
 * The quantities that no other table shows, of the given runs on a split. Runs that differ in their seed alone make one
 * line; those with nothing measured are left out.
 * @param shown names of metrics that other tables show.
 */
export function furtherQuantities(runs: readonly MeasuredRun[], split: string, shown: ReadonlySet<string>): Table {
  const quantities = quantitiesOf(runs, split, shown);
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

/** The table for reading. */
export function readingFurther(table: Table): ReadingTable {
  const quantities = table.columns.filter((name) => table.columns.includes(`${name} standard error`));
  return readingTable(table, quantities, [['epochs', 'Epochs']]);
}

/** In the order of the registry; those of plugins that are not loaded come last, by name. */
function quantitiesOf(runs: readonly MeasuredRun[], split: string, shown: ReadonlySet<string>): Quantity[] {
  const found = new Map<string, Quantity>();
  for (const { rows } of runs) {
    for (const { metric, variant, split: of } of rows) {
      if (of !== split || shown.has(metric)) continue;
      const { label, unit } = findMetric(metric) ?? { label: metric, unit: '' };
      const name = variant === undefined ? label : `${label} ${variant}`;
      found.set(`${metric} ${variant ?? ''}`, { metric, variant, heading: unit === '' ? name : `${name} (${unit})` });
    }
  }
  const known = metrics().map(({ name }) => name);
  const rank = ({ metric }: Quantity) => (known.includes(metric) ? known.indexOf(metric) : known.length);
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || a.heading.localeCompare(b.heading));
}

function meanOf(runs: Seeds, { metric, variant }: Quantity, split: string): SeedMean | null {
  return meanOverSeeds(
    runs.map((measured) =>
      chooseRow({ ...measured, rows: measured.rows.filter((row) => row.variant === variant) }, metric, split),
    ),
  );
}
