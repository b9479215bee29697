// `sri generate`: sentences from nothing but the model, as in Table 3: codes drawn from the prior, and decoded.

import type { Command } from 'commander';
import { InputError } from '../errors.js';
import type { OpenRun } from '../experiments/open-run.js';
import { drawNormals } from '../inference/sentence-noise.js';
import { GENERATIONS, type Generations, shownText } from '../runs/texts.js';
import {
  addDecodingOptions,
  type DecodingOptions,
  type DecodingRequest,
  decodeTexts,
  decodingOf,
  keepArtifact,
  settled,
  showTexts,
} from './decoding.js';
import type { Io } from './io.js';
import { chooseTrainedRun, wholeNumber } from './options.js';
import type { Progress } from './progress.js';
import { addTrainedRunOptions, type TrainedRunOptions, withOpenRun } from './trained-run.js';

interface GenerateOptions extends TrainedRunOptions, DecodingOptions {
  count: number;
}

/** What Table 3 prints of a method. */
export const TABLE_3 = { count: 10 } as const;

export function addGenerate(program: Command, io: Io): void {
  const command = program
    .command('generate')
    .description('write sentences decoded from samples of the prior; greedy ones are kept for Table 3')
    .usage('(--config snli.yaml --method sri | --run DIR) [options]')
    .option('--count <number>', 'sentences', wholeNumber(1), TABLE_3.count);
  addTrainedRunOptions(addDecodingOptions(command))
    .addHelpText(
      'after',
      `
Examples:
  sri generate --config snli.yaml --method sri
  sri generate --config snli.yaml --method lstm-lm --decode sample --count 1000 --out samples.txt
  sri generate --run runs/snli/sri/seed-0 --decode beam --beam-width 10`,
    )
    .action(async (options: GenerateOptions) => {
      const chosen = await chooseTrainedRun(options);
      const decoding = decodingOf(options, chosen.run.seed);
      const { count, maxLength } = options;
      await withOpenRun(
        chosen,
        options,
        io,
        (opened, progress) => generateRun(opened, { count, decoding, maxLength }, io, progress),
        (generations) =>
          showTexts(
            {
              event: 'generation',
              result: generations,
              text: generations.items.map(shownText),
              columns: { Sample: ({ sample }) => sample },
            },
            { ...options, folder: chosen.folder },
            io,
          ),
      );
    });
}

export interface GenerationRequest extends DecodingRequest {
  /** Sentences; ten where absent. */
  count?: number;
}

/**
 * Decodes samples of the prior. Sample i is of the same code however many are asked for. Those that are decoded as Table 3
 * is are kept in the run's folder for it: greedily, or drawn word by word where there is no code, and not cut shorter.
 * @throws {InputError} where all samples would be the same sentence: a model without a code, not decoded by sampling.
 * @throws {InterruptedError} if the user asked to stop.
 */
export async function generateRun(
  opened: OpenRun,
  { count = TABLE_3.count, ...request }: GenerationRequest,
  io: Io,
  progress: Progress,
): Promise<Generations> {
  const { run, model, provenance } = opened;
  const { decoding, maxLength } = settled(opened, request);
  if (!model.hasLatent && decoding.method !== 'sample') {
    throw new InputError(
      `${run.method} has no latent code, so ${decoding.method} decoding writes one sentence again and again; ` +
        'give --decode sample',
    );
  }
  const keys = { seed: run.seed, sentences: Int32Array.from({ length: count }, (_, sample) => sample) };
  const codes = model.hasLatent ? drawNormals(keys, 'prior-sample', { from: 0, to: 1, size: model.latentSize }) : null;
  const texts = await decodeTexts(opened, codes, count, { decoding, maxLength }, io, progress);
  const items = texts.map((text, i) => ({ sample: i + 1, ...text }));
  const generations = { ...provenance, seed: run.seed, decode: decoding, maxLength, items };
  const own = model.hasLatent
    ? decoding.method === 'greedy'
    : decoding.method === 'sample' && decoding.temperature === 1;
  if (own && request.maxLength === undefined) await keepArtifact(opened, GENERATIONS, generations);
  return generations;
}
