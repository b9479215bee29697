// Every method learns the same thing on every backend that this machine has: a few updates, against tfjs's own CPU backend.

import { describe, expect, it } from 'vitest';
import { availableBackends, type BackendName, useBackend } from '../../src/backends/index.js';
import { loadAddon } from '../../src/backends/native/addon.js';
import type { Precision } from '../../src/config/choices.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import type { LanguageModel } from '../../src/methods/method.js';
import { methodNamed, methods } from '../../src/methods/registry.js';
import { GradientDescent } from '../../src/training/learner.js';
import { createOptimizer } from '../../src/training/optimizer.js';
import { OWN_DEFAULTS, type ToyRun, toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(24);
const backends = (await availableBackends()).filter((name) => name !== 'cpu');

function runOf(method: string): ToyRun {
  return {
    ...toyRun(method),
    klWeight: { start: 0.2, warmupEpochs: 2, cycleEpochs: 4 },
    aggressive: { ...OWN_DEFAULTS.aggressive, updates: 3, window: 2, sentences: 8 },
    semiAmortized: { ...OWN_DEFAULTS.semiAmortized, steps: 3, learningRate: 1, momentum: 0.5, clipNorm: 5 },
    layered: { ...OWN_DEFAULTS.layered, upper: 1 },
    layers: { ...OWN_DEFAULTS.layers, upper: 1 },
  };
}

/** The loss before each of a few updates, and what is inferred after them. */
async function learn(
  method: string,
  backend: BackendName,
  precision: Precision = 'f32',
): Promise<{ losses: number[]; codes: number[] }> {
  await useBackend(backend, 2);
  const run = { ...runOf(method), precision };
  const model = methodNamed(method).create(run, corpus);
  const optimizer = createOptimizer(run.optimizer, model.parameters);
  const learner = new GradientDescent(model.parameters, optimizer, run.optimizer.clipNorm, precision);
  const batches = [...equalLengthBatches(corpus.splits.train, 8)];
  const losses = batches
    .slice(0, 4)
    .map((batch, i) => model.learn(batch, { epoch: 1, batch: i, batches: batches.length, iteration: i }, learner).loss);
  const codes: number[] = [];
  if (model.hasLatent) {
    const likelihood = model.likelihood(batches[0]!);
    const keys = { seed: 1, sentences: batches[0]!.indices };
    codes.push(...model.posterior(batches[0]!, likelihood, keys, { epoch: 1, pathDraws: 0 }).z(2));
    likelihood.dispose();
  }
  optimizer.dispose();
  model.dispose();
  return { losses, codes };
}

describe.each(methods().map(({ name }) => name))('%s', (method) => {
  it.each(backends)('on %s as on cpu', async (backend) => {
    const wanted = await learn(method, 'cpu');
    const { losses, codes } = await learn(method, backend);
    losses.forEach((loss, i) => {
      expect(Math.abs(loss / wanted.losses[i]! - 1), `update ${i}`).toBeLessThan(1e-4);
    });
    expect(codes).toHaveLength(wanted.codes.length);
    codes.forEach((value, i) => {
      expect(Math.abs(value - wanted.codes[i]!)).toBeLessThan(2e-3);
    });
  });
});

const hasBFloat16 = backends.includes('native') && loadAddon().info().bf16;

/** Skip-VAE has a decoder of its own, which has no bf16. */
const withLstm = methods()
  .map(({ name }) => name)
  .filter((name) => name !== 'skip-vae');

describe.runIf(hasBFloat16).each(withLstm)('%s in bf16', (method) => {
  it('learns what it learns in f32, to the bits that its products have', async () => {
    const wanted = await learn(method, 'native');
    const { losses } = await learn(method, 'native', 'bf16');
    losses.forEach((loss, i) => {
      expect(Math.abs(loss / wanted.losses[i]! - 1), `update ${i}`).toBeLessThan(2 ** -8);
    });
    expect(losses).not.toEqual(wanted.losses);
  });
});

describe.runIf(hasBFloat16)('weights that were learned in bf16', () => {
  it('are judged in f32: their NLL is the same bits in a model of either precision', async () => {
    await useBackend('native', 2);
    const [batch] = equalLengthBatches(corpus.splits.train, 8);
    const run = { ...runOf('lstm-lm'), precision: 'bf16' as const };
    const [learned, other] = [run, runOf('lstm-lm')].map((one) => methodNamed('lstm-lm').create(one, corpus));
    const optimizer = createOptimizer(run.optimizer, learned!.parameters);
    const learner = new GradientDescent(learned!.parameters, optimizer, null, 'bf16');
    const nllOf = (model: typeof learned) => (model as LanguageModel).sentenceNll(batch!);
    const before = nllOf(learned);
    learned!.learn(batch!, { epoch: 1, batch: 0, batches: 1, iteration: 0 }, learner);
    other!.parameters.restore(learned!.parameters.store(), 'the other model');
    expect(nllOf(learned)).not.toEqual(before);
    expect(nllOf(learned)).toEqual(nllOf(other));
    for (const one of [optimizer, learned!, other!]) one.dispose();
  });
});
