import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { loadConfig, resolveRun } from '../../src/config/load.js';
import type { Pooling } from '../../src/config/schema.js';
import { type Batch, equalLengthBatches } from '../../src/data/batches.js';
import { dimensionKl } from '../../src/inference/posterior.js';
import { committedLogVariance } from '../../src/methods/delta-vae.js';
import { squaredMmd } from '../../src/methods/info-vae.js';
import type { KlWeightKeys } from '../../src/methods/kl-weight.js';
import { klWeightAt } from '../../src/methods/kl-weight.js';
import type { LatentVariableModel, Learner, Model, Position } from '../../src/methods/method.js';
import { methodNamed, methods } from '../../src/methods/registry.js';
import type { TokenBatch } from '../../src/model/latent-decoder.js';
import { ENCODER_PREFIX, Encoder } from '../../src/model/lstm/encoder.js';
import { Parameters } from '../../src/model/parameters.js';
import { RandomStream } from '../../src/random/philox.js';
import { GradientDescent } from '../../src/training/learner.js';
import { createOptimizer } from '../../src/training/optimizer.js';
import { type ToyRun, toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(24);
const at: Position = { epoch: 1, batch: 0, batches: 3, iteration: 0 };
const AMORTIZED = [
  ...['ae', 'anneal-vae', 'cyclical-vae', 'lagging-vae', 'sa-vae', 'fbp-vae', 'fb-vae'],
  ...['beta-vae', 'delta-vae', 'pooling-vae', 'skip-vae', 'info-vae'],
];

beforeAll(async () => {
  await useBackend('cpu', 1);
});

function batchOf(): Batch {
  return equalLengthBatches(corpus.splits.train, 8).at(1);
}

/** Without dropout, and with weights large enough that every part of the loss has a gradient to speak of. */
function plainRun(method: string, changes: Partial<ToyRun> = {}): ToyRun {
  const base = toyRun(method);
  const model = { ...base.model, wordDropout: 0, outputDropout: 0, weightRange: 0.6 };
  return { ...base, model, ...changes };
}

/** Takes the gradients of what is to be minimized, and leaves the weights alone. */
function gradientsOf(model: Model, place = at): Map<string, Float32Array> {
  const gradients = new Map<string, Float32Array>();
  const learner: Learner = {
    minimize(losses, only = () => true) {
      let loss = 0;
      for (const term of typeof losses === 'function' ? [losses] : losses) {
        tf.tidy(() => {
          const { value, grads } = tf.variableGrads(term, model.parameters.list);
          loss += value.dataSync()[0]!;
          model.parameters.list.forEach((variable, i) => {
            const name = model.parameters.names[i]!;
            const fresh = grads[variable.name]?.dataSync<'float32'>();
            if (fresh === undefined || !only(name)) return;
            const before = gradients.get(name);
            gradients.set(name, before === undefined ? fresh.slice() : before.map((v, j) => v + fresh[j]!));
          });
        });
      }
      return { loss, gradientNorm: 0 };
    },
  };
  model.learn(batchOf(), place, learner);
  return gradients;
}

/** The largest difference between two sets of gradients, against the largest entry of either. */
function distance(one: Map<string, Float32Array>, other: Map<string, Float32Array>, prefix = ''): number {
  let [difference, size] = [0, 0];
  for (const [name, values] of one) {
    if (!name.startsWith(prefix)) continue;
    values.forEach((value, i) => {
      const against = other.get(name)?.[i] ?? 0;
      difference = Math.max(difference, Math.abs(value - against));
      size = Math.max(size, Math.abs(value), Math.abs(against));
    });
  }
  return difference / size;
}

function withModel<T>(run: ToyRun, work: (model: LatentVariableModel) => T): T {
  const model = methodNamed(run.method).create(run, corpus);
  if (!model.hasLatent) throw new Error(`${run.method} has no encoder`);
  try {
    return work(model);
  } finally {
    model.dispose();
  }
}

describe('the KL weight', () => {
  const position = (epoch: number, batch: number): Position => ({ epoch, batch, batches: 4, iteration: 0 });

  it('is a constant, or rises with every update to 1 and stays there', () => {
    expect(klWeightAt(0.3, position(7, 2))).toBe(0.3);
    const weight = { start: 0.1, warmupEpochs: 10, cycleEpochs: null };
    expect(klWeightAt(weight, position(1, 0))).toBeCloseTo(0.1, 12);
    expect(klWeightAt(weight, position(1, 2))).toBeCloseTo(0.1 + 0.9 * 0.05, 12);
    expect(klWeightAt(weight, position(6, 0))).toBeCloseTo(0.55, 12);
    expect(klWeightAt(weight, position(11, 0))).toBe(1);
    expect(klWeightAt(weight, position(99, 3))).toBe(1);
  });

  it('restarts with every cycle', () => {
    const weight = { start: 0, warmupEpochs: 5, cycleEpochs: 10 };
    expect([1, 3, 6, 10, 11, 13, 16, 21].map((epoch) => klWeightAt(weight, position(epoch, 0)))).toEqual([
      0, 0.4, 1, 1, 0, 0.4, 1, 0,
    ]);
  });

  it('of each source stands in the configuration', () => {
    const weightOf = (method: string) => resolveRun<KlWeightKeys>(loadConfig('ptb', methods()), { method }).klWeight;
    expect(weightOf('anneal-vae')).toEqual({ start: 0.1, warmupEpochs: 10, cycleEpochs: null });
    expect(weightOf('cyclical-vae')).toEqual({ start: 0.1, warmupEpochs: 5, cycleEpochs: 10 });
    expect(weightOf('fb-vae')).toEqual({ start: 0, warmupEpochs: 10, cycleEpochs: null });
    for (const [method, override, wrong] of [
      ['anneal-vae', 'klWeight.start=2', /klWeight\.start: 2 will not do.* from 0 to 1/],
      ['cyclical-vae', 'klWeight.warmupEpochs=11', /klWeight\.warmupEpochs: 11 will not do.*never rises to 1/],
    ] as const) {
      expect(() => resolveRun(loadConfig('ptb', methods()), { method, overrides: [override] })).toThrow(wrong);
    }
    const without = { method: 'cyclical-vae', overrides: ['klWeight.cycleEpochs=null'] };
    expect(() => resolveRun(loadConfig('ptb', methods()), without)).toThrow(/klWeight\.cycleEpochs/);
  });
});

describe('every method with an encoder', () => {
  it('shares the decoder’s first weights with the methods that have none', () => {
    const decoderOf = (method: string) =>
      withModel(plainRun(method), ({ parameters }) => {
        const stored = [...parameters.store()].filter(([name]) => !name.startsWith(ENCODER_PREFIX));
        return new Map(stored.map(([name, { data }]) => [name, data.slice()]));
      });
    for (const method of AMORTIZED) {
      const run = method === 'cyclical-vae' ? cyclical() : plainRun(method);
      const model = methodNamed(method).create(run, corpus);
      const prefix = method === 'skip-vae' ? 'decoder.skip.' : 'decoder.';
      for (const [name, data] of decoderOf('sri')) {
        expect(model.parameters.store().get(name.replace('decoder.', prefix))!.data).toEqual(data);
      }
      model.dispose();
    }
  });

  it('learns with the derivative of its loss: differences of the loss in weights of both networks agree', () => {
    for (const method of [
      'ae',
      'anneal-vae',
      'fb-vae',
      'fbp-vae',
      'delta-vae',
      'pooling-vae',
      'skip-vae',
      'info-vae',
    ]) {
      const run = plainRun(method, { klWeight: 0.8, freeBits: { target: 0.3 } });
      withModel(run, (model) => {
        const gradients = gradientsOf(model);
        const loss = () => {
          let value = 0;
          const learner: Learner = {
            minimize(losses) {
              value = tf.tidy(() => (losses as () => tf.Scalar)().dataSync()[0]!);
              return { loss: value, gradientNorm: 0 };
            },
          };
          model.learn(batchOf(), at, learner);
          return value;
        };
        for (const name of [
          'encoder.recurrentKernel',
          'encoder.outputKernel',
          'encoder.wordVectors',
          method === 'skip-vae' ? 'decoder.skip.skipKernel' : 'decoder.gateBias',
        ]) {
          const variable = model.parameters.list[model.parameters.names.indexOf(name)]!;
          const analytic = gradients.get(name)!;
          // Along the gradient the difference is the largest that single precision can be asked for.
          const norm = Math.hypot(...analytic);
          const original = variable.dataSync().slice();
          const moved = (by: number) => {
            const values = original.map((value, i) => value + (by * analytic[i]!) / norm);
            tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
            return loss();
          };
          const numeric = (moved(0.02) - moved(-0.02)) / 0.04;
          tf.tidy(() => variable.assign(tf.tensor(original, variable.shape)));
          expect(Math.abs(numeric - norm) / norm, `${method} ${name}`).toBeLessThan(0.01);
        }
      });
    }
  });

  it('leaves no tensors behind', () => {
    for (const method of AMORTIZED) {
      const run = method === 'cyclical-vae' ? cyclical() : plainRun(method, { semiAmortized: quick(plainRun(method)) });
      const before = tf.memory().numTensors;
      withModel(run, (model) => {
        const optimizer = createOptimizer(run.optimizer, model.parameters);
        model.learn(batchOf(), at, new GradientDescent(model.parameters, optimizer, 5));
        const likelihood = model.likelihood(batchOf());
        const keys = { seed: 1, sentences: batchOf().indices };
        model.posterior(batchOf(), likelihood, keys, { epoch: 1, pathDraws: 0 }).nll(2);
        likelihood.dispose();
        optimizer.dispose();
      });
      expect(tf.memory().numTensors, method).toBe(before);
    }
  });
});

describe('AE', () => {
  it('reconstructs from the mean, whatever the variance and the KL weight', () => {
    const gradients = withModel(plainRun('ae', { klWeight: 1 }), (model) => gradientsOf(model));
    const output = gradients.get('encoder.outputKernel')!;
    const { latentSize } = plainRun('ae').model;
    const [ofMean, ofVariance] = [0, 1].map((part) =>
      output.filter((_, i) => Math.floor((i % (2 * latentSize)) / latentSize) === part),
    );
    expect(Math.max(...ofMean!.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(Math.max(...ofVariance!.map(Math.abs))).toBe(0);
  });

  it('reconstructs from a draw where it is told to: its loss is the ELBO without the KL, its code the mean', () => {
    const sampled = plainRun('ae', { autoencoder: { sampled: true } });
    const gradients = withModel(sampled, (model) => gradientsOf(model));
    const elbo = withModel(plainRun('anneal-vae', { klWeight: 0 }), (model) => gradientsOf(model));
    expect(distance(gradients, elbo)).toBe(0);
    expect(
      distance(
        gradients,
        withModel(plainRun('ae'), (model) => gradientsOf(model)),
        ENCODER_PREFIX,
      ),
    ).toBeGreaterThan(0.01);
    const codeOf = (run: ToyRun) =>
      withModel(run, (model) => {
        const likelihood = model.likelihood(batchOf());
        const keys = { seed: 1, sentences: batchOf().indices };
        const { name, gaussian } = model.posterior(batchOf(), likelihood, keys, { epoch: 1, pathDraws: 0 });
        likelihood.dispose();
        return { name, gaussian };
      });
    expect(codeOf(sampled)).toEqual({ name: 'mean', gaussian: null });
  });
});

describe('free bits', () => {
  const withTarget = (method: string, target: number, klWeight: number) =>
    withModel(plainRun(method, { freeBits: { target }, klWeight }), (model) => gradientsOf(model));

  it('below the target the KL has no gradient', () => {
    for (const method of ['fb-vae', 'fbp-vae']) {
      const reconstruction = withTarget(method, 1e6, 0);
      expect(distance(withTarget(method, 1e6, 1), reconstruction)).toBe(0);
    }
  });

  it('above it the loss is the ELBO', () => {
    const elbo = withModel(plainRun('anneal-vae', { klWeight: 1 }), (model) => gradientsOf(model));
    for (const method of ['fb-vae', 'fbp-vae']) {
      expect(distance(withTarget(method, 1e-9, 1), elbo)).toBeLessThan(1e-5);
    }
  });

  it.each(['fb-vae', 'fbp-vae'])('%s: the target is on each dimension, or on their sum', (method) => {
    const parts = klOfSentences(method);
    const { latentSize } = plainRun(method).model;
    // What is held to the target, at the scale of the target: each dimension's part of it, or the whole.
    const held =
      method === 'fb-vae'
        ? parts.flat().map((kl) => latentSize * kl)
        : parts.map((kl) => kl.reduce((sum, part) => sum + part));
    const [least, largest] = [Math.min(...held), Math.max(...held)];
    expect(largest / least).toBeGreaterThan(1.01);
    const elbo = withTarget(method, 1e-9, 1);
    const reconstruction = withTarget(method, 1e6, 1);
    expect(distance(withTarget(method, 0.999 * least, 1), elbo)).toBe(0);
    expect(distance(withTarget(method, 1.001 * largest, 1), reconstruction)).toBe(0);
    const between = withTarget(method, (least + largest) / 2, 1);
    for (const extreme of [elbo, reconstruction]) {
      expect(distance(between, extreme, ENCODER_PREFIX)).toBeGreaterThan(1e-4);
    }
  });
});

describe('beta-VAE', () => {
  it('weighs the KL with beta, times the weight that rises', () => {
    const half = withModel(plainRun('beta-vae', { beta: 2, klWeight: 0.25 }), (model) => gradientsOf(model));
    const anneal = withModel(plainRun('anneal-vae', { klWeight: 0.5 }), (model) => gradientsOf(model));
    expect(distance(half, anneal)).toBe(0);
  });
});

describe('InfoVAE', () => {
  it('estimates the MMD over all pairs of two samples', () => {
    const draw = (seed: number, count: number) =>
      Array.from({ length: count }, (_, i) =>
        Array.from(new RandomStream({ seed, purpose: 'chain-start', step: i }).normals(3)),
      );
    const [x, y] = [draw(1, 4), draw(2, 5).map((row) => row.map((value) => value + 1))];
    const bandwidth = 7;
    const kernel = (a: number[], b: number[]) =>
      Math.exp(-a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0) / bandwidth);
    const mean = (as: number[][], bs: number[][]) =>
      as.reduce((sum, a) => sum + bs.reduce((inner, b) => inner + kernel(a, b), 0), 0) / (as.length * bs.length);
    const wanted = mean(x, x) + mean(y, y) - 2 * mean(x, y);
    expect(wanted).toBeGreaterThan(0.1);
    tf.tidy(() => {
      expect(squaredMmd(tf.tensor2d(x), tf.tensor2d(y), bandwidth).dataSync()[0]).toBeCloseTo(wanted, 5);
      expect(squaredMmd(tf.tensor2d(x), tf.tensor2d(x), bandwidth).dataSync()[0]).toBeCloseTo(0, 6);
    });
  });

  it('is the ELBO with alpha 0 and lambda 1, and reconstruction alone where neither KL nor MMD counts', () => {
    const gradients = (alpha: number, lambda: number, bandwidth: number | null = null) =>
      withModel(plainRun('info-vae', { infoVae: { alpha, lambda, bandwidth } }), (model) => gradientsOf(model));
    const elbo = (klWeight: number) => withModel(plainRun('anneal-vae', { klWeight }), (model) => gradientsOf(model));
    expect(distance(gradients(0, 1), elbo(1))).toBeLessThan(1e-6);
    expect(distance(gradients(1, 0), elbo(0))).toBeLessThan(1e-6);
    expect(distance(gradients(1, 1000), elbo(0), ENCODER_PREFIX)).toBeGreaterThan(0.01);
    // Of three dimensions the kernel's bandwidth is nine, where nothing is said.
    expect(distance(gradients(1, 1000), gradients(1, 1000, 9), ENCODER_PREFIX)).toBe(0);
    expect(distance(gradients(1, 1000), gradients(1, 1000, 3), ENCODER_PREFIX)).toBeGreaterThan(0.01);
    // The prior has no part in what the decoder learns.
    expect(distance(gradients(1, 1000), elbo(0), 'decoder.')).toBeLessThan(1e-6);
  });
});

describe('delta-VAE', () => {
  it('finds the variance whose KL to the prior is the rate, whatever the size', () => {
    for (const rate of [1e-3, 0.5, 5, 60]) {
      for (const size of [1, 4, 32]) {
        const logVariance = committedLogVariance(rate, size);
        expect(logVariance).toBeLessThan(0);
        expect(((Math.exp(logVariance) - 1 - logVariance) * size) / 2 / rate).toBeCloseTo(1, 6);
      }
    }
  });

  it('has no KL below the rate, and that KL where all means are 0', () => {
    const rate = 2.5;
    withModel(plainRun('delta-vae', { committedRate: rate }), (model) => {
      const klOf = () => {
        const likelihood = model.likelihood(batchOf());
        const keys = { seed: 1, sentences: batchOf().indices };
        const { gaussian } = model.posterior(batchOf(), likelihood, keys, { epoch: 1, pathDraws: 0 });
        likelihood.dispose();
        return dimensionKl(gaussian!).reduce((sum, kl) => sum + kl, 0) / batchOf().size;
      };
      expect(klOf()).toBeGreaterThan(rate + 0.01);
      for (const name of ['encoder.outputKernel', 'encoder.outputBias']) {
        const weight = model.parameters.list[model.parameters.names.indexOf(name)]!;
        tf.tidy(() => weight.assign(tf.zeros(weight.shape)));
      }
      expect(klOf()).toBeCloseTo(rate, 5);
    });
  });
});

describe('the encoder’s pooling', () => {
  const shape = { vocabularySize: corpus.vocabulary.size, wordVectorSize: 6, hiddenSize: 8, latentSize: 3 };

  /** The batch's first words. */
  function beginningOf(tokens: number): TokenBatch {
    const { inputs, targets, size } = batchOf();
    return { inputs: inputs.slice(0, tokens * size), targets: targets.slice(0, tokens * size), size, tokens };
  }

  /** The encoder’s mean, of a batch or of its sentences’ first `tokens` words. */
  function meanOf(pooling: Pooling, tokens = batchOf().tokens): Float32Array {
    const parameters = new Parameters(3);
    const encoder = new Encoder(parameters, shape, 0.6, 1, pooling);
    const mean = tf.tidy(() => encoder.encode(beginningOf(tokens)).mean.dataSync<'float32'>().slice());
    parameters.dispose();
    return mean;
  }

  it('is of all states where it is said so: the head is affine, so that of their mean is the mean of what each alone says', () => {
    const { tokens } = batchOf();
    expect(tokens).toBeGreaterThan(2);
    const alone = Array.from({ length: tokens }, (_, t) => meanOf('last', t + 1));
    meanOf('mean').forEach((value, i) => {
      expect(value).toBeCloseTo(alone.reduce((sum, of) => sum + of[i]!, 0) / tokens, 5);
    });
    // A sentence of one state has one to choose from.
    for (const pooling of ['mean', 'max'] as const) expect(meanOf(pooling, 1)).toEqual(meanOf('last', 1));
  });

  it('by the maximum is of each number of the states by itself', () => {
    const parameters = new Parameters(3);
    const encoder = new Encoder(parameters, { ...shape, latentSize: 4 }, 0.6, 1, 'max');
    // A head that shows the eight states' numbers as they are.
    const named = (name: string) => parameters.list[parameters.names.indexOf(`encoder.${name}`)]!;
    tf.tidy(() => {
      named('outputKernel').assign(tf.eye(8));
      named('outputBias').assign(tf.zeros([8]));
    });
    const last = new Encoder(new Parameters(3), { ...shape, latentSize: 4 }, 0.6, 1, 'last');
    const states = (of: Encoder, tokens: number) =>
      tf.tidy(() => {
        const { mean, logVariance } = of.encode(beginningOf(tokens));
        return Array.from(tf.concat([mean, logVariance], 1).dataSync());
      });
    const own = last as unknown as { outputKernel: tf.Variable; outputBias: tf.Variable };
    tf.tidy(() => {
      own.outputKernel.assign(tf.eye(8));
      own.outputBias.assign(tf.zeros([8]));
    });
    const { tokens } = batchOf();
    const each = Array.from({ length: tokens }, (_, t) => states(last, t + 1));
    states(encoder, tokens).forEach((value, i) => {
      expect(value).toBeCloseTo(Math.max(...each.map((state) => state[i]!)), 6);
    });
  });

  it('is the maximum for Pooling-VAE unless the configuration says otherwise, and the last state for others', () => {
    const gradients = (method: string, encoderPooling?: Pooling) => {
      const run = plainRun(method);
      return withModel({ ...run, model: { ...run.model, ...(encoderPooling && { encoderPooling }) } }, (model) =>
        gradientsOf(model),
      );
    };
    expect(distance(gradients('pooling-vae'), gradients('anneal-vae', 'max'))).toBe(0);
    expect(distance(gradients('pooling-vae', 'mean'), gradients('anneal-vae', 'mean'))).toBe(0);
    expect(distance(gradients('anneal-vae'), gradients('pooling-vae', 'last'))).toBe(0);
    expect(distance(gradients('pooling-vae'), gradients('anneal-vae'), ENCODER_PREFIX)).toBeGreaterThan(0.01);
  });
});

describe('Skip-VAE', () => {
  it('is Anneal-VAE with the decoder that has a road from z to the words', () => {
    const base = plainRun('anneal-vae');
    const skipping = { ...base, model: { ...base.model, decoder: 'skip-lstm' as const } };
    const gradients = (run: ToyRun) => withModel(run, (model) => gradientsOf(model));
    expect(distance(gradients(plainRun('skip-vae')), gradients(skipping))).toBe(0);
    expect(gradients(base).has('decoder.skip.skipKernel')).toBe(false);
  });

  it('refuses a decoder that has none', () => {
    const base = plainRun('skip-vae');
    const run = { ...base, model: { ...base.model, decoder: 'gru' as const } };
    expect(() => methodNamed('skip-vae').create(run, corpus)).toThrow(/skip-lstm/);
  });
});

/** KL of each sentence of the batch in each dimension, by the encoder as it is made. */
function klOfSentences(method: string): number[][] {
  return withModel(plainRun(method), (model) => {
    const likelihood = model.likelihood(batchOf());
    const keys = { seed: 1, sentences: batchOf().indices };
    const { gaussian } = model.posterior(batchOf(), likelihood, keys, { epoch: 1, pathDraws: 0 });
    const kl = Array.from(dimensionKl(gaussian!));
    likelihood.dispose();
    const { latentSize } = model;
    return Array.from({ length: kl.length / latentSize }, (_, i) => kl.slice(i * latentSize, (i + 1) * latentSize));
  });
}

function cyclical(): ToyRun {
  return plainRun('cyclical-vae', { klWeight: { start: 0, warmupEpochs: 1, cycleEpochs: 2 } });
}

function quick(run: ToyRun): ToyRun['semiAmortized'] {
  return { ...run.semiAmortized, steps: 2 };
}
