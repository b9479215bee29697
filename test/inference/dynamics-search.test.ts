import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { type DynamicsSearch, searchDynamics } from '../../src/inference/dynamics-search.js';
import { stepSizes } from '../../src/inference/schedule.js';
import {
  constantSchedule,
  delegating,
  type LinearGaussian,
  logDeterminant,
  MixturePrior,
  randomLinearGaussian,
} from './models.js';

const STEPS = 10;

/** Q~(s) of a linear-Gaussian model in closed form: the chain's end is Gaussian, and log q is log N(z_0) and a constant. */
function exactBound(model: LinearGaussian, step: number, temperature: number): number {
  const size = model.latentSize;
  let sum = 0;
  for (let sentence = 0; sentence < model.sentences; sentence++) {
    const { mean, covariance, jacobian } = model.chainEnd(sentence, step, STEPS, temperature);
    const logPrior = -0.5 * (mean.dot(mean) + covariance.trace() + size * Math.log(2 * Math.PI));
    const logStart = -0.5 * size * (1 + Math.log(2 * Math.PI));
    const logDensity = logStart - (STEPS / 2) * logDeterminant(jacobian.mmul(jacobian.transpose()));
    sum += logPrior - model.expectedNll(sentence, mean, covariance) - logDensity;
  }
  return sum / model.sentences;
}

interface Dynamics {
  steps: number;
  gradients?: readonly number[];
  temperature: number;
  priorWeight: number;
}

const search = { chains: 64, foldLimit: 0.25 };

/** Of constant step sizes; `best` is the one that was chosen. */
function searchStepSize(
  likelihoods: Parameters<typeof searchDynamics>[0],
  grid: readonly number[],
  { steps, gradients, temperature, priorWeight }: Dynamics,
  key: Parameters<typeof searchDynamics>[3],
  criterion: 'bound' | 'perplexity' = 'bound',
): Omit<DynamicsSearch, 'best'> & { best: number | null } {
  const dynamics = grid.map((stepSize) => ({
    label: String(stepSize),
    schedule: { stepSizes: stepSizes({ steps, stepSize, gradients: gradients ?? null }), temperature, priorWeight },
  }));
  const found = searchDynamics(likelihoods, dynamics, { ...search, criterion }, key);
  return { ...found, best: found.best === null ? null : grid[found.best]! };
}

