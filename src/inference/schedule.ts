// How the Langevin chain's settings depend on the epoch: both the constant dynamics of the paper and the released
// code's rising temperature are values of one configuration.

import type { RunConfig } from '../config/schema.js';
import type { LangevinSchedule } from '../model/likelihood.js';

type Langevin = RunConfig['langevin'];

/** s_k for each of the K steps; a shorter list repeats its last. */
export function stepSizes({ steps, stepSize }: Pick<Langevin, 'steps' | 'stepSize'>): Float32Array {
  const listed = typeof stepSize === 'number' ? [stepSize] : stepSize;
  return Float32Array.from({ length: steps }, (_, k) => listed[Math.min(k, listed.length - 1)]!);
}

/**
 * The dynamics of one epoch.
 * @param epoch counted from 1.
 * @param searched the step size that the search found last, which replaces the configured one; null before any.
 */
export function langevinSchedule(langevin: Langevin, epoch: number, searched: number | null): LangevinSchedule {
  const { steps, stepSize, temperature, priorWeight } = langevin;
  return {
    stepSizes: stepSizes({ steps, stepSize: searched ?? stepSize }),
    temperature:
      typeof temperature === 'number'
        ? temperature
        : Math.min(
            temperature.max,
            temperature.start + Math.max(0, epoch - temperature.growFromEpoch) * temperature.growPerEpoch,
          ),
    priorWeight:
      typeof priorWeight === 'number'
        ? priorWeight
        : Math.min(1, priorWeight.start + ((1 - priorWeight.start) * (epoch - 1)) / priorWeight.warmupEpochs),
  };
}
