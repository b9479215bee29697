// `sri prepare`: raw text -> a prepared corpus, for a data set of a config or for any text file.

import path from 'node:path';
import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.js';
import type { RunConfig } from '../config/schema.js';
import type { Sources } from '../data/prepare.js';
import { InputError } from '../errors.js';
import { type Io, note, print, printJson } from './io.js';
import { addConfigOption, addSetOption, wholeNumber } from './options.js';

interface PrepareCommandOptions {
  config?: string;
  from?: string;
  text?: string;
  out?: string;
  labels?: boolean;
  seed: number;
  set: string[];
  json?: boolean;
}

/** Shares of one text file's lines. */
const FRACTIONS = { train: 0.8, valid: 0.1, test: 0.1 };

export function addPrepare(program: Command, io: Io): void {
  const command = program
    .command('prepare')
    .description('turn raw text into a prepared corpus: vocabulary, encoded splits, statistics')
    .usage('(--config ptb.yaml [--from DIR] | --text FILE --out DIR [--labels]) [options]');
  addSetOption(addConfigOption(command))
    .option('--from <folder>', "folder of the config's raw files; where its data script puts them unless given")
    .option('--text <file>', 'a text of your own, one item a line, divided 80/10/10 at random')
    .option('--out <folder>', 'folder of the prepared corpus; data.directory of the config unless given')
    .option('--labels', 'every line of --text is label<TAB>text')
    .option('--seed <number>', 'seed that divides --text', wholeNumber(0), 0)
    .option('--json', 'the report as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  sri prepare --config ptb.yaml --from ~/corpora
  sri prepare --text reviews.txt --out data/reviews --set data.vocabularySize=5000`,
    )
    .action(async (options: PrepareCommandOptions) => {
      await prepare(await chooseSources(options), io, options.json ?? false);
    });
}

interface Preparation {
  name: string;
  output: string;
  splits: Sources;
  settings: RunConfig['data'];
}

async function chooseSources(options: PrepareCommandOptions): Promise<Preparation> {
  const { loadConfig, resolveData } = await import('../config/load.js');
  if (options.text === undefined && options.config === undefined) {
    throw new InputError('give --config NAME, or --text FILE and --out FOLDER');
  }
  if (options.text === undefined) {
    if (options.labels)
      throw new InputError('--labels goes with --text; with --config it is data.labelColumn that says so');
    return configured(loadConfig(options.config!), options);
  }
  if (options.from !== undefined) throw new InputError('--text and --from name two sources; give one');
  const loaded = options.config === undefined ? null : loadConfig(options.config);
  if (loaded === null && options.out === undefined)
    throw new InputError('--text needs --out, the folder of the corpus');
  const resolved = resolveData(loaded, options.set);
  const output = options.out ?? resolved.directory;
  return {
    name: loaded?.config.dataSet ?? path.basename(path.resolve(output)),
    output,
    splits: { text: options.text, fractions: FRACTIONS, seed: options.seed },
    settings: options.labels ? { ...resolved, labelColumn: 'required' } : resolved,
  };
}

/** The preparation that a config describes; `from` as in `--from`. */
export async function configured(
  loaded: LoadedConfig,
  { from, out, set = [] }: { from?: string; out?: string; set?: string[] },
): Promise<Preparation> {
  const [{ resolveData }, { isKnownSet, rawFiles }] = await Promise.all([
    import('../config/load.js'),
    import('../data/sources.js'),
  ]);
  const { dataSet } = loaded.config;
  const settings = resolveData(loaded, set);
  const output = out ?? settings.directory;
  if (isKnownSet(dataSet)) {
    const splits = await rawFiles(dataSet, { from, rawDirectory: path.join('data', 'raw', dataSet) });
    return { name: dataSet, output, splits, settings };
  }
  if (from === undefined) {
    throw new InputError(
      `${loaded.locate(['dataSet'])}: ${dataSet} is no data set that sri knows; give --from, a folder with ` +
        `${dataSet}.train.txt, ${dataSet}.valid.txt and ${dataSet}.test.txt, or --text with one file`,
    );
  }
  const file = (split: string) => path.join(from, `${dataSet}.${split}.txt`);
  const splits = { train: file('train'), valid: file('valid'), test: file('test') };
  return { name: dataSet, output, splits, settings };
}

/** Prepares, and tells what was found. */
export async function prepare({ name, output, splits, settings }: Preparation, io: Io, json: boolean): Promise<void> {
  const [{ prepareCorpus }, { formatPreparation }, { isKnownSet, KNOWN_SETS }] = await Promise.all([
    import('../data/prepare.js'),
    import('../data/preparation-report.js'),
    import('../data/sources.js'),
  ]);
  const { directory: _, ...rest } = settings;
  const published = isKnownSet(name) ? KNOWN_SETS[name].published : null;
  const { report } = await prepareCorpus({ name, output, splits, published, ...rest });
  if (json) printJson(io, { event: 'prepared', ...report });
  else {
    for (const line of formatPreparation(report)) {
      if (line.startsWith('warning: ')) note(io, line);
      else print(io, line);
    }
  }
}
