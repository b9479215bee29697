import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { type Batch, equalLengthBatches } from '../../src/data/batches.js';
import { type AmortizedModel, dimensionKl } from '../../src/methods/amortized-model.js';
import { InnerStopRule, laggingVae, OuterStopRule } from '../../src/methods/lagging-vae.js';
import type { Learner, Model, Position } from '../../src/methods/method.js';
import { ENCODER_PREFIX } from '../../src/model/lstm/encoder.js';
import { currentPrecision } from '../../src/ops/precision.js';
import { RandomStream } from '../../src/random/philox.js';
import { GradientDescent } from '../../src/training/learner.js';
import { createOptimizer } from '../../src/training/optimizer.js';
import { OWN_DEFAULTS, toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(24);
const base = toyRun('lagging-vae');
const run = { ...base, aggressive: { ...OWN_DEFAULTS.aggressive, updates: 7, window: 3, sentences: 12 } };
const at: Position = { epoch: 1, batch: 0, batches: 3, iteration: 0 };

beforeAll(async () => {
  await useBackend('cpu', 1);
});

function batchOf(): Batch {
  return equalLengthBatches(corpus.splits.train, 8).at(1);
}

function bits(model: Model, ofEncoder: boolean): Map<string, ArrayLike<number>> {
  const stored = [...model.parameters.store()].filter(([name]) => name.startsWith(ENCODER_PREFIX) === ofEncoder);
  return new Map(stored.map(([name, { data }]) => [name, data.slice()]));
}

describe('the inner rule', () => {
  it('stops after the first window whose mean loss a word is above the one before', () => {
    const rule = new InnerStopRule(3);
    const losses = [9, 9, 9, 8, 8, 8, 7, 9, 8, 9, 9, 9];
    expect(losses.map((loss) => rule.observe(loss * 5, 5))).toEqual([
      ...[false, false, false, false, false, false, false, false, false],
      ...[false, false, true],
    ]);
  });

  it('weighs batches by their words', () => {
    const rule = new InnerStopRule(2);
    rule.observe(10, 10);
    rule.observe(10, 10);
    // A mean of means would have risen from 1 to 1.25; a word costs less than before.
    rule.observe(1.75 * 2, 2);
    expect(rule.observe(0.75 * 100, 100)).toBe(false);
  });
});

describe('the outer rule', () => {
  it('ends aggressive training for good when the mutual information falls', () => {
    const rule = new OuterStopRule();
    const seen = [0.5, 0.9, 0.9, 1.4, 1.3, 9].map((information) => {
      rule.observe(information);
      return rule.aggressive;
    });
    expect(seen).toEqual([true, true, true, true, false, false]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'ends it where the mutual information is %d, and keeps the best',
    (information) => {
      const rule = new OuterStopRule();
      for (const one of [0.5, information]) rule.observe(one);
      expect(rule).toMatchObject({ aggressive: false, best: 0.5 });
    },
  );
});

describe('Lagging-VAE', () => {
  it('updates the encoder alone until the rule stops it, then the decoder alone', () => {
    const model = laggingVae.create(run, corpus);
    const optimizer = createOptimizer(run.optimizer, model.parameters);
    const descent = new GradientDescent(model.parameters, optimizer, 5);
    const [encoder, decoder] = [bits(model, true), bits(model, false)];
    const changed: ('encoder' | 'decoder')[] = [];
    const learner: Learner = {
      minimize(loss, only) {
        const before = [bits(model, true), bits(model, false)];
        const update = descent.minimize(loss, only);
        const same = [true, false].map((part, i) =>
          [...bits(model, part)].every(([name, data]) => equal(data, before[i]!.get(name)!)),
        );
        expect(same.filter(Boolean)).toHaveLength(1);
        changed.push(same[1] ? 'encoder' : 'decoder');
        return update;
      },
    };
    const { quantities } = model.learn(batchOf(), at, learner);
    expect(quantities.encoderUpdates).toBe(changed.length - 1);
    expect(changed.at(-1)).toBe('decoder');
    expect(changed.slice(0, -1).every((part) => part === 'encoder')).toBe(true);
    expect([6, 7]).toContain(quantities.encoderUpdates);
    for (const [name, data] of encoder) expect(equal(bits(model, true).get(name)!, data), name).toBe(false);
    expect([...decoder].some(([name, data]) => !equal(bits(model, false).get(name)!, data))).toBe(true);
    optimizer.dispose();
    model.dispose();
  });

  it('an update of the encoder takes the gradient of the loss itself in its weights', () => {
    const plain = {
      ...run,
      model: { ...run.model, wordDropout: 0, outputDropout: 0, weightRange: 0.6 },
      klWeight: 0.7,
      aggressive: { ...OWN_DEFAULTS.aggressive, updates: 1, window: 1, sentences: 8 },
    };
    const model = laggingVae.create(plain, corpus) as AmortizedModel;
    const { names, list } = model.parameters;
    const encoderWeights = list.filter((_, i) => names[i]!.startsWith(ENCODER_PREFIX));
    const gradientOf = (loss: () => tf.Scalar) =>
      tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, encoderWeights);
        return encoderWeights.map((variable) => grads[variable.name]!.dataSync<'float32'>().slice());
      });

    const taken: Float32Array[][] = [];
    const learner: Learner = {
      minimize(loss) {
        taken.push(gradientOf(loss as () => tf.Scalar));
        return { loss: 1, gradientNorm: 1 };
      },
    };
    const batch = batchOf();
    model.learn(batch, at, learner);

    const key = { seed: plain.seed, epoch: at.epoch, batch: at.batch, step: 1 };
    const noise = new RandomStream({ ...key, purpose: 'reparameterization' }).normals(batch.size * model.latentSize);
    const wanted = gradientOf(() => {
      const { mean, logVariance } = model.encoder.encode(batch);
      const eps = tf.tensor2d(noise, mean.shape);
      const nll = model.decoder.sentenceNll(batch, tf.add(mean, tf.mul(tf.exp(tf.div(logVariance, 2)), eps)));
      const kl = tf.sum(dimensionKl({ mean, logVariance }), 1);
      return tf.mean(tf.add(nll, tf.mul(kl, plain.klWeight)));
    });
    taken[0]!.forEach((gradient, i) => {
      const size = Math.hypot(...wanted[i]!);
      expect(size).toBeGreaterThan(0);
      expect(Math.hypot(...gradient.map((value, j) => value - wanted[i]![j]!)) / size).toBeLessThan(1e-4);
    });
    model.dispose();
  });

  it('tells the inner rule the loss, by the weight of its KL, and the words of each update’s batch, whatever clips it', () => {
    const batch = batchOf();
    const told = (clipBy: 'updated' | 'all') => {
      const model = laggingVae.create(
        {
          ...run,
          model: { ...run.model, wordDropout: 0, outputDropout: 0, weightRange: 0.6 },
          klWeight: 0.3,
          aggressive: { ...run.aggressive, updates: 1, clipBy },
        },
        corpus,
      );
      const losses: number[] = [];
      const learner: Learner = {
        minimize(loss) {
          const value = tf.tidy(() => (loss as () => tf.Scalar)().dataSync()[0]!);
          losses.push(value);
          return { loss: value, gradientNorm: 1 };
        },
      };
      const observe = vi.spyOn(InnerStopRule.prototype, 'observe');
      model.learn(batch, at, learner);
      const [call] = observe.mock.calls;
      observe.mockRestore();
      model.dispose();
      return { call: call!, loss: losses[0]! };
    };
    const [own, all] = [told('updated'), told('all')];
    expect(all.call).toEqual([all.loss * batch.size, batch.size * batch.tokens]);
    expect(own.call[0] / all.call[0]).toBeCloseTo(1, 5);
    expect(own.call[1]).toBe(all.call[1]);
  });

  it('goes by halves nowhere, as it has no chain', () => {
    const precisions = (precision: 'bf16' | 'f16') => {
      const aggressive = { ...run.aggressive, updates: 1 };
      const model = laggingVae.create({ ...run, precision, aggressive }, corpus) as AmortizedModel;
      const likelihood = vi.spyOn(model.decoder, 'likelihood');
      const encode = model.encoder.encode.bind(model.encoder);
      const encoded: string[] = [];
      vi.spyOn(model.encoder, 'encode').mockImplementation((batch) => {
        encoded.push(currentPrecision());
        return encode(batch);
      });
      model.learn(batchOf(), at, { minimize: () => ({ loss: 1, gradientNorm: 1 }) });
      const asked = likelihood.mock.calls.map(([, , options]) => options?.precision);
      model.dispose();
      return [...asked, ...encoded];
    };
    expect(precisions('f16')).toEqual(['f32', 'f32']);
    expect(precisions('bf16')).toEqual(['bf16', 'bf16']);
  });

  it('says the same of an information that was no number before and after it goes on from a checkpoint', () => {
    const model = laggingVae.create(run, corpus);
    const { list, names } = model.parameters;
    const bias = list[names.indexOf(`${ENCODER_PREFIX}outputBias`)]!;
    tf.tidy(() => bias.assign(tf.fill(bias.shape, Number.NaN)));
    const learner: Learner = { minimize: () => ({ loss: 1, gradientNorm: 1 }) };
    const later = { ...at, epoch: 2, batch: 1 };
    expect(model.learn(batchOf(), { ...at, epoch: 2 }, learner).quantities).not.toHaveProperty('mutualInformation');
    expect(model.state()).toMatchObject({ aggressive: false, information: null });
    const wentOn = model.learn(batchOf(), later, learner).quantities;
    model.restoreState(JSON.parse(JSON.stringify(model.state())));
    expect(Object.keys(model.learn(batchOf(), later, learner).quantities)).toEqual(Object.keys(wentOn));
    model.dispose();
  });

  it('updates the encoder on the batch itself, then on batches of the epoch that each iteration draws anew', () => {
    // No window ends before the updates do.
    const aggressive = { ...run.aggressive, updates: 6, window: 7 };
    const model = laggingVae.create({ ...run, aggressive }, corpus) as AmortizedModel;
    const encode = vi.spyOn(model.encoder, 'encode');
    const learner: Learner = { minimize: () => ({ loss: 1, gradientNorm: 1 }) };
    const read = (batch: number) => {
      encode.mockClear();
      model.learn(batchOf(), { ...at, batch }, learner);
      return encode.mock.calls.map(([encoded]) => Array.from((encoded as Batch).indices));
    };
    const [first, second] = [read(0), read(1)];
    const key = { seed: run.seed, epoch: at.epoch };
    const epoch = Array.from(equalLengthBatches(corpus.splits.train, run.training.batchSize, { key }), ({ indices }) =>
      Array.from(indices),
    );
    for (const [own, ...drawn] of [first, second]) {
      expect(own).toEqual(Array.from(batchOf().indices));
      expect(drawn).toHaveLength(5);
      for (const sentences of drawn) expect(epoch).toContainEqual(sentences);
    }
    expect(second).not.toEqual(first);
    expect(read(0)).toEqual(first);
    model.dispose();
  });

  it('once aggressive training has ended, updates both at once, also after its state was restored', () => {
    const model = laggingVae.create(run, corpus);
    model.restoreState(JSON.parse(JSON.stringify({ ...model.state(), aggressive: false })));
    let updates = 0;
    const learner: Learner = {
      minimize(_, only) {
        expect(only).toBeUndefined();
        updates++;
        return { loss: 1, gradientNorm: 1 };
      },
    };
    model.learn(batchOf(), { ...at, epoch: 2 }, learner);
    expect(updates).toBe(1);
    model.dispose();
  });

  it('measures the mutual information at the start of each epoch but the first', () => {
    const model = laggingVae.create(run, corpus);
    const learner: Learner = { minimize: () => ({ loss: 1, gradientNorm: 1 }) };
    expect(model.learn(batchOf(), at, learner).quantities.mutualInformation).toBeUndefined();
    const { mutualInformation } = model.learn(batchOf(), { ...at, epoch: 2 }, learner).quantities;
    expect(mutualInformation).toBeGreaterThan(-0.5);
    expect(mutualInformation).toBeLessThan(Math.log(12));
    expect(model.state()).toMatchObject({ aggressive: true, best: mutualInformation });
    model.dispose();
  });

  it('measures it batch by batch where it is told to: at most log B, the mean of what each batch tells apart', () => {
    const batchSize = 4;
    const informationOf = (information: 'sentences' | 'batch') => {
      const aggressive = { ...run.aggressive, sentences: null, information };
      const model = laggingVae.create({ ...run, training: { ...run.training, batchSize }, aggressive }, corpus);
      // An encoder so sure, and of means so far apart, that every sentence is told from every other.
      const { list, names } = model.parameters;
      const set = (name: string, value: (i: number) => number) => {
        const variable = list[names.indexOf(name)]!;
        const values = Float32Array.from({ length: variable.size }, (_, i) => value(i));
        tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
      };
      const { latentSize } = run.model;
      const scaled = list[names.indexOf(`${ENCODER_PREFIX}outputKernel`)]!.dataSync().slice();
      set(`${ENCODER_PREFIX}outputKernel`, (i) => (i % (2 * latentSize) < latentSize ? 1e6 * scaled[i]! : 0));
      set(`${ENCODER_PREFIX}outputBias`, (i) => (i < latentSize ? 0 : -20));
      const learner: Learner = { minimize: () => ({ loss: 1, gradientNorm: 1 }) };
      const { mutualInformation } = model.learn(batchOf(), { ...at, epoch: 2 }, learner).quantities;
      model.dispose();
      return mutualInformation!;
    };
    // Sentences that are the same word for word are the same code: of k copies in a batch of n, log(n / k).
    const split = corpus.splits.valid;
    const text = (sentence: number) => Array.from(split.sentence(sentence)).join(' ');
    const told = (groups: number[][]) => {
      const parts = groups.flatMap((group) =>
        group.map((own) => Math.log(group.length / group.filter((other) => text(other) === text(own)).length)),
      );
      return parts.reduce((sum, part) => sum + part, 0) / parts.length;
    };
    const batches = Array.from(equalLengthBatches(split, batchSize), ({ indices }) => Array.from(indices));
    expect(informationOf('batch')).toBeCloseTo(told(batches), 3);
    expect(informationOf('batch')).toBeLessThanOrEqual(Math.log(batchSize) + 1e-6);
    expect(informationOf('sentences')).toBeCloseTo(told([batches.flat()]), 3);
  });

  it('clips by the norm of all gradients where it is told to, and changes one network at a time all the same', () => {
    const clipNorm = 1e-3;
    const norms = (clipBy: 'updated' | 'all') => {
      const model = laggingVae.create({ ...run, aggressive: { ...run.aggressive, updates: 1, clipBy } }, corpus);
      const optimizer = createOptimizer({ ...run.optimizer, learningRate: 1 }, model.parameters);
      const descent = new GradientDescent(model.parameters, optimizer, clipNorm);
      const moved: { encoder: number; decoder: number; norm: number }[] = [];
      const learner: Learner = {
        minimize(...asked) {
          const before = [bits(model, true), bits(model, false)];
          const update = descent.minimize(...asked);
          const [encoder, decoder] = before.map((weights, i) => {
            const now = bits(model, i === 0);
            return Math.hypot(
              ...[...weights].flatMap(([name, data]) => Array.from(data, (value, j) => now.get(name)![j]! - value)),
            );
          });
          moved.push({ encoder: encoder!, decoder: decoder!, norm: update.gradientNorm });
          return update;
        },
      };
      model.learn(batchOf(), at, learner);
      optimizer.dispose();
      model.dispose();
      return moved;
    };
    const [own, all] = [norms('updated'), norms('all')];
    expect(own).toHaveLength(2);
    // By its own norm an update is as long as is let through; by that of all, shorter by the updated part's share.
    expect(own[0]!.encoder).toBeCloseTo(clipNorm, 5);
    expect(all[0]!.norm).toBeGreaterThan(own[0]!.norm);
    expect(all[0]!.encoder / own[0]!.encoder).toBeCloseTo(own[0]!.norm / all[0]!.norm, 2);
    // The decoder's update, too: it begins at another place than by its own norm, so that shares alone are compared.
    expect(own[1]!.decoder).toBeCloseTo(clipNorm, 5);
    expect(all[1]!.decoder).toBeGreaterThan(0);
    expect(all[1]!.decoder).toBeLessThan(clipNorm * 0.99999);
    expect(own[0]!.decoder + all[0]!.decoder + own[1]!.encoder + all[1]!.encoder).toBe(0);
  });
});

function equal(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  return Array.from(one).every((value, i) => value === other[i]);
}
