import { describe, expect, it } from 'vitest';
import { cosineShare } from '../../src/training/learning-rate.js';

describe('the cosine within a cycle', () => {
  const share = (epoch: number, batch = 0, cosineEpochs: number | null = 10) =>
    cosineShare({ cosineEpochs }, { epoch, batch, batches: 4 });

  it('is 1 as a cycle begins, a half in its middle, and near 0 before the next', () => {
    expect([1, 11, 31].map((epoch) => share(epoch))).toEqual([1, 1, 1]);
    expect(share(6)).toBeCloseTo(0.5, 12);
    expect(share(16)).toBeCloseTo(0.5, 12);
    expect(share(10, 3)).toBeCloseTo(Math.sin(Math.PI / 80) ** 2, 12);
  });

  it('moves with every update: a third of the cycle gives three quarters, two thirds a quarter', () => {
    expect(share(1, 2, 1.5)).toBeCloseTo(0.75, 12);
    expect(share(2, 0, 1.5)).toBeCloseTo(0.25, 12);
  });

  it.each([
    [0.1, 1, 3],
    [1.1, 4, 3],
    [0.3, 1, 9],
  ])('is 1 as cycles of %f epochs begin, however their sum is rounded', (cosineEpochs, epoch, batch) => {
    expect(cosineShare({ cosineEpochs }, { epoch, batch, batches: 10 })).toBeCloseTo(1, 9);
  });

  it('is 1 throughout where there is no cycle', () => {
    expect(share(7, 3, null)).toBe(1);
  });
});
