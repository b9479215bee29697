// What tables are made from: run folders, read. A table is assembled anew from them each time, so any number of
// processes may train and evaluate while one looks.

import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { MeasuredRow, Provenance, Result, SentenceValues } from './row.js';
import { type Manifest, RunFolder, UnknownPluginError } from './run-folder.js';

/**
 * Keeps what is measured of a run in its folder, each quantity as soon as it is known: a row with who measured it, and beside
 * it what it is sentence by sentence. A number that the disk will not take is told all the same, and lost at the end alone.
 */
export class RowKeeper {
  private readonly rows: MeasuredRow[] = [];
  private readonly lost: { file: string; error: Error }[] = [];

  /**
   * @param of what is measured; its `caveat` is what every row is to warn of.
   * @param settingsOf what else a result's number depends on.
   * @param tell is given each row, whether it could be kept or not.
   * @throws what the file system throws where no row can be written, before anything is measured.
   */
  constructor(
    private readonly of: { folder: RunFolder; provenance: Provenance; caveat: string | null },
    private readonly settingsOf: (result: Result) => MeasuredRow['settings'],
    private readonly tell: (row: MeasuredRow) => void,
  ) {
    of.folder.tryWriting('rows');
  }

  async keep(measured: Result): Promise<void> {
    const { folder, provenance, caveat } = this.of;
    const { perSentence, ...result } = measured;
    const warnings = [...result.warnings, ...(caveat === null ? [] : [caveat])];
    const row = { ...result, warnings, ...provenance, settings: this.settingsOf(measured) };
    try {
      await folder.writeRow(row, perSentence);
    } catch (error) {
      this.lost.push({ file: folder.rowFile(row), error: error as Error });
    }
    this.rows.push(row);
    this.tell(row);
  }

  /**
   * @returns the rows.
   * @throws {Error} where some could not be kept, that names their files and says why.
   */
  settle(): MeasuredRow[] {
    const { lost, rows } = this;
    if (lost.length === 0) return rows;
    const [what, they] =
      lost.length === 1 ? ['a row was measured', 'it'] : [`${lost.length} rows were measured`, 'they'];
    const why = lost.map(({ file, error }) => `${file}: ${error.message}`).join('\n');
    const cause = lost[0]!.error;
    throw new Error(`${what} and could not be kept, so ${they} must be measured again:\n${why}`, { cause });
  }
}

/** A name for each of some runs, for what is laid of all in one folder: of two that are called the same, the later has a number. */
export function namesOfCopies(runs: readonly Pick<MeasuredRun, 'run'>[]): string[] {
  const names = runs.map(({ run }) => `${run.name}-seed-${run.seed}`);
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}

/** A trained run with all that was measured of it. */
export interface MeasuredRun {
  directory: string;
  run: RunConfig;
  manifest: Manifest;
  rows: MeasuredRow[];
}

/**
 * What a row of a run is sentence by sentence; null where that was not kept.
 * @throws {InputError} for a file that holds something else.
 */
export function sentenceValues({ directory }: MeasuredRun, row: MeasuredRow): SentenceValues | null {
  return new RunFolder(directory).rowValues(row);
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

/**
 * Reads run folders that nobody named, such as all that there are: those of methods whose plugins are not loaded are left out.
 * @returns what was left out beside the runs, a sentence each.
 * @throws {InputError} as {@link readRun} does of any other.
 */
export function readKnownRuns(folders: readonly RunFolder[]): { runs: MeasuredRun[]; leftOut: string[] } {
  const leftOut: string[] = [];
  const runs = folders.flatMap((folder) => {
    try {
      return [readRun(folder)];
    } catch (error) {
      if (!(error instanceof UnknownPluginError)) throw error;
      leftOut.push(error.leftOut);
      return [];
    }
  });
  return { runs, leftOut };
}

/** Names of folders, in alphabetical order. What else lies there, such as files that a desktop leaves, is passed over. */
function foldersIn(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && isFolder(path.join(folder, entry.name))))
        .map(({ name }) => name)
        .sort()
    : [];
}

/** Whether a link leads to a folder; one in a circle, or where one may not look, leads to none. */
function isFolder(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch {
    return false;
  }
}

/** Names of the data sets that there are folders of runs for, in alphabetical order. */
export function findDataSets(root: string): string[] {
  return foldersIn(root);
}

/** Folders under `<root>/<data set>/` that hold a run of which an epoch is finished, in alphabetical order. */
export function findRuns(root: string, dataSet: string): RunFolder[] {
  const base = path.join(root, dataSet);
  return foldersIn(base).flatMap((name) => findRunsOf(base, name));
}

/** Folders of a method, `<data set's folder>/<name>/`, that hold a run of which an epoch is finished, in alphabetical order. */
export function findRunsOf(dataSet: string, name: string): RunFolder[] {
  const base = path.join(dataSet, name);
  return foldersIn(base)
    .map((seed) => path.join(base, seed))
    .filter((folder) => existsSync(path.join(folder, 'manifest.json')))
    .map((folder) => new RunFolder(folder));
}

/** Folders as of {@link findRuns}, with those that have a configuration and no epoch yet. */
export function findBegunRuns(root: string, dataSet: string): RunFolder[] {
  const base = path.join(root, dataSet);
  return foldersIn(base)
    .flatMap((method) => foldersIn(path.join(base, method)).map((seed) => path.join(base, method, seed)))
    .filter((folder) => ['config.json', 'manifest.json'].some((name) => existsSync(path.join(folder, name))))
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
  return SURER.reduce((product, name) => product * Number(settings[name] ?? 1), 1);
}

/** Whether a row's settings are those that are asked for, or, of those of which more are surer, no less. */
export function satisfies({ settings }: Pick<MeasuredRow, 'settings'>, asked: MeasuredRow['settings']): boolean {
  return [...new Set([...Object.keys(asked), ...Object.keys(settings)])].every((name) => {
    const [own, value] = [settings[name] ?? null, asked[name] ?? null];
    return own === value || (SURER.includes(name) && own !== null && value !== null && own > value);
  });
}

/**
 * Of the rows of one metric, the one a table prints: on the wanted split and the run's present weights, by the wanted
 * estimator where it names one, over the most sentences and of the most draws. Of several that are so, which differ in other
 * settings, it is one that is as asked for, if there is one.
 */
export function chooseRow(
  measured: Pick<MeasuredRun, 'rows' | 'manifest'>,
  metric: MeasuredRow['metric'],
  split: string,
  estimator: string | null = null,
  isAsked: (row: MeasuredRow) => boolean = () => true,
): MeasuredRow | null {
  const fitting = rowsOfSelected(measured, metric, split);
  const best = fitting.find((row) => row.estimator === estimator) ?? fitting[0];
  if (best === undefined) return null;
  const equal = fitting.filter((row) => isDeepStrictEqual(sizeOf(row), sizeOf(best)));
  return equal.find(isAsked) ?? best;
}

/** A run with its rows of one variant of their metrics alone; undefined for those that have none. */
export function ofVariant(measured: MeasuredRun, variant: string | undefined): MeasuredRun {
  return { ...measured, rows: measured.rows.filter((row) => row.variant === variant) };
}

/** What makes one row of a metric better than another, beside its settings. */
function sizeOf({ estimator, sentences, draws }: MeasuredRow) {
  return { estimator, sentences, draws };
}
