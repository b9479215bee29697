// A table as a paper prints it, before it is written in any language: quantities with their errors, the best of each in its
// place, and below our rows the published ones, which are not ours. All that says where a number comes from stays behind in
// the CSV.

import { metrics } from '../evaluation/registry.js';
import type { WrittenQuantity } from '../notation.js';
import { type Cell, columnsWithErrors, hasSome, PROVENANCE, type Table, writtenQuantity } from './table.js';
import { MADE_BY_NAMES } from './text-tables.js';

/** A quantity in a row, as it is printed. */
export interface Quantity extends WrittenQuantity {
  /** No other row of the group has a better one. */
  best: boolean;
}

export interface LayoutRow {
  /** What the row is: the method, or a number of steps. */
  head: readonly string[];
  /** One for each quantity; null where there is none. */
  quantities: readonly (Quantity | null)[];
}

export interface PaperLayout {
  head: readonly string[];
  quantities: readonly string[];
  ours: readonly LayoutRow[];
  /** The rows of the paper; none where it has no such table. */
  published: readonly LayoutRow[];
}

const PROVENANCE_NAMES = new Set([...PROVENANCE.map(([name]) => name), ...MADE_BY_NAMES, 'Split', 'Seeds']);

/** What tells runs of one method apart. */
const APART = ['Seed', 'Decoding'];

/** Names of columns that hold quantities: they have a standard error, and some row has them, or had them published. */
export function quantitiesOf(table: Table): string[] {
  return columnsWithErrors(table).filter((name) => hasSome(table, name) || hasSome(table, `Paper ${name}`));
}

/**
 * A table's layout. One without quantities, such as generated sentences, has all columns but those that say what made them, and of
 * these the seed and the decoding where they vary.
 * @param shown names of the metrics that the table shows, by which it is known where the better values are.
 */
export function paperLayout(table: Table, shown: readonly string[]): PaperLayout {
  const { columns, rows } = table;
  const quantities = quantitiesOf(table);
  const at = (row: readonly Cell[], name: string) => String(row[columns.indexOf(name)] ?? '');
  const first = quantities[0];
  const varies = (name: string) => new Set(rows.map((row) => at(row, name))).size > 1;
  const head =
    first === undefined
      ? [
          ...columns.slice(0, 1),
          ...APART.filter((name) => columns.includes(name) && varies(name)),
          ...columns.slice(1).filter((name) => !PROVENANCE_NAMES.has(name)),
        ]
      : // Of the quantities before it no row has any.
        columns.slice(0, columns.indexOf(first)).filter((name) => !columnsWithErrors(table).includes(name));
  // The best is the best of the numbers themselves: rounded to their errors, two may look the same.
  const group = (
    column: (name: string) => string,
    written: (row: readonly Cell[], name: string) => WrittenQuantity,
  ): LayoutRow[] => {
    const best = quantities.map((name) =>
      bestOf(
        rows.map((row) => at(row, column(name))),
        directionOf(name, shown),
      ),
    );
    return rows.flatMap((row) => {
      const own = quantities.map((name, i) => {
        const value = at(row, column(name));
        return value === '' ? null : { ...written(row, name), best: value === best[i] };
      });
      const empty = quantities.length > 0 && own.every((cell) => cell === null);
      return empty ? [] : [{ head: head.map((name) => at(row, name)), quantities: own }];
    });
  };
  const ours = group(
    (name) => name,
    (row, name) => writtenQuantity(table, row, name),
  );
  const published = columns.some((name) => name.startsWith('Paper '))
    ? group(
        (name) => `Paper ${name}`,
        (row, name) => ({ value: at(row, `Paper ${name}`), error: '' }),
      )
    : [];
  return { head, quantities, ours, published };
}

/** Where a column's better values are; null where neither end is better, or it is not known. */
export function directionOf(column: string, shown: readonly string[]): 'lower' | 'higher' | null {
  return metricIn(column, shown)?.direction ?? null;
}

/** The unit of a column's values, unless its name says it; empty where there is none, or it is not known. */
export function unitOf(column: string, shown: readonly string[]): string {
  const unit = metricIn(column, shown)?.unit ?? '';
  return column.endsWith(`(${unit})`) ? '' : unit;
}

/** What stands in a column of a table that shows metrics of these names. */
function metricIn(column: string, shown: readonly string[]) {
  const ofTable = metrics().filter(({ name }) => shown.includes(name));
  const named = metrics().find(({ label }) => column === label || column.startsWith(`${label} (`));
  // A table of one metric has a column for each condition that it was measured under.
  return named ?? (ofTable.length === 1 ? ofTable[0] : undefined);
}

/** The best of some printed values; null where there is no choice. */
export function bestOf(values: readonly string[], direction: 'lower' | 'higher' | null): string | null {
  const printed = values.filter((value) => value !== '' && Number.isFinite(Number(value)));
  if (direction === null || printed.length < 2) return null;
  return printed.reduce((best, value) =>
    (direction === 'lower' ? Number(value) < Number(best) : Number(value) > Number(best)) ? value : best,
  );
}
