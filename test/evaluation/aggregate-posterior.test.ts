import { describe, expect, it } from 'vitest';
import { InputError, InterruptedError } from '../../src/errors.js';
import {
  aggregatePosterior,
  kernelDensity,
  silvermanBandwidth,
  wassersteinThreshold,
  wassersteinToNormal,
} from '../../src/evaluation/aggregate-posterior.js';
import { RandomStream } from '../../src/random/philox.js';

function normals(count: number, seed = 1): Float64Array {
  return Float64Array.from(new RandomStream({ seed, purpose: 'metropolis' }).normals(count));
}

function standardNormal(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

function integral({ at, value }: { at: Float64Array; value: Float64Array }): number {
  let sum = 0;
  for (let i = 1; i < at.length; i++) sum += ((value[i]! + value[i - 1]!) / 2) * (at[i]! - at[i - 1]!);
  return sum;
}

describe('the kernel density', () => {
  it.each([
    ['normal', normals(1000)],
    ['bimodal', normals(600).map((x, i) => (i % 2 ? 4 + 0.3 * x : -x))],
    ['heavy-tailed', normals(1000).map((x) => x ** 3)],
    ['constant', new Float64Array(50).fill(0.7)],
    ['two', Float64Array.of(-1, 2)],
  ])('of %s values integrates to one', (_, values) => {
    expect(integral(kernelDensity(values))).toBeCloseTo(1, 3);
  });

  it('approaches the normal’s as normal samples become more', () => {
    const error = (count: number) => {
      const { at, value } = kernelDensity(normals(count));
      return Math.max(...at.map((x, i) => Math.abs(value[i]! - standardNormal(x))));
    };
    // The error's order is n^(-2/5): a hundred times the samples would leave a sixth of it on average.
    expect(error(20000)).toBeLessThan(0.015);
    expect(error(20000)).toBeLessThan(error(200) / 2);
  });

  it('has the bandwidth of Silverman’s rule', () => {
    // 1 .. 5: deviation sqrt(2.5) = 1.581, quartiles 2 and 4, and 2 / 1.34 = 1.493 is the smaller.
    expect(silvermanBandwidth(Float64Array.of(3, 1, 5, 2, 4))).toBeCloseTo((0.9 * (2 / 1.34)) / 5 ** 0.2, 12);
    // Half of the values equal: no interquartile range, the deviation alone.
    const flat = Float64Array.of(0, 0, 0, 0, 0, 0, 0, 7);
    expect(silvermanBandwidth(flat)).toBeCloseTo((0.9 * Math.sqrt((49 - 49 / 8) / 7)) / 8 ** 0.2, 12);
  });
});

describe('the distance to N(0, 1)', () => {
  it('of a single value is what moving all of the normal to it costs', () => {
    // E[(x - 3)^2] = 1 + 9.
    expect(wassersteinToNormal([3])).toBeCloseTo(Math.sqrt(10), 6);
  });

  it('of two values is in closed form', () => {
    // Each half of the normal moves to one of -1 and 1: E[(|x| - 1)^2] = 2 - 2 sqrt(2 / pi).
    expect(wassersteinToNormal([1, -1])).toBeCloseTo(Math.sqrt(2 - 2 * Math.sqrt(2 / Math.PI)), 6);
  });

  it.each([
    [0, 1.5],
    [1, 1],
    [-0.4, 0.6],
    [0.5, 2],
  ])('of samples of N(%f, %f^2) is the closed form of two Gaussians', (mean, deviation) => {
    const values = normals(20000).map((x) => mean + deviation * x);
    // The standard error of the mean and of the deviation is deviation / sqrt(n) at most.
    expect(Math.abs(wassersteinToNormal(values) - Math.hypot(mean, deviation - 1))).toBeLessThan(
      (4 * deviation) / Math.sqrt(20000),
    );
  });

  it('of the prior’s own samples passes the threshold about once in twenty', () => {
    const [count, dimensions] = [100, 4];
    const threshold = wassersteinThreshold(count, dimensions);
    const passed = Array.from({ length: 400 }, (_, trial) =>
      Array.from({ length: dimensions }, (_, d) => wassersteinToNormal(normals(count, 1 + trial * dimensions + d))),
    ).filter((distances) => Math.max(...distances) > threshold).length;
    expect(passed / 400).toBeGreaterThan(0.01);
    expect(passed / 400).toBeLessThan(0.11);
  });

  it('has a threshold that falls with the square root of the samples', () => {
    expect(wassersteinThreshold(400, 8) / wassersteinThreshold(100, 8)).toBeCloseTo(0.5, 0);
    expect(wassersteinThreshold(400, 8)).toBeLessThan(wassersteinThreshold(100, 8));
  });
});

describe('the aggregate posterior', () => {
  const sentences = 150;
  // Dimension 0 is as the prior's, 1 is shifted, 2 is wide, 3 is what a code that says nothing of a point's is.
  const z = new Float32Array(sentences * 4);
  normals(z.length).forEach((x, i) => {
    z[i] = [x, 1 + x, 2 * x, 0.25][i % 4]!;
  });

  it('tells which dimensions leave the prior', async () => {
    const { marginals, leaving, threshold, rms } = await aggregatePosterior(z, 4, { seed: 3, iterations: 10 });
    expect(marginals.map(({ wasserstein }) => wasserstein > threshold)).toEqual([false, true, true, true]);
    expect(leaving).toBe(3);
    expect(marginals[3]).toMatchObject({
      mean: 0.25,
      standardDeviation: 0,
      wasserstein: expect.closeTo(Math.hypot(0.25, 1), 6),
    });
    expect(marginals[1]!.mean).toBeCloseTo(1, 0);
    expect(marginals[2]!.standardDeviation).toBeCloseTo(2, 0);
    const squares = marginals.map(
      ({ mean, standardDeviation: s }) => mean ** 2 + (s ** 2 * (sentences - 1)) / sentences,
    );
    expect(rms).toBeCloseTo(Math.sqrt(squares.reduce((sum, x) => sum + x, 0) / 4), 6);
  });

  it('is mapped with as many of the prior’s samples, the same for the same seed', async () => {
    const first = await aggregatePosterior(z, 4, { seed: 3, iterations: 20 });
    const again = await aggregatePosterior(z, 4, { seed: 3, iterations: 20 });
    const other = await aggregatePosterior(z, 4, { seed: 4, iterations: 20 });
    expect(first.map).toHaveLength(2 * sentences);
    expect(first.priorMap).toHaveLength(2 * sentences);
    expect(again).toEqual(first);
    expect(other.prior).not.toEqual(first.prior);
    expect(other.marginals).toEqual(first.marginals);
    const { prior } = first;
    expect(Math.abs(prior.reduce((sum, x) => sum + x, 0) / prior.length)).toBeLessThan(4 / Math.sqrt(prior.length));
    expect(prior.reduce((sum, x) => sum + x * x, 0) / prior.length).toBeCloseTo(1, 0);
  });

  it('is held beside other samples of the prior than the threshold is made of, whatever the seed', async () => {
    const { prior } = await aggregatePosterior(z, 4, { seed: 0, iterations: 1 });
    const ofThreshold = new RandomStream({ seed: 0, purpose: 'aggregate-posterior', batch: 0 }).normals(sentences);
    expect(prior.slice(0, sentences)).not.toEqual(ofThreshold);
  });

  it('refuses codes that inference lost, and stops when asked', async () => {
    const broken = z.slice();
    broken[5] = Number.NaN;
    broken[6] = Number.POSITIVE_INFINITY;
    await expect(aggregatePosterior(broken, 4, { seed: 1 })).rejects.toThrow(/1 of 150 sentences are not finite/);
    await expect(aggregatePosterior(z.slice(0, 4), 4, { seed: 1 })).rejects.toThrow(InputError);
    const signal = AbortSignal.abort();
    await expect(aggregatePosterior(z, 4, { seed: 1, signal })).rejects.toThrow(InterruptedError);
  });
});
