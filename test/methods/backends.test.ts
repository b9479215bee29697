// Every method learns the same thing on every backend that this machine has: a few updates, against tfjs's own CPU backend.

import { describe, expect, it } from 'vitest';
import { availableBackends, type BackendName, useBackend } from '../../src/backends/index.js';
import { equalLengthBatches } from '../../src/data/batches.js';
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
async function learn(method: string, backend: BackendName): Promise<{ losses: number[]; codes: number[] }> {
  await useBackend(backend, 2);
  const run = runOf(method);
  const model = methodNamed(method).create(run, corpus);
  const optimizer = createOptimizer(run.optimizer, model.parameters);
  const learner = new GradientDescent(model.parameters, optimizer, run.optimizer.clipNorm);
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