describe('a search by the bound', () => {
  const model = randomLinearGaussian(300, 3, { sigma: 0.7, same: true });
  const { precision } = model;
  const sharpest = 1 / Math.max(...gershgorin(precision));

  test('measures Q~ and prefers the step that is best in closed form', () => {
    const grid = [0.02, 0.1, 0.3, 0.7].map((share) => share * sharpest);
    for (const temperature of [0.2, 1]) {
      const { best, candidates, warnings } = searchStepSize(
        [model],
        grid,
        { steps: STEPS, temperature, priorWeight: 1 },
        { seed: 3, epoch: 2 },
      );
      const exact = grid.map((step) => exactBound(model, Math.fround(step), temperature));
      candidates.forEach(({ value, standardError, notPositiveDefinite, nonFinite }, i) => {
        expect(Math.abs(value - exact[i]!)).toBeLessThan(4 * standardError);
        expect(standardError).toBeLessThan(0.3);
        expect(notPositiveDefinite).toBe(0);
        expect(nonFinite).toBe(0);
      });
      expect(best).toBe(grid[exact.indexOf(Math.max(...exact))]);
      expect(warnings).toEqual([]);
    }
  });

  test('the same key gives the same numbers, another key others, and batches add up', () => {
    const options = { steps: 4, temperature: 1, priorWeight: 1 };
    const small = randomLinearGaussian(4, 3);
    const key = { seed: 1, epoch: 1 };
    const run = (other = {}) => searchStepSize([small, small], [0.05], options, { ...key, ...other }).candidates[0]!;
    expect(run()).toEqual(run());
    for (const other of [{ seed: 2 }, { epoch: 2 }, { iteration: 3 }]) expect(run(other).value).not.toBe(run().value);
    // Eight chains with noise of their own, not four twice.
    const single = searchStepSize([small], [0.05], options, key).candidates[0]!;
    expect(run().value).not.toBe(single.value);
  });

  test('steps that share a gradient are measured as the one step that they are', () => {
    const small = randomLinearGaussian(6, 3);
    const key = { seed: 1, epoch: 1 };
    const dynamics = { temperature: 0.7, priorWeight: 1 };
    const shared = searchStepSize([small], [0.03125], { ...dynamics, steps: 12, gradients: [4, 4, 4] }, key);
    const single = searchStepSize([small], [0.125], { ...dynamics, steps: 3 }, key);
    expect(shared.candidates[0]!.value).toBe(single.candidates[0]!.value);
    expect(shared.best).toBe(0.03125);
  });

  test('a step that leaves the finite numbers cannot win', () => {
    const options = { steps: 60, temperature: 1, priorWeight: 1 };
    const { best, candidates } = searchStepSize([model], [40, 0.05], options, { seed: 1, epoch: 1 });
    expect(best).toBe(0.05);
    expect(candidates[0]).toMatchObject({ value: Number.NaN, eligible: false, nonFinite: 300 });
    expect(searchStepSize([model], [40], options, { seed: 1, epoch: 1 }).best).toBeNull();
  });

  test('a step that is not positive definite wins only where there is no other, and with a warning', () => {
    const options = { steps: STEPS, temperature: 1, priorWeight: 1 };
    const overshooting = 1.2 / largestDiagonal(precision);
    const { best, candidates } = searchStepSize([model], [overshooting, 0.05 * sharpest], options, {
      seed: 1,
      epoch: 1,
    });
    expect(candidates[0]).toMatchObject({ notPositiveDefinite: 1, eligible: false });
    expect(best).toBe(0.05 * sharpest);
    const forced = searchStepSize([model], [overshooting], options, { seed: 1, epoch: 1 });
    expect(forced.best).toBe(overshooting);
    expect(forced.warnings.map(({ text }) => text).join()).toMatch(/100 % of the chains/);
  });
});

test('a candidate without a step that may fold can be chosen where none may', () => {
  const dynamics = [{ label: '0.01', schedule: constantSchedule(0.01, 4) }];
  const strict = { ...search, criterion: 'bound', foldLimit: 0 } as const;
  const { best, candidates, warnings } = searchDynamics([randomLinearGaussian(4, 3)], dynamics, strict, {
    seed: 1,
    epoch: 1,
  });
  expect({ best, warnings }).toEqual({ best: 0, warnings: [] });
  expect(candidates[0]).toMatchObject({ notPositiveDefinite: 0, eligible: true });
});

/** KL(q || p(z | x)), nats, of the Gaussian that a chain's end is over its start and noise, mean over sentences. */
function exactDivergence(model: LinearGaussian, step: number, steps: number, temperature: number): number {
  let sum = 0;
  for (let sentence = 0; sentence < model.sentences; sentence++) {
    const end = model.chainEnd(sentence, step, steps, temperature);
    const posterior = model.posterior(sentence);
    const away = Matrix.sub(end.mean, Matrix.columnVector(posterior.mean));
    const mahalanobis = away.dot(model.precision.mmul(away));
    const covariance = Matrix.add(end.covariance, end.covariance.transpose()).mul(0.5);
    const volumes = logDeterminant(model.precision) + logDeterminant(covariance);
    sum += 0.5 * (model.precision.mmul(end.covariance).trace() + mahalanobis - model.latentSize - volumes);
  }
  return sum / model.sentences;
}

