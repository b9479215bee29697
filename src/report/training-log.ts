// A run's metrics.csv, read again: what validation said after each epoch, and where training is now.

import { readCsv } from '../storage/csv.js';

/** The numbers of a line, by column; a column that is empty or not finite is left out. */
export interface EpochNumbers {
  epoch: number;
  numbers: Readonly<Record<string, number>>;
}

/** What no latent space has dimensions of, and no sentence words. */
const MOST_INDEXED = 100_000;

/**
 * The epochs that were validated, in order.
 * @param text of a metrics.csv, whose cells are numbers or nothing.
 */
export function readEpochs(text: string): EpochNumbers[] {
  // An epoch's own line alone has a validation.
  return readLines(text)
    .filter((line) => (line.get('validationLoss') ?? '') !== '')
    .map(numbersOf)
    .filter((read) => read !== null);
}

/** The last line of a metrics.csv, of an interval or an epoch; null where it has none. */
export function latestNumbers(text: string): EpochNumbers | null {
  const last = readLines(text).at(-1);
  return last === undefined ? null : numbersOf(last);
}

/** Cells by column. */
type Line = ReadonlyMap<string, string>;

function readLines(text: string): Line[] {
  const [columns = [], ...lines] = readCsv(text).map(({ cells }) => cells);
  return lines.map((cells) => new Map(columns.map((column, i) => [column, cells[i] ?? ''])));
}

/** Null of a line that has no epoch. */
function numbersOf(line: Line): EpochNumbers | null {
  const filled = [...line].map(([column, cell]): [string, number] => [column, cell === '' ? Number.NaN : Number(cell)]);
  const numbers = Object.fromEntries(filled.filter(([, value]) => Number.isFinite(value)));
  return numbers.epoch === undefined ? null : { epoch: numbers.epoch, numbers };
}

/**
 * The columns `<name>[<i>]` in the order of i; null where one is empty.
 * @param first the least i that such a column has.
 */
export function indexedColumns({ numbers }: EpochNumbers, name: string, first: number): (number | null)[] {
  const values: (number | null)[] = [];
  for (const [column, value] of Object.entries(numbers)) {
    const at = column.match(/^([^[]*)\[(\d{1,6})\]$/);
    const place = at?.[1] === name ? Number(at[2]) - first : -1;
    if (place >= 0 && place < MOST_INDEXED) values[place] = value;
  }
  return Array.from(values, (value) => value ?? null);
}
