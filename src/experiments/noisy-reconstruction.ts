// How well a trained run says sentences back whose words inference read in a spoilt order (Table 4).

import type { SplitName } from '../data/splits.js';
import { noisyReconstruction } from '../evaluation/noisy-reconstruction.js';
import type { MeasuredRow } from '../runs/row.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, type RowEvent, rowKeeper, type Stage, stage } from './progress.js';

export interface NoisyReconRequest {
  /** Swaps of two words, each number once; 0 for plain reconstruction. */
  swaps: readonly number[];
  /** Noisy copies of each sentence. */
  noiseDraws: number;
  split: SplitName;
  /** Sentences, drawn at random; as the configuration has it where absent. */
  limit?: number | undefined;
}

/**
 * Measures noisy reconstruction of a run, a row for each number of swaps, each kept in its folder as soon as it is known.
 * @throws {InputError} for a method without a latent code, or a split without a sentence of two words.
 * @throws {InterruptedError} where the signal asked to stop; rows kept before stay.
 * @throws {Error} at the end, where rows could not be kept.
 */
export async function noisyReconRun(
  opened: OpenRun,
  { swaps, noiseDraws, split, limit }: NoisyReconRequest,
  { signal, onProgress }: Following<Stage | RowEvent> = {},
): Promise<MeasuredRow[]> {
  const { run, corpus } = opened;
  const model = latentModel(opened, 'sri noisy-recon');
  const keeper = rowKeeper(opened, () => ({ noiseDraws }), onProgress);
  await noisyReconstruction(
    model,
    corpus.splits[split],
    {
      swaps,
      noiseDraws,
      draws: run.evaluation.inferenceChains,
      seed: run.seed,
      batchSize: run.training.batchSize,
      limit: limit ?? run.evaluation.sentences,
      signal,
      onResult: (result) => keeper.keep(result),
    },
    stage(`noisy-recon on ${split}`, onProgress),
  );
  return keeper.settle();
}
