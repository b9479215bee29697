import { describe, expect, test } from 'vitest';
import { summarizeWeights } from '../../src/evaluation/perplexity/importance.js';
import { meanOverDraws, SentenceMean } from '../../src/evaluation/statistics.js';
import { meanAndError, normals } from '../inference/models.js';

describe('means over sentences', () => {
  test('draws of a sentence are averaged, and sentences give the standard error', () => {
    const mean = new SentenceMean();
    mean.add(meanOverDraws([1, 10, 3, 20], 2), [7, 4]);
    mean.add([6], [5]);
    const { value, standardError, count } = mean.result();
    expect(value).toBeCloseTo((2 + 15 + 6) / 3, 12);
    const squares = (2 - value) ** 2 + (15 - value) ** 2 + (6 - value) ** 2;
    expect(standardError).toBeCloseTo(Math.sqrt(squares / 2 / 3), 12);
    expect(count).toBe(3);
    expect(mean.perSentence()).toEqual({ index: Int32Array.of(4, 5, 7), value: Float32Array.of(15, 6, 2) });
  });
});

describe('importance weights', () => {
  test('equal weights are as good as independent draws', () => {
    const { logMean, effectiveSampleSize, standardError } = summarizeWeights(Array(8).fill(-3));
    expect(logMean).toBeCloseTo(-3, 12);
    expect(effectiveSampleSize).toBeCloseTo(8, 12);
    expect(standardError).toBeCloseTo(0, 6);
    // All but equal, of which rounding would make more than there are.
    const near = summarizeWeights([-123.39999995192478, -123.39999996093707, -123.39999994128961]);
    expect(near.effectiveSampleSize).toBe(3);
    expect(near.standardError).toBe(0);
  });

  test('unequal weights, far below what exp can hold', () => {
    const weights = [1, 2, 5];
    const summary = summarizeWeights(weights.map((weight) => Math.log(weight) - 5000));
    expect(summary.logMean).toBeCloseTo(Math.log(8 / 3) - 5000, 9);
    expect(summary.effectiveSampleSize).toBeCloseTo(64 / 30, 12);
    const { mean, error } = meanAndError(weights);
    expect(summary.standardError).toBeCloseTo(error / mean, 12);
  });

  test('a weight that is not finite is counted, and cannot raise the estimate', () => {
    const summary = summarizeWeights([0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(summary.logMean).toBeCloseTo(Math.log(1 / 4), 12);
    expect(summary.effectiveSampleSize).toBe(1);
    expect(summary.notFinite).toBe(2);
    expect(summarizeWeights([Number.NaN]).logMean).toBe(Number.NEGATIVE_INFINITY);
  });

  test('the standard error is the spread of the estimate over repetitions', () => {
    // Log-normal weights: log mean 0 in expectation of the mean.
    const draws = 200;
    const estimates = Array.from({ length: 400 }, (_, i) =>
      summarizeWeights(normals(draws, i + 1).map((value) => 0.7 * value - 0.245)),
    );
    const { mean, error } = meanAndError(estimates.map(({ logMean }) => logMean));
    expect(Math.abs(mean)).toBeLessThan(0.01);
    const claimed = estimates.reduce((sum, { standardError }) => sum + standardError, 0) / estimates.length;
    expect(claimed / (error * Math.sqrt(400))).toBeGreaterThan(0.85);
    expect(claimed / (error * Math.sqrt(400))).toBeLessThan(1.15);
  });
});
