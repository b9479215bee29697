// `sri interpolate`: sentences along the way from one code to another, as in Table 2: between samples of the prior, or
// between two sentences of the user's own.

import { type Command, Option } from 'commander';
import { EncodedSplit } from '../data/corpus.js';
import { encodeSentence } from '../data/encode-sentence.js';
import { InputError } from '../errors.js';
import { inferCodes } from '../evaluation/codes.js';
import type { LatentModel } from '../evaluation/evaluate.js';
import { interpolate, PATHS, type Path } from '../evaluation/interpolation.js';
import type { OpenRun } from '../experiments/open-run.js';
import { drawNormals } from '../inference/sentence-noise.js';
import { INTERPOLATIONS, type Interpolations, shownText } from '../runs/texts.js';
import {
  addDecodingOptions,
  type DecodingOptions,
  type DecodingRequest,
  decodeTexts,
  decodingOf,
  keepArtifact,
  settled,
  showTexts,
  textOf,
} from './decoding.js';
import type { Io } from './io.js';
import { chooseTrainedRun, wholeNumber } from './options.js';
import type { Progress } from './progress.js';
import { addTrainedRunOptions, type TrainedRunOptions, withOpenRun } from './trained-run.js';

interface InterpolateOptions extends TrainedRunOptions, DecodingOptions {
  pairs?: number;
  points: number;
  path: Path;
  from?: string;
  to?: string;
}

/** What Table 2 prints of a method; of the points both ends are. */
export const TABLE_2 = { pairs: 3, points: 5 } as const;

