// `sri encode`, `sri decode` and `sri neighbours`: a trained model in use, on sentences and vectors of one's own. Each reads
// a file or standard input and writes a file or standard output, so that they stand in a pipe.

import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SPLIT_NAMES, type SplitName } from '../data/splits.js';
import type { Distance } from '../experiments/neighbours.js';
import { counted } from '../notation.js';
import { shownText } from '../runs/shown-text.js';
import { addDecodingOptions, type DecodingOptions, decodingOf, showTexts } from './decoding.js';
import { type Io, note, print, printJson } from './io.js';
import { seedNumber, wholeNumber } from './options.js';
import { type Chosen, onTrainedRun, type TrainedRunOptions } from './trained-run.js';
import { formatOf, VECTOR_FORMATS, type VectorFormat } from './vector-formats.js';

const DISTANCES: readonly Distance[] = ['euclidean', 'cosine'];

const INPUT = 'a sentence a line, a label of the corpus before it left out; standard input unless given';

interface EncodeOptions extends TrainedRunOptions {
  draws?: number | undefined;
  format?: VectorFormat | undefined;
  out?: string | undefined;
}

export function addEncode(program: Command, io: Io): void {
  const command = program
    .command('encode')
    .description("turn sentences into vectors by the run's own inference: the mean of q(z | x), and its spread")
    .usage('[file] [--run DIR] [--out codes.npy] [options]')
    .argument('[file]', INPUT)
    .option(
      '--draws <number>',
      'draws a sentence where q is none that is known whole; as in the config unless given',
      wholeNumber(2),
    )
    .addOption(
      new Option('--format <name>', 'of what is written; by the name of --out, or csv, unless given').choices(
        VECTOR_FORMATS,
      ),
    )
    .option(
      '--out <file>',
      'write to a file, .csv, .npy (means alone) or .safetensors; to standard output unless given',
      vectorFile,
    );
  onTrainedRun(command, io, {
    needsCode: true,
    examples: `
Examples:
  sri encode reviews.txt --out codes.npy
  echo "the people know it ." | sri encode --run runs/sotu/sri/seed-0`,
    work: async (opened, options: EncodeOptions, following, [file]) => {
      const [{ linesOf, readInput }, { encode }] = await Promise.all([
        import('./input.js'),
        import('../experiments/encode.js'),
      ]);
      const input = await readInput(file, io);
      return encode(opened, { lines: linesOf(input), source: input.source, draws: options.draws }, following);
    },
    show: async (encoding, { folder, options }) => {
      const { out, json } = options;
      const { latentSize, mean, standardDeviation, texts } = encoding;
      if (json) {
        texts.forEach((text, i) => {
          const part = (values: Float32Array) => [...values.subarray(i * latentSize, (i + 1) * latentSize)];
          const fields = { text, mean: part(mean), standardDeviation: part(standardDeviation) };
          printJson(io, { event: 'encoding', folder: folder.directory, ...fields });
        });
      }
      if (json && out === undefined) return;
      const format = options.format ?? (out === undefined ? null : formatOf(out)) ?? 'csv';
      const { encodeVectors } = await import('./codes-io.js');
      const pieces = await encodeVectors(encoding, format);
      if (out === undefined) {
        for (const piece of pieces) io.out.write(piece);
        return;
      }
      const [{ writeFileAtomic }, { makeFolder }] = await Promise.all([
        import('../storage/atomic-write.js'),
        import('../storage/folder.js'),
      ]);
      makeFolder(path.dirname(out));
      await writeFileAtomic(out, pieces);
      note(io, `${counted(texts.length, 'code')} of ${counted(latentSize, 'dimension')} written to ${out}`);
    },
  });
}

interface DecodeOptions extends TrainedRunOptions, DecodingOptions {
  sampleSeed?: number | undefined;
}

