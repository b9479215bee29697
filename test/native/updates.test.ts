// The addon's small operations: products, rows of a table, optimizers, norms, masks.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ADDON } from '../../src/backends/native/addon.js';
import { RandomStream } from '../../src/random/philox.js';
import { relativeError } from '../ops/reference.js';
import { addon, Random, withThreads } from './fixtures.js';

describe('matMul', () => {
  for (const [m, n, k] of [
    [1, 1, 1],
    [3, 50, 7],
    [64, 33, 129],
  ] as const) {
    it(`[${m}, ${k}] [${k}, ${n}], transposed or not, adding or not`, () => {
      const random = new Random(1);
      const a = random.floats(m * k);
      const b = random.floats(k * n);
      const before = random.floats(m * n);
      const product = Float64Array.from({ length: m * n }, (_, at) => {
        let sum = 0;
        for (let i = 0; i < k; i++) sum += a[Math.floor(at / n) * k + i]! * b[i * n + (at % n)]!;
        return sum;
      });
      const transposed = (x: Float32Array, rows: number, columns: number) =>
        x.map((_, at) => x[(at % rows) * columns + Math.floor(at / rows)]!);
      for (const [flipA, flipB, accumulate] of [
        [false, false, false],
        [true, false, true],
        [false, true, true],
        [true, true, false],
      ]) {
        const out = Float32Array.from(before);
        const left = flipA ? transposed(a, m, k) : a;
        const right = flipB ? transposed(b, k, n) : b;
        addon.matMul(left, right, out, m, n, k, flipA!, flipB!, accumulate);
        const expected = product.map((value, i) => value + (accumulate ? before[i]! : 0));
        expect(relativeError(out, expected)).toBeLessThan(2e-6);
      }
    });
  }
});

describe('embedding', () => {
  const ids = Int32Array.of(4, 0, 4, 2, 4);
  const size = 3;

  it('copies rows and adds their gradients up', () => {
    const random = new Random(2);
    const table = random.floats(6 * size);
    const out = new Float32Array(ids.length * size);
    addon.embeddingForward(table, ids, out, size);
    for (const [i, id] of ids.entries()) {
      expect(out.slice(i * size, (i + 1) * size)).toEqual(table.slice(id * size, (id + 1) * size));
    }
    const { rows, values } = addon.embeddingGradient(
      ids,
      Float32Array.from({ length: 15 }, (_, i) => i),
      size,
    );
    expect([...rows]).toEqual([0, 2, 4]);
    expect([...values]).toEqual([3, 4, 5, 9, 10, 11, 0 + 6 + 12, 1 + 7 + 13, 2 + 8 + 14]);
    expect(() => addon.embeddingForward(table, Int32Array.of(6), new Float32Array(3), size)).toThrow(
      'ids[0] is 6, outside the rows of 0 to 5',
    );
  });

  it('is the same on any number of threads', () => {
    const random = new Random(3);
    const many = random.integers(3000, 200);
    const dOut = random.floats(3000 * 16);
    const first = addon.embeddingGradient(many, dOut, 16);
    withThreads([1, 2, 3], () => expect(addon.embeddingGradient(many, dOut, 16)).toEqual(first));
    const total = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);
    expect(total(first.values)).toBeCloseTo(total(dOut), 1);
  });
});

/** Some rows of 400 by 100: large enough to be shared by threads. */
function sparseGradient(random: Random, ...some: number[]) {
  const rowSize = 100;
  const rows = Int32Array.from(some);
  const values = random.floats(rows.length * rowSize);
  const dense = new Float32Array(400 * rowSize);
  for (const [i, row] of rows.entries()) dense.set(values.slice(i * rowSize, (i + 1) * rowSize), row * rowSize);
  return { rowSize, rows, values, dense };
}

