import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { plainShortRun } from '../../src/inference/short-run.js';
import { jointLikelihood } from '../../src/inference/tilted-prior.js';
import type { Learner, Position } from '../../src/methods/method.js';
import { EnergyNetwork, LayeredEnergy } from '../../src/model/energy-prior.js';
import { Parameters } from '../../src/model/parameters.js';
import { RandomStream } from '../../src/random/philox.js';
import { constantSchedule } from '../inference/models.js';
import { relativeError } from '../ops/reference.js';
import { OWN_DEFAULTS, type ToyRun, toyCorpus, toyRun } from '../training/toy.js';
import { learnOnce, tensorsLeft, withModel } from './toy-model.js';

const corpus = toyCorpus(24);
const batch = equalLengthBatches(corpus.splits.train, 6).at(1);
const at: Position = { epoch: 1, batch: 0, batches: 3, iteration: 0 };
const keys = { seed: 1, sentences: batch.indices };

function runOf(changes: Partial<ToyRun['energyPrior']> = {}): ToyRun {
  const base = toyRun('energy-prior');
  const chain = { steps: 3, stepSize: 0.1, temperature: 1 };
  return {
    ...base,
    model: { ...base.model, wordDropout: 0, outputDropout: 0, weightRange: 0.6 },
    optimizer: { ...base.optimizer, name: 'adam', learningRate: 0.01 },
    energyPrior: { ...OWN_DEFAULTS.energyPrior, hiddenSize: 5, prior: chain, posterior: chain, ...changes },
  };
}

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe('the energy-based prior', () => {
  it('learns from codes of short runs from the prior and from the posterior, each network by its own loss', () => {
    const run = runOf();
    withModel(run, corpus, (model) => {
      const key = { seed: run.seed, epoch: 1, batch: 0 };
      const size = batch.size * 3;
      const prior = model.prior!();
      const likelihood = model.likelihood(batch);
      const ofPrior = new RandomStream({ ...key, purpose: 'prior-codes' });
      const start = ofPrior.normals(size);
      const minus = plainShortRun(prior, start, ofPrior.normals(3 * size), constantSchedule(0.1, 3)).z;
      const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
      const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(3 * size);
      const plus = plainShortRun(jointLikelihood(likelihood), z0, noise, constantSchedule(0.1, 3)).z;
      const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const gap = mean(prior.nll(minus).nll) - mean(prior.nll(plus).nll);
      const nll = mean(likelihood.nll(plus).nll);
      likelihood.dispose();
      const weights = [...model.parameters.store()].filter(([name]) => name.startsWith('prior.'));
      // The weights of f are a tenth of what is stored.
      const squares = weights.flatMap(([, { data }]) => Array.from(data, (weight) => (0.1 * weight) ** 2));
      const decay = 0.0005 * squares.reduce((sum, square) => sum + square, 0);

      const losses: { loss: number; names: string[] }[] = [];
      const learner: Learner = {
        minimize(term, only = () => true) {
          const loss = tf.tidy(() => (term as () => tf.Scalar)().dataSync()[0]!);
          losses.push({ loss, names: model.parameters.names.filter(only) });
          return { loss, gradientNorm: 0 };
        },
      };
      const { quantities } = model.learn(batch, at, learner);
      expect(quantities.energyGap).toBeCloseTo(gap, 4);
      expect(losses[0]!.loss).toBeCloseTo(decay - gap, 4);
      expect(losses[0]!.names.every((name) => name.startsWith('prior.'))).toBe(true);
      expect(losses[1]!.loss).toBeCloseTo(nll, 4);
      expect(losses[1]!.names.every((name) => name.startsWith('decoder.'))).toBe(true);
      expect(losses.flatMap(({ names }) => names).sort()).toEqual([...model.parameters.names].sort());
    });
  });

  it('learns at a share of the rate', () => {
    const run = runOf();
    withModel(run, corpus, (model) => {
      const before = new Map([...model.parameters.store()].map(([name, { data }]) => [name, data.slice()]));
      learnOnce(model, run, batch, at);
      const moved = (name: string) => {
        const now = model.parameters.store().get(name)!.data;
        return Math.max(...before.get(name)!.map((value, i) => Math.abs(now[i]! - value)));
      };
      // Adam's first step is its rate long in every weight that has a gradient.
      expect(moved('decoder.outputBias')).toBeCloseTo(0.01, 4);
      expect(0.1 * moved('prior.kernel0')).toBeCloseTo(0.001, 5);
    });
  });

  it('clips the gradient of f by a norm of its own', () => {
    const length = (clipNorm: number | null) => {
      const run = runOf({ clipNorm });
      const descent: ToyRun = { ...run, optimizer: { ...run.optimizer, name: 'sgd', learningRate: 1 } };
      return withModel(descent, corpus, (model) => {
        const before = new Map([...model.parameters.store()].map(([name, { data }]) => [name, data.slice()]));
        learnOnce(model, descent, batch, at);
        const squares = (prefix: string) =>
          [...model.parameters.store()].flatMap(([name, { data }]) =>
            name.startsWith(prefix) ? Array.from(data, (value, i) => (value - before.get(name)![i]!) ** 2) : [],
          );
        const norm = (prefix: string) => Math.sqrt(squares(prefix).reduce((sum, value) => sum + value, 0));
        // The gradient in f's own weights is what is stored of it over the share.
        return { ofEnergy: norm('prior.') / 0.1, ofDecoder: norm('decoder.') };
      });
    };
    const whole = length(null);
    const clipped = length(whole.ofEnergy / 3);
    expect(clipped.ofEnergy).toBeCloseTo(whole.ofEnergy / 3, 4);
    expect(clipped.ofDecoder).toBeCloseTo(whole.ofDecoder, 5);
    expect(length(2 * whole.ofEnergy).ofEnergy).toBeCloseTo(whole.ofEnergy, 5);
  });

  it('is the same prior until its weights change, and infers the NLL of the text alone', () => {
    const run = runOf();
    withModel(run, corpus, (model) => {
      const before = model.prior!();
      expect(model.prior!()).toBe(before);
      const likelihood = model.likelihood(batch);
      expect(likelihood.prior).toBe(before);
      const posterior = model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 1 });
      expect(Array.from(posterior.nll(2))).toEqual(Array.from(likelihood.nll(posterior.z(2)).nll));
      expect(posterior.density!(1).logDensity.every(Number.isFinite)).toBe(true);
      likelihood.dispose();
      learnOnce(model, run, batch, at);
      expect(model.prior!()).not.toBe(before);
    });
  });

  it('has the derivatives of its energy', () => {
    withModel(runOf(), corpus, (model) => {
      const prior = model.prior!();
      const z = new RandomStream({ seed: 2, purpose: 'shuffle' }).normals(3);
      const { gradient } = prior.gradient(z);
      for (let i = 0; i < 3; i++) {
        const [plus, minus] = [0.05, -0.05].map((by) => {
          const moved = z.slice();
          moved[i]! += by;
          return prior.nll(moved).nll[0]!;
        }) as [number, number];
        expect((plus - minus) / 0.1).toBeCloseTo(gradient[i]!, 3);
      }
      expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.01);
    });
  });

  it('knows the slope of its energy as automatic differentiation finds it, of one network and of two', () => {
    tf.tidy(() => {
      const codes = tf.tensor2d(new RandomStream({ seed: 3, purpose: 'shuffle' }).normals(4 * 5), [4, 5]);
      const one = new EnergyNetwork(new Parameters(1), { latent: 5, hidden: 7 }, 0.1);
      const two = new LayeredEnergy(new Parameters(2), { lower: 3, upper: 2, hidden: 6 }, 0.3);
      for (const energy of [one, two]) {
        const { value, slope } = energy.valueAndSlope(codes);
        const automatic = tf
          .grad((z) => tf.sum(energy.value(z as tf.Tensor2D)))(codes)
          .dataSync();
        expect(relativeError(value.dataSync(), energy.value(codes).dataSync())).toBeLessThan(1e-5);
        expect(relativeError(slope.dataSync(), automatic)).toBeLessThan(1e-5);
        expect(Math.max(...automatic.map(Math.abs))).toBeGreaterThan(0.01);
      }
    });
  });

  it('leaves no tensors behind', () => {
    expect(tensorsLeft(runOf(), corpus, batch, at, keys)).toBe(0);
  });
});
