// Raw text -> a prepared corpus, for the data set of a config or for any text file.

import path from 'node:path';
import { type LoadedConfig, resolveData } from '../config/load.js';
import type { RunConfig } from '../config/schema.js';
import type { SplitName } from '../data/corpus.js';
import { type PreparationReport, prepareCorpus, type Sources } from '../data/prepare.js';
import { findDataSet } from '../data/registry.js';
import { rawFiles } from '../data/sources.js';
import { InputError } from '../errors.js';

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
 * @param from folder of the raw files; where the data script of a known set puts them where absent.
 * @throws {InputError} where the set is not known and `from` is absent, or an override is not right.
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
  if (from === undefined) {
    throw new InputError(
      `${loaded.locate(['dataSet'])}: ${dataSet} is no data set that sri knows; give --from, a folder with ` +
        `${dataSet}.train.txt, ${dataSet}.valid.txt and ${dataSet}.test.txt, or --train, --valid and --test with three files, or ` +
        '--text with one',
    );
  }
  const file = (split: string) => path.join(from, `${dataSet}.${split}.txt`);
  const splits = { train: file('train'), valid: file('valid'), test: file('test') };
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
  const resolved = resolveData(loaded, set);
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

/** Prepares, and tells what was found. */
export async function prepare({ name, output, splits, settings }: Preparation): Promise<PreparationReport> {
  const { directory: _, ...rest } = settings;
  const published = findDataSet(name)?.published ?? null;
  const { report } = await prepareCorpus({ name, output, splits, published, ...rest });
  return report;
}
