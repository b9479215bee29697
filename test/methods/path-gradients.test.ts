// The codes of a path as teachers of the decoder: their weights, and their gradients against differences of the loss.

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { availableBackends, type BackendName, useBackend } from '../../src/backends/index.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { langevinSchedule } from '../../src/inference/schedule.js';
import { shortRun } from '../../src/inference/short-run.js';
import type { Learner } from '../../src/methods/method.js';
import { codeWeights } from '../../src/methods/path-gradients.js';
import { sri } from '../../src/methods/sri.js';
import { RandomStream } from '../../src/random/philox.js';
import { toyCorpus, toyRun } from '../training/toy.js';

const others = (await availableBackends()).filter((name) => name !== 'cpu');
const corpus = toyCorpus(24);
const batch = equalLengthBatches(corpus.splits.train, 8).at(1);
const key = { seed: 3, epoch: 2, batch: 5 };
const at = { epoch: 2, batch: 5, batches: 9, iteration: 14 };

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe('the weights of the codes', () => {
  it('are of the end alone by Algorithm 1, and of every step beside it by the script', () => {
    expect(codeWeights({ steps: 4, gradients: null, learnFrom: 'end' }, 8, key)).toEqual({ end: 1, path: null });
    expect(codeWeights({ steps: 4, gradients: null, learnFrom: 'path' }, 8, key)).toEqual({
      end: 1,
      path: Float32Array.of(1, 1, 1, 1),
    });
    expect(codeWeights({ steps: 4, gradients: [1, 3], learnFrom: 'path' }, 8, key).path).toEqual(Float32Array.of(1, 3));
  });

  it('of n random points are those of a mean over n + 1 codes, in expectation the same for every step', () => {
    const langevin = { steps: 6, gradients: [1, 1, 3, 1], learnFrom: { points: 2 } };
    const draws = 3000;
    const sums = [0, 0, 0, 0];
    for (let b = 0; b < draws; b++) {
      const { end, path } = codeWeights(langevin, 8, { ...key, batch: b });
      expect(end).toBeCloseTo(1 / 3, 12);
      expect(end + 8 * path!.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6);
      path!.forEach((weight, i) => {
        sums[i]! += (8 * weight) / draws;
      });
    }
    // (NLL(z_K) + n mean_k NLL(z_k)) / (n + 1), the third point standing for three of the six steps.
    [1, 1, 3, 1].forEach((share, i) => {
      const wanted = ((2 / 3) * share) / 6;
      expect(Math.abs(sums[i]! - wanted)).toBeLessThan(4 * Math.sqrt((wanted * 0.7) / draws));
    });
    expect(codeWeights(langevin, 8, key)).toEqual(codeWeights(langevin, 8, key));
    // All points at once leave nothing to chance.
    const all = codeWeights({ ...langevin, learnFrom: { points: 6 } }, 8, key).path!;
    [1, 1, 3, 1].forEach((share, i) => {
      expect(all[i]).toBeCloseTo(share / 7 / 8, 7);
    });
  });
});

