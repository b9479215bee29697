// `sri generate`: sentences from nothing but the model, as in Table 3: codes drawn from the prior, and decoded.

import type { Command } from 'commander';
import { InputError } from '../errors.js';
import { drawNormals } from '../inference/sentence-noise.js';
import { GENERATIONS, type Generations, shownText } from '../report/texts.js';
import {
  addDecodingOptions,
  type DecodingOptions,
  type DecodingRequest,
  decodeTexts,
  decodingOf,
  keepArtifact,
  settled,
  writeOut,
} from './decoding.js';
import { type Io, print, printJson } from './io.js';
import type { OpenRun } from './open-run.js';
import {
  addMachineOptions,
  addRunOptions,
  chooseTrainedRun,
  type MachineOptions,
  type RunOptions,
  wholeNumber,
} from './options.js';
import { createProgress, type Progress } from './progress.js';

interface GenerateOptions extends RunOptions, MachineOptions, DecodingOptions {
  count: number;
  weights: string;
}

/** As many as Table 3 prints of a method. */
const COUNT = 10;

export function addGenerate(program: Command, io: Io): void {
  const command = program
    .command('generate')
    .description('write sentences decoded from samples of the prior')
    .usage('(--config snli.yaml --method sri | --run DIR) [options]')
    .option('--count <number>', 'sentences', wholeNumber(1), COUNT);
  addMachineOptions(addRunOptions(addDecodingOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  sri generate --config snli.yaml --method sri
  sri generate --config snli.yaml --method lstm-lm --decode sample --count 1000 --out samples.txt
  sri generate --run runs/snli/sri/seed-0 --decode beam --beam-width 10`,
    )
    .action(async (options: GenerateOptions) => {
      const { run, folder } = await chooseTrainedRun(options);
      const { openRun } = await import('./open-run.js');
      const decoding = decodingOf(options, run.seed);
      const progress = createProgress(io, options.json ?? false);
      const opened = await openRun(run, folder, options.weights);
      try {
        const { count, maxLength } = options;
        const generations = await generateRun(opened, { count, decoding, maxLength }, io, progress);
        progress.end();
        const text = generations.items.map(shownText);
        if (options.json) {
          for (const item of generations.items) {
            printJson(io, { event: 'generation', folder: folder.directory, ...item });
          }
        } else {
          for (const line of text) print(io, line);
        }
        if (options.out !== undefined) {
          const rows = generations.items.map((item) => [
            item.sample,
            item.text,
            item.ended ? 'yes' : 'no',
            item.logProbability,
          ]);
          const columns = ['Sample', 'Text', 'Ended', 'Log probability'];
          await writeOut(options.out, { csv: { columns, rows }, json: generations, text }, io);
        }
      } finally {
        progress.end();
        opened.dispose();
      }
    });
}

export interface GenerationRequest extends DecodingRequest {
  /** Sentences; ten where absent. */
  count?: number;
}

/**
 * Decodes samples of the prior, and keeps them in the run's folder for Table 3. Sample i is of the same code however
 * many are asked for.
 * @throws {InputError} where all samples would be the same sentence: a model without a code, not decoded by sampling.
 * @throws {InterruptedError} if the user asked to stop.
 */
export async function generateRun(
  opened: OpenRun,
  { count = COUNT, ...request }: GenerationRequest,
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
  await keepArtifact(opened, GENERATIONS, generations);
  return generations;
}
