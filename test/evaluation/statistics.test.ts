import { describe, expect, test } from 'vitest';
import { summarizeWeights } from '../../src/evaluation/perplexity/importance.js';
import { digamma, logGamma, meanOverDraws, normalCdf, SentenceMean } from '../../src/evaluation/statistics.js';
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

describe('special functions', () => {
  test('log Gamma has its known values and its recursion', () => {
    expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 12);
    expect(logGamma(1)).toBeCloseTo(0, 12);
    expect(logGamma(11)).toBeCloseTo(Math.log(3628800), 11);
    for (const x of [0.3, 2.7, 11.9, 40]) expect(logGamma(x + 1) - logGamma(x)).toBeCloseTo(Math.log(x), 11);
  });

  test('digamma is its derivative', () => {
    expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 12);
    expect(digamma(0.5)).toBeCloseTo(-0.5772156649015329 - 2 * Math.LN2, 12);
    for (const x of [0.4, 3.2, 12.5, 60]) {
      expect(digamma(x)).toBeCloseTo((logGamma(x + 1e-4) - logGamma(x - 1e-4)) / 2e-4, 6);
    }
  });

  test('the normal distribution has its known quantiles', () => {
    for (const [x, p] of [
      [0, 0.5],
      [1.959963985, 0.975],
      [-1, 0.158655254],
      [-3, 0.001349898],
      [Number.POSITIVE_INFINITY, 1],
      [Number.NEGATIVE_INFINITY, 0],
    ] as const) {
      expect(Math.abs(normalCdf(x) - p)).toBeLessThan(1e-7);
    }
  });
});

describe('importance weights', () => {
  test('equal weights are as good as independent draws', () => {
    const { logMean, effectiveSampleSize, standardError } = summarizeWeights(Array(8).fill(-3));
    expect(logMean).toBeCloseTo(-3, 12);
    expect(effectiveSampleSize).toBeCloseTo(8, 12);
    expect(standardError).toBeCloseTo(0, 6);
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
