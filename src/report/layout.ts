// How a table is laid out on a terminal, in whatever room there is: a column goes where nothing stands in it, and the last
// first where they are too many.

import { shown } from '../text.js';

/** A table as a person reads it. */
export interface ReadingTable {
  /** The first names the line; of the others, the more important come first. */
  columns: readonly string[];
  rows: readonly (readonly ReadingCell[])[];
  /** Lines beneath. */
  notes: readonly string[];
  /** Further columns of words, which begin at the left like the first. */
  left?: readonly number[] | undefined;
}

export interface ReadingCell {
  text: string;
  /** `best`: no other line has a better one. `aside`: a number that is not ours. */
  look?: 'best' | 'aside' | undefined;
}

/** Stands where there is nothing to tell. */
export const NOTHING = '-';

/** The room there is for a table, and how parts of it are set off. */
export interface Room {
  /** Columns of the terminal. */
  width: number;
  /** Whether all columns are wanted, however wide. */
  all: boolean;
  paint?: Readonly<Record<'head' | NonNullable<ReadingCell['look']>, (text: string) => string>>;
}

/** No want of room. */
const EVERYTHING: Room = { width: Number.POSITIVE_INFINITY, all: true };

/**
 * The table in lines. Without `all`, columns in which nothing stands go; then long headings break in two; and while the
 * lines are still too long, the last column goes, which is said beneath, with its values where they are few.
 */
export function layOut(given: ReadingTable, { width, all, paint }: Room = EVERYTHING): string[] {
  const table = shownTable(given);
  let kept = table.columns.map((_, column) => column);
  if (!all) kept = kept.filter((column) => column === 0 || table.rows.some((row) => row[column]!.text !== NOTHING));
  const fits = (broken: boolean) => lineWidth(columnWidths(table, kept, broken)) <= width;
  const broken = !fits(false);
  const gone: number[] = [];
  while (!all && broken && !fits(true) && kept.length > 2) gone.unshift(kept.pop()!);
  const widths = columnWidths(table, kept, broken);
  const pad = (text: string, i: number) =>
    i === 0 || table.left?.includes(kept[i]!) ? text.padEnd(widths[i]!) : text.padStart(widths[i]!);
  const heads = kept.map((column) => {
    const name = table.columns[column]!;
    return broken ? breakHead(name, cellWidth(table, column)) : ['', name];
  });
  const headLines = [0, 1]
    .filter((line) => heads.some((head) => head[line] !== ''))
    .map((line) => heads.map((head, i) => pad(head[line]!, i)).join('  '));
  const lines = table.rows.map((row) =>
    kept
      .map((column, i) => {
        const { text, look } = row[column]!;
        return look === undefined || paint === undefined ? pad(text, i) : paint[look](pad(text, i));
      })
      .join('  ')
      .trimEnd(),
  );
  const head = headLines.map((line) => line.trimEnd()).map((line) => paint?.head(line) ?? line);
  return [...head, ...lines, ...[...table.notes, ...leftOut(table, gone)].flatMap((line) => wrap(line, width))];
}

/** The table with what a terminal would obey written out. */
function shownTable({ columns, rows, notes, left }: ReadingTable): ReadingTable {
  return {
    left,
    columns: columns.map(shown),
    rows: rows.map((row) => row.map(({ text, look }) => ({ text: shown(text), look }))),
    notes: notes.map(shown),
  };
}

/** A text in lines of at most `width` columns, as far as its words allow; the further ones set in by `indent`. */
export function wrap(text: string, width: number, indent = 2): string[] {
  const lines: string[] = [];
  // A number keeps its percent sign.
  for (const word of text.split(/ (?!%)/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : `${' '.repeat(indent)}${word}`);
  }
  return lines;
}

function cellWidth({ rows }: ReadingTable, column: number): number {
  return Math.max(0, ...rows.map((row) => row[column]!.text.length));
}

function columnWidths(table: ReadingTable, kept: readonly number[], broken: boolean): number[] {
  return kept.map((column) => {
    const cells = cellWidth(table, column);
    const name = table.columns[column]!;
    return Math.max(cells, ...(broken ? breakHead(name, cells) : [name]).map(({ length }) => length));
  });
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + 2, -2);
}

/** A heading in two lines, where it is longer than what stands under it and has words to break between. */
function breakHead(name: string, cells: number): [upper: string, lower: string] {
  const words = name.split(' ');
  if (name.length <= cells || words.length === 1) return ['', name];
  const splits = words
    .slice(1)
    .map((_, i): [string, string] => [words.slice(0, i + 1).join(' '), words.slice(i + 1).join(' ')]);
  const longest = ([upper, lower]: [string, string]) => Math.max(upper.length, lower.length);
  return splits.reduce((a, b) => (longest(b) < longest(a) ? b : a));
}

/** Different values of a column that a line beneath can hold. */
const FEW = 4;

/** What stood in the columns for which there was no room. */
function leftOut(table: ReadingTable, gone: readonly number[]): string[] {
  const told: string[] = [];
  const untold: string[] = [];
  for (const column of gone) {
    const of = new Map<string, string[]>();
    for (const row of table.rows) {
      const { text } = row[column]!;
      if (text !== NOTHING) of.set(text, [...(of.get(text) ?? []), row[0]!.text]);
    }
    const values = [...of].map(([value, names]) => (of.size === 1 ? value : `${value} (${names.join(', ')})`));
    if (of.size <= FEW) told.push(`${table.columns[column]}: ${values.join('; ')}`);
    else untold.push(table.columns[column]!);
  }
  return [...told, ...(untold.length === 0 ? [] : [`no room for ${untold.join(', ')}: --columns prints all`])];
}

/** Columns padded to their widest cell: those that are words to the left, the first unless given, the others to the right. */
export function align(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => (left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
}
