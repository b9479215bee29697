import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { FittedEstimator } from '../../src/evaluation/perplexity/fitted-estimator.js';
import { jointLikelihood } from '../../src/inference/tilted-prior.js';
import type { LatentVariableModel, Learner, Position } from '../../src/methods/method.js';
import { methodNamed } from '../../src/methods/registry.js';
import { codesOf, noiseOf } from '../../src/model/latent-layers.js';
import { type LayeredLikelihood, lowerLayer } from '../../src/model/layered-decoder.js';
import { RandomStream } from '../../src/random/philox.js';
import { OWN_DEFAULTS, type ToyRun, toyCorpus, toyRun } from '../training/toy.js';
import { tensorsLeft, withModel } from './toy-model.js';

const corpus = toyCorpus(24);
const batch = equalLengthBatches(corpus.splits.train, 6).at(1);
const at: Position = { epoch: 1, batch: 0, batches: 3, iteration: 0 };
const keys = { seed: 1, sentences: batch.indices };
const size = batch.size * 4;
const deviation = 0.8;

function runOf(upper: number, method = 'joint-energy-prior'): ToyRun {
  const base = toyRun(method);
  const chain = { steps: 3, stepSize: 0.1, temperature: 1 };
  return {
    ...base,
    model: { ...base.model, latentSize: 4, wordDropout: 0, outputDropout: 0, weightRange: 0.6 },
    optimizer: { ...base.optimizer, name: 'adam', learningRate: 0.01 },
    layers: { upper, hiddenSize: 5, deviation },
    energyPrior: { ...OWN_DEFAULTS.energyPrior, hiddenSize: 5, prior: chain, posterior: chain },
  };
}

interface Minimized {
  loss: number;
  /** By name, of the weights that were to learn. */
  gradients: Map<string, Float32Array>;
}

