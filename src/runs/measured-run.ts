// What tables are made from: run folders, read. A table is assembled anew from them each time, so any number of
// processes may train and evaluate while one looks.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { MeasuredRow, Provenance, Result } from './row.js';
import { type Manifest, RunFolder } from './run-folder.js';

/**
 * Keeps what was measured of a run in its folder: a row each with who measured it, and beside it what it is sentence by
 * sentence.
 * @returns the rows.
 */
export async function keepRows(
  { folder, provenance }: { folder: RunFolder; provenance: Provenance },
  results: readonly Result[],
  settingsOf: (result: Result) => MeasuredRow['settings'],
): Promise<MeasuredRow[]> {
  const rows: MeasuredRow[] = [];
  for (const { perSentence, ...result } of results) {
    const row = { ...result, ...provenance, settings: settingsOf(result) };
    await folder.writeRow(row, perSentence);
    rows.push(row);
  }
  return rows;
}

/** A trained run with all that was measured of it. */
export interface MeasuredRun {
  directory: string;
  run: RunConfig;
  manifest: Manifest;
  rows: MeasuredRow[];
}

/**
 * Reads a run folder.
 * @throws {InputError} where there is no run, it was never trained for an epoch, or one of its rows is no row.
 */
export function readRun(folder: RunFolder): MeasuredRun {
  const { directory } = folder;
  const run = folder.config();
  const manifest = folder.manifest();
  if (manifest === null) {
    throw new InputError(`${directory}: no epoch of this run is finished (manifest.json is missing); train it on`);
  }
  return { directory, run, manifest, rows: folder.rows() };
}

/** Folders under `<root>/<data set>/` that hold a run, in alphabetical order. */
export function findRuns(root: string, dataSet: string): RunFolder[] {
  // What else lies there, such as files that a desktop leaves, is passed over.
  const list = (folder: string) =>
    existsSync(folder)
      ? readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
          .map(({ name }) => name)
          .sort()
      : [];
  const base = path.join(root, dataSet);
  return list(base)
    .flatMap((method) => list(path.join(base, method)).map((seed) => path.join(base, method, seed)))
    .filter((folder) => existsSync(path.join(folder, 'manifest.json')))
    .map((folder) => new RunFolder(folder));
}

/** Whether something was made with the weights that are the run's by now, from the corpus that they learned from. */
export function isOfSelected(
  { epoch, weights, dataHash }: Pick<Provenance, 'epoch' | 'weights' | 'dataHash'>,
  manifest: Pick<Manifest, 'selectedEpoch' | 'weights' | 'dataHash'>,
): boolean {
  const known = Object.values(manifest.weights);
  return (
    epoch === manifest.selectedEpoch &&
    dataHash === manifest.dataHash &&
    (known.length === 0 || known.includes(weights))
  );
}

/**
 * The rows of one metric on a split that are of the weights that are the run's by now, the best measured first: those over
 * the most sentences, then of the most draws, then of the most work a draw.
 */
export function rowsOfSelected(
  { rows, manifest }: Pick<MeasuredRun, 'rows' | 'manifest'>,
  metric: MeasuredRow['metric'],
  split: string,
): MeasuredRow[] {
  return rows
    .filter((row) => row.metric === metric && row.split === split && isOfSelected(row, manifest))
    .sort((a, b) => b.sentences - a.sentences || b.draws - a.draws || work(b) - work(a));
}

/** Settings of which more make a number surer. */
const SURER = ['chains', 'metropolisSteps', 'temperatures', 'noiseDraws', 'sets'];

function work({ settings }: MeasuredRow): number {
  return SURER.reduce((product, name) => product * (settings[name] ?? 1), 1);
}

/** Whether a row's settings are those that are asked for, or, of those of which more are surer, no less. */
export function satisfies({ settings }: Pick<MeasuredRow, 'settings'>, asked: MeasuredRow['settings']): boolean {
  return Object.entries(asked).every(([name, value]) => {
    const own = settings[name] ?? null;
    return own === value || (SURER.includes(name) && own !== null && value !== null && own > value);
  });
}

/**
 * Of the rows of one metric, the one a table prints: on the wanted split and the run's present weights, by the wanted
 * estimator where it names one, over the most sentences and of the most draws.
 */
export function chooseRow(
  measured: Pick<MeasuredRun, 'rows' | 'manifest'>,
  metric: MeasuredRow['metric'],
  split: string,
  estimator: string | null = null,
): MeasuredRow | null {
  const fitting = rowsOfSelected(measured, metric, split);
  return fitting.find((row) => row.estimator === estimator) ?? fitting[0] ?? null;
}
