// A file of columns - CSV, or tabs between - as a text of items: which column is the text, which the label, and the same as
// lines of label<TAB>text, which is what a corpus is prepared from.

import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../errors.js';
import type { CsvLine } from '../storage/csv.js';
import { withPath } from '../storage/file-error.js';
import { notUtf8 } from '../text.js';
import { carriageReturns, readLines } from './lines.js';

/** What the columns of a file are, counted from 0. */
export interface Columns {
  /** The names in the first line; null where it is a line like the others. */
  names: readonly string[] | null;
  text: number;
  /** Null where none has few enough values to be classes. */
  label: number | null;
}

/** Records that tell what columns are, at least: from all over the file, as it may be sorted by class. */
export const LOOKED_AT = 2000;
/** More values than these are no classes. */
export const MOST_LABELS = 100;
/** What columns of labels, and of texts, are usually called. */
const LABEL_NAME = /^(labels?|class|category|sentiment|polarity|rating|stars|score|target|topic|genre|y)$/i;
const TEXT_NAME = /^(text|sentence|review|content|body|comment|message|summary|title)$/i;
/** What a column that names its lines is called. */
const ID_NAME = /^id$/i;
const COLUMN_NAME = /^[\p{L}_][\p{L}\p{N}_ .-]{0,30}$/u;

/**
 * What the columns of a file are, by records from all over it.
 * @returns null for a text of items as it is: no columns, or label<TAB>text.
 * @throws {InputError} for a CSV that has no text in any column, or is not UTF-8.
 */
export async function lookAtColumns(file: string): Promise<Columns | null> {
  const tabs = isNamedCsv(file) ? null : await someTabbed(file);
  const csv = isCsv(file, tabs);
  const sample = csv ? spread(await readCsv(file)) : tabs;
  if (sample === null) return null;
  if (sample.length === 0) throw textless(file);
  const width = sample.reduce((most, { length }) => Math.max(most, length), 0);
  if (!csv && sample.some(({ length }) => length !== width)) {
    // label<TAB>text, where a text has a tab of its own; not so below names of columns, or with more of them than two.
    const first = sample[0]!;
    const alike = sample.filter(({ length }) => length === first.length);
    const isTable = alike.length > sample.length / 2 && (first.length > 2 || namesOf(alike, first.length) !== null);
    if (isTable) throw await ragged(file, first.length);
    return null;
  }
  const names = namesOf(sample, width);
  const body = names === null ? sample : sample.slice(1);
  const columns = Array.from({ length: width }, (_, at) => body.map((row) => (row[at] ?? '').trim()));
  const length = (at: number) => columns[at]!.reduce((sum, cell) => sum + cell.length, 0) / columns[at]!.length;
  const indices = columns.map((_, at) => at);
  const named = names === null ? [] : indices.filter((at) => TEXT_NAME.test(names[at]!.trim()));
  const text = (named.length > 0 ? named : indices).reduce((a, b) => (length(b) > length(a) ? b : a));
  if (length(text) === 0) throw textless(file);
  const isNamed = (at: number) => names !== null && LABEL_NAME.test(names[at]!.trim());
  const classes = indices.filter((at) => {
    const given = columns[at]!.filter((cell) => cell !== '');
    const values = new Set(given).size;
    if (at === text || values < 2 || values > Math.min(MOST_LABELS, body.length / 2)) return false;
    // A column that is called so has the labels, though a few should be missing, which is for whoever writes the items to say.
    return given.length === body.length || (isNamed(at) && given.length > body.length / 2);
  });
  const label =
    classes.find(isNamed) ??
    // Names that say something else are believed; where there are none, the only column of classes is that of labels.
    (width === 2 || (names === null && classes.length === 1) ? classes[0] : undefined) ??
    null;
  // A first column that is no class is part of the text, as it always was without a CSV's ending.
  if (!csv && width === 2 && (label === 0 || (label === null && names === null))) return null;
  return { names, text, label };
}

/** Whether a line's cells are all what columns are usually called. */
export function looksLikeHeader(cells: readonly string[]): boolean {
  return cells.every((cell) => [ID_NAME, LABEL_NAME, TEXT_NAME].some((name) => name.test(cell.trim())));
}

/** What is said of a file with tabs in which some lines have not so many columns; the lines are looked for now. */
async function ragged(file: string, width: number): Promise<InputError> {
  const others: number[] = [];
  await readLines(file, ({ text }, line) => {
    if (text !== null && text.trim() !== '' && text.split('\t').length !== width) others.push(line);
  });
  return new InputError(
    `${file}:${listed(others)}: not ${width} columns, as the first line has; write a tab within a text as a space, or leave the ` +
      'line out',
  );
}

/** The first of some numbers. */
function listed(numbers: readonly number[]): string {
  return numbers.slice(0, NAMED).join(', ') + (numbers.length > NAMED ? ', ...' : '');
}

