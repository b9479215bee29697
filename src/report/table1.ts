// Table 1: perplexity, reconstruction, active units and KL of every method on one data set, beside the paper's numbers
// and with what is needed to trust or repeat ours.

import { stringify } from 'csv-stringify/sync';
import { METHOD_NAMES } from '../config/schema.js';
import { chooseRow, type MeasuredRow, type MeasuredRun } from './measured.js';
import { METHOD_LABELS, PAPER_TABLE_1 } from './paper.js';

/** Columns of the CSV in order, each with what it holds of a run; an empty string where nothing was measured. */
type Cell = string | number;
type Column = readonly [name: string, cell: (line: Line) => Cell | null | undefined];

/** A run, and the rows that the table prints of it. */
interface Line {
  measured: MeasuredRun;
  ppl: MeasuredRow | null;
  recon: MeasuredRow | null;
  au: MeasuredRow | null;
  kl: MeasuredRow | null;
}

const COLUMNS: readonly Column[] = [
  ['Method', ({ measured }) => methodLabel(measured)],
  ['PPL', ({ ppl }) => decimals(ppl?.value)],
  ['Recon', ({ recon }) => decimals(recon?.value)],
  ['AU', ({ au }) => au?.value],
  ['KL', ({ kl }) => decimals(kl?.value)],
  ['Paper PPL', ({ measured }) => decimals(paperRow(measured)?.ppl)],
  ['Paper Recon', ({ measured }) => decimals(paperRow(measured)?.recon)],
  ['Paper AU', ({ measured }) => paperRow(measured)?.au],
  ['Paper KL', ({ measured }) => decimals(paperRow(measured)?.kl)],
  ['PPL standard error', ({ ppl }) => significant(ppl?.standardError)],
  ['Recon standard error', ({ recon }) => significant(recon?.standardError)],
  ['AU standard error', ({ au }) => significant(au?.standardError)],
  ['KL standard error', ({ kl }) => significant(kl?.standardError)],
  ['PPL estimator', ({ ppl }) => ppl?.estimator],
  ['KL estimator', ({ kl }) => kl?.estimator],
  ['PPL draws', ({ ppl }) => ppl?.draws],
  ['PPL effective sample size', ({ ppl }) => significant(ppl?.effectiveSampleSize?.mean)],
  ['PPL share below 2', ({ ppl }) => significant(ppl?.effectiveSampleSize?.shareBelow2)],
  ['KL not positive definite', ({ kl }) => significant(kl?.notPositiveDefinite)],
  ['PPL sentences', ({ ppl }) => ppl?.sentences],
  ['Recon sentences', ({ recon }) => recon?.sentences],
  ['AU sentences', ({ au }) => au?.sentences],
  ['KL sentences', ({ kl }) => kl?.sentences],
  ['Split', (line) => anyRow(line)?.split],
  ['Setting', ({ measured }) => measured.run.setting],
  ['Seed', ({ measured }) => measured.run.seed],
  ['Epochs', ({ measured }) => measured.manifest.epochs],
  ['Best epoch', ({ measured }) => measured.manifest.bestEpoch],
  ['Training seconds', ({ measured }) => Math.round(measured.manifest.trainingSeconds)],
  ['Backend', ({ measured }) => measured.manifest.backend],
  ['Threads', ({ measured }) => measured.manifest.threads],
  ['Precision', ({ measured }) => measured.manifest.precision],
  ['Commit', ({ measured }) => measured.manifest.commit],
  ['Data hash', ({ measured }) => measured.manifest.dataHash],
  ['Run', ({ measured }) => measured.directory],
];

export interface Table {
  columns: readonly string[];
  rows: readonly (readonly Cell[])[];
}

/** Table 1 of the given runs on a split, in the paper's order of methods; a run with nothing measured is left out. */
export function table1(runs: readonly MeasuredRun[], split = 'test'): Table {
  const lines = inPaperOrder(runs)
    .map((measured) => ({
      measured,
      ppl: chooseRow(measured, 'ppl', split, measured.run.evaluation.estimator),
      recon: chooseRow(measured, 'recon', split),
      au: chooseRow(measured, 'au', split),
      kl: chooseRow(measured, 'kl', split, 'jacobian'),
    }))
    .filter((line) => anyRow(line) !== null);
  return {
    columns: COLUMNS.map(([name]) => name),
    rows: lines.map((line) => COLUMNS.map(([, cell]) => cell(line) ?? '')),
  };
}

