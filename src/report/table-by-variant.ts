// Tables 4 and 5 are of one kind: a single quantity of every method, measured under several conditions, a column each.

import { type MeasuredRun, ofVariant } from '../runs/measured-run.js';
import {
  bySeeds,
  mean,
  meanOverSeeds,
  range,
  SEEDS_PROVENANCE,
  type SeedMean,
  type Seeds,
  seedCount,
} from './seeds.js';
import {
  besideOurs,
  type Cell,
  type Column,
  decimals,
  makePaperTable,
  methodLabel,
  type PaperColumn,
  significant,
  type Table,
  tableRow,
} from './table.js';

export interface VariantTable {
  /** Name of the metric. */
  metric: string;
  /** The conditions, in the paper's order: how the table heads one, and the variant of its rows. */
  variants: readonly (readonly [name: string, variant: string])[];
  /** The paper's numbers, one for each condition, by data set and method. */
  paper: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  /** A second line of each run: what follows the method's name, and its variants, one for each condition. */
  further?: { name: string; variants: readonly string[] };
  /** What values are multiplied with: 100 for percent. */
  scale: number;
  /** Decimals of the paper's numbers, and of ours. */
  digits: number;
  /** Further columns of each condition: how the table heads one, what it takes of a row's facts, and whether `scale` does. */
  facts?: readonly { suffix: string; fact: string; scaled: boolean }[];
  /** Columns of a line as a whole: how the table heads one, and the fact that it is the mean of. */
  lineFacts?: readonly { name: string; fact: string }[];
}

interface Line {
  runs: Seeds;
  /** Of a second line; null of the first. */
  further: string | null;
  /** A quantity for each condition; null where it was not measured. */
  quantities: (SeedMean | null)[];
}

/**
 * The table of the given runs on a split, in the paper's order of methods, and with the paper's numbers where there are none
 * of ours. Runs that differ in their seed alone make one line; those with nothing measured are left out.
 */
export function tableByVariant(
  { metric, variants, further, paper, scale, digits, facts = [], lineFacts = [] }: VariantTable,
  runs: readonly MeasuredRun[],
  split: string,
): Table {
  const scaled = (value: number | null | undefined) => (value == null ? null : scale * value);
  const published = paper[runs[0]?.run.dataSet ?? ''] ?? {};
  const paperColumns = variants.map(
    ([name], at): PaperColumn<readonly number[]> => [`Paper ${name}`, (numbers) => decimals(numbers[at], digits)],
  );
  const each = (suffix: string, cell: (quantity: SeedMean | null) => Cell | null | undefined) =>
    variants.map(([name], at): Column<Line> => [`${name}${suffix}`, ({ quantities }) => cell(quantities[at]!)]);
  const columns: Column<Line>[] = [
    [
      'Method',
      ({ runs: [first], further }) => (further === null ? methodLabel(first!) : `${methodLabel(first!)} ${further}`),
    ],
    ...each('', (quantity) => decimals(scaled(quantity?.value), digits)),
    ...firstLinesOf(besideOurs(paperColumns, published)),
    ...lineFacts.map(({ name, fact }): Column<Line> => [name, ({ quantities }) => meanFact(quantities, fact)]),
    ...each(' standard error', (quantity) => significant(scaled(quantity?.standardError))),
    ...each(' estimator', (quantity) => quantity?.estimator),
    ...each(' draws', (quantity) => range(quantity?.rows.map(({ draws }) => draws))),
    ...facts.flatMap(({ suffix, fact, scaled: inUnits }) =>
      each(` ${suffix}`, (quantity) => {
        const value = mean(quantity?.rows.map((row) => row.facts?.[fact]));
        return significant(inUnits ? scaled(value) : value);
      }),
    ),
    ...each(' sentences', (quantity) => range(quantity?.rows.map(({ sentences }) => sentences))),
    ['Seeds', ({ quantities }) => seedCount(quantities)],
    ...each(' sd', (quantity) => significant(scaled(quantity?.deviation))),
    ['Split', () => split],
    ...SEEDS_PROVENANCE,
  ];
  const linesOf = (further: string | null, names: readonly string[]) =>
    bySeeds(runs).map((seeds): Line => {
      const quantities = names.map((variant) =>
        meanOverSeeds(seeds.map((measured) => tableRow(ofVariant(measured, variant), metric, split))),
      );
      return { runs: seeds, further, quantities };
    });
  const first = linesOf(
    null,
    variants.map(([, variant]) => variant),
  );
  const second = further === undefined ? [] : linesOf(further.name, further.variants);
  const measured = first
    .flatMap((line, i) => [line, ...second.slice(i, i + 1)])
    .filter(({ quantities }) => quantities.some((quantity) => quantity !== null));
  return makePaperTable(columns, measured, paperColumns, published);
}

/** Columns that a second line of a run has nothing in: what the paper prints stands beside the first. */
function firstLinesOf(columns: readonly Column<Line>[]): Column<Line>[] {
  return columns.map(([name, cell]) => [name, (line) => (line.further === null ? cell(line) : null)]);
}

/** Over all rows of a line that have the fact. */
function meanFact(quantities: readonly (SeedMean | null)[], fact: string): number | null {
  const known = quantities.flatMap((quantity) => quantity?.rows.flatMap((row) => row.facts?.[fact] ?? []) ?? []);
  return significant(mean(known));
}
