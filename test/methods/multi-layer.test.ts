import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { equalLengthBatches, makeBatch } from '../../src/data/batches.js';
import { FittedEstimator } from '../../src/evaluation/perplexity/fitted-estimator.js';
import { boundGradient, JointEnergy, layeredRun } from '../../src/inference/layered-chain.js';
import type { LatentVariableModel, Learner, Position } from '../../src/methods/method.js';
import { methodNamed } from '../../src/methods/registry.js';
import { codesOf } from '../../src/model/latent-layers.js';
import type { LayeredLikelihood } from '../../src/model/layered-decoder.js';
import { RandomStream } from '../../src/random/philox.js';
import { OWN_DEFAULTS, type ToyRun, toyCorpus, toyRun } from '../training/toy.js';
import { learnOnce, tensorsLeft, withModel } from './toy-model.js';

const corpus = toyCorpus(24);
const batch = equalLengthBatches(corpus.splits.train, 6).at(1);
const at: Position = { epoch: 1, batch: 0, batches: 3, iteration: 0 };
const keys = { seed: 1, sentences: batch.indices };

function runOf(changes: Partial<ToyRun['layered']> = {}): ToyRun {
  const base = toyRun('multi-layer');
  return {
    ...base,
    model: { ...base.model, latentSize: 4, wordDropout: 0, outputDropout: 0, weightRange: 0.6 },
    layered: {
      ...OWN_DEFAULTS.layered,
      upper: 2,
      hiddenSize: 5,
      steps: 3,
      deviation: 0.8,
      learnSteps: null,
      ...changes,
    },
  };
}

