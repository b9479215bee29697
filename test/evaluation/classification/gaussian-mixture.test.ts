import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import {
  fitFrom,
  fitMixture,
  GaussianMixture,
  logSumExp,
  mixtureOfClusters,
} from '../../../src/evaluation/classification/gaussian-mixture.js';
import { RandomStream } from '../../../src/random/philox.js';
import { CODES, LEARNT, SIZE } from './classification-data.js';

const points = CODES.subarray(0, LEARNT * SIZE);

/** Item 0 in cluster 0, item 1 in cluster 1, and so on in turns, with equal weights. */
function start(): GaussianMixture {
  return mixtureOfClusters(
    points,
    SIZE,
    Array.from({ length: LEARNT }, (_, i) => i % 2),
    2,
  );
}

function expectClose(actual: Iterable<number>, expected: number[], tolerance = 1e-6): void {
  for (const [i, value] of [...actual].entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance);
}

describe('the same start as scikit-learn', () => {
  it('leads to the same mixture after three iterations', () => {
    const { mixture, logLikelihood, iterations, converged } = fitFrom(start(), points, { maxIterations: 3 });
    const [first, second] = mixture.components;
    expect({ iterations, converged }).toEqual({ iterations: 3, converged: false });
    expect(logLikelihood).toBeCloseTo(-11.102073746116355, 8);
    expect(first!.weight).toBeCloseTo(0.49002644067893075, 8);
    expectClose(
      first!.mean,
      [
        0.47850344770701986, 0.6489722924829358, 0.7330596819264776, -0.4594677367135345, -0.3908168533024234,
        0.3475610488116857,
      ],
    );
    expectClose(
      second!.mean,
      [
        0.2863962457752558, 0.1543111138801474, 0.2266032122365069, -0.22197049529243915, -0.25084242080938096,
        -0.2079403572956876,
      ],
    );
    expectClose(
      first!.covariance.diagonal(),
      [
        1.435682752454165, 2.2753923507099727, 4.258063516281988, 3.001741260873999, 2.2937430968886217,
        6.746815687663731,
      ],
    );
    expectClose(
      second!.covariance.getRow(0),
      [
        0.7102230580641626, 0.16011550419092477, 0.26934906912508905, 0.010234818193698102, 0.43441057987281156,
        -0.2058223554944637,
      ],
    );
    expectMemberships(mixture, [0.3070656406886915, 0.8456821894306988, 0.8260169226832715]);
  });

  it('stops at the same iteration, with the same likelihood', () => {
    const { mixture, logLikelihood, iterations, converged } = fitFrom(start(), points);
    expect({ iterations, converged }).toEqual({ iterations: 21, converged: true });
    expect(logLikelihood).toBeCloseTo(-10.967073416065354, 8);
    expect(mixture.components[0]!.weight).toBeCloseTo(0.5551891152751411, 6);
    expectMemberships(mixture, [0.8665653954836162, 0.9995150628047544, 0.96566458632134]);
  });

  /** p(first component | item) of the three items after the learnt ones. */
  function expectMemberships(mixture: GaussianMixture, expected: number[]): void {
    const joint = mixture.logJoint(CODES.subarray(LEARNT * SIZE, (LEARNT + 3) * SIZE));
    const memberships = expected.map((_, i) => Math.exp(joint[2 * i]! - logSumExp(joint.subarray(2 * i, 2 * i + 2))));
    expectClose(memberships, expected);
  }
});

