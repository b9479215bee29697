import { describe, expect, test } from 'vitest';
import { pairedDifference } from '../../src/evaluation/paired.js';
import { normals } from '../inference/models.js';

const values = (entries: [number, number][]) => ({
  index: Int32Array.from(entries, ([sentence]) => sentence),
  value: Float32Array.from(entries, ([, value]) => value),
});

describe('a paired difference', () => {
  test('is the mean and error of the sentences that both have, by hand', () => {
    const first = values([
      [2, 40],
      [3, 7.5],
      [5, 99],
      [8, 21],
    ]);
    const second = values([
      [1, 1000],
      [3, 7],
      [5, 101],
      [8, 19.5],
      [9, 1000],
    ]);
    // Differences 0.5, -2, 1.5: mean 0, variance (0.25 + 4 + 2.25) / 2 = 3.25.
    const { value, standardError, count } = pairedDifference(first, second)!;
    expect(value).toBeCloseTo(0, 12);
    expect(standardError).toBeCloseTo(Math.sqrt(3.25 / 3), 12);
    expect(count).toBe(3);
    expect(pairedDifference(second, values([[1, 990]]))).toMatchObject({
      value: 10,
      standardError: Number.NaN,
      count: 1,
    });
    expect(pairedDifference(first, values([[1, 3]]))).toBeNull();
  });

  test('is far surer than two means: what sentences have in common drops out', () => {
    const length = normals(500, 1).map((value) => 60 + 25 * value);
    const own = normals(500, 2);
    const index = Int32Array.from(length.keys());
    const difference = pairedDifference(
      { index, value: length.map((value, i) => value + 0.5 + own[i]!) },
      { index, value: length },
    )!;
    expect(difference.standardError).toBeCloseTo(1 / Math.sqrt(500), 2);
    expect(Math.abs(difference.value - 0.5)).toBeLessThan(4 * difference.standardError);
  });
});