function textless(file: string): InputError {
  return new InputError(`${file}: no column with a text; give a text of an item a line, or a CSV of such`);
}

/** The names in a first line that reads like names, above a column of longer texts. */
function namesOf([first = [], ...rest]: readonly (readonly string[])[], width: number): string[] | null {
  const cells = Array.from({ length: width }, (_, at) => (first[at] ?? '').trim());
  // The first may have no name, as that of the line numbers that pandas writes.
  const isNames = cells.every((cell, at) => COLUMN_NAME.test(cell) || (cell === '' && at === 0 && width > 1));
  if (rest.length === 0 || !isNames) return null;
  if (cells.some((cell) => LABEL_NAME.test(cell) || TEXT_NAME.test(cell))) return cells;
  // A name does not come twice, nor again below itself, as a class does.
  if (new Set(cells).size < width) return null;
  if (cells.some((cell, at) => rest.some((row) => (row[at] ?? '').trim() === cell))) return null;
  const mean = (at: number) => rest.reduce((sum, row) => sum + (row[at] ?? '').length, 0) / rest.length;
  return cells.some((cell, at) => mean(at) > 3 * cell.length) ? cells : null;
}

/**
 * Writes the items of a file of columns, label<TAB>text where there are labels; rows without a text are left out.
 * @param like the file that the columns are of, where this is another, which is asked for those of the same names.
 * @returns how many were left out.
 * @throws {InputError} where a row has no label, more or fewer columns than the first, or is no text, or the file has no such
 *   columns.
 */
export async function writeItems(file: string, columns: Columns, out: string, like = file): Promise<number> {
  const plain = (cell: string | undefined) => (cell ?? '').replace(/\s+/g, ' ').trim();
  const tabs = isNamedCsv(file) ? [] : await tabbed(file);
  const csv = isCsv(file, spread(tabs));
  const records = csv ? await readCsv(file) : tabs;
  const width = records[0]?.cells.length ?? 0;
  // Those of a CSV are as many as they are read.
  if (!csv && records.some(({ cells }) => cells.length !== width)) throw await ragged(file, width);
  const { text, label, header } = placesIn(file, records, columns, like);
  const unlabelled: number[] = [];
  const lines: string[] = [];
  for (const { cells, line } of header ? records.slice(1) : records) {
    if (plain(cells[text]) === '') continue;
    if (cells.some((cell) => cell.includes('\0'))) {
      throw new InputError(`${file}:${line}: NUL bytes, so this is no text; convert it to UTF-8`);
    }
    if (label !== null && plain(cells[label]) === '') unlabelled.push(line);
    lines.push(label === null ? plain(cells[text]) : `${plain(cells[label])}\t${plain(cells[text])}`);
  }
  if (unlabelled.length > 0) {
    throw new InputError(
      `${file}:${listed(unlabelled)}: ${unlabelled.length === 1 ? '' : `${unlabelled.length} records `}without a label in ` +
        `${describeColumn(columns, columns.label!)}; give each one, or leave it out`,
    );
  }
  await writeFile(out, `${lines.join('\n')}\n`);
  return records.length - (header ? 1 : 0) - lines.length;
}

/** Lines that a message names. */
const NAMED = 5;

/** Where a file has the columns that were found in one, itself or another, and whether its first record is of names. */
function placesIn(
  file: string,
  records: readonly CsvLine[],
  columns: Columns,
  like: string,
): Pick<Columns, 'text' | 'label'> & { header: boolean } {
  const { names, text, label } = columns;
  const first = records[0]?.cells ?? [];
  const width = first.length;
  const cells = first.map((cell) => cell.trim());
  const known = names?.map((name) => name.trim()) ?? [];
  const wanted = [text, ...(label === null ? [] : [label])];
  if (cells.some((cell) => cell !== '' && known.includes(cell))) {
    // Of columns of one name, the one in the same place.
    const places = wanted.map((at) => (cells[at] === known[at] ? at : cells.indexOf(known[at]!)));
    const lacking = wanted.find((_, i) => places[i]! < 0);
    if (lacking === undefined) return { text: places[0]!, label: places[1] ?? null, header: true };
    throw new InputError(`${file}: no column ${known[lacking]}, as ${like} has; its columns are ${cells.join(', ')}`);
  }
  const header = namesOf(spread(records), width) !== null;
  if (header && names !== null) {
    const asked = wanted.map((at) => known[at]).join(', ');
    throw new InputError(`${file}: no columns ${asked}, as ${like} has; its columns are ${cells.join(', ')}`);
  }
  const lacking = wanted.find((at) => at >= width);
  if (lacking === undefined) return { text, label, header };
  throw new InputError(
    `${file}: ${width} columns, where ${like} has ${describeColumn(columns, lacking)}; write both alike`,
  );
}

