// CSV as RFC 4180 has it, of cells that a spreadsheet will not run: a text that begins as a formula does gets an apostrophe
// before it, and whoever reads it back takes that off.

import { type CsvError, type Options, parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { InputError } from '../errors.js';

export type CsvCell = string | number | null | undefined;

/** What a spreadsheet takes for a formula, behind any apostrophes: those that are the text's own are told from ours so. */
const FORMULA = /^'*[=+\-@\t\r\n]/;
const GUARDED = /^'+[=+\-@\t\r\n]/;

/** Lines of CSV, each with its end. */
export function csvText(rows: readonly (readonly CsvCell[])[]): string {
  return stringify(rows.map((row) => row.map((cell) => (typeof cell === 'string' ? guarded(cell) : cell))));
}

/** A text as a cell holds it; a number written out is one. */
function guarded(text: string): string {
  return FORMULA.test(text) && !(text.trim() === text && Number.isFinite(Number(text))) ? `'${text}` : text;
}

/** A record's cells, and the line of the text at which it begins, counted from 1. */
export interface CsvLine {
  cells: string[];
  line: number;
}

/** Whatever a text is, it is read as far as it goes. */
const LENIENT = {
  bom: true,
  relax_column_count: true,
  relax_quotes: true,
  skip_empty_lines: true,
  // Each line may end in its own way, which is not found out from the first.
  record_delimiter: ['\r\n', '\n'],
} satisfies Options;

/**
 * The cells of a text that others wrote, record by record, as they are but for line ends, which are all line feeds.
 * @param source what messages call it.
 * @throws {InputError} where it is no CSV, as after a quotation mark that nothing closes, or closes records later by chance.
 */
export function readForeignCsv(text: string, delimiter: string, source: string): CsvLine[] {
  // The parser counts a carriage return and line feed within quotation marks as two lines.
  const records = parsed(text.replaceAll('\r\n', '\n'), { ...LENIENT, delimiter, raw: true }, source);
  for (const { cells, line, raw } of records) {
    if (!cells.some((cell) => cell.includes('\n')) || isStrict(raw, delimiter)) continue;
    throw new InputError(
      `${source}:${line}: a quotation mark opens a text of several lines, and what closes it is followed by more text; double the ` +
        'marks within a text in quotation marks, or leave them out',
    );
  }
  return records;
}

/** Whether each quotation mark of a record that opens a cell is closed at the cell's end. */
function isStrict(record: string, delimiter: string): boolean {
  try {
    parse(record, { delimiter, relax_column_count: true, record_delimiter: LENIENT.record_delimiter });
    return true;
  } catch (error) {
    return (error as CsvError).code !== 'CSV_INVALID_CLOSING_QUOTE';
  }
}

/** @returns each record's text beside it where the options ask for that. */
function parsed(text: string, options: Options, source: string): (CsvLine & { raw: string })[] {
  try {
    const records = parse(text, { ...options, info: true }) as unknown as {
      record: string[];
      info: { lines: number };
      raw?: string;
    }[];
    return records.map(({ record, info, raw = '' }) => {
      const within = record.reduce((sum, cell) => sum + cell.split('\n').length - 1, 0);
      return { cells: record, line: info.lines - within, raw };
    });
  } catch (error) {
    const { message, lines } = error as CsvError;
    throw new InputError(`${source}${typeof lines === 'number' ? `:${lines}` : ''}: no CSV: ${message}`);
  }
}

/**
 * The lines of a text as {@link csvText} writes it; one that is cut off, or that other hands spoiled, as far as it goes.
 * @param source where given, a quotation mark that nothing closes is refused by this name.
 * @throws {InputError} for such a mark.
 */
export function readCsv(text: string, source?: string): CsvLine[] {
  const lines = parsed(text, { ...LENIENT, skip_records_with_error: source === undefined }, source ?? '');
  return lines.map(({ cells, line }) => ({ cells: cells.map(unguarded), line }));
}

/** The text that a cell was made of. */
function unguarded(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
}
