// `sri noisy-recon`: how well a trained run says sentences back whose words inference read in a spoilt order (Table 4).

import { type Command, Option } from 'commander';
import type { NoisyReconRequest } from '../experiments/noisy-reconstruction.js';
import { TABLE_4 } from '../experiments/published.js';
import type { Io } from './io.js';
import { wholeNumber, wholeNumbers } from './options.js';
import { addLimitOption, addSplitOption, onTrainedRun, type TrainedRunOptions } from './trained-run.js';

/** Swaps that leave nothing of the order of any sentence; more would only take longer. */
const MOST_SWAPS = 1000;

const EXAMPLES = `
Examples:
  sri noisy-recon --config snli.yaml --method sri
  sri noisy-recon --run runs/snli/fb-vae/seed-0 --swaps 0,1,2,4,8 --noise-draws 5 --limit 1000`;

export function addNoisyRecon(program: Command, io: Io): void {
  const command = program
    .command('noisy-recon')
    .description('measure reconstruction of sentences whose words were swapped before inference read them (Table 4)')
    .usage('[--config snli.yaml] [--method sri] | [--run DIR] [options]')
    .addOption(
      new Option('--swaps <list>', 'swaps of two words, with commas between; 0 is plain reconstruction')
        .argParser(wholeNumbers(0, MOST_SWAPS))
        .default(TABLE_4.swaps, TABLE_4.swaps.join(',')),
    )
    .option('--noise-draws <number>', 'noisy copies of each sentence', wholeNumber(1), TABLE_4.noiseDraws);
  onTrainedRun(addLimitOption(addSplitOption(command, TABLE_4.split)), io, {
    examples: EXAMPLES,
    needsCode: true,
    measures: 'noisy-recon',
    work: async (opened, { swaps, noiseDraws, split, limit }: TrainedRunOptions & NoisyReconRequest, following) => {
      const { noisyReconRun } = await import('../experiments/noisy-reconstruction.js');
      return noisyReconRun(opened, { swaps, noiseDraws, split, limit }, following);
    },
  });
}
