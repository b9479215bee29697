import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { fitGaussian } from '../../../src/evaluation/perplexity/gaussian-fit.js';
import {
  GaussianProposal,
  PriorProposal,
  type Proposal,
  StudentProposal,
} from '../../../src/evaluation/perplexity/proposals.js';
import { RandomStream } from '../../../src/random/philox.js';
import { normals, randomLinearGaussian } from '../../inference/models.js';

const CENTER = Float64Array.of(0.5, -1);
const SCALE = new Matrix([
  [0.8, 0.3],
  [0.3, 0.4],
]);

const PROPOSALS: [string, Proposal, Float64Array, Matrix, number][] = [
  ['prior', new PriorProposal(2), Float64Array.of(0, 0), Matrix.eye(2), 8],
  ['Gaussian', new GaussianProposal(CENTER, SCALE), CENTER, SCALE, 8],
  ['Student t, 9 degrees', new StudentProposal(CENTER, SCALE, 9), CENTER, Matrix.mul(SCALE, 9 / 7), 40],
];

describe.each(PROPOSALS)('%s', (_, proposal, mean, covariance, reach) => {
  test('the density sums to one over a grid, and has the moments of the draws', () => {
    const spacing = 0.1;
    let total = 0;
    for (let a = -reach; a <= reach; a += spacing) {
      for (let b = -reach; b <= reach; b += spacing) {
        total += Math.exp(proposal.logDensity(Float32Array.of(a, b), 0)) * spacing ** 2;
      }
    }
    expect(total).toBeCloseTo(1, 4);

    const stream = new RandomStream({ seed: 8, purpose: 'evaluation-proposal' });
    const draws = 20000;
    const z = new Float32Array(2 * draws);
    for (let m = 0; m < draws; m++) proposal.draw(stream, z, 2 * m);
    for (let i = 0; i < 2; i++) {
      const values = (d: number) => Array.from({ length: draws }, (__, m) => z[2 * m + d]! - mean[d]!);
      const own = values(i);
      const average = own.reduce((sum, value) => sum + value, 0) / draws;
      expect(Math.abs(average)).toBeLessThan(4 * Math.sqrt(covariance.get(i, i) / draws));
      for (let j = 0; j < 2; j++) {
        const other = values(j);
        const product = own.reduce((sum, value, m) => sum + value * other[m]!, 0) / draws;
        expect(Math.abs(product - covariance.get(i, j))).toBeLessThan(0.05);
      }
    }
  });
});

test('a scale that is no covariance is refused', () => {
  const indefinite = new Matrix([
    [1, 2],
    [2, 1],
  ]);
  expect(() => new GaussianProposal(CENTER, indefinite)).toThrow(/positive definite/);
  expect(() => new StudentProposal(CENTER, SCALE, 2.5)).toThrow(/whole number/);
});

describe('Gaussian fit', () => {
  const size = 12;
  const model = randomLinearGaussian(1, size, { sigma: 0.4, observed: 20 });
  const { mean, covariance } = model.posterior(0);
  const gradientsAt = (z: Float32Array) => Float64Array.from(model.gradient(z).gradient);

  test.each([
    ['one point', (_: number) => 0],
    ['a line', (step: number) => 0.1 * step],
    ['a line, hardly longer than a point', (step: number) => 1e-9 * step],
  ])('is a Gaussian though the samples are %s', (_, moved) => {
    const [chains, steps] = [2, 3];
    const z = Float32Array.from({ length: chains * steps * size }, (__, i) => 0.5 + moved(Math.floor(i / size)));
    const samples = { chains, steps, latentSize: size, z: Float64Array.from(z), gradient: gradientsAt(z) };
    const fit = fitGaussian(samples);
    const proposal = new GaussianProposal(fit.mean, fit.covariance);
    expect(Number.isFinite(proposal.logDensity(z, 0))).toBe(true);
  });

  test('finds a Gaussian posterior from few samples that lie beside it', () => {
    // Three times as many samples as dimensions, all of them moved the same way.
    const noise = normals(3 * size * size, 4);
    const factor = new CholeskyDecomposition(covariance).lowerTriangularMatrix.to2DArray();
    const z = noise.map((_, i) => {
      const first = i - (i % size);
      const spread = factor[i % size]!.reduce((sum, entry, j) => sum + entry * noise[first + j]!, 0);
      return mean[i % size]! + 0.2 + spread;
    });
    const fit = fitGaussian({
      chains: 6,
      steps: size / 2,
      latentSize: size,
      z: Float64Array.from(z),
      gradient: gradientsAt(z),
    });
    const truth = new GaussianProposal(Float64Array.from(mean), covariance);
    // A point one deviation away in each direction of the truth, and the mean itself, are judged alike by both.
    const fitted = new GaussianProposal(fit.mean, fit.covariance);
    const points = [
      mean,
      ...covariance.to2DArray().map((row, i) => row.map((entry, d) => mean[d]! + entry / Math.sqrt(row[i]!))),
    ];
    for (const point of points) {
      const at = Float32Array.from(point);
      expect(Math.abs(fitted.logDensity(at, 0) - truth.logDensity(at, 0))).toBeLessThan(1);
    }
  });

  test('fewer samples than dimensions still give a covariance, the prior where nothing was seen', () => {
    const z = normals(4 * size, 5).map((value, i) => value + mean[i % size]!);
    const fit = fitGaussian({
      chains: 2,
      steps: 2,
      latentSize: size,
      z: Float64Array.from(z),
      gradient: gradientsAt(z),
    });
    expect(fit.shrinkage).toBeGreaterThan(0.5);
    const proposal = new GaussianProposal(fit.mean, fit.covariance);
    expect(Number.isFinite(proposal.logDensity(Float32Array.from(mean), 0))).toBe(true);
    expect(Math.max(...fit.covariance.diagonal())).toBeLessThan(3);
  });

  test('many independent samples outweigh gradients that mislead', () => {
    const widths = Float64Array.from({ length: size }, (_, d) => 0.2 + 0.15 * d);
    const sample = (count: number) => {
      const z = Float64Array.from(normals(count * size, 6), (value, i) => widths[i % size]! * value);
      return { chains: 20, steps: count / 20, latentSize: size, z, gradient: new Float64Array(z.length) };
    };
    const many = fitGaussian(sample(20000));
    expect(many.shrinkage).toBeLessThan(0.02);
    many.covariance.diagonal().forEach((entry, d) => {
      expect(entry / widths[d]! ** 2).toBeCloseTo(1, 1);
    });
    const few = fitGaussian(sample(60));
    expect(few.shrinkage).toBeGreaterThan(0.1);
    expect(many.effectiveSamples).toBeGreaterThan(8000);
  });

  test('samples of chains that do not move count once a chain', () => {
    const chains = 8;
    const steps = 50;
    const places = normals(chains * size, 7);
    const z = Float64Array.from({ length: steps * chains * size }, (_, i) => places[i % (chains * size)]!);
    const { effectiveSamples } = fitGaussian({
      chains,
      steps,
      latentSize: size,
      z,
      gradient: new Float64Array(z.length),
    });
    // Both variances are unbiased: that of all samples, of which each chain's are the same, and that of the chains' means.
    expect(effectiveSamples).toBeCloseTo((chains * (chains - 1) * steps) / (chains * steps - 1), 6);
  });
});
