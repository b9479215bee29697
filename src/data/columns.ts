// A file of columns - CSV, or tabs between - as a text of items: which column is the text, which the label, and the same as
// lines of label<TAB>text, which is what a corpus is prepared from.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../errors.js';
import { withPath } from '../storage/file-error.js';
import { notUtf8 } from '../text.js';
import { readLines } from './lines.js';

/** What the columns of a file are, counted from 0. */
export interface Columns {
  delimiter: ',' | ';' | '\t';
  /** The names in the first line; null where it is a line like the others. */
  names: readonly string[] | null;
  text: number;
  /** Null where none has few enough values to be classes. */
  label: number | null;
}

/** Records that tell what columns are. */
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
 * What the columns of a file are, by its first records.
 * @returns null for a text of items as it is: no columns, or label<TAB>text.
 * @throws {InputError} for a CSV that has no text in any column, or is not UTF-8.
 */
export async function lookAtColumns(file: string): Promise<Columns | null> {
  const csv = path.extname(file).toLowerCase() === '.csv';
  const records = csv ? await readCsv(file) : await firstTabbed(file);
  if (records === null) return null;
  if (records.rows.length === 0) throw textless(file);
  const width = records.rows.reduce((most, { length }) => Math.max(most, length), 0);
  if (!csv && records.rows.some(({ length }) => length !== width)) return null;
  const sample = records.rows.slice(0, LOOKED_AT);
  const names = namesOf(sample, width);
  const body = names === null ? sample : sample.slice(1);
  const columns = Array.from({ length: width }, (_, at) => body.map((row) => (row[at] ?? '').trim()));
  const length = (at: number) => columns[at]!.reduce((sum, cell) => sum + cell.length, 0) / columns[at]!.length;
  const indices = columns.map((_, at) => at);
  const named = names === null ? [] : indices.filter((at) => TEXT_NAME.test(names[at]!.trim()));
  const text = (named.length > 0 ? named : indices).reduce((a, b) => (length(b) > length(a) ? b : a));
  if (length(text) === 0) throw textless(file);
  const classes = indices.filter((at) => {
    const values = new Set(columns[at]!).size;
    return at !== text && values > 1 && values <= Math.min(MOST_LABELS, body.length / 2) && !columns[at]!.includes('');
  });
  const label =
    classes.find((at) => names !== null && LABEL_NAME.test(names[at]!.trim())) ??
    // Names that say something else are believed; where there are none, the only column of classes is that of labels.
    (width === 2 || (names === null && classes.length === 1) ? classes[0] : undefined) ??
    null;
  // A first column that is no class is part of the text, as it always was without a CSV's ending.
  if (!csv && width === 2 && (label === 0 || (label === null && names === null))) return null;
  return { delimiter: records.delimiter, names, text, label };
}

/** Whether a line's cells are all what columns are usually called. */
export function looksLikeHeader(cells: readonly string[]): boolean {
  return cells.every((cell) => [ID_NAME, LABEL_NAME, TEXT_NAME].some((name) => name.test(cell.trim())));
}

function textless(file: string): InputError {
  return new InputError(`${file}: no column with a text; give a text of an item a line, or a CSV of such`);
}

/** The names in a first line that reads like names, above a column of longer texts. */
function namesOf([first = [], ...rest]: readonly (readonly string[])[], width: number): string[] | null {
  const cells = Array.from({ length: width }, (_, at) => (first[at] ?? '').trim());
  if (rest.length === 0 || !cells.every((cell) => COLUMN_NAME.test(cell)) || new Set(cells).size < width) return null;
  if (cells.some((cell) => LABEL_NAME.test(cell) || TEXT_NAME.test(cell))) return cells;
  // A name does not come again below itself, as a class does.
  if (cells.some((cell, at) => rest.some((row) => (row[at] ?? '').trim() === cell))) return null;
  const mean = (at: number) => rest.reduce((sum, row) => sum + (row[at] ?? '').length, 0) / rest.length;
  return cells.some((cell, at) => mean(at) > 3 * cell.length) ? cells : null;
}

/**
 * Writes the items of a file of columns, label<TAB>text where there are labels; rows without a text are left out.
 * @returns how many were written.
 */
export async function writeItems(file: string, { delimiter, names, text, label }: Columns, out: string) {
  const plain = (cell: string | undefined) => (cell ?? '').replace(/\s+/g, ' ').trim();
  const records = delimiter === '\t' ? await tabbed(file) : (await readCsv(file)).rows;
  const lines = records
    .slice(names === null ? 0 : 1)
    .filter((row) => plain(row[text]) !== '')
    .map((row) => (label === null ? plain(row[text]) : `${plain(row[label])}\t${plain(row[text])}`));
  await writeFile(out, `${lines.join('\n')}\n`);
  return lines.length;
}

/** The first records of a text with tabs in all of its lines; null for any other. */
async function firstTabbed(file: string): Promise<{ delimiter: '\t'; rows: string[][] } | null> {
  const rows = await tabbed(file, LOOKED_AT);
  return rows.length > 0 && rows.every(({ length }) => length > 1) ? { delimiter: '\t', rows } : null;
}

/** Records with tabs between; a line that is no text is left to preparation, which names it. */
async function tabbed(file: string, most = Number.POSITIVE_INFINITY): Promise<string[][]> {
  const rows: string[][] = [];
  await readLines(file, ({ text }) => {
    if (text !== null && text.trim() !== '' && rows.length < most) rows.push(text.split('\t'));
  });
  return rows;
}

/** The most columns of a CSV. */
const MOST_COLUMNS = 1000;

/** The records of a CSV (RFC 4180), with whichever of comma, semicolon and tab its first line has most of. */
async function readCsv(file: string): Promise<{ delimiter: Columns['delimiter']; rows: string[][] }> {
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw withPath(error, file);
      throw new InputError(`${file}: no such file; name a text of an item a line, or a CSV of such`);
    }
    throw notUtf8(file);
  }
  const first = content.split('\n', 1)[0]!.replace(/"[^"]*"/g, '');
  const count = (mark: string) => first.split(mark).length;
  const delimiter = ([',', ';', '\t'] as const).reduce((a, b) => (count(b) > count(a) ? b : a));
  const width = Math.min(MOST_COLUMNS, count(delimiter));
  const { readForeignCsv } = await import('../storage/csv.js');
  const rows = readForeignCsv(content, delimiter, file).map((row, record) => {
    // What stands beyond the columns is lost words of a text without quotation marks.
    if (row.slice(width).some((cell) => cell.trim() !== '')) {
      throw new InputError(
        `${file}: record ${record + 1} has ${row.length} columns, where the first has ${width}; put a text that has a ` +
          `${delimiter === '\t' ? 'tab' : delimiter} into quotation marks, or name the file .txt if it has an item a line`,
      );
    }
    return Array.from({ length: width }, (_, at) => row[at] ?? '');
  });
  return { delimiter, rows: rows.filter((row) => row.some((cell) => cell.trim() !== '')) };
}

/** In words, for people: `text from column 2 (review), labels from column 1 (stars)`. */
export function describeColumns({ names, text, label }: Columns): string {
  const column = (at: number) => `column ${at + 1}${names === null ? '' : ` (${names[at]!.trim()})`}`;
  return `text from ${column(text)}, ${label === null ? 'no labels' : `labels from ${column(label)}`}`;
}