/** Records from all over, in their order, the first among them: all of few, else {@link LOOKED_AT} to twice as many. */
class Sample {
  rows: (readonly string[])[] = [];
  private seen = 0;
  private stride = 1;

  add(row: readonly string[]): void {
    if (this.seen++ % this.stride === 0) this.rows.push(row);
    if (this.rows.length < 2 * LOOKED_AT) return;
    this.rows = this.rows.filter((_, i) => i % 2 === 0);
    this.stride *= 2;
  }
}

function spread(records: readonly CsvLine[]): readonly (readonly string[])[] {
  const sample = new Sample();
  for (const { cells } of records) sample.add(cells);
  return sample.rows;
}

/** As {@link spread}, the records of a text with tabs in all of its lines, which need not fit into memory; null for any other. */
async function someTabbed(file: string): Promise<readonly (readonly string[])[] | null> {
  const sample = new Sample();
  let tabs = true;
  await readLines(file, ({ text }) => {
    if (!tabs || text === null || text.trim() === '') return;
    tabs = text.includes('\t');
    sample.add(text.split('\t'));
  });
  return tabs && sample.rows.length > 0 ? sample.rows : null;
}

/** All records with tabs between; a line that is no text is left to preparation, which names it. */
async function tabbed(file: string): Promise<CsvLine[]> {
  const rows: CsvLine[] = [];
  await readLines(file, ({ text }, line) => {
    if (text !== null && text.trim() !== '') rows.push({ cells: text.split('\t'), line });
  });
  return rows;
}

/** A cell that a spreadsheet has put into quotation marks, those of its own doubled. */
const QUOTED = /^"([^"]|"")*"$/;

function isNamedCsv(file: string): boolean {
  return path.extname(file).toLowerCase() === '.csv';
}

/**
 * Whether a file is read as RFC 4180 has it: by its name, and a `.tsv` where a column's every cell is quoted.
 * @param tabs records from all over it as lines with tabs between; null where it has none.
 */
function isCsv(file: string, tabs: readonly (readonly string[])[] | null): boolean {
  if (path.extname(file).toLowerCase() !== '.tsv') return isNamedCsv(file);
  const [, ...rows] = tabs ?? [];
  return rows.length > 0 && rows[0]!.some((_, at) => rows.every((row) => QUOTED.test((row[at] ?? '').trim())));
}

/** The most columns of a CSV. */
const MOST_COLUMNS = 1000;

/** What a string holds, in bytes of which each is a character. */
const LARGEST_CSV = 2 ** 29 - 24;

/** The records of a CSV (RFC 4180), with whichever of comma, semicolon and tab its first line has most of. */
async function readCsv(file: string): Promise<CsvLine[]> {
  let content: string;
  try {
    if ((await stat(file)).size > LARGEST_CSV) {
      throw new InputError(
        `${file}: larger than 512 MiB, as much of a CSV as is read; write a line of label<TAB>text, or of text, an item: ` +
          'such a file may be of any size',
      );
    }
    content = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof InputError) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw withPath(error, file);
      throw new InputError(`${file}: no such file; name a text of an item a line, or a CSV of such`);
    }
    throw notUtf8(file);
  }
  if (/\r[^\r]/.test(content) && !content.includes('\n')) throw carriageReturns(file);
  const first = content.split('\n', 1)[0]!.replace(/"[^"]*"/g, '');
  const count = (mark: string) => first.split(mark).length;
  const delimiter = ([',', ';', '\t'] as const).reduce((a, b) => (count(b) > count(a) ? b : a));
  const width = Math.min(MOST_COLUMNS, count(delimiter));
  const { readForeignCsv } = await import('../storage/csv.js');
  const rows = readForeignCsv(content, delimiter, file).map(({ cells, line }) => {
    // What stands beyond the columns is lost words of a text without quotation marks.
    if (cells.slice(width).some((cell) => cell.trim() !== '')) {
      throw new InputError(
        `${file}:${line}: ${cells.length} columns, where the first line has ${width}; put a text that has a ` +
          `${delimiter === '\t' ? 'tab' : delimiter} into quotation marks, or name the file .txt if it has an item a line`,
      );
    }
    return { cells: Array.from({ length: width }, (_, at) => cells[at] ?? ''), line };
  });
  return rows.filter(({ cells }) => cells.some((cell) => cell.trim() !== ''));
}

/** In words, for people: `text from column 2 (review), labels from column 1 (stars)`. */
export function describeColumns(columns: Columns): string {
  const { text, label } = columns;
  const labels = label === null ? 'no labels' : `labels from ${describeColumn(columns, label)}`;
  return `text from ${describeColumn(columns, text)}, ${labels}`;
}

function describeColumn({ names }: Columns, at: number): string {
  return `column ${at + 1}${names === null ? '' : ` (${names[at]!.trim()})`}`;
}
