// `sri prepare`: raw text -> a prepared corpus, for a data set of a config or for any text file.

import { type Command, Option } from 'commander';
import { formatPreparation } from '../data/preparation-report.js';
import type { PreparationReport } from '../data/prepare.js';
import { SPLIT_NAMES, type SplitName } from '../data/splits.js';
import { TOKENIZERS, type Tokenizer } from '../data/tokenize.js';
import { InputError } from '../errors.js';
import type { Preparation } from '../experiments/prepare.js';
import { type Io, note, print, printJson } from './io.js';
import { addConfigOption, addSetOption, configOf, seedNumber } from './options.js';

interface PrepareCommandOptions {
  config?: string | undefined;
  from?: string | undefined;
  text?: string | undefined;
  train?: string | undefined;
  valid?: string | undefined;
  test?: string | undefined;
  tokenizer?: Tokenizer | undefined;
  out?: string | undefined;
  labels?: boolean | undefined;
  header?: boolean | undefined;
  distinct?: boolean | undefined;
  seed: number;
  force?: boolean;
  runs: string;
  set: string[];
  json?: boolean | undefined;
}

export function addPrepare(program: Command, io: Io): void {
  const command = program
    .command('prepare')
    .description('turn raw text into a prepared corpus: vocabulary, encoded splits, statistics')
    .usage(
      '([--config ptb.yaml] [--from DIR] | --text FILE --out DIR | --train A --valid B --test C --out DIR) [options]',
    );
  addSetOption(addConfigOption(command))
    .option(
      '--from <folder>',
      'folder of the raw files; where the data script of a known set puts them, and beside the config for your own, unless given',
    )
    .option(
      '--text <file>',
      "a text of your own, one item a line, divided 80/10/10 at random; the config's raw files unless given",
    )
    .option(
      '--train <file>',
      "the training text of your own, one item a line; --text, or the config's raw files, unless given",
    )
    .option('--valid <file>', 'with --train: the text to judge epochs by')
    .option('--test <file>', 'with --train: the text to measure on')
    .addOption(
      new Option(
        '--tokenizer <name>',
        'what a word is: what spaces separate, or by the word boundaries of Unicode; data.tokenizer of the config unless given',
      ).choices(TOKENIZERS),
    )
    .option('--out <folder>', 'folder of the prepared corpus; data.directory of the config unless given')
    .option('--labels', 'every line of your text is label<TAB>text')
    .option('--header', 'the first line names the columns, and is left out')
    .option('--distinct', 'divide the distinct sentences of --text, so that no copy of one is in another split')
    .option('--seed <number>', 'seed that divides --text', seedNumber, 0)
    .option('--force', 'replace a corpus that runs have learned from, which then can neither go on nor be measured')
    .option('--runs <folder>', 'folder of all runs, among which those are looked for', 'runs')
    .option('--json', 'the report as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  sri prepare --config ptb.yaml --from ~/corpora
  sri prepare --text reviews.txt --out data/reviews --set data.vocabularySize=5000
  sri prepare --train a.txt --valid b.txt --test c.txt --labels --out data/reviews`,
    )
    .action(async (options: PrepareCommandOptions) => {
      const { prepare } = await import('../experiments/prepare.js');
      const { runs, force } = options;
      const report = await prepare(await chooseSources(options), { runs, force, signal: io.stop });
      showPreparation(report, io, options.json);
    });
}

/** @throws {InputError} for options that do not go together, or name no text. */
async function chooseSources({
  config,
  from,
  text,
  train,
  valid,
  test,
  tokenizer,
  out,
  labels,
  header,
  distinct,
  seed,
  set: given,
}: PrepareCommandOptions): Promise<Preparation> {
  const [{ openConfig }, { configured, ofText }] = await Promise.all([
    import('../experiments/choose-run.js'),
    import('../experiments/prepare.js'),
  ]);
  const set = [
    ...given,
    ...(header ? ['data.header=true'] : []),
    ...(tokenizer === undefined ? [] : [`data.tokenizer=${tokenizer}`]),
  ];
  const named = { train, valid, test };
  const files = SPLIT_NAMES.filter((split) => named[split] !== undefined);
  if (files.length > 0) {
    if (from !== undefined || text !== undefined || distinct) {
      throw new InputError('--train, --valid and --test are the whole text; leave out --text, --from and --distinct');
    }
    const absent = SPLIT_NAMES.filter((split) => named[split] === undefined);
    if (absent.length > 0) {
      throw new InputError(
        `--train, --valid and --test go together; give ${absent.map((one) => `--${one} FILE`).join(' and ')}`,
      );
    }
    const { ofFiles } = await import('../experiments/prepare.js');
    const loaded = config === undefined ? null : await openConfig(config);
    return ofFiles(named as Record<SplitName, string>, loaded, { out, set, labels });
  }
  if (text === undefined) {
    if (distinct) throw new InputError('--distinct goes with --text, which is divided here');
    if (labels) throw new InputError('--labels goes with --text; with --config it is data.labelColumn that says so');
    const named = await configOf({ config }, 'sri prepare', '--text FILE and --out FOLDER');
    return configured(await openConfig(named), { from, out, set });
  }
  if (from !== undefined) throw new InputError('--text and --from name two sources; give one');
  return ofText(text, config === undefined ? null : await openConfig(config), { out, set, labels, seed, distinct });
}

/** Tells what a preparation found. */
export function showPreparation(report: PreparationReport, io: Io, json = false): void {
  if (json) {
    printJson(io, { event: 'prepared', ...report });
    return;
  }
  for (const line of formatPreparation(report)) {
    if (line.startsWith('warning: ')) note(io, line);
    else print(io, line);
  }
}
