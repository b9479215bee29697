// What all tables have in common: runs in the paper's order, cells rounded as the paper rounds, columns that say where a
// number comes from, and CSV.

import { identityOf, variantOf } from '../config/identity.js';
import type { VariedQuantity } from '../config/variations.js';
import { isByMode } from '../evaluation/classification/accuracy.js';
import { classifierSettings, estimatorSettings } from '../evaluation/estimator-settings.js';
import { estimatorName, rowEstimator } from '../evaluation/perplexity/registry.js';
import { methods } from '../methods/registry.js';
import { roundedToError, type WrittenQuantity } from '../notation.js';
import { chooseRow, type MeasuredRun, satisfies } from '../runs/measured-run.js';
import type { MeasuredRow } from '../runs/row.js';
import { csvText } from '../storage/csv.js';
import { publishedSizes } from './part.js';

export type Cell = string | number;

export interface Table {
  columns: readonly string[];
  rows: readonly (readonly Cell[])[];
}

/** A column's name, and what it holds of a line; the cell is empty where that is nothing. */
export type Column<Line> = readonly [name: string, cell: (line: Line) => Cell | null | undefined];

/** What made the runs of a table's lines, at the end of each line. */
export const PROVENANCE: readonly Column<{ measured: MeasuredRun }>[] = [
  ['Setting', ({ measured }) => measured.run.setting],
  ['Seed', ({ measured }) => measured.run.seed],
  ['Training sentences', ({ measured }) => measured.manifest.sentences.train],
  ['Published training sentences', ({ measured }) => publishedSizes(measured.run.dataSet)?.train],
  ['Epochs', ({ measured }) => measured.manifest.epochs],
  ['Weights of epoch', ({ measured }) => measured.manifest.selectedEpoch],
  ['Training seconds', ({ measured }) => Math.round(measured.manifest.trainingSeconds)],
  ['Backend', ({ measured }) => measured.manifest.backend],
  ['Threads', ({ measured }) => measured.manifest.threads],
  ['Precision', ({ measured }) => measured.manifest.precision],
  ['Commit', ({ measured }) => measured.manifest.commit],
  ['Data hash', ({ measured }) => measured.manifest.dataHash],
  ['Run', ({ measured }) => measured.directory],
];

/** What the paper prints of a method, in a column `Paper ...` beside ours. */
export type PaperColumn<Published> = readonly [name: string, cell: (published: Published) => Cell | null | undefined];

/** The paper's columns in the lines of runs: empty where it has no such method, and where K or another number is not its own. */
export function besideOurs<Published>(
  columns: readonly PaperColumn<Published>[],
  published: Readonly<Record<string, Published>>,
): Column<{ runs: readonly MeasuredRun[] }>[] {
  return columns.map(([name, cell]) => [
    name,
    ({ runs: [first] }) => {
      const { method } = first!.run;
      return method in published && variedIn(first!) === null ? cell(published[method]!) : null;
    },
  ]);
}

/** A row for each line, and one of the paper's numbers alone for each method that it has and no line is of. */
export function makePaperTable<Line extends { runs: readonly MeasuredRun[] }, Published>(
  columns: readonly Column<Line>[],
  lines: readonly Line[],
  paper: readonly PaperColumn<Published>[],
  published: Readonly<Record<string, Published>>,
): Table {
  const ours = makeTable(columns, lines);
  if (lines.length === 0) return ours;
  const paperRow = (method: string, label: string): Cell[] => {
    const cells = new Map<string, Cell>([['Method', label]]);
    for (const [name, cell] of paper) cells.set(name, cell(published[method]!) ?? '');
    return ours.columns.map((name) => cells.get(name) ?? '');
  };
  const methodOf = lines.map(({ runs: [first] }) => first!.run.method);
  const unknown = ours.rows.filter((_, i) => methods().every(({ name }) => name !== methodOf[i]));
  const rows = methods().flatMap(({ name, label }) => {
    const own = ours.rows.filter((_, i) => methodOf[i] === name);
    return own.length === 0 && name in published ? [paperRow(name, label)] : own;
  });
  return { columns: ours.columns, rows: [...rows, ...unknown] };
}

/** In what a run differs from a setting of its method, `other` where that is no one of the numbers that figures vary; null where it is a setting. */
export function variedIn({ run }: Pick<MeasuredRun, 'run'>): VariedQuantity | 'other' | null {
  return identityOf(run).varied;
}