describe('a search by perplexity', () => {
  // The likelihood says little of z: what the bound counts is nearly the volume that steps take from the start's alone.
  const weak = randomLinearGaussian(60, 4, { sigma: 2.5, seed: 5 });
  const options = { steps: STEPS, temperature: 1, priorWeight: 1 };
  const key = { seed: 2, epoch: 1 };

  test('finds the steps whose ends are nearest the posterior where the bound prefers to stand still', () => {
    const grid = [0.005, 0.03, 0.1];
    const divergences = grid.map((step) => exactDivergence(weak, Math.fround(step), STEPS, 1));
    const nearest = grid[divergences.indexOf(Math.min(...divergences))];
    expect(nearest).toBe(0.1);
    const bounds = grid.map((step) => exactBound(weak, Math.fround(step), 1));
    expect(bounds).toEqual(bounds.toSorted((one, other) => other - one));
    expect(searchStepSize([weak], grid, options, key).best).toBe(0.005);
    const { best, candidates, warnings } = searchStepSize([weak], grid, options, key, 'perplexity');
    expect(best).toBe(nearest);
    expect(warnings).toEqual([]);
    // log p(x) less the divergence, but for the fit to so many ends.
    const evidence = Array.from({ length: weak.sentences }, (_, sentence) => weak.logEvidence(sentence));
    const exact = evidence.reduce((sum, value) => sum + value, 0) / weak.sentences;
    candidates.forEach(({ value }, i) => {
      expect(Math.abs(exact - value - divergences[i]!)).toBeLessThan(0.15);
    });
    expect(candidates[2]!.perplexity).toBeCloseTo(Math.exp(-candidates[2]!.value / 3), 10);
  });

  test('tells numbers of steps and temperatures apart as well', () => {
    const dynamics = (steps: number, temperature: number) => ({
      label: `${steps} steps at ${temperature}`,
      schedule: { stepSizes: stepSizes({ steps, stepSize: 0.1, gradients: null }), temperature, priorWeight: 1 },
    });
    const choices = [dynamics(2, 1), dynamics(30, 1), dynamics(30, 0.1)];
    const { best, candidates } = searchDynamics([weak], choices, { ...search, criterion: 'perplexity' }, key);
    expect(best).toBe(1);
    expect(candidates.map(({ label }) => label)).toEqual(choices.map(({ label }) => label));
  });

  test('fits a Gaussian to fewer ends than there are dimensions', () => {
    const dynamics = [{ label: '0.01', schedule: constantSchedule(0.01, 4) }];
    const few = { ...search, criterion: 'perplexity', chains: 4 } as const;
    expect(searchDynamics([randomLinearGaussian(6, 12)], dynamics, few, key)).toMatchObject({
      best: 0,
      candidates: [{ nonFinite: 0, eligible: true }],
    });
  });

  test('is less than log p(x) by what the fit to a few ends is off, in closed form where the text says nothing', () => {
    // Three starts of N(0, 1) of their variance s^2, whose mean has a third of it:
    // E[log s - (mean^2 + s^2 - 1) / 2], with 2 s^2 of chi-squared's two degrees of freedom, so E[log s^2] = -gamma.
    const count = 15000;
    const silent = delegating(new MixturePrior(1, [[1, 0, 1]]), {
      sentences: count,
      words: new Int32Array(count).fill(1),
    });
    const still = [{ label: 'still', schedule: constantSchedule(0, 0) }];
    const { candidates } = searchDynamics([silent], still, { ...search, criterion: 'perplexity', chains: 3 }, key);
    const { value, standardError } = candidates[0]!;
    const gamma = 0.5772156649;
    expect(standardError).toBeLessThan(0.006);
    expect(Math.abs(value + (1 / 3 + gamma) / 2)).toBeLessThan(4 * standardError);
  });

  test('leaves out a candidate that left the finite numbers', () => {
    const far = searchStepSize([weak], [40, 0.1], { ...options, steps: 60 }, key, 'perplexity');
    expect(far.best).toBe(0.1);
    expect(far.candidates[0]).toMatchObject({ value: Number.NaN, eligible: false });
  });
});

/** Upper bounds of the eigenvalues. */
function gershgorin(matrix: Matrix): number[] {
  return matrix.to2DArray().map((row) => row.reduce((sum, entry) => sum + Math.abs(entry), 0));
}

/** The largest diagonal entry is at most the largest eigenvalue. */
function largestDiagonal(matrix: Matrix): number {
  return Math.max(...matrix.diagonal());
}
