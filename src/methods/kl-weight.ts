// beta, the weight of the KL in a VAE's loss, as it changes while the run goes on.

import type { RunConfig } from '../config/schema.js';
import type { Position } from './method.js';

/**
 * A constant, or a weight that rises linearly from `start` to 1 over `warmupEpochs` (Bowman et al. 2016) and, where there
 * are cycles, falls back and rises again (Fu et al. 2019). It moves with every update, not by epochs.
 */
export function klWeightAt(klWeight: RunConfig['klWeight'], { epoch, batch, batches }: Position): number {
  if (typeof klWeight === 'number') return klWeight;
  const { start, warmupEpochs, cycleEpochs } = klWeight;
  const epochs = epoch - 1 + batch / batches;
  const intoCycle = cycleEpochs === null ? epochs : epochs % cycleEpochs;
  return Math.min(1, start + ((1 - start) * intoCycle) / warmupEpochs);
}
