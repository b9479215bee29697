// `sri noisy-recon`: how well a trained run says sentences back whose words inference read in a spoilt order (Table 4).

import { type Command, InvalidArgumentError, Option } from 'commander';
import { SPLIT_NAMES, type SplitName } from '../data/corpus.js';
import type { MeasuredRow } from '../report/measured.js';
import { describeRow } from './eval.js';
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

export interface NoisyReconRequest {
  /** Swaps of two words, each number once; 0 for plain reconstruction. */
  swaps: readonly number[];
  /** Noisy copies of each sentence. */
  noiseDraws: number;
  split: SplitName;
  /** Sentences, drawn by seed; as the configuration has it where absent. */
  limit?: number;
}

/** What Table 4 has. */
export const TABLE_4: Readonly<NoisyReconRequest> = { swaps: [1, 2, 3, 4], noiseDraws: 3, split: 'test' };

interface NoisyReconOptions extends RunOptions, MachineOptions, NoisyReconRequest {
  weights: string;
}

export function addNoisyRecon(program: Command, io: Io): void {
  const command = program
    .command('noisy-recon')
    .description('measure reconstruction of sentences whose words were swapped before inference read them (Table 4)')
    .usage('(--config snli.yaml --method sri | --run DIR) [options]')
    .addOption(
      new Option('--swaps <list>', 'swaps of two words, with commas between; 0 is plain reconstruction')
        .argParser(parseSwaps)
        .default(TABLE_4.swaps, TABLE_4.swaps.join(',')),
    )
    .option('--noise-draws <number>', 'noisy copies of each sentence', wholeNumber(1), TABLE_4.noiseDraws);
  addMachineOptions(addRunOptions(command))
    .addOption(new Option('--split <name>', 'which sentences').choices(SPLIT_NAMES).default(TABLE_4.split))
    .option(
      '--limit <number>',
      'so many sentences of the split, drawn by seed; as in the config unless given',
      wholeNumber(2),
    )
    .option('--weights <name>', 'best, or epoch-<n> for those that training.keepEpochs kept', 'best')
    .addHelpText(
      'after',
      `
Examples:
  sri noisy-recon --config snli.yaml --method sri
  sri noisy-recon --run runs/snli/fb-vae/seed-0 --swaps 0,1,2,4,8 --noise-draws 5 --limit 1000`,
    )
    .action(async ({ swaps, noiseDraws, split, limit, weights, ...options }: NoisyReconOptions) => {
      const { run, folder } = await chooseTrainedRun(options);
      const { openRun } = await import('./open-run.js');
      const json = options.json ?? false;
      const progress = createProgress(io, json);
      const opened = await openRun(run, folder, weights);
      try {
        const rows = await noisyReconRun(opened, { swaps, noiseDraws, split, limit }, io, progress);
        progress.end();
        for (const row of rows) {
          if (json) printJson(io, { event: 'row', folder: folder.directory, ...row });
          else for (const line of describeRow(row)) print(io, line);
        }
      } finally {
        progress.end();
        opened.dispose();
      }
    });
}

/**
 * Measures noisy reconstruction of a run, a row for each number of swaps, and keeps each row in its folder.
 * @throws {InputError} for a method without a latent code, or a split without a sentence of two words.
 * @throws {InterruptedError} where the user asked to stop.
 */
export async function noisyReconRun(
  opened: OpenRun,
  { swaps, noiseDraws, split, limit }: NoisyReconRequest,
  io: Io,
  progress: Progress,
): Promise<MeasuredRow[]> {
  const [{ noisyReconstruction }, { latentModel }, { rowName }] = await Promise.all([
    import('../evaluation/noisy-reconstruction.js'),
    import('./open-run.js'),
    import('../report/measured.js'),
  ]);
  const { run, folder, corpus, provenance } = opened;
  const results = await noisyReconstruction(
    latentModel(opened, 'sri noisy-recon'),
    corpus.splits[split],
    {
      swaps,
      noiseDraws,
      draws: run.evaluation.inferenceChains,
      seed: run.seed,
      batchSize: run.training.batchSize,
      limit: limit ?? run.evaluation.sentences,
      signal: io.stop,
    },
    (done, total) => {
      progress.update({ label: `${run.name} noisy-recon on ${split}`, done, total, quantities: {} });
    },
  );
  const rows = results.map((row) => ({ ...row, ...provenance }));
  for (const row of rows) await folder.writeRow(rowName(row), row);
  return rows;
}

/** Whole numbers from 0 with commas between, each once. */
function parseSwaps(text: string): number[] {
  const numbers = text.split(',').map((item) => item.trim());
  if (!numbers.every((item) => /^\d{1,6}$/.test(item))) {
    throw new InvalidArgumentError('It must be whole numbers from 0 with commas between, such as 1,2,3,4.');
  }
  return [...new Set(numbers.map(Number))];
}
