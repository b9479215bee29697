import { describe, expect, test } from 'vitest';
import { drawNormals } from '../../src/inference/sentence-noise.js';
import { plainShortRun, shortRun } from '../../src/inference/short-run.js';
import { constantSchedule, delegating, normals, randomLinearGaussian, TinyRnn } from './models.js';

describe('short run', () => {
  test('a step is the drift along prior and likelihood, and the scaled noise', () => {
    const model = new TinyRnn(
      [
        [1, 2],
        [3, 4],
      ],
      2,
    );
    const schedule = { stepSizes: Float32Array.of(0.3, 0.1), temperature: 0.5, priorWeight: 0.25 };
    const z0 = normals(8, 1);
    const noise = normals(16, 2);
    const expected = [Array.from(z0)];
    for (let k = 0; k < 2; k++) {
      const z = expected[k]!;
      expected.push(
        z.map((value, i) => {
          const row = Math.floor(i / 2);
          const { gradient } = model.at(row % 2, z.slice(2 * row, 2 * row + 2));
          const s = schedule.stepSizes[k]!;
          return value - s * (0.25 * value + gradient[i % 2]!) + 0.5 * Math.sqrt(2 * s) * noise[k * 8 + i]!;
        }),
      );
    }
    const { z, path } = shortRun(model, z0, noise, schedule, true);
    expected.flat().forEach((value, i) => {
      expect(path![i]).toBeCloseTo(value, 5);
    });
    expect(z).toEqual(path!.slice(16));
    expect(z0).toEqual(normals(8, 1));
  });

  test('over many chains the ends of a linear-Gaussian model have the recursion mean and covariance', () => {
    const model = randomLinearGaussian(1, 2, { sigma: 0.8 });
    const chains = 4000;
    const steps = 12;
    const { mean, covariance } = model.chainEnd(0, 0.15, steps, 0.7);
    const { z } = shortRun(
      model,
      normals(chains * 2, 5),
      normals(steps * chains * 2, 6),
      constantSchedule(0.15, steps, 0.7),
    );
    for (let d = 0; d < 2; d++) {
      const values = Array.from({ length: chains }, (_, row) => z[2 * row + d]! - mean.get(d, 0));
      const variance = covariance.get(d, d);
      const average = values.reduce((sum, value) => sum + value, 0) / chains;
      const square = values.reduce((sum, value) => sum + value * value, 0) / chains;
      expect(Math.abs(average)).toBeLessThan(4 * Math.sqrt(variance / chains));
      expect(Math.abs(square / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / chains));
    }
  });

  test("takes the model's own way where it has one", () => {
    const model = new TinyRnn([[1]], 2);
    const marked = delegating(model, {
      gradient: () => {
        throw new Error('not asked for');
      },
      shortRun: (z, noise, schedule, keepPath) => plainShortRun(model, z, noise, schedule, keepPath),
    });
    const schedule = constantSchedule(0.1, 3);
    const z0 = normals(4);
    const noise = normals(12);
    expect(shortRun(marked, z0, noise, schedule)).toEqual(plainShortRun(model, z0, noise, schedule));
  });

  test('refuses noise or codes of another size', () => {
    const model = new TinyRnn([[1], [2]], 2);
    expect(() => shortRun(model, normals(6), normals(12), constantSchedule(0.1, 2))).toThrow(/whole number of draws/);
    expect(() => shortRun(model, normals(4), normals(4), constantSchedule(0.1, 2))).toThrow(/noise/);
  });
});

describe('sentence noise', () => {
  test('a draw of a sentence is the same in any batch and any range of draws', () => {
    const together = drawNormals({ seed: 4, sentences: Int32Array.of(7, 9, 2) }, 'evaluation-noise', {
      from: 0,
      to: 4,
      steps: 3,
      size: 5,
    });
    const alone = drawNormals({ seed: 4, sentences: Int32Array.of(9) }, 'evaluation-noise', {
      from: 2,
      to: 4,
      steps: 3,
      size: 5,
    });
    for (let k = 0; k < 3; k++) {
      for (let draw = 2; draw < 4; draw++) {
        const inBatch = ((k * 4 + draw) * 3 + 1) * 5;
        const byItself = (k * 2 + draw - 2) * 5;
        expect(together.slice(inBatch, inBatch + 5)).toEqual(alone.slice(byItself, byItself + 5));
      }
    }
    expect(new Set(together).size).toBe(together.length);
  });
});