/** What `learn` minimizes, and its gradients. */
function lossOf(model: LatentVariableModel): { loss: number; gradients: Map<string, Float32Array> } {
  const gradients = new Map<string, Float32Array>();
  let loss = 0;
  const learner: Learner = {
    minimize(term) {
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(term as () => tf.Scalar, model.parameters.list);
        loss = value.dataSync()[0]!;
        model.parameters.list.forEach((variable, i) => {
          const gradient = grads[variable.name]?.dataSync<'float32'>();
          if (gradient !== undefined) gradients.set(model.parameters.names[i]!, gradient.slice());
        });
      });
      return { loss, gradientNorm: 0 };
    },
  };
  model.learn(batch, at, learner);
  return { loss, gradients };
}

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe('two-layer SRI', () => {
  it('learns from -log p(x, z1 | z2) at the end of the chain, but for its constant', () => {
    const run = runOf();
    withModel(run, corpus, (model) => {
      const likelihood = model.likelihood(batch) as LayeredLikelihood;
      const energy = new JointEnergy(likelihood);
      const key = { seed: run.seed, epoch: 1, batch: 0 };
      const size = batch.size * 4;
      const u0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
      const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(3 * size);
      const stepSizes = Array.from({ length: 3 }, () => [0.1, 0.1] as const);
      const { z } = layeredRun(energy, codesOf(energy.layers, u0), noise, { stepSizes, temperature: 1 });
      // U less what it has of z2, and of the constants of two Gaussians.
      const { energy: whole } = energy.gradient(z);
      const wanted = whole.map((value, row) => {
        const upper = z[row * 4 + 2]! ** 2 + z[row * 4 + 3]! ** 2;
        return value - upper / 2 - 2 * Math.log(2 * Math.PI) - 2 * Math.log(0.8);
      });
      likelihood.dispose();
      const { loss, gradients } = lossOf(model);
      expect(loss).toBeCloseTo(wanted.reduce((sum, value) => sum + value, 0) / batch.size, 4);
      expect(Math.max(...gradients.get('layer.hiddenKernel')!.map(Math.abs))).toBeGreaterThan(1e-3);
    });
  });

  it('knows the mean of z1 with its derivatives, each the slope of the one before', () => {
    withModel(runOf({ upper: 3 }), corpus, (model) => {
      const likelihood = model.likelihood(batch) as LayeredLikelihood;
      const { layers } = likelihood;
      likelihood.dispose();
      const at = [0.3, -0.5, 0.8];
      const weights = Float64Array.of(0.7);
      const { jacobian, curvature } = layers.meanAt(at, 0);
      const bend = curvature(weights);
      const h = 1e-4;
      for (let k = 0; k < 3; k++) {
        const [above, below] = [h, -h].map((by) =>
          layers.meanAt(
            at.map((value, j) => (j === k ? value + by : value)),
            0,
          ),
        );
        expect(jacobian[k]).toBeCloseTo((above!.mean[0]! - below!.mean[0]!) / (2 * h), 7);
        for (let j = 0; j < 3; j++) {
          const slope = (weights[0]! * (above!.jacobian[j]! - below!.jacobian[j]!)) / (2 * h);
          expect(Math.abs(slope)).toBeGreaterThan(1e-3);
          expect(bend[j * 3 + k]).toBeCloseTo(slope, 7);
        }
      }
    });
  });

  it('is SRI where there is one layer and the step sizes stay: the same weights, codes and loss', () => {
    const plain = toyRun('sri');
    const sri: ToyRun = {
      ...plain,
      model: runOf().model,
      langevin: { ...OWN_DEFAULTS.langevin, steps: 3, stepSize: 0.1 },
    };
    const of = (run: ToyRun) =>
      withModel(run, corpus, (model) => {
        const likelihood = model.likelihood(batch);
        const posterior = model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 2 });
        const found = {
          names: model.parameters.names,
          z: posterior.z(2).slice(),
          nll: posterior.nll(2).slice(),
          density: posterior.density!(2).logDensity.slice(),
          loss: lossOf(model).loss,
        };
        likelihood.dispose();
        return found;
      });
    const [one, other] = [of(runOf({ upper: 0 })), of(sri)];
    expect(one.names).toEqual(other.names);
    expect(one.loss).toBeCloseTo(other.loss, 4);
    for (const part of ['z', 'nll', 'density'] as const) {
      one[part].forEach((value, i) => {
        expect(Math.abs(value - other[part][i]!), part).toBeLessThan(2e-3);
      });
    }
  });

  it('learns its step sizes, each by itself, and goes on with them from a checkpoint', () => {
    const run = runOf({ learnSteps: { every: 1, sentences: 2, chains: 1, learningRate: 0.1 } });
    const second = { ...at, batch: 1, iteration: 1 };
    const straight = withModel(run, corpus, (model) => {
      const first = learnOnce(model, run, batch, at).quantities;
      expect(new Set([first['stepSize[1, z1]'], first['stepSize[1, z2]'], 0.1]).size).toBeGreaterThan(1);
      expect(first.bound).toBeLessThan(0);
      const saved = { weights: model.parameters.store(), state: JSON.parse(JSON.stringify(model.state())) };
      for (const tensor of saved.weights.values()) tensor.data = tensor.data.slice();
      return { saved, quantities: learnOnce(model, run, batch, second).quantities };
    });
    withModel(run, corpus, (model) => {
      model.parameters.restore(straight.saved.weights, 'here');
      model.restoreState(straight.saved.state);
      expect(learnOnce(model, run, batch, second).quantities).toEqual(straight.quantities);
    });
  });

  it('moves every step size up the bound of the batch’s first sentences, first by the whole rate of Adam', () => {
    const learnSteps = { every: 1, sentences: 2, chains: 3, learningRate: 0.1 };
    withModel(runOf({ stepSize: 0.05, learnSteps }), corpus, (model) => {
      const few = makeBatch(corpus.splits.train, batch.indices.subarray(0, 2), batch.index);
      const likelihood = model.likelihood(few) as LayeredLikelihood;
      const energy = new JointEnergy(likelihood);
      const stream = new RandomStream({ seed: runOf().seed, purpose: 'step-search', epoch: 1, batch: 0, step: 0 });
      const z0 = codesOf(energy.layers, stream.normals(3 * 2 * 4));
      const schedule = { stepSizes: Array.from({ length: 3 }, () => [0.05, 0.05] as const), temperature: 1 };
      const { bound, gradient } = boundGradient(energy, z0, stream.normals(3 * 3 * 2 * 4), schedule);
      likelihood.dispose();
      const { quantities } = learnOnce(model, runOf(), batch, at);
      expect(quantities.bound).toBeCloseTo(bound, 4);
      gradient.forEach((slopes, k) => {
        slopes.forEach((slope, layer) => {
          const found = quantities[`stepSize[${k + 1}, z${layer + 1}]`]!;
          expect(found).toBeCloseTo(0.05 * Math.exp(0.1 * Math.sign(slope)), 6);
        });
      });
      expect(gradient.flat().some((slope) => slope !== 0)).toBe(true);
    });
  });

  it('leaves its step sizes as they are between the iterations that move them', () => {
    const learnSteps = { every: 2, sentences: 2, chains: 1, learningRate: 0.1 };
    withModel(runOf({ learnSteps }), corpus, (model) => {
      const sizes = [0, 1, 2].map((iteration) => {
        const { quantities } = learnOnce(model, runOf(), batch, { ...at, iteration });
        return Object.entries(quantities).filter(([name]) => name.startsWith('stepSize['));
      });
      expect(sizes[0]!.length).toBe(6);
      expect(sizes[1]).toEqual(sizes[0]);
      expect(sizes[2]).not.toEqual(sizes[1]);
    });
  });

  it('warns, once, where no chain is invertible by several step sizes in a row, and not where one is', () => {
    const learnSteps = { every: 1, sentences: 2, chains: 1, learningRate: 0.1 };
    const warnings = (stepSize: number, updates: number) =>
      withModel(runOf({ stepSize, learnSteps }), corpus, (model) =>
        Array.from({ length: updates }, (_, iteration) => {
          // The weights stay, so that nothing but the step sizes decides.
          const learner: Learner = { minimize: () => ({ loss: 0, gradientNorm: 0 }) };
          const { warning } = model.learn(batch, { ...at, iteration }, learner);
          return warning === undefined ? [] : [{ iteration, warning }];
        }).flat(),
      );
    const [told, ...more] = warnings(2.5, 7);
    expect(told!.iteration).toBe(4);
    expect(told!.warning).toMatch(
      /epoch 1, update 4,.* 5th time in a row.* to 1\.52 at most.*smaller layered\.stepSize/,
    );
    expect(more).toEqual([]);
    expect(warnings(0.1, 6)).toEqual([]);
    // Nor again where it was so five times, and then no longer.
    expect(warnings(0.75, 8).map(({ iteration }) => iteration)).toEqual([4]);
  });

  it('is evaluated by its codes’ noise: their NLL is the decoder’s, and perplexity can be estimated', () => {
    withModel(runOf(), corpus, (model) => {
      const likelihood = model.likelihood(batch);
      const posterior = model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 0 });
      const z = posterior.z(1);
      const nll = tf.tidy(() =>
        Array.from(model.decoder.sentenceNll(batch, tf.tensor2d(z, [batch.size, 4])).dataSync()),
      );
      posterior.nll(1).forEach((value, i) => {
        expect(value).toBeCloseTo(nll[i]!, 4);
      });
      const [estimate] = new FittedEstimator({ draws: 20, chains: 3, metropolisSteps: 4 }).estimate(
        likelihood,
        posterior,
      );
      expect(estimate!.logLikelihood).toBeLessThan(0);
      likelihood.dispose();
    });
  });

  it('leaves no tensors behind', () => {
    const run = runOf({ learnSteps: { every: 1, sentences: 2, chains: 1, learningRate: 0.1 } });
    expect(tensorsLeft(run, corpus, batch, at, keys)).toBe(0);
  });

  it('refuses an upper layer that leaves the lower none', () => {
    expect(() => methodNamed('multi-layer').create(runOf({ upper: 4 }), corpus)).toThrow(/layered\.upper.*z1 none/);
  });
});