const MEASUREMENT_COLUMNS: readonly (readonly [
  string,
  (run: MeasuredRun, row: MeasuredRow) => Cell | null | undefined,
])[] = [
  ['Method', (run) => methodLabel(run)],
  ['Setting', ({ run }) => run.setting],
  ['Seed', ({ run }) => run.seed],
  ['Epoch', (_, row) => row.epoch],
  ['Metric', (_, row) => row.metric],
  ['Estimator', (_, row) => row.estimator],
  ['Value', (_, row) => row.value],
  ['Standard error', (_, row) => significant(row.standardError)],
  ['Split', (_, row) => row.split],
  ['Sentences', (_, row) => row.sentences],
  ['Words', (_, row) => row.words],
  ['Draws', (_, row) => row.draws],
  ['Effective sample size', (_, row) => significant(row.effectiveSampleSize?.mean)],
  ['Least', (_, row) => significant(row.effectiveSampleSize?.min)],
  ['Share below 2', (_, row) => significant(row.effectiveSampleSize?.shareBelow2)],
  ['Not positive definite', (_, row) => significant(row.notPositiveDefinite)],
  ['Acceptance', (_, row) => significant(row.acceptance)],
  ['Seconds', (_, row) => significant(row.seconds)],
  ['Backend', (_, row) => row.backend],
  ['Threads', (_, row) => row.threads],
  ['Commit', (_, row) => row.commit],
  ['Data hash', ({ manifest }) => manifest.dataHash],
  ['Warnings', (_, row) => row.warnings.join('; ')],
];

/** Everything that was measured of the runs, a line each: every estimator, every epoch, every split. */
export function measurements(runs: readonly MeasuredRun[]): Table {
  return {
    columns: MEASUREMENT_COLUMNS.map(([name]) => name),
    rows: inPaperOrder(runs).flatMap((run) =>
      run.rows
        .toSorted((a, b) => a.epoch - b.epoch || a.metric.localeCompare(b.metric))
        .map((row) => MEASUREMENT_COLUMNS.map(([, cell]) => cell(run, row) ?? '')),
    ),
  };
}

export function toCsv({ columns, rows }: Table): string {
  return stringify([columns as string[], ...(rows as Cell[][])]);
}

/** The columns of the paper, for reading: numbers with their standard errors, then the paper's own. */
export function formatTable1(table: Table): string[] {
  const at = (row: readonly Cell[], name: string) => String(row[table.columns.indexOf(name)] ?? '');
  const withError = (row: readonly Cell[], name: string) => {
    const error = at(row, `${name} standard error`);
    return at(row, name) === '' ? '-' : `${at(row, name)}${error === '' ? '' : ` ± ${error}`}`;
  };
  const shown = (text: string) => (text === '' ? '-' : text);
  const metrics = ['PPL', 'Recon', 'AU', 'KL'];
  const header = ['Method', ...metrics, ...metrics.map((metric) => `paper ${metric}`), 'PPL by', 'KL by', 'epochs'];
  const lines = table.rows.map((row) => [
    at(row, 'Method'),
    ...metrics.map((metric) => withError(row, metric)),
    ...metrics.map((metric) => shown(at(row, `Paper ${metric}`))),
    shown(at(row, 'PPL estimator')),
    shown(at(row, 'KL estimator')),
    at(row, 'Epochs'),
  ]);
  return align([header, ...lines]);
}

/** Columns padded to their widest cell: the first to the left, the others to the right. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
}

/** As in the paper, and the setting where it is not the method's first. */
function methodLabel({ run }: Pick<MeasuredRun, 'run'>): string {
  const label = METHOD_LABELS[run.method];
  return run.name === run.method ? label : `${label} (${run.setting})`;
}

function paperRow({ run }: MeasuredRun) {
  return PAPER_TABLE_1[run.dataSet]?.[run.method];
}

function anyRow({ ppl, recon, au, kl }: Line): MeasuredRow | null {
  return ppl ?? recon ?? au ?? kl;
}

function inPaperOrder(runs: readonly MeasuredRun[]): MeasuredRun[] {
  const rank = ({ run }: MeasuredRun) => METHOD_NAMES.indexOf(run.method);
  return runs.toSorted((a, b) => rank(a) - rank(b) || a.run.name.localeCompare(b.run.name) || a.run.seed - b.run.seed);
}

/** As the paper rounds. */
function decimals(value: number | null | undefined): string | null {
  return value == null || !Number.isFinite(value) ? null : value.toFixed(2);
}

/** Two significant digits: more than an error's own error allows. */
function significant(value: number | null | undefined): number | null {
  return value == null || !Number.isFinite(value) ? null : Number(value.toPrecision(2));
}