export function addInterpolate(program: Command, io: Io): void {
  const command = program
    .command('interpolate')
    .description('write the sentences that lie between two codes; greedy ones in a straight line are kept for Table 2')
    .usage('(--config snli.yaml --method sri | --run DIR) [--from TEXT --to TEXT] [options]')
    .option('--pairs <number>', `pairs of samples of the prior; ${TABLE_2.pairs} unless given`, wholeNumber(1))
    .option('--points <number>', 'points from end to end, both included', wholeNumber(2), TABLE_2.points)
    .addOption(new Option('--path <name>', 'the way from end to end').choices(PATHS).default('straight'))
    .option('--from <text>', "a sentence to start from, in place of the prior's samples; words with spaces between")
    .option('--to <text>', 'the sentence to end at');
  addTrainedRunOptions(addDecodingOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  sri interpolate --config snli.yaml --method sri
  sri interpolate --config snli.yaml --method fb-vae --pairs 10 --path spherical --out pairs.csv
  sri interpolate --config snli.yaml --method sri --from "a man is eating ." --to "two dogs run in the snow ."`,
    )
    .action(async (options: InterpolateOptions) => {
      const between = betweenOf(options);
      const chosen = await chooseTrainedRun(options);
      const decoding = decodingOf(options, chosen.run.seed);
      const { pairs, points, path, maxLength } = options;
      const request = { pairs, points, path, between, decoding, maxLength };
      await withOpenRun(
        chosen,
        options,
        io,
        (opened, progress) => interpolateRun(opened, request, io, progress),
        (interpolations) =>
          showTexts(
            {
              event: 'interpolation',
              result: interpolations,
              text: listing(interpolations),
              columns: {
                Pair: ({ pair }) => pair,
                Point: ({ point }) => point,
                Position: ({ position }) => position,
              },
            },
            { ...options, folder: chosen.folder },
            io,
          ),
      );
    });
}

function betweenOf({ from, to, pairs }: InterpolateOptions): InterpolationRequest['between'] {
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined) throw new InputError('--from and --to go together; give both sentences');
  if (pairs !== undefined) throw new InputError('--from and --to are one pair; leave out --pairs');
  return { from, to };
}

export interface InterpolationRequest extends DecodingRequest {
  /** Pairs of samples of the prior; three where absent. */
  pairs?: number;
  /** From end to end, both included; five where absent. */
  points?: number;
  /** Straight where absent, as in the paper. */
  path?: Path;
  /** Two sentences of the user's own, in place of samples. */
  between?: { from: string; to: string };
}

/**
 * Decodes the points between codes. Between samples of the prior a pair is the same however many are asked for,
 * and what is made as Table 2 is - greedily, in a straight line, with its number of points, not cut shorter - is kept in the
 * run's folder for it. Between two sentences the ends are E_q[z], so the first and the last
 * text are their reconstructions.
 * @throws {InputError} for a method without a latent code, and for a sentence without words.
 * @throws {InterruptedError} if the user asked to stop.
 */
export async function interpolateRun(
  opened: OpenRun,
  { pairs = TABLE_2.pairs, points = TABLE_2.points, path = 'straight', between, ...request }: InterpolationRequest,
  io: Io,
  progress: Progress,
): Promise<Interpolations> {
  const { latentModel } = await import('../experiments/open-run.js');
  const model = latentModel(opened, 'sri interpolate');
  const { run, provenance } = opened;
  const { decoding, maxLength } = settled(opened, request);
  const ends =
    between === undefined
      ? priorEnds(model, run.seed, pairs)
      : await inferredEnds(opened, model, between, io, progress);
  const codes = Float32Array.from(ends.pairs.flatMap(([from, to]) => [...interpolate(from, to, points, path)]));
  const count = ends.pairs.length * points;
  const texts = await decodeTexts(opened, codes, count, { decoding, maxLength }, io, progress);
  const items = texts.map((text, i) => {
    const point = i % points;
    return { pair: Math.floor(i / points) + 1, point: point + 1, position: point / (points - 1), ...text };
  });
  const made = { ...provenance, seed: run.seed, decode: decoding, maxLength };
  const interpolations = { ...made, path, between: ends.between, items };
  const own = decoding.method === 'greedy' && path === 'straight' && points === TABLE_2.points;
  if (between === undefined && own && request.maxLength === undefined)
    await keepArtifact(opened, INTERPOLATIONS, interpolations);
  return interpolations;
}

interface Ends {
  /** Codes, `[latentSize]` each. */
  pairs: (readonly [from: Float32Array, to: Float32Array])[];
  between: Interpolations['between'];
}

/** Two independent samples of the prior a pair. */
function priorEnds({ latentSize }: LatentModel, seed: number, pairs: number): Ends {
  const keys = { seed, sentences: Int32Array.from({ length: pairs }, (_, pair) => pair) };
  const samples = drawNormals(keys, 'interpolation-end', { from: 0, to: 2, size: latentSize });
  const code = (end: number, pair: number) => {
    const at = (end * pairs + pair) * latentSize;
    return samples.subarray(at, at + latentSize);
  };
  return { pairs: Array.from({ length: pairs }, (_, pair) => [code(0, pair), code(1, pair)]), between: null };
}

/** E_q[z] of the two sentences, by the run's own inference. */
async function inferredEnds(
  { run, corpus }: OpenRun,
  model: LatentModel,
  { from, to }: NonNullable<InterpolationRequest['between']>,
  io: Io,
  progress: Progress,
): Promise<Ends> {
  const [first, second] = [encoded(corpus, '--from', from, progress), encoded(corpus, '--to', to, progress)];
  const ids = Int32Array.of(...first, ...second);
  const split = new EncodedSplit('given', ids, Int32Array.of(0, first.length, ids.length), null);
  const { mean } = await inferCodes(model, split, {
    indices: Int32Array.of(0, 1),
    batchSize: 2,
    seed: run.seed,
    draws: run.evaluation.inferenceChains,
    signal: io.stop,
  });
  return {
    pairs: [[mean.subarray(0, model.latentSize), mean.subarray(model.latentSize)]],
    between: { from: textOf(corpus, first), to: textOf(corpus, second) },
  };
}

/** @throws {InputError} naming the option where the sentence has no words. */
function encoded(corpus: OpenRun['corpus'], option: string, text: string, progress: Progress): Int32Array {
  const { ids, unknown } = encodeSentence(text, corpus.settings, corpus.vocabulary);
  if (ids.length === 0) {
    throw new InputError(`${option} ${JSON.stringify(text)}: no words; give a sentence, with spaces between its words`);
  }
  if (unknown.length > 0) {
    const line = `${option}: not in the vocabulary of ${corpus.name}, so read as <unk>: ${unknown.join(' ')}`;
    progress.say(line, { event: 'unknown-words', option, words: unknown });
  }
  return ids;
}

/** As a person reads it: a heading a pair, a line a point. */
function listing({ between, items }: Interpolations): string[] {
  const width = String(items.at(-1)!.point).length;
  const lines = items.flatMap((item) => [
    ...(item.point === 1 && between === null ? [`pair ${item.pair}`] : []),
    `  ${String(item.point).padStart(width)}  ${shownText(item)}`,
  ]);
  return between === null ? lines : [`from  ${between.from}`, ...lines, `to    ${between.to}`];
}
