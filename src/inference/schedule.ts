// What the Langevin chain's settings come to: how they depend on the epoch, and where steps share a gradient. The constant
// dynamics of the paper and the released code's rising temperature are values of one configuration.

import type { LangevinSchedule } from '../model/likelihood.js';
import type { Langevin } from './langevin-keys.js';

/** K, and how many of the steps share each gradient; null for a gradient a step. */
interface Steps {
  steps: number;
  gradients: readonly number[] | null;
}

/** How many consecutive steps of the dynamics each gradient of the chain stands for; they add up to K. */
export function stepsPerGradient({ steps, gradients }: Steps): readonly number[] {
  return gradients ?? Array<number>(steps).fill(1);
}

/**
 * s of each step that a gradient is computed for; a list of sizes that is shorter than K repeats its last.
 *
 * Steps s_j .. s_{j+m-1} that share a gradient g, and with it the prior's term, are one step of their sum: their drifts
 * add up, and so do the variances 2 s_k of their noise, so z - (sum s)(z + g) + tau sqrt(2 sum s) eps has the
 * distribution of their end. Everything that runs, counts or measures a chain therefore sees the merged steps alone.
 */
export function stepSizes({ steps, stepSize, gradients }: Steps & Pick<Langevin, 'stepSize'>): Float32Array {
  const listed = typeof stepSize === 'number' ? [stepSize] : stepSize;
  let k = 0;
  return Float32Array.from(stepsPerGradient({ steps, gradients }), (count) => {
    let sum = 0;
    for (const end = k + count; k < end; k++) sum += listed[Math.min(k, listed.length - 1)]!;
    return sum;
  });
}

/** Where in a run the dynamics are asked for. */
export interface Moment {
  /** From 1. */
  epoch: number;
  /** Share of the epoch's iterations that are done, from 0 to 1. */
  done: number;
}

/**
 * The dynamics of one moment of a run, a step a gradient.
 */
export function langevinSchedule(langevin: Langevin, { epoch, done }: Moment): LangevinSchedule {
  const { steps, stepSize, gradients, temperature, priorWeight } = langevin;
  return {
    stepSizes: stepSizes({ steps, stepSize, gradients }),
    temperature: temperatureAt(temperature, epoch),
    priorWeight: typeof priorWeight === 'number' ? priorWeight : risenWeight(priorWeight, { epoch, done }),
  };
}

/** tau of an epoch, counted from 1. */
export function temperatureAt(temperature: Langevin['temperature'], epoch: number): number {
  if (typeof temperature === 'number') return temperature;
  const { start, growFromEpoch, growPerEpoch, max } = temperature;
  return Math.min(max, start + Math.max(0, epoch - growFromEpoch) * growPerEpoch);
}

/** By epochs it stays the same within one; by iterations it has an epoch's whole rise at its end. */
function risenWeight(
  { start, warmupEpochs, rises }: Exclude<Langevin['priorWeight'], number>,
  { epoch, done }: Moment,
): number {
  const epochs = epoch - 1 + (rises === 'iteration' ? done : 0);
  return Math.min(1, start + ((1 - start) * epochs) / warmupEpochs);
}