/** A row for each line. */
export function makeTable<Line>(columns: readonly Column<Line>[], lines: readonly Line[]): Table {
  return {
    columns: columns.map(([name]) => name),
    rows: lines.map((line) => columns.map(([, cell]) => cell(line) ?? '')),
  };
}

/** Whether any row has something in a column. */
export function hasSome({ columns, rows }: Table, column: string): boolean {
  const at = columns.indexOf(column);
  return at >= 0 && rows.some((row) => row[at] !== '');
}

/** Names of columns that have one of their standard errors beside them. */
export function columnsWithErrors({ columns }: Pick<Table, 'columns'>): string[] {
  return columns.filter((name) => columns.includes(`${name} standard error`));
}

/** The table as RFC 4180 has it, with the columns' names in the first line. */
export function toCsv({ columns, rows }: Table): string {
  return csvText([columns, ...rows]);
}

/** A quantity of a row as a person reads it, rounded to its standard error; empty where the row has none. */
export function writtenQuantity({ columns }: Table, row: readonly Cell[], name: string): WrittenQuantity {
  const cell = row[columns.indexOf(name)] ?? '';
  const value = String(cell);
  const error = Number(row[columns.indexOf(`${name} standard error`)] || 0);
  if (value === '' || error === 0) return { value, error: '' };
  // The table keeps no more decimals than these, whatever the error allows; of a number, those at its end may be zeros.
  const kept = Math.max(decimalPlaces(value), typeof cell === 'number' ? 2 : 0);
  const written = roundedToError(Number(value), error, kept);
  return written.error === '' ? { value, error: '' } : written;
}

function decimalPlaces(number: string): number {
  return number.split('.')[1]?.length ?? 0;
}

/** As in the paper, and what the run's name has after the method: the setting where it is not the first, `steps-40`. */
export function methodLabel({ run }: Pick<MeasuredRun, 'run'>): string {
  const method = methods().find(({ name }) => name === run.method);
  const label = method?.labelOf?.(run) ?? method?.label ?? run.method;
  const variant = variantOf(identityOf(run));
  return variant === null ? label : `${label} (${variant})`;
}

/** Runs by method as the paper lists them, then by setting and seed. */
export function inPaperOrder(runs: readonly MeasuredRun[]): MeasuredRun[] {
  const rank = ({ run }: MeasuredRun) => methods().findIndex(({ name }) => name === run.method);
  return runs.toSorted((a, b) => rank(a) - rank(b) || a.run.name.localeCompare(b.run.name) || a.run.seed - b.run.seed);
}

/** Rounded to so many decimals, two as in most of the paper's tables; null where there is no finite number. */
export function decimals(value: number | null | undefined, digits = 2): string | null {
  return value == null || !Number.isFinite(value) ? null : value.toFixed(digits);
}

/** What a number of a table may be off by without a reader's noticing; an error that is less is none. */
const NEGLIGIBLE = 1e-9;

/** Two significant digits: more than an error's own error allows. */
export function significant(value: number | null | undefined): number | null {
  if (value == null || !Number.isFinite(value)) return null;
  return Math.abs(value) < NEGLIGIBLE ? 0 : Number(value.toPrecision(2));
}

/** The estimator of perplexity that tables print; null of a method that this program does not know. */
export function tableEstimator({ method, evaluation }: MeasuredRun['run']): string | null {
  const known = methods().find(({ name }) => name === method);
  return known === undefined ? null : rowEstimator(estimatorName(evaluation, known.inference), evaluation);
}

/**
 * The row that a table prints, see {@link chooseRow}: of several as large, one that was measured as the run's configuration
 * says.
 */
export function tableRow(
  measured: MeasuredRun,
  metric: MeasuredRow['metric'],
  split: string,
  estimator: string | null = null,
): MeasuredRow | null {
  const isAsked = (row: MeasuredRow) => satisfies(row, askedSettings(row, measured.run));
  return chooseRow(measured, metric, split, estimator, isAsked);
}

/** What the run's configuration says of a row's settings. Labelled sets and the limit are the command's to say, so its own. */
function askedSettings(row: MeasuredRow, run: MeasuredRun['run']): MeasuredRow['settings'] {
  if (row.metric !== 'accuracy') return estimatorSettings(row, run);
  const { sets = null, limit = null } = row.settings;
  const { modeGradients } = run.evaluation;
  return { sets, limit, ...classifierSettings(run), ...(isByMode(row) ? { modeGradients } : {}) };
}