describe('SRI that learns from its path', () => {
  const base = toyRun('sri');
  for (const [name, learnFrom, dropout] of [
    ['path', 'path', true],
    ['path without dropout', 'path', false],
    ['points', { points: 2 }, true],
  ] as const) {
    it(`${name}: adds the slope of the codes' weighted NLL in every weight of the decoder`, () => {
      const langevin = { ...base.langevin, steps: 6, stepSize: 0.2, gradients: [1, 3, 2], learnFrom, dropout };
      const run = { ...base, model: { ...base.model, weightRange: 0.5 }, langevin };
      const before = tf.memory().numTensors;
      const model = sri.create(run, corpus);
      const { decoder, parameters } = model;
      const added = new Map<string, Float32Array>();
      let loss = Number.NaN;
      const onlooker: Learner = {
        minimize(term, _, gradients) {
          for (const [weight, tensor] of gradients!) added.set(weight, tensor.dataSync<'float32'>().slice());
          loss = tf.tidy(() => (term as () => tf.Scalar)().dataSync()[0]!);
          return { loss, gradientNorm: 0 };
        },
      };
      const weights = codeWeights(langevin, batch.size, key);
      expect(model.learn(batch, at, onlooker).loss).toBeCloseTo(loss / weights.end, 6);
      expect([...added.keys()].sort()).toEqual([...parameters.names].sort());

      // The same path once more, from the definition.
      const masks = () =>
        dropout
          ? decoder.masks(batch, 'chain-word-dropout', 'chain-output-dropout', key)
          : { words: null, outputs: null };
      const size = batch.size * model.latentSize;
      const schedule = langevinSchedule(langevin, { epoch: at.epoch, done: at.batch / at.batches });
      const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
      const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(3 * size);
      const likelihood = decoder.likelihood(batch, masks());
      const path = shortRun(likelihood, z0, noise, schedule, true).path!;
      likelihood.dispose();

      const weightedNll = () => {
        const moved = decoder.likelihood(batch, masks());
        const sum = Array.from(weights.path!).reduce(
          (total, weight, k) =>
            total + weight * moved.nll(path.slice(k * size, (k + 1) * size)).nll.reduce((a, b) => a + b, 0),
          0,
        );
        moved.dispose();
        return sum;
      };
      for (const [i, weight] of parameters.names.entries()) {
        const variable = parameters.list[i]!;
        const original = variable.dataSync<'float32'>().slice();
        const direction = new RandomStream({ seed: i, purpose: 'shuffle' }).normals(original.length);
        const shifted = (distance: number) => {
          const values = original.map((value, j) => value + distance * direction[j]!);
          tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
          return weightedNll();
        };
        const h = 5e-3;
        const slope = (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
        tf.tidy(() => variable.assign(tf.tensor(original, variable.shape)));
        const claimed = direction.reduce((sum, value, j) => sum + value * added.get(weight)![j]!, 0);
        const scale = Math.sqrt(direction.reduce((sum, value, j) => sum + (value * added.get(weight)![j]!) ** 2, 0));
        expect(Math.abs(claimed - slope) / scale, weight).toBeLessThan(5e-3);
      }
      model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  }

  it.each(others)('on %s, whatever way it takes, as on cpu', async (backend) => {
    const langevin = { ...base.langevin, steps: 6, stepSize: 0.2, gradients: [1, 3, 2], learnFrom: 'path' as const };
    const run = { ...base, model: { ...base.model, weightRange: 0.5 }, langevin };
    const learn = async (name: BackendName) => {
      await useBackend(name, 2);
      const model = sri.create(run, corpus);
      const added = new Map<string, Float32Array>();
      const onlooker: Learner = {
        minimize(_, __, gradients) {
          for (const [weight, tensor] of gradients!) added.set(weight, tensor.dataSync<'float32'>().slice());
          return { loss: 0, gradientNorm: 0 };
        },
      };
      const { latentRms } = model.learn(batch, at, onlooker).quantities;
      const before = tf.memory().numTensors;
      model.learn(batch, at, onlooker);
      expect(tf.memory().numTensors).toBe(before);
      model.dispose();
      return { added, latentRms: latentRms! };
    };
    const wanted = await learn('cpu');
    const found = await learn(backend);
    await useBackend('cpu', 1);
    expect(found.latentRms).toBeCloseTo(wanted.latentRms, 4);
    expect([...found.added.keys()].sort()).toEqual([...wanted.added.keys()].sort());
    for (const [weight, values] of wanted.added) {
      const size = Math.max(...values.map(Math.abs));
      found.added.get(weight)!.forEach((value, j) => {
        expect(Math.abs(value - values[j]!), weight).toBeLessThan(1e-4 * size);
      });
    }
  });

  it('counts a product more for each gradient that teaches', () => {
    const flops = (changes: object) => {
      const model = sri.create({ ...base, langevin: { ...base.langevin, steps: 6, ...changes } }, corpus);
      const count = model.flops({ size: 1, tokens: 1 });
      const { words, latent } = model.decoder.flops({ size: 1, tokens: 1 });
      model.dispose();
      return (count - 4 * words - 3 * latent) / latent;
    };
    const ofWords = (2 * (2 * 6 * 32)) / (2 * 8 * 32 + 2 * 10 * 8);
    expect(flops({})).toBeCloseTo(12, 9);
    expect(flops({ gradients: [4, 2] })).toBeCloseTo(4, 9);
    expect(flops({ learnFrom: 'path' })).toBeCloseTo(18 + ofWords, 9);
    expect(flops({ learnFrom: { points: 3 } })).toBeCloseTo(15 + ofWords, 9);
    expect(flops({ gradients: [4, 2], learnFrom: { points: 3 } })).toBeCloseTo(6 + ofWords, 9);
  });
});
