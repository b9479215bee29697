import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { loadConfig, resolveRun } from '../../src/config/load.js';
import { type Batch, equalLengthBatches } from '../../src/data/batches.js';
import { langevinSchedule } from '../../src/inference/schedule.js';
import type { LatentVariableModel, Learner } from '../../src/methods/method.js';
import { methods } from '../../src/methods/registry.js';
import type { SriKeys } from '../../src/methods/sri.js';
import { sri } from '../../src/methods/sri.js';
import { type ToyRun, toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(24);
const at = { epoch: 1, batch: 0, batches: 3, iteration: 0 };

beforeAll(async () => {
  await useBackend('cpu', 1);
});

function batchOf(): Batch {
  return equalLengthBatches(corpus.splits.train, 8).at(1);
}

/** Looks at the loss and leaves the weights alone. */
function onlooker(): Learner & { losses: number[] } {
  const losses: number[] = [];
  return {
    losses,
    minimize: (loss) => {
      if (typeof loss !== 'function') throw new Error('one loss is all that this onlooker expects');
      const value = tf.tidy(() => loss().dataSync()[0]!);
      losses.push(value);
      return { loss: value, gradientNorm: 0 };
    },
  };
}

/** What the model infers of the batch, by the dynamics of its state. */
function codes(model: LatentVariableModel): Float32Array {
  const batch = batchOf();
  const likelihood = model.likelihood(batch);
  const keys = { seed: 1, sentences: batch.indices };
  const z = model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 0 }).z(2).slice();
  likelihood.dispose();
  return z;
}

const withoutDropout = (run: ToyRun) => ({
  ...run,
  model: { ...run.model, wordDropout: 0, outputDropout: 0 },
});

describe('the published settings', () => {
  const ptb = loadConfig('ptb.yaml', methods());
  const released = resolveRun<SriKeys>(ptb, { method: 'sri', setting: 'released' });
  const paper = resolveRun<SriKeys>(ptb, { method: 'sri', setting: 'algorithm-1' });
  const begun = (epoch: number) => ({ epoch, done: 0 });

  it('released: z moves by s^2 / 2 for the listed s, its last twelve steps on one gradient, and the noise rises to 0.2', () => {
    const { stepSizes, temperature, priorWeight } = langevinSchedule(released.langevin, begun(1));
    const listed = [0.8, 0.7, 0.6, 0.5, 0.2, 0.2, 0.1, 0.1];
    expect(stepSizes).toHaveLength(9);
    listed.forEach((s, k) => {
      expect(stepSizes[k]).toBeCloseTo((s * s) / 2, 7);
    });
    expect(stepSizes[8]).toBeCloseTo((12 * 0.05 ** 2) / 2, 7);
    expect(temperature).toBe(0.05);
    expect(priorWeight).toBe(1);
    const later = [15, 16, 17, 18, 19, 60].map(
      (epoch) => langevinSchedule(released.langevin, begun(epoch)).temperature,
    );
    [0.05, 0.1, 0.15, 0.2, 0.2, 0.2].forEach((wanted, i) => {
      expect(later[i]).toBeCloseTo(wanted, 10);
    });
    expect(released.langevin).toMatchObject({ learnFrom: 'path', evaluationTemperature: 0.2 });
    expect(released.training).toMatchObject({ select: 'last', epochs: 60 });
  });

  it('algorithm-1: one step size, which the search replaces, and full noise', () => {
    expect(new Set(langevinSchedule(paper.langevin, begun(3)).stepSizes)).toEqual(new Set([Math.fround(0.1)]));
    expect(new Set(langevinSchedule({ ...paper.langevin, stepSize: 0.25 }, begun(3)).stepSizes)).toEqual(
      new Set([0.25]),
    );
    expect(langevinSchedule(paper.langevin, begun(3)).temperature).toBe(1);
    expect(paper.langevin.search).not.toBeNull();
  });

  it('released on Yelp: the weight of the prior rises from 0.1 to 1 with every iteration of six epochs', () => {
    const { langevin, training } = resolveRun<SriKeys>(loadConfig('yelp.yaml', methods()), {
      method: 'sri',
      setting: 'released',
    });
    const weight = (epoch: number, done: number) => langevinSchedule(langevin, { epoch, done }).priorWeight;
    expect(weight(1, 0)).toBeCloseTo(0.1, 12);
    expect(weight(1, 0.5)).toBeCloseTo(0.1 + (0.9 * 0.5) / 6, 12);
    expect(weight(2, 0)).toBeCloseTo(weight(1, 1), 12);
    expect([weight(6, 1), weight(9, 0.2)]).toEqual([1, 1]);
    expect({ epochs: training.epochs, steps: langevin.steps }).toEqual({ epochs: 12, steps: 40 });
    const priorWeight = { start: 0.1, warmupEpochs: 6, rises: 'epoch' } as const;
    const byEpochs = (epoch: number, done: number) =>
      langevinSchedule({ ...langevin, priorWeight }, { epoch, done }).priorWeight;
    expect([byEpochs(1, 0.9), byEpochs(2, 0)]).toEqual([0.1, 0.1 + 0.9 / 6]);
  });
});

