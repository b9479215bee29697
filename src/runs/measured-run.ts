// What tables are made from: run folders, read. A table is assembled anew from them each time, so any number of
// processes may train and evaluate while one looks.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { MeasuredRow, Result, ResultRow } from './row.js';
import { type Manifest, RunFolder } from './run-folder.js';

/**
 * Keeps what was measured of a run in its folder: a row each with who measured it, and beside it what it is sentence by
 * sentence.
 * @returns the rows.
 */
export async function keepRows(
  { folder, provenance }: { folder: RunFolder; provenance: Omit<MeasuredRow, keyof ResultRow> },
  results: readonly Result[],
): Promise<MeasuredRow[]> {
  const rows: MeasuredRow[] = [];
  for (const { perSentence, ...result } of results) {
    const row = { ...result, ...provenance };
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

/**
 * The rows of one metric on a split that are of the weights that are the run's by now: those over the most sentences, then
 * draws, first.
 */
export function rowsOfSelected(
  { rows, manifest }: Pick<MeasuredRun, 'rows' | 'manifest'>,
  metric: MeasuredRow['metric'],
  split: string,
): MeasuredRow[] {
  return rows
    .filter((row) => row.metric === metric && row.split === split && row.epoch === manifest.selectedEpoch)
    .sort((a, b) => b.sentences - a.sentences || b.draws - a.draws);
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
