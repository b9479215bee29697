// What `sri generate` and `sri interpolate` share: the options that say how codes become sentences, and the
// file that the sentences may go to.

import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '../errors.js';
import type { Decoding } from '../model/decoding.js';
import { counted } from '../notation.js';
import type { RunFolder } from '../runs/run-folder.js';
import type { DecodedText } from '../runs/texts.js';
import { type Io, note, print, printJson } from './io.js';
import { numberThat, wholeNumber } from './options.js';
import type { Screen } from './paint.js';

/** What the options of {@link addDecodingOptions} hold. */
export interface DecodingOptions {
  decode: Decoding['method'];
  temperature?: number | undefined;
  beamWidth?: number | undefined;
  lengthPower?: number | undefined;
  maxLength?: number | undefined;
  out?: string | undefined;
}

export function addDecodingOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--decode <how>', 'how the next word is chosen')
        .choices(['greedy', 'sample', 'beam'])
        .default('greedy'),
    )
    .addOption(
      new Option(
        '--temperature <number>',
        'of --decode sample: 1 draws from the model, less is nearer to greedy; 1 unless given',
      ).argParser(numberThat((value) => value > 0, 'a number above 0')),
    )
    .addOption(
      new Option(
        '--beam-width <number>',
        'of --decode beam: sentences that go on side by side; 5 unless given',
      ).argParser(wholeNumber(1)),
    )
    .addOption(
      new Option(
        '--length-power <number>',
        'of --decode beam: log probabilities are divided by the length to this power before sentences are compared; 0 unless given',
      ).argParser(numberThat((value) => value >= 0, 'a number from 0')),
    )
    .option(
      '--max-length <number>',
      'longest sentence in words; that of the training sentences unless given',
      wholeNumber(1),
    )
    .option('--out <file>', 'also write them to a file, .csv, .json or .txt; none unless given', outFile);
}

/**
 * The decoding that the options ask for.
 * @throws {InputError} for an option of another way to decode.
 */
export function decodingOf(options: DecodingOptions, seed: number): Decoding {
  const { decode, temperature, beamWidth, lengthPower } = options;
  const misplaced = [
    { name: '--temperature', value: temperature, of: 'sample' },
    { name: '--beam-width', value: beamWidth, of: 'beam' },
    { name: '--length-power', value: lengthPower, of: 'beam' },
  ].find(({ value, of }) => value !== undefined && of !== decode);
  if (misplaced !== undefined) throw new InputError(`${misplaced.name} goes with --decode ${misplaced.of}`);
  switch (decode) {
    case 'greedy':
      return { method: 'greedy' };
    case 'sample':
      return { method: 'sample', temperature: temperature ?? 1, seed };
    case 'beam':
      return { method: 'beam', width: beamWidth ?? 5, lengthPower: lengthPower ?? 0 };
  }
}

/** What was decoded, in the forms in which it can be shown. */
export interface ShownTexts<Item extends DecodedText> {
  /** What a line of `--json` says it is. */
  event: string;
  result: { readonly items: readonly Item[] };
  /** As a person reads it. */
  text: readonly string[];
  /** As the next program in a pipe reads it, a text a line; what a person reads where absent. */
  lines?: readonly string[];
  /** Columns of a CSV before those that every decoded text has. */
  columns: Readonly<Record<string, (item: Item) => number | string>>;
}

/** Prints what was decoded, and writes it to the file of `--out` too; its folder is made where missing. */
export async function showTexts<Item extends DecodedText>(
  { event, result, text, lines, columns }: ShownTexts<Item>,
  { folder, json, out }: { folder: RunFolder; json?: boolean | undefined; out?: string | undefined },
  io: Io,
): Promise<void> {
  if (json) for (const item of result.items) printJson(io, { event, folder: folder.directory, ...item });
  else if (lines === undefined || (io.out as Screen).isTTY) for (const line of text) print(io, line);
  else {
    for (const line of lines) print(io, line);
    noteUnfinished(result.items, io);
  }
  if (out === undefined) return;
  const [{ csvText }, { writeFileAtomic }, { makeFolder }] = await Promise.all([
    import('../storage/csv.js'),
    import('../storage/atomic-write.js'),
    import('../storage/folder.js'),
  ]);
  const forms: Record<string, () => string> = {
    '.csv': () =>
      csvText([
        [...Object.keys(columns), 'Text', 'Ended', 'Log probability'],
        ...result.items.map((item) => [
          ...Object.values(columns).map((cell) => cell(item)),
          item.text,
          item.ended ? 'yes' : 'no',
          item.logProbability,
        ]),
      ]),
    '.json': () => `${JSON.stringify(result, null, 2)}\n`,
    '.txt': () => `${(lines ?? text).join('\n')}\n`,
  };
  makeFolder(path.dirname(out));
  await writeFileAtomic(out, forms[path.extname(out)]!());
  note(io, `written to ${out}`);
}

/** Says what a person would see in the lines themselves. */
function noteUnfinished(items: readonly DecodedText[], io: Io): void {
  const [cut, empty] = [items.filter(({ ended }) => !ended).length, items.filter(({ text }) => text === '').length];
  const told = [
    ...(cut === 0 ? [] : [`${cut} cut at the longest length`]),
    ...(empty === 0 ? [] : [`${empty} without words, an empty line each`]),
  ];
  if (told.length > 0) note(io, `of ${counted(items.length, 'text')} ${told.join(', and ')}`);
}

function outFile(text: string): string {
  if (!['.csv', '.json', '.txt'].includes(path.extname(text))) {
    throw new InvalidArgumentError('Its name must end in .csv, .json or .txt.');
  }
  return text;
}