describe('adam', () => {
  const settings = { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, gradientScale: 0.5 };

  it('follows its definition; rows left out move as with a gradient of zero', () => {
    const random = new Random(4);
    const early = sparseGradient(random, 1, 2, 333);
    const late = sparseGradient(random, 5, 350);
    const { rowSize, values, dense } = early;
    const start = random.floats(dense.length);
    withThreads([1, 2, 3], () => {
      const make = () => ({
        parameter: Float32Array.from(start),
        firstMoment: new Float32Array(dense.length),
        secondMoment: new Float32Array(dense.length),
      });
      const a = make();
      const b = make();
      const p = Float64Array.from(start);
      const m = new Float64Array(dense.length);
      const v = new Float64Array(dense.length);
      for (let step = 1; step <= 4; step++) {
        // In the last steps other rows, so that the first ones' moments decay, whichever thread has them, and once.
        const { dense: gradient, rows, values } = step > 2 ? late : early;
        const sparse = { rows, values };
        addon.adam({ ...a, ...settings, gradient, step });
        addon.adam({ ...b, ...settings, gradient: sparse, rowSize, step });
        for (let i = 0; i < p.length; i++) {
          const g = gradient[i]! * settings.gradientScale;
          m[i] = 0.9 * m[i]! + 0.1 * g;
          v[i] = 0.99 * v[i]! + 0.01 * g * g;
          p[i]! -= (1e-2 * (m[i]! / (1 - 0.9 ** step))) / (Math.sqrt(v[i]! / (1 - 0.99 ** step)) + 1e-8);
        }
      }
      expect(relativeError(a.parameter, p)).toBeLessThan(1e-6);
      expect(relativeError(a.secondMoment, v)).toBeLessThan(1e-5);
      expect(relativeError(b.parameter, p)).toBeLessThan(1e-6);
    });
    expect(() =>
      addon.adam({
        parameter: start,
        firstMoment: dense,
        secondMoment: dense,
        gradient: { rows: Int32Array.of(2, 1, 3), values },
        rowSize,
        ...settings,
        step: 1,
      }),
    ).toThrow('ascend');
  });
});

describe('sgd', () => {
  it('moves down the gradient, dense or sparse', () => {
    const random = new Random(5);
    const { rowSize, rows, values, dense } = sparseGradient(random, 1, 2, 333);
    const start = random.floats(dense.length);
    const expected = start.map((value, i) => value - 0.5 * 0.25 * dense[i]!);
    for (const gradient of [{ gradient: dense }, { gradient: { rows, values }, rowSize }]) {
      const parameter = Float32Array.from(start);
      addon.sgd({ parameter, ...gradient, learningRate: 0.5, gradientScale: 0.25 });
      expect(relativeError(parameter, expected)).toBeLessThan(1e-7);
    }
  });
});

describe('squaredNorm', () => {
  it('adds in double precision', () => {
    const values = new Float32Array(100_003).fill(1e-4);
    values[0] = 100;
    withThreads([1, 2, 3], () => {
      const squared = 100_002 * Math.fround(1e-4) ** 2;
      expect((addon.squaredNorm(values) - 1e4) / squared).toBeCloseTo(1, 3);
      expect(addon.squaredNorm(values)).toBe(addon.squaredNorm(values));
    });
  });
});

describe('dropoutMask', () => {
  it('is the mask of the Philox stream, whatever the length', () => {
    const key = { seed: 0xfedcba98, purpose: 'output-dropout', epoch: 3, batch: 77, step: 0xffffffff } as const;
    for (const count of [1, 63, 64, 65, 70_001]) {
      for (const rate of [0, 0.3, 0.5]) {
        const stream = new RandomStream(key);
        const expected = Float32Array.from({ length: count }, () =>
          stream.next() / 4294967296 < rate ? 0 : 1 / (1 - rate),
        );
        const out = new Float32Array(count);
        addon.dropoutMask(out, ...stream.words, rate);
        expect(out).toEqual(expected);
      }
    }
    expect(() => addon.dropoutMask(new Float32Array(4), 1, 2, 3, 4, 5, 1)).toThrow('rate');
  });
});

describe('info', () => {
  it('says what is used', () => {
    withThreads([3], () => expect(addon.info().threads).toBe(3));
    expect(addon.info().oneDnn).toMatch(/^\d+\.\d+\.\d+$/);
    expect(() => addon.setThreads(0)).toThrow('threads must be a whole number from 1 to 1024');
    expect(addon.measurePeak('f32')).toBeGreaterThan(1);
  });

  it('has no higher peak with more threads than there are cores', () => {
    const peaks: number[] = [];
    const cores = availableParallelism();
    withThreads([cores, 8 * cores], () => peaks.push(addon.measurePeak('f32')));
    expect(peaks[1]! / peaks[0]!).toBeLessThan(2);
  });

  it('has the threads that the environment allows, and says so where more are asked for', () => {
    const inChild = (program: string) =>
      spawnSync(process.execPath, ['-e', program, ADDON], {
        encoding: 'utf8',
        env: { ...process.env, OMP_THREAD_LIMIT: '2' },
      });
    const { stdout, stderr } = inChild(`
      const addon = require(process.argv[1]);
      addon.setThreads(5);
      process.stdout.write(addon.info().threads + ' ' + Number.isFinite(addon.measurePeak('f32')));`);
    expect(stdout, stderr).toBe('2 true');
  });
});