describe('expectation-maximization', () => {
  it('never makes the items less likely', () => {
    const likelihoods = Array.from(
      { length: 25 },
      (_, i) => fitFrom(start(), points, { maxIterations: i + 1, tolerance: 0 }).logLikelihood,
    );
    for (let i = 1; i < likelihoods.length; i++) {
      expect(likelihoods[i]!).toBeGreaterThan(likelihoods[i - 1]! - 1e-9);
    }
  });

  it('finds the mixture that items were drawn from', () => {
    const stream = new RandomStream({ seed: 5, purpose: 'posterior-sample' });
    const drawn = new Float32Array(2 * 20000);
    for (let i = 0; i < 20000; i++) {
      const [a, b] = stream.normals(2);
      // Weight 0.25 at (3, -1), variances 1 and 4, uncorrelated; else at (-1, 0), both variances 1, correlation 0.6.
      const first = stream.uniform() < 0.25;
      drawn.set(first ? [3 + a!, -1 + 2 * b!] : [-1 + a!, 0.6 * a! + 0.8 * b!], 2 * i);
    }
    const { mixture } = fitMixture(drawn, 2, 2, { seed: 1, restarts: 2, tolerance: 1e-7 });
    const [rare, common] = mixture.components.toSorted((a, b) => a.weight - b.weight);
    expect(rare!.weight).toBeCloseTo(0.25, 1);
    expectClose(rare!.mean, [3, -1], 0.1);
    expectClose(rare!.covariance.to1DArray(), [1, 0, 0, 4], 0.25);
    expectClose(common!.mean, [-1, 0], 0.05);
    expectClose(common!.covariance.to1DArray(), [1, 0.6, 0.6, 1], 0.06);
  });

  it('takes the best of its starts, the same for the same seed', () => {
    const best = fitMixture(points, SIZE, 3, { seed: 2, restarts: 8 });
    const again = fitMixture(points, SIZE, 3, { seed: 2, restarts: 8 });
    expect(again.logLikelihood).toBe(best.logLikelihood);
    const fewer = [1, 2, 4].map((restarts) => fitMixture(points, SIZE, 3, { seed: 2, restarts }).logLikelihood);
    for (const likelihood of fewer) expect(likelihood).toBeLessThanOrEqual(best.logLikelihood);
    expect(Math.min(...fewer)).toBeLessThan(best.logLikelihood);
  });

  it('stays finite where all items are the same, as the codes of a collapsed posterior nearly are', () => {
    const { mixture, logLikelihood } = fitMixture(new Float32Array(40).fill(0.25), 4, 2, { seed: 0, restarts: 2 });
    // One component holds all items, with no variance but the 1e-6 that each is given.
    expect(logLikelihood).toBeCloseTo(-2 * Math.log(2 * Math.PI * 1e-6), 6);
    const [first, second] = [...mixture.components].sort((a, b) => b.weight - a.weight);
    expect(first!.weight + second!.weight).toBeCloseTo(1, 12);
  });
});

it('is fitted to codes that have run away, of which there are no more than dimensions', () => {
  for (const scale of [1, 1e5, 1e7, 1e12]) {
    const noise = new RandomStream({ seed: 3, purpose: 'prior-sample' }).normals(64);
    const { logLikelihood } = fitMixture(
      noise.map((value) => scale * value),
      8,
      2,
      { seed: 1, restarts: 3 },
    );
    expect(Number.isFinite(logLikelihood), `${scale}`).toBe(true);
  }
});

describe('the density of a mixture', () => {
  const mixture = new GaussianMixture([
    { weight: 0.3, mean: Float64Array.of(-2), covariance: new Matrix([[0.5]]) },
    { weight: 0.7, mean: Float64Array.of(1), covariance: new Matrix([[2]]) },
  ]);

  it('integrates to the weights', () => {
    const step = 0.01;
    const grid = Float32Array.from({ length: 4001 }, (_, i) => -20 + i * step);
    const joint = mixture.logJoint(grid);
    const mass = [0, 1].map((k) => grid.reduce((sum, _, i) => sum + Math.exp(joint[2 * i + k]!) * step, 0));
    expectClose(mass, [0.3, 0.7], 1e-5);
  });

  it('tells components apart where both densities are zero in floating point', () => {
    const far = Float32Array.of(-1e4, 1e4);
    expect(Math.exp(mixture.logJoint(far)[0]!)).toBe(0);
    // The wider component is the likelier one on either side.
    expect([...mixture.assign(far)]).toEqual([1, 1]);
    expect([...mixture.assign(Float32Array.of(-2, 1))]).toEqual([0, 1]);
  });
});
