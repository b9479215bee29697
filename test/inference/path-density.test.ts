import { determinant, Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { logStandardNormal, pathLogDensity } from '../../src/inference/path-density.js';
import { shortRun } from '../../src/inference/short-run.js';
import { constantSchedule, logDeterminant, normals, randomLinearGaussian, TinyRnn } from './models.js';

const TEXTS = [
  [1, 2, 0, 4],
  [3, 3, 1, 2],
];

/** The chain of one row, in double precision. */
function chainEnd(
  model: TinyRnn,
  sentence: number,
  start: number[],
  noise: number[][],
  step: number,
  priorWeight: number,
) {
  let z = start;
  for (const eps of noise) {
    const { gradient } = model.at(sentence, z);
    z = z.map((value, d) => value - step * (priorWeight * value + gradient[d]!) + Math.sqrt(2 * step) * eps[d]!);
  }
  return z;
}

/** log |det dz_K / dz_0| by central differences. */
function logVolumeChange(...[model, sentence, start, noise, step, priorWeight]: Parameters<typeof chainEnd>): number {
  const h = 1e-5;
  const columns = start.map((_, d) => {
    const moved = (by: number) => start.map((value, i) => (i === d ? value + by : value));
    const up = chainEnd(model, sentence, moved(h), noise, step, priorWeight);
    const down = chainEnd(model, sentence, moved(-h), noise, step, priorWeight);
    return up.map((value, i) => (value - down[i]!) / (2 * h));
  });
  return Math.log(Math.abs(determinant(new Matrix(columns))));
}

describe('the tiny network', () => {
  test('has the derivatives of its value', () => {
    const model = new TinyRnn(TEXTS, 2, { scale: 2 });
    const z = [0.4, -1.1];
    const { gradient, hessian } = model.at(1, z);
    const h = 1e-5;
    for (let d = 0; d < 2; d++) {
      const up = model.at(
        1,
        z.map((value, i) => (i === d ? value + h : value)),
      );
      const down = model.at(
        1,
        z.map((value, i) => (i === d ? value - h : value)),
      );
      expect(gradient[d]).toBeCloseTo((up.value - down.value) / (2 * h), 7);
      for (let e = 0; e < 2; e++) {
        expect(hessian[2 * d + e]).toBeCloseTo((up.gradient[e]! - down.gradient[e]!) / (2 * h), 7);
      }
    }
  });
});

describe('density of a path', () => {
  test('is that of a linear map of the start on a linear-Gaussian model', () => {
    const model = randomLinearGaussian(3, 5, { sigma: 0.9 });
    const steps = 7;
    const schedule = {
      stepSizes: Float32Array.from({ length: steps }, (_, k) => 0.02 * (k + 1)),
      temperature: 1,
      priorWeight: 0.6,
    };
    const rows = 6;
    const z0 = normals(rows * 5, 1);
    const { path } = shortRun(model, z0, normals(steps * rows * 5, 2), schedule, true);
    const curvature = Matrix.sub(model.precision, Matrix.eye(5, 5, 0.4));
    const logJacobian = Array.from(schedule.stepSizes).reduce(
      (sum, step) => sum + logDeterminant(Matrix.sub(Matrix.eye(5), Matrix.mul(curvature, step))),
      0,
    );
    // One call for all Hessians, and as many as it takes for one draw at a time.
    for (const atOnce of [1000, 1]) {
      const { logDensity, stepsNotPositiveDefinite } = pathLogDensity(model, path!, schedule, atOnce);
      expect(logDensity).toHaveLength(rows);
      logDensity.forEach((value, row) => {
        expect(value).toBeCloseTo(logStandardNormal(z0, row * 5, 5) - logJacobian, 4);
      });
      expect(Array.from(stepsNotPositiveDefinite)).toEqual(Array(rows).fill(0));
    }
  });

  test.each([
    ['small steps, one to one', 0.1, 1, 1, false],
    ['a step past the positive definite', 1.3, 2, 0.5, true],
  ])("agrees with the chain's finite differences: %s", (_, step, scale, priorWeight, folds) => {
    const model = new TinyRnn(TEXTS, 2, { scale });
    const steps = 6;
    const draws = 4;
    const rows = draws * 2;
    const z0 = normals(rows * 2, 3);
    const noise = normals(steps * rows * 2, 4);
    const schedule = constantSchedule(step, steps, 1, priorWeight);
    const { path } = shortRun(model, z0, noise, schedule, true);
    const { logDensity, stepsNotPositiveDefinite } = pathLogDensity(model, path!, schedule);
    for (let row = 0; row < rows; row++) {
      const own = Array.from({ length: steps }, (__, k) => {
        const at = (k * rows + row) * 2;
        return Array.from(noise.subarray(at, at + 2));
      });
      const start = Array.from(z0.subarray(2 * row, 2 * row + 2));
      const volume = logVolumeChange(model, row % 2, start, own, Math.fround(step), priorWeight);
      expect(logDensity[row]).toBeCloseTo(logStandardNormal(z0, 2 * row, 2) - volume, 2);
    }
    expect(stepsNotPositiveDefinite.some((count) => count > 0)).toBe(folds);
  });

  test('is not a number, and flagged, where the path is not', () => {
    const model = new TinyRnn([[1, 2]], 2);
    const path = normals(2 * 3 * 2, 1);
    path[2] = Number.NaN;
    const { logDensity, stepsNotPositiveDefinite } = pathLogDensity(model, path, constantSchedule(0.1, 1));
    expect(Array.from(logDensity, Number.isFinite)).toEqual([true, false, true]);
    expect(Array.from(stepsNotPositiveDefinite)).toEqual([0, 1, 0]);
  });
});
