// `sri noisy-recon`: how well a trained run says sentences back whose words inference read in a spoilt order (Table 4).

import { type Command, Option } from 'commander';
import type { SplitName } from '../data/corpus.js';
import type { OpenRun } from '../experiments/open-run.js';
import type { MeasuredRow } from '../runs/measured-run.js';
import type { Io } from './io.js';
import { chooseTrainedRun, wholeNumber, wholeNumbers } from './options.js';
import type { Progress } from './progress.js';
import { keepRows, printRows } from './rows.js';
import {
  addLimitOption,
  addSplitOption,
  addTrainedRunOptions,
  type TrainedRunOptions,
  withOpenRun,
} from './trained-run.js';

export interface NoisyReconRequest {
  /** Swaps of two words, each number once; 0 for plain reconstruction. */
  swaps: readonly number[];
  /** Noisy copies of each sentence. */
  noiseDraws: number;
  split: SplitName;
  /** Sentences, drawn at random; as the configuration has it where absent. */
  limit?: number;
}

/** Swaps that leave nothing of the order of any sentence; more would only take longer. */
const MOST_SWAPS = 1000;

/** What Table 4 has. */
export const TABLE_4: Readonly<NoisyReconRequest> = { swaps: [1, 2, 3, 4], noiseDraws: 3, split: 'test' };

interface NoisyReconOptions extends TrainedRunOptions, NoisyReconRequest {}

export function addNoisyRecon(program: Command, io: Io): void {
  const command = program
    .command('noisy-recon')
    .description('measure reconstruction of sentences whose words were swapped before inference read them (Table 4)')
    .usage('(--config snli.yaml --method sri | --run DIR) [options]')
    .addOption(
      new Option('--swaps <list>', 'swaps of two words, with commas between; 0 is plain reconstruction')
        .argParser(wholeNumbers(0, MOST_SWAPS))
        .default(TABLE_4.swaps, TABLE_4.swaps.join(',')),
    )
    .option('--noise-draws <number>', 'noisy copies of each sentence', wholeNumber(1), TABLE_4.noiseDraws);
  addLimitOption(addTrainedRunOptions(addSplitOption(command, TABLE_4.split)))
    .addHelpText(
      'after',
      `
Examples:
  sri noisy-recon --config snli.yaml --method sri
  sri noisy-recon --run runs/snli/fb-vae/seed-0 --swaps 0,1,2,4,8 --noise-draws 5 --limit 1000`,
    )
    .action(async ({ swaps, noiseDraws, split, limit, ...options }: NoisyReconOptions) => {
      const chosen = await chooseTrainedRun(options);
      await withOpenRun(
        chosen,
        options,
        io,
        (opened, progress) => noisyReconRun(opened, { swaps, noiseDraws, split, limit }, io, progress),
        (rows) => printRows(rows, chosen.folder, io, options.json),
      );
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
  const [{ noisyReconstruction }, { latentModel }] = await Promise.all([
    import('../evaluation/noisy-reconstruction.js'),
    import('../experiments/open-run.js'),
  ]);
  const { run, corpus } = opened;
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
  return keepRows(opened, results);
}
