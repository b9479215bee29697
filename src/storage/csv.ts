// CSV as RFC 4180 has it, of cells that a spreadsheet will not run: a text that begins as a formula does gets an apostrophe
// before it, and whoever reads it back takes that off.

import { stringify } from 'csv-stringify/sync';

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

/** The text that a cell of {@link csvText} was made of. */
export function unguarded(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
}
