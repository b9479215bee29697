// How well a trained run says sentences back whose words inference read in a spoilt order (Table 4).

import type { SplitName } from '../data/corpus.js';
import { noisyReconstruction } from '../evaluation/noisy-reconstruction.js';
import { keepRows } from '../runs/measured-run.js';
import type { MeasuredRow } from '../runs/row.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, stage } from './progress.js';

export interface NoisyReconRequest {
  /** Swaps of two words, each number once; 0 for plain reconstruction. */
  swaps: readonly number[];
  /** Noisy copies of each sentence. */
  noiseDraws: number;
  split: SplitName;
  /** Sentences, drawn at random; as the configuration has it where absent. */
  limit?: number;
}

/**
 * Measures noisy reconstruction of a run, a row for each number of swaps, and keeps each row in its folder.
 * @throws {InputError} for a method without a latent code, or a split without a sentence of two words.
 * @throws {InterruptedError} where the signal asked to stop.
 */
export async function noisyReconRun(
  opened: OpenRun,
  { swaps, noiseDraws, split, limit }: NoisyReconRequest,
  { signal, onProgress }: Following = {},
): Promise<MeasuredRow[]> {
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
      signal,
    },
    stage(`noisy-recon on ${split}`, onProgress),
  );
  return keepRows(opened, results, () => ({ noiseDraws }));
}
