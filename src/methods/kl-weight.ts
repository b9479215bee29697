// beta, the weight of the KL in a VAE's loss, as it changes while the run goes on: the keys of every method that has one.

import { z } from 'zod';
import { notNegative, positive } from '../config/numbers.js';
import { epochsDone, intoCycle } from './cycles.js';
import type { Position } from './method.js';

const schedule = z.strictObject({
  start: z.number().min(0).max(1).describe('weight at the first update of a cycle; a number from 0 to 1'),
  warmupEpochs: positive.describe('epochs over which the weight rises linearly to 1; a number above 0'),
  cycleEpochs: positive
    .nullable()
    .describe('epochs after which the weight falls back to `start`; a number above 0, or null for never'),
});

/** A cycle has time to rise to 1. */
function isReached({ warmupEpochs, cycleEpochs }: { warmupEpochs: number; cycleEpochs: number | null }): boolean {
  return cycleEpochs === null || warmupEpochs <= cycleEpochs;
}

const NOT_REACHED = {
  path: ['warmupEpochs'],
  message: 'above `cycleEpochs`, so the weight never rises to 1; give as much or less',
};

export const klWeightKeys = {
  klWeight: z
    .union([notNegative, schedule.refine(isReached, NOT_REACHED)])
    .describe("weight of the KL in a VAE's loss: a number from 0, or {start, warmupEpochs, cycleEpochs}"),
};
export type KlWeightKeys = { klWeight: z.infer<typeof klWeightKeys.klWeight> };

export const KL_WEIGHT_DEFAULTS: KlWeightKeys = { klWeight: 1 };

/** The weight of the KL where it must fall back to its start, again and again. */
export const cyclicalKlWeightKeys = {
  klWeight: schedule
    .extend({
      cycleEpochs: positive.describe('epochs after which the weight falls back to `start`; a number above 0'),
    })
    .refine(isReached, NOT_REACHED)
    .describe("weight of the KL in a VAE's loss: {start, warmupEpochs, cycleEpochs}"),
};

/**
 * A constant, or a weight that rises linearly from `start` to 1 over `warmupEpochs` (Bowman et al. 2016) and, where there
 * are cycles, falls back and rises again (Fu et al. 2019). It moves with every update, not by epochs.
 */
export function klWeightAt(klWeight: KlWeightKeys['klWeight'], at: Position): number {
  if (typeof klWeight === 'number') return klWeight;
  const { start, warmupEpochs, cycleEpochs } = klWeight;
  const epochs = epochsDone(at);
  const risen = cycleEpochs === null ? epochs : intoCycle(epochs, cycleEpochs);
  return Math.min(1, start + ((1 - start) * risen) / warmupEpochs);
}