describe('the default setting', () => {
  it('begins with LSTM-LM’s decoder, and holds its temperature where the frontier has it', () => {
    for (const name of ['ptb', 'snli', 'yahoo', 'yelp', 'sotu']) {
      const run = resolveRun<SriKeys>(loadConfig(name, methods()), { method: 'sri' });
      expect(run).toMatchObject({ setting: 'from-lm', startFrom: { encoder: null, decoder: 'lstm-lm' } });
      expect(langevinSchedule(run.langevin, { epoch: 9, done: 0 }).temperature).toBe(0.55);
      const fb = resolveRun<SriKeys>(loadConfig(name, methods()), { method: 'fb-vae', setting: 'from-lm' });
      expect(fb.startFrom).toEqual({ encoder: 'ae', decoder: 'lstm-lm' });
    }
  });
});

describe('SRI', () => {
  it('evaluates at the temperature that is asked for, or else at that of the weights’ epoch', () => {
    const drawn = (temperature: number, evaluationTemperature: number | null) => {
      const base = toyRun('sri');
      const run = { ...base, langevin: { ...base.langevin, temperature, evaluationTemperature } };
      const model = sri.create(run, corpus);
      const z = codes(model);
      model.dispose();
      return z;
    };
    expect(drawn(1, 0.2)).toEqual(drawn(0.2, null));
    expect(drawn(1, 0.2)).not.toEqual(drawn(1, null));
  });

  it('evaluates by the weight of the prior that the epoch ended with', () => {
    const drawn = (priorWeight: ToyRun['langevin']['priorWeight']) => {
      const base = toyRun('sri');
      const model = sri.create({ ...base, langevin: { ...base.langevin, priorWeight } }, corpus);
      const z = codes(model);
      model.dispose();
      return z;
    };
    expect(drawn({ start: 0.25, warmupEpochs: 2, rises: 'iteration' })).toEqual(drawn(0.625));
    expect(drawn({ start: 0.25, warmupEpochs: 2, rises: 'epoch' })).toEqual(drawn(0.25));
  });

  it('infers the same z for the same place in the run, and another elsewhere', () => {
    const run = toyRun('sri');
    const losses = [at, at, { ...at, batch: 1 }, { ...at, epoch: 2 }].map((place) => {
      const model = sri.create(run, corpus);
      const learner = onlooker();
      model.learn(batchOf(), place, learner);
      model.dispose();
      return learner.losses[0]!;
    });
    expect(losses[1]).toBe(losses[0]);
    expect(losses[2]).not.toBe(losses[0]);
    expect(losses[3]).not.toBe(losses[0]);
  });

  it('reconstructs better from an inferred z than from the prior', () => {
    const base = withoutDropout(toyRun('sri', { model: { ...toyRun('sri').model, weightRange: 0.8 } }));
    const lossAfter = (steps: number, stepSize: number) => {
      const model = sri.create({ ...base, langevin: { ...base.langevin, steps, stepSize, temperature: 0 } }, corpus);
      const learner = onlooker();
      model.learn(batchOf(), at, learner);
      model.dispose();
      return learner.losses[0]!;
    };
    // A step so small that z_K is z_0, against thirty real ones from the same z_0.
    expect(lossAfter(30, 0.1)).toBeLessThan(lossAfter(30, 1e-9) - 0.05);
  });

  it('searches the step size when it is due, reports Q~ of each candidate, and remembers the best in its state', () => {
    const base = toyRun('sri');
    const search = {
      every: 3,
      grid: [0.01, 0.1, 0.3],
      sentences: 6,
      criterion: 'bound',
      chains: 64,
      foldLimit: 0.25,
    } as const;
    const grid: readonly number[] = search.grid;
    const run = { ...base, langevin: { ...base.langevin, search: { ...search, grid: [...grid] } } };
    const model = sri.create(run, corpus);
    expect(model.quantities).toEqual([
      'latentRms',
      'temperature',
      'stepSize',
      'searchQ[0.01]',
      'searchFolding[0.01]',
      'searchQ[0.1]',
      'searchFolding[0.1]',
      'searchQ[0.3]',
      'searchFolding[0.3]',
    ]);
    const first = model.learn(batchOf(), at, onlooker()).quantities;
    const second = model.learn(batchOf(), { ...at, batch: 1, iteration: 1 }, onlooker()).quantities;
    const candidates = grid.map((s) => first[`searchQ[${s}]`]!);
    const best = grid[candidates.indexOf(Math.max(...candidates))]!;
    expect(first.stepSize).toBeCloseTo(best, 6);
    expect(second['searchQ[0.1]']).toBe(first['searchQ[0.1]']);
    const other = sri.create(run, corpus);
    other.restoreState(JSON.parse(JSON.stringify(model.state())));
    expect(other.state()).toEqual(model.state());
    expect(codes(other)).toEqual(codes(model));
    model.dispose();
    other.dispose();
  });

  it('searches with the noise of the run’s seed and of the iteration', () => {
    const base = toyRun('sri');
    // Of all validation sentences, so that no seed chooses among them.
    const few = toyCorpus(3);
    const search = { every: 1, grid: [0.1], sentences: 3, criterion: 'bound', chains: 64, foldLimit: 0.25 } as const;
    const run = { ...base, langevin: { ...base.langevin, search: { ...search, grid: [...search.grid] } } };
    const weights = sri.create(run, few);
    const found = (seed: number, iteration: number) => {
      const model = sri.create({ ...run, seed }, few);
      model.parameters.restore(weights.parameters.store(), 'here');
      const { quantities } = model.learn(batchOf(), { ...at, iteration }, onlooker());
      model.dispose();
      return quantities['searchQ[0.1]']!;
    };
    const [own, ...others] = [found(3, 0), found(4, 0), found(3, 1)];
    expect(found(3, 0)).toBe(own);
    for (const other of others) expect(Math.abs(other - own!)).toBeGreaterThan(1e-3);
    weights.dispose();
  });

  it('says once what is to be known of the step that the search chose', () => {
    const base = toyRun('sri');
    const search = { every: 1, sentences: 6, criterion: 'bound', chains: 64, foldLimit: 0 } as const;
    const warned = (grid: number[]) => {
      const model = sri.create({ ...base, langevin: { ...base.langevin, search: { ...search, grid } } }, corpus);
      const said = [0, 1].map((iteration) => model.learn(batchOf(), { ...at, iteration }, onlooker()).warning);
      model.dispose();
      return said;
    };
    expect(warned([1.5, 1.7])).toEqual([expect.stringMatching(/^the search of epoch \d+: every candidate/), undefined]);
    expect(warned([1e30, 1e35])[0]).toMatch(/no candidate kept its chains finite/);
    expect(warned([1e-4, 1e-3])).toEqual([undefined, undefined]);
  });

  it('searches among steps and temperatures by perplexity, and goes on with the best', () => {
    const base = toyRun('sri');
    const grid = [
      { steps: 2, temperature: 0.3 },
      { stepSize: 0.1, steps: 6 },
    ];
    const search = {
      every: 'epoch',
      grid,
      sentences: 6,
      criterion: 'perplexity',
      chains: 64,
      foldLimit: 0.25,
    } as const;
    const learnFrom = { points: 1 };
    const model = sri.create({ ...base, langevin: { ...base.langevin, search, learnFrom } }, corpus);
    const columns = ['searchPpl[steps=2 temperature=0.3]', 'searchPpl[stepSize=0.1 steps=6]'];
    expect(model.quantities.slice(3)).toEqual(columns);
    const looking: Learner = {
      minimize: (loss) => {
        const losses = typeof loss === 'function' ? [loss] : loss;
        return { loss: tf.tidy(() => losses.reduce((sum, one) => sum + one().dataSync()[0]!, 0)), gradientNorm: 0 };
      },
    };
    const { quantities } = model.learn(batchOf(), at, looking);
    const perplexities = columns.map((column) => quantities[column]!);
    const best = grid[perplexities.indexOf(Math.min(...perplexities))]!;
    expect(model.state().chosen).toEqual(best);
    expect(quantities.temperature).toBe(best.temperature ?? base.langevin.temperature);
    model.dispose();
  });

  it('infers by a sample of the vocabulary where told to, whichever words the batch and epoch draw, and learns from all', () => {
    const base = withoutDropout(toyRun('sri', { model: { ...toyRun('sri').model, weightRange: 0.8 } }));
    const lossOf = (vocabulary: ToyRun['langevin']['vocabulary'], place = at) => {
      const model = sri.create({ ...base, langevin: { ...base.langevin, vocabulary } }, corpus);
      const learner = onlooker();
      model.learn(batchOf(), place, learner);
      model.dispose();
      return learner.losses[0]!;
    };
    const all = { frequent: corpus.vocabulary.size, sampled: 1 };
    const few = { frequent: 1, sampled: 1 };
    expect(lossOf(all)).toBeCloseTo(lossOf(null), 5);
    expect(lossOf(few)).toBe(lossOf(few));
    expect(lossOf(few)).not.toBeCloseTo(lossOf(null), 5);
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    const base = toyRun('sri');
    for (const vocabulary of [null, { frequent: 2, sampled: 2 }]) {
      const model = sri.create({ ...base, langevin: { ...base.langevin, vocabulary } }, corpus);
      model.learn(batchOf(), at, onlooker());
      model.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});
