import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { ActiveUnits } from '../../src/evaluation/active-units.js';
import { gaussianKl, jacobianKl } from '../../src/evaluation/kl.js';
import { ReconstructionMeasurement } from '../../src/evaluation/reconstruction.js';
import { ShortRunPosterior } from '../../src/inference/short-run-posterior.js';
import { constantSchedule, logDeterminant, meanAndError, normals, randomLinearGaussian } from '../inference/models.js';

describe('reconstruction', () => {
  test('is the expected NLL at the end of a short run, in closed form for a linear-Gaussian model', () => {
    const sentences = 400;
    const model = randomLinearGaussian(sentences, 3, { same: true });
    const schedule = constantSchedule(0.08, 6, 0.6);
    const keys = { seed: 1, sentences: Int32Array.from({ length: sentences }, (_, i) => i) };
    const chains = new ShortRunPosterior(model, schedule, keys);
    const reconstruction = new ReconstructionMeasurement(4);
    reconstruction.add(model, chains);
    const { value, standardError, sentences: count, perSentence } = reconstruction.result();
    const { mean, covariance } = model.chainEnd(0, Math.fround(0.08), 6, 0.6);
    expect(count).toBe(sentences);
    expect(standardError).toBeLessThan(0.1);
    expect(Math.abs(value! - model.expectedNll(0, mean, covariance))).toBeLessThan(4 * standardError!);
    expect(perSentence!.index).toEqual(keys.sentences);
    expect(meanAndError(perSentence!.value).mean).toBeCloseTo(value!, 5);
  });
});

describe('KL', () => {
  test('jacobian: the mean log ratio to the prior, in closed form for a linear-Gaussian model', () => {
    const sentences = 400;
    const size = 3;
    const model = randomLinearGaussian(sentences, size, { same: true });
    const keys = { seed: 1, sentences: Int32Array.from({ length: sentences }, (_, i) => i) };
    const chains = new ShortRunPosterior(model, constantSchedule(0.08, 6), keys, 3);
    const values = jacobianKl(chains.z(3), chains.density(3).logDensity, sentences, size);
    const { mean, covariance, jacobian } = model.chainEnd(0, Math.fround(0.08), 6, 1);
    const logVolume = 3 * logDeterminant(jacobian.mmul(jacobian.transpose()));
    const exact = 0.5 * (mean.dot(mean) + covariance.trace() - size) - logVolume;
    const estimate = meanAndError(values);
    expect(values).toHaveLength(sentences);
    expect(estimate.error).toBeLessThan(0.1);
    expect(Math.abs(estimate.mean - exact)).toBeLessThan(4 * estimate.error);
  });

  test.each([6, 30])('gaussian: free of bias on Gaussian draws, %i a sentence', (draws) => {
    const size = 3;
    const sentences = 4000;
    const factor = new Matrix([
      [0.7, 0, 0],
      [0.3, 0.5, 0],
      [-0.2, 0.1, 0.9],
    ]);
    const mean = [0.5, -1, 0];
    const covariance = factor.mmul(factor.transpose());
    const squaredMean = mean.reduce((sum, value) => sum + value * value, 0);
    const exact = 0.5 * (covariance.trace() + squaredMean - size - logDeterminant(covariance));
    const noise = normals(draws * sentences * size, 3);
    const z = noise.map((_, i) => {
      const row = Math.floor(i / size) * size;
      const d = i % size;
      return (
        mean[d]! +
        factor.get(d, 0) * noise[row]! +
        factor.get(d, 1) * noise[row + 1]! +
        factor.get(d, 2) * noise[row + 2]!
      );
    });
    const estimate = meanAndError(gaussianKl(z, sentences, size));
    expect(estimate.error).toBeLessThan(0.05);
    expect(Math.abs(estimate.mean - exact)).toBeLessThan(4 * estimate.error);
  });

  test('gaussian: too few draws are refused, and draws that agree have no finite KL', () => {
    expect(() => gaussianKl(normals(4 * 3), 1, 3)).toThrow(/more than 4 draws/);
    expect(gaussianKl(new Float32Array(10 * 3), 1, 3)[0]).toBeNaN();
    const broken = normals(10 * 2 * 3);
    broken[0] = Number.NaN;
    expect(Array.from(gaussianKl(broken, 2, 3), Number.isFinite)).toEqual([false, true]);
  });
});

