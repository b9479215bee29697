// A study's variants side by side: runs of one method's setting that differ in keys which no figure of the paper varies. What
// varied is found by comparing configurations, so the table says it whatever the runs are called.

import { leaves } from '../config/leaves.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { readingTable } from './reading.js';
import { bySeeds, type Seeds } from './seeds.js';
import { type Cell, type Column, makeTable, methodLabel, type Table, variedIn } from './table.js';
import { QUALITY_COLUMNS, QUANTITY_COLUMNS, type Table1Line, table1Line } from './table1.js';

/** Variants of one setting. */
export interface Study {
  /** Of each, its runs by seed. */
  variants: readonly Seeds[];
  /** The keys that differ between them: `model.hiddenSize`. */
  keys: readonly string[];
}

/** Parts of a configuration that vary by themselves, or follow from what varies. */
const ASIDE = ['name', 'seed', 'backend', 'threads', 'evaluation', 'startFrom'];

/** The studies among the runs; in each, at least one variant is named after what it has its own way. */
export function studies(runs: readonly MeasuredRun[]): Study[] {
  const groups = new Map<string, Seeds[]>();
  for (const seeds of bySeeds(runs)) {
    const { method, setting } = seeds[0]!.run;
    const key = JSON.stringify([method, setting]);
    groups.set(key, [...(groups.get(key) ?? []), seeds]);
  }
  return [...groups.values()]
    .filter((variants) => variants.length > 1 && variants.some(([first]) => variedIn(first!) === 'other'))
    .map((variants) => {
      const configs = variants.map(([first]) => leaves(learned(first!)));
      const keys = [...new Set(configs.flatMap((config) => [...config.keys()]))];
      return { variants, keys: keys.filter((key) => new Set(configs.map((config) => config.get(key))).size > 1) };
    });
}

/** A run's value of a key, as a table shows it; null where it has none. */
export function sweptValue(measured: MeasuredRun, key: string): Cell | null {
  const value = leaves(learned(measured)).get(key);
  if (value === undefined) return null;
  const plain: unknown = JSON.parse(value);
  return typeof plain === 'number' || typeof plain === 'string' ? plain : value;
}

function learned({ run }: MeasuredRun): object {
  return Object.fromEntries(Object.entries(run).filter(([key]) => !ASIDE.includes(key)));
}

/** A line for each variant that has a row on the split, seeds averaged. */
export function sweepTable(runs: readonly MeasuredRun[], split: string): Table {
  const found = studies(runs);
  const lines = found
    .flatMap(({ variants }) => variants.map((seeds) => table1Line(seeds, split)))
    .filter((line) => line !== null);
  const varied = [...new Set(found.flatMap(({ keys }) => keys))].map(
    (key): Column<Table1Line> => [key, ({ runs: [first] }) => sweptValue(first!, key)],
  );
  return makeTable(
    [['Method', ({ runs: [first] }) => methodLabel(first!)], ...varied, ...QUANTITY_COLUMNS, ...QUALITY_COLUMNS],
    lines,
  );
}

/** The quantities, for reading, each variant by its name. */
export function readingSweep(table: Table): ReadingTable {
  const varied = table.columns.slice(1, table.columns.indexOf(QUANTITY_COLUMNS[0]![0]));
  return readingTable(
    table,
    ['PPL', 'Recon', 'AU', 'KL'],
    [
      ...varied.map((key) => [key, key] as const),
      ['PPL by', 'PPL estimator'],
      ['KL by', 'KL estimator'],
      ['epochs', 'Epochs'],
    ],
  );
}