/** What `learn` minimizes, one after the other, and what it says of it. */
function learned(model: LatentVariableModel) {
  const minimized: Minimized[] = [];
  const learner: Learner = {
    minimize(term, only = () => true) {
      const names = model.parameters.names.filter(only);
      const variables = model.parameters.list.filter((_, i) => only(model.parameters.names[i]!));
      const gradients = new Map<string, Float32Array>();
      const loss = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(term as () => tf.Scalar, variables);
        variables.forEach((variable, i) => {
          gradients.set(names[i]!, grads[variable.name]!.dataSync<'float32'>().slice());
        });
        return value.dataSync()[0]!;
      });
      minimized.push({ loss, gradients });
      return { loss, gradientNorm: 0 };
    },
  };
  const { quantities } = model.learn(batch, at, learner);
  return { minimized, quantities };
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Codes of both layers where chains of both densities end, each step z - s dU/dz + sqrt(2 s) eps with U's slope by differences. */
function endsOf(model: LatentVariableModel, run: ToyRun): { minus: Float32Array; plus: Float32Array } {
  const likelihood = model.likelihood(batch) as LayeredLikelihood;
  const { layers, inner } = likelihood;
  const tilt = model.prior!();
  // U but for constants, from its parts: -f by the prior of the noise, Gaussian layers, the text.
  const energyAt = (z: Float32Array, withText: boolean) => {
    const u = noiseOf(layers, z);
    const text = withText ? inner.nll(lowerLayer(layers, z)).nll : null;
    return Float64Array.from(tilt.nll(u).nll, (minusF, row) => {
      const squares = u.subarray(row * 4, row * 4 + 4).reduce((sum, value) => sum + value * value, 0);
      return minusF + squares / 2 + (text?.[row] ?? 0);
    });
  };
  const run3 = (start: Float32Array, noise: Float32Array, withText: boolean) => {
    let z = codesOf(layers, start);
    for (let k = 0; k < 3; k++) {
      const next = z.slice();
      for (let d = 0; d < 4; d++) {
        const [up, down] = [0.01, -0.01].map((by) =>
          energyAt(
            z.map((value, i) => (i % 4 === d ? value + by : value)),
            withText,
          ),
        ) as [Float64Array, Float64Array];
        for (let row = 0; row < batch.size; row++) {
          const i = row * 4 + d;
          next[i]! += -0.1 * ((up[row]! - down[row]!) / 0.02) + Math.sqrt(0.2) * noise[k * size + i]!;
        }
      }
      z = next;
    }
    return z;
  };
  const key = { seed: run.seed, epoch: 1, batch: 0 };
  const ofPrior = new RandomStream({ ...key, purpose: 'prior-codes' });
  const minus = run3(ofPrior.normals(size), ofPrior.normals(3 * size), false);
  const start = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
  const plus = run3(start, new RandomStream({ ...key, purpose: 'chain-noise' }).normals(3 * size), true);
  likelihood.dispose();
  return { minus, plus };
}

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe('the energy-based prior over two layers', () => {
  it('learns from the ends of chains over both layers: f, the layers above and the decoder, each by its part', () => {
    const run = runOf(2);
    withModel(run, corpus, (model) => {
      const { minus, plus } = endsOf(model, run);
      const losses = () => {
        const likelihood = model.likelihood(batch) as LayeredLikelihood;
        const { layers, inner } = likelihood;
        const f = (z: Float32Array) => -mean(model.prior!().nll(noiseOf(layers, z)).nll);
        const residuals = (z: Float32Array) =>
          mean(
            Array.from({ length: batch.size }, (_, row) => {
              const { mean: of } = layers.meanAt(z, row * 4 + 2);
              return of.reduce((sum, value, i) => sum + (z[row * 4 + i]! - value) ** 2, 0) / (2 * deviation ** 2);
            }),
          );
        const weights = [...model.parameters.store()].filter(([name]) => name.startsWith('prior.'));
        // The weights of f are a tenth of what is stored.
        const squares = weights.flatMap(([, { data }]) => Array.from(data, (weight) => (0.1 * weight) ** 2));
        const decay = 0.0005 * squares.reduce((sum, square) => sum + square, 0);
        const nll = mean(inner.nll(lowerLayer(layers, plus)).nll);
        likelihood.dispose();
        return {
          gap: f(plus) - f(minus),
          ofEnergy: decay - (f(plus) - f(minus)),
          rest: nll + residuals(plus) - residuals(minus),
        };
      };
      const wanted = losses();
      const { minimized, quantities } = learned(model);
      const [ofEnergy, rest] = minimized as [Minimized, Minimized];
      expect(quantities!.energyGap).toBeCloseTo(wanted.gap, 3);
      expect(ofEnergy.loss).toBeCloseTo(wanted.ofEnergy, 3);
      expect(rest.loss).toBeCloseTo(wanted.rest, 3);
      const names = [ofEnergy, rest].map(({ gradients }) => [...gradients.keys()]);
      expect(names[0]!.every((name) => name.startsWith('prior.'))).toBe(true);
      expect(names[0]).toEqual(expect.arrayContaining(['prior.kernel0', 'prior.upper.kernel0']));
      expect(names[1]).toEqual(expect.arrayContaining(['layer.hiddenKernel', 'decoder.outputBias']));
      expect(names.flat().sort()).toEqual([...model.parameters.names].sort());

      // The gradients, a weight of each part, by differences of those losses at the same codes.
      for (const [name, { gradients }, part, h] of [
        ['prior.kernel0', ofEnergy, 'ofEnergy', 0.1],
        ['prior.upper.kernel1', ofEnergy, 'ofEnergy', 0.1],
        ['layer.hiddenKernel', rest, 'rest', 0.02],
        ['layer.outputBias', rest, 'rest', 0.02],
      ] as const) {
        const weights = model.parameters.store();
        const before = weights.get(name)!.data.slice();
        const [up, down] = [h, -h].map((by) => {
          const data = before.slice() as Float32Array;
          data[1]! += by;
          model.parameters.restore(new Map([[name, { ...weights.get(name)!, data }]]), 'here', (one) => one === name);
          return losses()[part];
        }) as [number, number];
        const stored = { ...weights.get(name)!, data: before };
        model.parameters.restore(new Map([[name, stored]]), 'here', (one) => one === name);
        const found = gradients.get(name)![1]!;
        expect(Math.abs((up - down) / (2 * h) - found), name).toBeLessThan(2e-4 + 0.02 * Math.abs(found));
        expect(Math.abs(found), name).toBeGreaterThan(1e-5);
      }
    });
  });

  it('is Energy prior where there is one layer: the same weights, codes, losses and prior', () => {
    const of = (run: ToyRun) =>
      withModel(run, corpus, (model) => {
        const likelihood = model.likelihood(batch);
        const posterior = model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 2 });
        const u = new RandomStream({ seed: 2, purpose: 'shuffle' }).normals(8);
        const found = {
          z: posterior.z(2).slice(),
          density: posterior.density!(2).logDensity.slice(),
          prior: model.prior!().gradient(u).gradient,
          losses: Float64Array.from(learned(model).minimized, ({ loss }) => loss),
        };
        likelihood.dispose();
        return { names: model.parameters.names, found };
      });
    const [one, other] = [of(runOf(0)), of(runOf(0, 'energy-prior'))];
    expect(one.names).toEqual(other.names);
    for (const part of ['z', 'density', 'prior', 'losses'] as const) {
      one.found[part].forEach((value, i) => {
        expect(Math.abs(value - other.found[part][i]!), part).toBeLessThan(2e-3);
      });
    }
  });

  it('is measured in the noise of its codes: a prior with its derivatives, chains towards the posterior under it', () => {
    withModel(runOf(2), corpus, (model) => {
      const likelihood = model.likelihood(batch);
      expect(likelihood.prior).toBe(model.prior!());
      const u = new RandomStream({ seed: 2, purpose: 'shuffle' }).normals(4);
      const { gradient } = model.prior!().gradient(u);
      for (let i = 0; i < 4; i++) {
        const [plus, minus] = [0.05, -0.05].map((by) => {
          const moved = u.slice();
          moved[i]! += by;
          return model.prior!().nll(moved).nll[0]!;
        }) as [number, number];
        expect((plus - minus) / 0.1).toBeCloseTo(gradient[i]!, 3);
      }
      expect(Math.abs(gradient[2]!)).toBeGreaterThan(1e-4);

      const posterior = model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 1 });
      expect(Array.from(posterior.nll(2))).toEqual(Array.from(likelihood.nll(posterior.z(2)).nll));
      expect(posterior.density!(1).logDensity.every(Number.isFinite)).toBe(true);
      const [estimate] = new FittedEstimator({ draws: 20, chains: 3, metropolisSteps: 4 }).estimate(
        jointLikelihood(likelihood),
        posterior,
      );
      expect(estimate!.logLikelihood).toBeLessThan(0);
      likelihood.dispose();
    });
  });

  it('is another prior as soon as any weight that it depends on is another', () => {
    withModel(runOf(2), corpus, (model) => {
      const before = model.prior!();
      const change = (name: string) => {
        const tensor = model.parameters.store().get(name)!;
        const data = tensor.data.map((value) => value + 0.1) as Float32Array;
        model.parameters.restore(new Map([[name, { ...tensor, data }]]), 'here', (one) => one === name);
      };
      change('decoder.outputBias');
      expect(model.prior!()).toBe(before);
      change('layer.outputBias');
      const after = model.prior!();
      expect(after).not.toBe(before);
      change('prior.upper.bias0');
      expect(model.prior!()).not.toBe(after);
    });
  });

  it('leaves no tensors behind', () => {
    expect(tensorsLeft(runOf(2), corpus, batch, at, keys)).toBe(0);
  });

  it('refuses an upper layer that leaves the lower none', () => {
    expect(() => methodNamed('joint-energy-prior').create(runOf(4), corpus)).toThrow(/layers\.upper.*z1 none/);
  });
});
