import { Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { posteriorMode } from '../../src/inference/posterior-mode.js';
import type { LatentLayers } from '../../src/model/latent-layers.js';
import { LayeredLikelihood } from '../../src/model/layered-decoder.js';
import { RandomStream } from '../../src/random/philox.js';
import { delegating, LinearGaussian, Quartic } from './models.js';

const stream = new RandomStream({ seed: 5, purpose: 'shuffle' });
const loading = new Matrix(Array.from({ length: 6 }, () => Array.from(stream.normals(4))));
const observations = Array.from({ length: 5 }, () => Array.from(stream.normals(6), (value) => 2 * value));
const model = new LinearGaussian(loading, observations, 0.5);

/** How far codes are from the posteriors' means, which are their modes. */
function distances(z: Float32Array, of = model): number[] {
  return Array.from({ length: of.sentences }, (_, sentence) => {
    const { mean } = of.posterior(sentence);
    return Math.hypot(...mean.map((value, d) => value - z[sentence * of.latentSize + d]!));
  });
}

describe('the mode of a posterior', () => {
  it('is its mean where model and prior are Gaussian', () => {
    const { z, slope } = posteriorMode(model, 60);
    for (const distance of distances(z)) expect(distance).toBeLessThan(1e-4);
    for (const length of slope) expect(length).toBeLessThan(1e-2);
  });

  it('is nearly reached by twenty gradients, as many as a chain takes', () => {
    const from = distances(new Float32Array(20));
    distances(posteriorMode(model, 20).z).forEach((distance, sentence) => {
      expect(distance / from[sentence]!).toBeLessThan(0.02);
    });
  });

  it('is one of the prior that comes with the likelihood', () => {
    // A further Gaussian factor, as of observations of their own.
    const further = new LinearGaussian(Matrix.eye(4), [[1, -1, 2, 0]], 1);
    const repeated = delegating(further, { sentences: 5, words: model.words });
    const tilted = Object.assign(new LinearGaussian(loading, observations, 0.5), { prior: repeated });
    const { z } = posteriorMode(tilted, 60);
    // x over both: the loadings beneath each other, those of the prior's factor at the same noise.
    const both = new LinearGaussian(
      new Matrix([...loading.to2DArray(), ...Matrix.eye(4).mul(0.5).to2DArray()]),
      observations.map((x) => [...x, 0.5, -0.5, 1, 0]),
      0.5,
    );
    for (const distance of distances(z, both)) expect(distance).toBeLessThan(1e-4);
  });

  it('is the mean of both layers where two layers and the text are linear and Gaussian', () => {
    // z2 ~ N(0, I), z1 = W z2 + deviation u, x = A z1 + noise: of the noise (u, z2) x is linear, by A [deviation I, W].
    const weights = new Matrix(Array.from({ length: 4 }, () => Array.from(stream.normals(2))));
    const layers: LatentLayers = {
      lower: 4,
      upper: 2,
      deviation: 0.6,
      meanAt: (z, from) => ({
        mean: Float64Array.from(weights.mmul(Matrix.columnVector([z[from]!, z[from + 1]!])).to1DArray()),
        jacobian: Float64Array.from(weights.to1DArray()),
        curvature: () => new Float64Array(4),
      }),
    };
    const both = new Matrix(4, 6);
    both.setSubMatrix(Matrix.eye(4).mul(0.6), 0, 0);
    both.setSubMatrix(weights, 0, 4);
    const { z } = posteriorMode(new LayeredLikelihood(model, layers), 80);
    const flat = new LinearGaussian(loading.mmul(both), observations, 0.5);
    for (const distance of distances(z, flat)) expect(distance).toBeLessThan(1e-3);
  });

  it('never ascends, and is the same whichever sentences are beside', () => {
    const energies = [1, 2, 4, 8, 16].map((gradients) => {
      const { z } = posteriorMode(model, gradients);
      return Array.from(model.nll(z).nll, (nll, sentence) => {
        const code = z.subarray(4 * sentence, 4 * sentence + 4);
        return nll + code.reduce((sum, value) => sum + value * value, 0) / 2;
      });
    });
    energies.slice(1).forEach((later, i) => {
      later.forEach((energy, sentence) => {
        expect(energy).toBeLessThanOrEqual(energies[i]![sentence]! + 1e-4);
      });
    });
    const alone = posteriorMode(new LinearGaussian(loading, [observations[3]!], 0.5), 7);
    expect(Array.from(alone.z)).toEqual(Array.from(posteriorMode(model, 7).z.subarray(12, 16)));
  });

  it('is gone for in steps each twice as long as the one before where the way down is straight', () => {
    // U = -z: a first step of 1 / (1 + 1), and no curvature along any.
    const straight = delegating(new Quartic(), {
      gradient: (z) => ({ nll: z.map((value) => -value - value ** 2 / 2), gradient: z.map((value) => -1 - value) }),
    });
    const reached = [2, 3, 4, 8].map((gradients) => posteriorMode(straight, gradients).z[0]);
    expect(reached).toEqual([0.5, 1.5, 3.5, 63.5]);
  });

  it('stays where it began where nothing is finite', () => {
    const broken = { ...model, sentences: 5, latentSize: 4, gradient: () => infinite } as unknown as LinearGaussian;
    const infinite = { nll: new Float32Array(5).fill(Number.NaN), gradient: new Float32Array(20) };
    const { z, slope } = posteriorMode(broken, 3);
    expect(Array.from(z)).toEqual(Array(20).fill(0));
    expect(Array.from(slope)).toEqual(Array(5).fill(Number.NaN));
  });
});