describe('active units', () => {
  // Standard deviation over sentences of E_q[z_d], around a threshold of 0.1; two of them are over it.
  const widths = [0.9, 0.16, 0.05, 0];
  const sentences = 3000;

  function measure(draws: number, within: number) {
    const size = widths.length;
    const means = normals(sentences * size, 1);
    const noise = normals(draws * sentences * size, 2);
    const z = noise.map((value, i) => {
      const d = i % size;
      return 0.3 * d + widths[d]! * means[i % (sentences * size)]! + within * value;
    });
    const units = new ActiveUnits(size);
    // In two batches of different sizes, as a corpus comes.
    const part = (from: number, to: number) =>
      Float32Array.from({ length: draws * (to - from) * size }, (_, i) => {
        const m = Math.floor(i / ((to - from) * size));
        return z[(m * sentences + from) * size + (i % ((to - from) * size))]!;
      });
    units.add(part(0, 1000), 1000);
    units.add(part(1000, sentences), sentences - 1000);
    return units.result();
  }

  test('counts the dimensions in which sentences differ, however noisy their few draws', () => {
    const { value, uncorrected, monteCarloVariance, drawsNeeded, variances, ...rest } = measure(4, 0.8);
    expect(value).toBe(2);
    expect(uncorrected).toBe(4);
    expect(rest.sentences).toBe(sentences);
    expect(monteCarloVariance).toBeCloseTo(0.64 / 4, 2);
    expect(drawsNeeded / (0.64 / 0.001)).toBeCloseTo(1, 1);
    variances.forEach((variance, d) => {
      const exact = widths[d]! ** 2;
      const error = (exact + 0.16) * Math.sqrt(2 / sentences);
      expect(Math.abs(variance - exact)).toBeLessThan(4 * error);
    });
  });

  test('with draws that agree there is nothing to correct, and no doubt', () => {
    const { value, uncorrected, drawsNeeded, standardError } = measure(3, 0.05);
    expect(value).toBe(2);
    expect(uncorrected).toBe(2);
    expect(drawsNeeded).toBeLessThanOrEqual(3);
    expect(standardError).toBeLessThan(0.1);
  });

  test.each([
    [8, 150],
    [16, 48],
    [16, 1000],
  ])('are none of 32 where %i draws of the prior stand for each of %i sentences', (draws, count) => {
    const units = new ActiveUnits(32);
    units.add(normals(draws * count * 32, 4), count);
    const { value, undecided, standardError, variances } = units.result();
    expect(value).toBe(0);
    expect(undecided).toBe(variances.filter((variance) => variance > 0.01).length);
    expect(undecided > 0).toBe(count < 1000);
    expect(standardError).toBeLessThan(0.7);
  });

  test.each([
    [3.5, 0],
    [4, 1],
  ])('where means vary by %f and their noise by 1 are %i, by the scatter of both', (variance, active) => {
    // Eight sentences of two draws, 1 below and 1 above the mean: four standard errors of what is left of a variance once the
    // noise is off are 4 sqrt(2 / 7 + 2 / 8) = 2.93, and 2.14 were there no scatter but that of the means.
    const means = [-1, 1, -1, 1, -1, 1, -1, 1].map((sign) => sign * Math.sqrt((variance * 7) / 8));
    const units = new ActiveUnits(1);
    units.add(Float32Array.from([-1, 1].flatMap((noise) => means.map((mean) => mean + noise))), 8);
    const { value, undecided, variances, monteCarloVariance } = units.result();
    expect(variances[0]).toBeCloseTo(variance - 1, 5);
    expect(monteCarloVariance).toBeCloseTo(1, 5);
    expect({ value, undecided }).toEqual({ value: active, undecided: 1 - active });
  });

  test('wants two draws, and as many of every sentence', () => {
    const units = new ActiveUnits(2);
    expect(() => units.add(normals(4), 2)).toThrow(/two or more/);
    units.add(normals(8), 2);
    expect(() => units.add(normals(12), 2)).toThrow(/same number/);
  });
});