export function addDecode(program: Command, io: Io): void {
  const command = program
    .command('decode')
    .description('turn vectors into sentences')
    .usage('[file] [--run DIR] [--decode beam] [options]')
    .argument(
      '[file]',
      'vectors as .csv, .npy or .safetensors, told apart by what they hold; standard input unless given',
    );
  onTrainedRun(addSampleSeedOption(addDecodingOptions(command)), io, {
    needsCode: true,
    examples: `
Examples:
  sri decode codes.npy
  echo "the people know it ." | sri encode | sri decode --decode beam
  sri decode codes.csv --decode sample --temperature 0.7 --sample-seed 1 --out texts.csv`,
    settle: ({ run, options }: Chosen<DecodeOptions>) => {
      decodingOf(options, run.seed);
      return run;
    },
    work: async (opened, options: DecodeOptions, following, [file]) => {
      const [{ readInput }, { decodeVectors }] = await Promise.all([import('./input.js'), import('./codes-io.js')]);
      const input = await readInput(file, io);
      const vectors = await decodeVectors(input);
      const { decode } = await import('../experiments/decode.js');
      const decoding = decodingOf(options, options.sampleSeed ?? opened.run.seed);
      const texts = await decode(
        opened,
        { ...vectors, source: input.source },
        { decoding, maxLength: options.maxLength },
        following,
      );
      return { items: texts.map((text, i) => ({ code: i + 1, ...text })) };
    },
    show: (result, { folder, options }) =>
      showTexts(
        {
          event: 'decoding',
          result,
          text: result.items.map(shownText),
          lines: result.items.map(({ text }) => text),
          columns: { Code: ({ code }) => code },
        },
        { ...options, folder },
        io,
      ),
  });
}

/** Apart from `--seed`, which says which run is meant. */
export function addSampleSeedOption(command: Command): Command {
  return command.option('--sample-seed <number>', "seed of what is drawn here; the run's own unless given", seedNumber);
}

interface NeighboursOptions extends TrainedRunOptions {
  split: SplitName;
  limit?: number | undefined;
  count: number;
  distance: Distance;
  draws?: number | undefined;
}

export function addNeighbours(program: Command, io: Io): void {
  const command = program
    .command('neighbours')
    .description("find the corpus's sentences whose codes lie nearest to those of given ones")
    .usage('[file] [--run DIR] [--count 5] [options]')
    .argument('[file]', INPUT)
    .addOption(new Option('--split <name>', 'which sentences are looked among').choices(SPLIT_NAMES).default('test'))
    .option('--limit <number>', 'so many of them, drawn at random; all unless given', wholeNumber(1))
    .option('--count <number>', 'neighbours of each', wholeNumber(1), 5)
    .addOption(new Option('--distance <name>', 'between mean codes').choices(DISTANCES).default('euclidean'))
    .option('--draws <number>', 'draws a sentence, as in sri encode; as in the config unless given', wholeNumber(2));
  onTrainedRun(command, io, {
    needsCode: true,
    examples: `
Examples:
  echo "the people know it ." | sri neighbours --split train --limit 2000
  sri neighbours queries.txt --run runs/yelp/sri/seed-0 --distance cosine --json`,
    work: async (opened, options: NeighboursOptions, following, [file]) => {
      const [{ linesOf, readInput }, { neighbours }] = await Promise.all([
        import('./input.js'),
        import('../experiments/neighbours.js'),
      ]);
      const input = await readInput(file, io);
      const { split, limit = null, count, distance, draws } = options;
      const given = { lines: linesOf(input), source: input.source, draws };
      return neighbours(opened, { ...given, split, limit, count, distance }, following);
    },
    show: (found, { folder, options }) => {
      for (const { text, neighbours } of found) {
        if (options.json) {
          printJson(io, { event: 'neighbours', folder: folder.directory, text, neighbours });
          continue;
        }
        print(io, text);
        for (const { rank, distance, text: near, label } of neighbours) {
          print(io, `  ${rank}  ${distance.toFixed(3)}  ${near}${label === null ? '' : `  [${label}]`}`);
        }
      }
    },
  });
}

function vectorFile(text: string): string {
  if (formatOf(text) === null) throw new InvalidArgumentError('Its name must end in .csv, .npy or .safetensors.');
  return text;
}
