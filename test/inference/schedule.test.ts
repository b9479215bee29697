import { describe, expect, test } from 'vitest';
import { LANGEVIN_DEFAULTS } from '../../src/inference/langevin-keys.js';
import { langevinSchedule, stepSizes, stepsPerGradient } from '../../src/inference/schedule.js';
import { shortRun } from '../../src/inference/short-run.js';
import { normals, TinyRnn } from './models.js';

const listed = [0.3, 0.2, 0.1];

describe('step sizes', () => {
  test('a gradient a step: the list, whose last is repeated', () => {
    expect(stepSizes({ steps: 5, stepSize: listed, gradients: null })).toEqual(
      Float32Array.of(0.3, 0.2, 0.1, 0.1, 0.1),
    );
    expect(stepSizes({ steps: 2, stepSize: 0.7, gradients: null })).toEqual(Float32Array.of(0.7, 0.7));
    expect(stepsPerGradient({ steps: 3, gradients: null })).toEqual([1, 1, 1]);
  });

  test('shared gradients: one step of the sum for each', () => {
    const merged = stepSizes({ steps: 6, stepSize: listed, gradients: [1, 3, 2] });
    [0.3, 0.4, 0.2].forEach((size, i) => {
      expect(merged[i]).toBeCloseTo(size, 6);
    });
    expect(stepSizes({ steps: 6, stepSize: listed, gradients: Array<number>(6).fill(1) })).toEqual(
      stepSizes({ steps: 6, stepSize: listed, gradients: null }),
    );
  });

  test('a merged step goes where its steps go with gradient and prior held, its noise being their noise summed', () => {
    const model = new TinyRnn([[1, 2]], 2);
    const dynamics = { steps: 6, stepSize: listed, gradients: [1, 3, 2] };
    const schedule = { stepSizes: stepSizes(dynamics), temperature: 0.6, priorWeight: 0.8 };
    const single = stepSizes({ ...dynamics, gradients: null });
    const eps = normals(6 * 2, 3);
    const z0 = normals(2, 4);
    const merged = new Float32Array(3 * 2);
    let z = Array.from(z0);
    let k = 0;
    for (const [i, count] of dynamics.gradients.entries()) {
      const { gradient } = model.at(0, z);
      const held = z.map((value, d) => 0.8 * value + gradient[d]!);
      const noise = [0, 0];
      for (const end = k + count; k < end; k++) {
        const spread = Math.sqrt(2 * single[k]!);
        z = z.map((value, d) => value - single[k]! * held[d]! + 0.6 * spread * eps[2 * k + d]!);
        noise.forEach((value, d) => {
          noise[d] = value + spread * eps[2 * k + d]!;
        });
      }
      // N(0, 1) again: the variances of the single steps add up to that of the merged one.
      noise.forEach((value, d) => {
        merged[2 * i + d] = value / Math.sqrt(2 * schedule.stepSizes[i]!);
      });
    }
    const end = shortRun(model, z0, merged, schedule).z;
    z.forEach((value, d) => {
      expect(end[d]).toBeCloseTo(value, 5);
    });
  });
});

describe('what changes while training goes on', () => {
  const at = (changes: Partial<typeof LANGEVIN_DEFAULTS>, epoch: number, done: number) =>
    langevinSchedule({ ...LANGEVIN_DEFAULTS, ...changes }, { epoch, done });

  test('the temperature stays within an epoch, and grows after it until it is held', () => {
    const temperature = { start: 0.05, growFromEpoch: 2, growPerEpoch: 0.25, max: 0.5 };
    const found = [1, 2, 3, 4, 5].map((epoch) => at({ temperature }, epoch, 0.9).temperature);
    [0.05, 0.05, 0.3, 0.5, 0.5].forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 12);
    });
    expect(at({ temperature: 0.7 }, 9, 0).temperature).toBe(0.7);
  });

  test('the weight of the prior rises with every iteration, or from epoch to epoch', () => {
    const weight = (rises: 'epoch' | 'iteration', epoch: number, done: number) =>
      at({ priorWeight: { start: 0.1, warmupEpochs: 6, rises } }, epoch, done).priorWeight;
    expect(weight('iteration', 1, 0)).toBeCloseTo(0.1, 12);
    expect(weight('iteration', 1, 0.5)).toBeCloseTo(0.1 + (0.9 * 0.5) / 6, 12);
    // At the end of an epoch it is what the next begins with.
    expect(weight('iteration', 3, 1)).toBeCloseTo(weight('iteration', 4, 0), 12);
    expect(weight('iteration', 4, 0)).toBeCloseTo(0.55, 12);
    expect(weight('iteration', 7, 0)).toBe(1);
    expect(weight('iteration', 9, 0.5)).toBe(1);
    expect(weight('epoch', 4, 0.9)).toBeCloseTo(0.55, 12);
    expect(at({ priorWeight: 0.3 }, 5, 0.5).priorWeight).toBe(0.3);
  });
});
