import { describe, expect, test } from 'vitest';
import { metropolisLangevin } from '../../src/inference/metropolis-langevin.js';
import { delegating, meanAndError, normals, Quartic, randomLinearGaussian, TinyRnn } from './models.js';

const TEXTS = [
  [1, 2, 0, 4],
  [3, 3, 1, 2],
];

describe('Metropolis-adjusted Langevin', () => {
  test('has the posterior of a network as its stationary distribution', () => {
    const model = new TinyRnn(TEXTS, 2, { scale: 1.5 });
    const chains = 100;
    const steps = 120;
    const keys = { seed: 5, sentences: Int32Array.of(0, 1) };
    const run = metropolisLangevin(model, normals(chains * 4, 9), { burnIn: 60, steps }, keys);
    for (let sentence = 0; sentence < 2; sentence++) {
      const { mean, second } = model.byQuadrature(sentence);
      // Chains are independent of each other, so their averages give an honest standard error.
      const average = (what: (z: (d: number) => number) => number) =>
        meanAndError(
          Array.from({ length: chains }, (_, chain) => {
            let sum = 0;
            for (let step = 0; step < steps; step++) {
              const at = ((step * chains + chain) * 2 + sentence) * 2;
              sum += what((d) => run.z[at + d]!) / steps;
            }
            return sum;
          }),
        );
      const moments = [
        [average((z) => z(0)), mean[0]!],
        [average((z) => z(1)), mean[1]!],
        [average((z) => z(0) ** 2), second[0]![0]!],
        [average((z) => z(0) * z(1)), second[0]![1]!],
        [average((z) => z(1) ** 2), second[1]![1]!],
      ] as const;
      for (const [estimate, truth] of moments) {
        expect(estimate.error).toBeLessThan(0.12);
        expect(Math.abs(estimate.mean - truth)).toBeLessThan(4 * estimate.error);
      }
    }
  });

  test('tunes the step of each sentence to the acceptance asked for, from far off on either side', () => {
    const model = randomLinearGaussian(3, 16, { sigma: 0.5 });
    const keys = { seed: 1, sentences: Int32Array.of(0, 1, 2) };
    for (const initialStepSize of [3, 1e-4]) {
      const start = normals(16 * 3 * 16, 2);
      const { acceptance, stepSizes } = metropolisLangevin(
        model,
        start,
        { burnIn: 60, steps: 60, initialStepSize },
        keys,
      );
      for (const share of acceptance) expect(Math.abs(share - 0.6)).toBeLessThan(0.1);
      for (const step of stepSizes) expect(step).toBeGreaterThan(1e-3);
    }
  });

  test('keeps the geometric mean of the steps that the second half of the burn-in ends with', () => {
    // Every proposal is refused, so that the step shrinks as fast as it can: 0.6 short of its target each time.
    const model = randomLinearGaussian(1, 2);
    const walled = delegating(model, {
      gradient(z) {
        const { nll, gradient } = model.gradient(z);
        return { nll: nll.map((value, row) => (z[2 * row] === 0 ? value : Number.NaN)), gradient };
      },
    });
    const run = (burnIn: number) => {
      const keys = { seed: 1, sentences: Int32Array.of(0) };
      const options = { burnIn, steps: 1, initialStepSize: 0.05 };
      return Math.log(metropolisLangevin(walled, new Float32Array(4), options, keys).stepSizes[0]! / 0.05);
    };
    const shrunk = [1, 2, 3, 4].map((t) => -1.2 / Math.sqrt(t));
    const shrunkAfter = (count: number) => shrunk.slice(0, count).reduce((sum, value) => sum + value, 0);
    expect(run(1)).toBeCloseTo(shrunkAfter(1), 10);
    expect(run(2)).toBeCloseTo(shrunkAfter(2), 10);
    expect(run(4)).toBeCloseTo((shrunkAfter(3) + shrunkAfter(4)) / 2, 10);
  });

  test('refuses a proposal that has no likelihood, and stays where it was', () => {
    const model = new TinyRnn([[1, 2]], 1);
    const edge = {
      ...{ sentences: 1, latentSize: 1, words: model.words },
      nll: model.nll.bind(model),
      tokenNll: model.tokenNll.bind(model),
      hessian: model.hessian.bind(model),
      gradient: (z: Float32Array) => {
        const inside = model.gradient(z);
        return { ...inside, nll: inside.nll.map((nll, row) => (z[row]! > 0 ? nll : Number.NaN)) };
      },
    };
    const start = normals(200, 3).map(Math.abs);
    const { z, acceptance } = metropolisLangevin(
      edge,
      start,
      { burnIn: 0, steps: 40, initialStepSize: 0.3 },
      { seed: 1, sentences: Int32Array.of(0) },
    );
    expect(z.every((value) => value > 0)).toBe(true);
    expect(acceptance[0]).toBeGreaterThan(0.3);
  });

  test('a chain that starts on a steep slope comes down', () => {
    const start = normals(8, 6).map((value, chain) => (chain === 3 ? 6 : value / 3));
    const keys = { seed: 2, sentences: Int32Array.of(0) };
    const { z } = metropolisLangevin(new Quartic(), start, { burnIn: 30, steps: 20 }, keys);
    expect(Math.max(...z.slice(-8))).toBeLessThan(2);
  });

  test('a sentence takes the same way whoever is beside it', () => {
    const texts = [
      [1, 2],
      [3, 4],
      [0, 0],
    ];
    const together = new TinyRnn(texts, 2);
    const alone = new TinyRnn([texts[2]!], 2);
    const start = normals(5 * 3 * 2, 4);
    const own = Float32Array.from({ length: 10 }, (_, i) => start[(Math.floor(i / 2) * 3 + 2) * 2 + (i % 2)]!);
    const options = { burnIn: 5, steps: 1 };
    const beside = metropolisLangevin(together, start, options, { seed: 2, sentences: Int32Array.of(4, 8, 6) });
    const single = metropolisLangevin(alone, own, options, { seed: 2, sentences: Int32Array.of(6) });
    for (let i = 0; i < 10; i++) expect(beside.z[(Math.floor(i / 2) * 3 + 2) * 2 + (i % 2)]).toBe(single.z[i]);
    expect(beside.stepSizes[2]).toBe(single.stepSizes[0]);
  });
});
