// `sri interpolate`: sentences along the way from one code to another, as in Table 2: between samples of the prior, or
// between two sentences of the user's own.

import { type Command, Option } from 'commander';
import { InputError } from '../errors.js';
import { PATHS, type Path } from '../evaluation/interpolation.js';
import type { InterpolationRequest } from '../experiments/interpolate.js';
import { TABLE_2 } from '../experiments/published.js';
import { shownText } from '../runs/shown-text.js';
import type { Interpolations } from '../runs/texts.js';
import { addDecodingOptions, type DecodingOptions, decodingOf, showTexts } from './decoding.js';
import type { Io } from './io.js';
import { wholeNumber } from './options.js';
import { type Chosen, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

interface InterpolateOptions extends TrainedRunOptions, DecodingOptions {
  pairs?: number | undefined;
  points: number;
  path: Path;
  from?: string | undefined;
  to?: string | undefined;
}

const EXAMPLES = `
Examples:
  sri interpolate --config snli.yaml --method sri
  sri interpolate --config snli.yaml --method fb-vae --pairs 10 --path spherical --out pairs.csv
  sri interpolate --config snli.yaml --method sri --from "a man is eating ." --to "two dogs run in the snow ."`;

export function addInterpolate(program: Command, io: Io): void {
  const command = program
    .command('interpolate')
    .description('write the sentences that lie between two codes; greedy ones in a straight line are kept for Table 2')
    .usage('[--config snli.yaml] [--method sri] | [--run DIR] [--from TEXT --to TEXT] [options]')
    .option('--pairs <number>', `pairs of samples of the prior; ${TABLE_2.pairs} unless given`, wholeNumber(1))
    .option('--points <number>', 'points from end to end, both included', wholeNumber(2), TABLE_2.points)
    .addOption(new Option('--path <name>', 'the way from end to end').choices(PATHS).default('straight'))
    .option(
      '--from <text>',
      'a sentence to start from, its words with spaces between; samples of the prior unless given',
    )
    .option('--to <text>', 'with --from: the sentence to end at');
  onTrainedRun(addDecodingOptions(command), io, {
    examples: EXAMPLES,
    needsCode: true,
    settle: ({ run, options }: Chosen<InterpolateOptions>) => {
      requestOf(options, run.seed);
      return run;
    },
    work: async (opened, options: InterpolateOptions, following) => {
      const { interpolateRun } = await import('../experiments/interpolate.js');
      return interpolateRun(opened, requestOf(options, opened.run.seed), following);
    },
    show: (interpolations, { folder, options }) =>
      showTexts(
        {
          event: 'interpolation',
          result: interpolations,
          text: listing(interpolations),
          columns: { Pair: ({ pair }) => pair, Point: ({ point }) => point, Position: ({ position }) => position },
        },
        { ...options, folder },
        io,
      ),
  });
}

/** @throws {InputError} for options that do not go together. */
function requestOf(options: InterpolateOptions, seed: number): InterpolationRequest {
  const { pairs, points, path, maxLength } = options;
  return { pairs, points, path, maxLength, between: betweenOf(options), decoding: decodingOf(options, seed) };
}

function betweenOf({ from, to, pairs }: InterpolateOptions): InterpolationRequest['between'] {
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined) throw new InputError('--from and --to go together; give both sentences');
  if (pairs !== undefined) throw new InputError('--from and --to are one pair; leave out --pairs');
  return { from, to };
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
