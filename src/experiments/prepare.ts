// Raw text -> a prepared corpus, for the data set of a config or for any text file.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { displayPath, type LoadedConfig, resolveData } from '../config/load.js';
import type { RunConfig } from '../config/schema.js';
import { closeSplits } from '../data/corpus.js';
import { CORPUS_FILES, foreignFile } from '../data/corpus-files.js';
import { refuseStreams } from '../data/lines.js';
import { type PreparationReport, prepareCorpus, type Sources } from '../data/prepare.js';
import { findDataSet } from '../data/registry.js';
import { findOwnFiles, rawFiles } from '../data/sources.js';
import type { SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import { methods } from '../methods/registry.js';
import { hasCheckpoint } from '../runs/checkpoint.js';
import { findBegunRuns, findDataSets } from '../runs/measured-run.js';
import type { RunFolder } from '../runs/run-folder.js';
import { wholePath } from '../storage/whole-path.js';

/** Shares of one text file's lines. */
const FRACTIONS = { train: 0.8, valid: 0.1, test: 0.1 };

export interface Preparation {
  name: string;
  /** Folder of the prepared corpus. */
  output: string;
  splits: Sources;
  settings: RunConfig['data'];
}

/** What may be said of a preparation beside its source. */
export interface PreparationChoice {
  /** Folder of the prepared corpus; data.directory of the config where absent. */
  out?: string | undefined;
  /** Overrides of `data` keys, `data.vocabularySize=5000`. */
  set?: readonly string[] | undefined;
}

/**
 * The preparation that a config describes.
 * @param from folder of the raw files; where absent, that in which the data script of a known set puts them, and that of the
 *   config for any other.
 * @throws {InputError} where the files are not there, or an override is not right.
 */
export async function configured(
  loaded: LoadedConfig,
  { from, out, set = [] }: PreparationChoice & { from?: string | undefined },
): Promise<Preparation> {
  const { dataSet } = loaded.config;
  const settings = resolveData(loaded, set);
  const output = out ?? settings.directory;
  const known = findDataSet(dataSet);
  if (known !== undefined) {
    const splits = await rawFiles(known, { from, rawDirectory: path.join('data', 'raw', dataSet) });
    return { name: dataSet, output, splits, settings };
  }
  const folder = from ?? path.dirname(displayPath(loaded.file));
  const splits = await findOwnFiles(dataSet, folder);
  if (splits === null) {
    throw new InputError(
      `${loaded.locate(['dataSet'])}: ${dataSet} is no data set that sri knows, and ${folder === '.' ? 'this folder' : folder} has no ` +
        `${dataSet}.train.txt, ${dataSet}.valid.txt and ${dataSet}.test.txt, nor train.txt, valid.txt and test.txt; give ` +
        'another folder with --from, three files with --train, --valid and --test, or one with --text',
    );
  }
  return { name: dataSet, output, splits, settings };
}

/**
 * The preparation of a text that comes in three files, an item a line.
 * @param loaded a config whose `data` keys hold for it; null for the defaults alone, and then `out` is needed.
 * @throws {InputError} where there is neither a config nor `out`, or an override is not right.
 */
export function ofFiles(
  splits: Record<SplitName, string>,
  loaded: LoadedConfig | null,
  { out, set = [], labels = false }: PreparationChoice & { labels?: boolean | undefined },
): Preparation {
  return { ...placeOf(loaded, '--train, --valid and --test need', out, set, labels), splits };
}

/** The corpus's name, folder and settings. @param lacking begins the complaint where neither config nor `out` is there. */
function placeOf(
  loaded: LoadedConfig | null,
  lacking: string,
  out: string | undefined,
  set: readonly string[],
  labels: boolean,
): Omit<Preparation, 'splits'> {
  if (loaded === null && out === undefined) throw new InputError(`${lacking} --out, the folder of the corpus`);
  const resolved = resolveData(loaded, set, methods());
  const output = out ?? resolved.directory;
  return {
    name: loaded?.config.dataSet ?? path.basename(path.resolve(output)),
    output,
    settings: labels ? { ...resolved, labelColumn: 'required' } : resolved,
  };
}

/**
 * The preparation of one text, an item a line, divided 80/10/10 at random.
 * @param distinct whether the shares are of distinct sentences, all copies of one in the same split.
 * @param loaded a config whose `data` keys hold for it; null for the defaults alone, and then `out` is needed.
 * @throws {InputError} where there is neither a config nor `out`, or an override is not right.
 */
export function ofText(
  text: string,
  loaded: LoadedConfig | null,
  {
    out,
    set = [],
    labels = false,
    seed = 0,
    distinct = false,
  }: PreparationChoice & {
    labels?: boolean | undefined;
    seed?: number | undefined;
    distinct?: boolean | undefined;
  },
): Preparation {
  const splits = { text, fractions: FRACTIONS, seed, distinct };
  return { ...placeOf(loaded, '--text needs', out, set, labels), splits };
}

/** What else may depend on the corpus that is there. */
export interface Replacing {
  /** Folder of all runs. */
  runs?: string;
  /** Whether a corpus that runs learned from may be replaced. */
  force?: boolean | undefined;
  /** What there is to do where runs depend on the corpus that is there; to name another folder, or to force it, where absent. */
  instead?: string;
  /** Asks to stop; what was there before stays. */
  signal?: AbortSignal | undefined;
}

/**
 * Prepares, and tells what was found.
 * @throws {InputError} where a corpus of other content is there and runs depend on it, unless it is forced.
 * @throws {InterruptedError} when the signal asks to stop.
 */
export async function prepare(
  { name, output, splits, settings }: Preparation,
  {
    runs = 'runs',
    force = false,
    instead = 'Name another folder with --out, or replace it with --force',
    signal,
  }: Replacing = {},
): Promise<PreparationReport> {
  // Said before a text is read that may be long.
  if (existsSync(output) && !statSync(output).isDirectory()) {
    throw new InputError(
      `${output}: a file is there, where the folder of the corpus is to be; name another with --out`,
    );
  }
  for (const text of textsOf(splits)) refuseStreams(text, false);
  await refuseOverwriting(output, textsOf(splits));
  const { directory: _, ...rest } = settings;
  const published = findDataSet(name)?.published ?? null;
  const mayReplace = (hash: string) => {
    if (!force) throwIfNeeded(output, hash, runs, instead);
  };
  const prepared = await prepareCorpus({ name, output, splits, published, mayReplace, signal, ...rest });
  closeSplits(prepared.splits);
  return prepared.report;
}

function textsOf(splits: Sources): string[] {
  return 'text' in splits ? [splits.text] : Object.values(splits);
}

/** @throws {InputError} where the corpus would be written over a text that it is made of, or over other files. */
async function refuseOverwriting(output: string, texts: readonly string[]): Promise<void> {
  const files = CORPUS_FILES.map((name) => wholePath(path.join(output, name)));
  const read = texts.find((text) => files.includes(wholePath(text)));
  if (read !== undefined) {
    throw new InputError(`${read}: the corpus is to have a file there; name another folder with --out`);
  }
  const foreign = await foreignFile(output);
  if (foreign === null) return;
  throw new InputError(
    `${foreign}: no part of a corpus, which is to have a file there; name another folder with --out`,
  );
}

/** Folders of runs that a message names; more are counted. */
const RUNS_NAMED = 3;

/** @throws {InputError} where runs learned from the corpus of a hash. */
function throwIfNeeded(output: string, hash: string, runs: string, instead: string): void {
  const depending = findDataSets(runs)
    .flatMap((dataSet) => findBegunRuns(runs, dataSet))
    .filter((folder) => dependsOn(folder, output, hash))
    .map(({ directory }) => directory);
  if (depending.length === 0) return;
  const named = depending.slice(0, RUNS_NAMED);
  const more = depending.length - named.length;
  throw new InputError(
    `${output}: the corpus that is there would be another, and ${depending.length === 1 ? 'a run depends' : `${depending.length} runs depend`} on it ` +
      `(${[...named, ...(more > 0 ? [`${more} more`] : [])].join(', ')}): such a run could neither go on nor be measured. ` +
      instead,
  );
}

/**
 * Whether a run learned from the corpus of a hash; one that has finished no epoch, from whatever is in the corpus's folder. A
 * run that cannot be read is none that a command would go on with.
 */
function dependsOn(folder: RunFolder, output: string, hash: string): boolean {
  try {
    const manifest = folder.manifest();
    if (manifest !== null) return manifest.dataHash === hash;
    return hasCheckpoint(folder.checkpoints) && path.resolve(folder.config().data.directory) === path.resolve(output);
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}
