// Training on the GPU: nothing of an iteration falls back to the processor, the program waits for the GPU a few times an
// iteration and no more, and a run that stops and goes on has the bits of one that never stopped.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clearFallbacks, fallbacks } from '../../src/backends/fallbacks.js';
import { useBackend } from '../../src/backends/index.js';
import type { WebgpuBackend } from '../../src/backends/webgpu/backend.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { InterruptedError } from '../../src/errors.js';
import { methodNamed, methods } from '../../src/methods/registry.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { GradientDescent } from '../../src/training/learner.js';
import { createOptimizer } from '../../src/training/optimizer.js';
import { type TrainingOptions, train } from '../../src/training/train.js';
import { type ToyRun, toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(24);
let backend: WebgpuBackend;

beforeAll(async () => {
  await useBackend('webgpu', 1);
  backend = tf.backend() as WebgpuBackend;
});

/** A run in which everything a method can do in an iteration is on. */
function runOf(method: string): ToyRun {
  const run = toyRun(method);
  return {
    ...run,
    model: { ...run.model, wordDropout: 0.2, outputDropout: 0.3 },
    optimizer: { ...run.optimizer, clipNorm: 5 },
    klWeight: { start: 0.2, warmupEpochs: 2, cycleEpochs: 4 },
    aggressive: { ...run.aggressive, updates: 3, window: 2, sentences: 8 },
    semiAmortized: { ...run.semiAmortized, steps: 3, momentum: 0.5 },
  };
}

/** The same with the method's own keys alone, as a run's folder takes it. */
function storableRunOf(method: string): ToyRun {
  const own = Object.keys(methodNamed(method).config);
  const foreign = ['klWeight', 'aggressive', 'semiAmortized'].filter((key) => !own.includes(key));
  return Object.fromEntries(Object.entries(runOf(method)).filter(([key]) => !foreign.includes(key))) as ToyRun;
}

const sri = runOf('sri');
const iterations: [name: string, run: ToyRun][] = [
  ...methods().map(({ name }): [string, ToyRun] => [name, runOf(name)]),
  ['sri whose path teaches', { ...sri, langevin: { ...sri.langevin, learnFrom: 'path' } }],
  ['sri with recurrent weights in halves', { ...sri, precision: 'f16' }],
];

describe.each(iterations)('an iteration of %s', (_, run) => {
  it('stays on the GPU, and leaves nothing there', () => {
    const model = methodNamed(run.method).create(run, corpus);
    const optimizer = createOptimizer(run.optimizer, model.parameters);
    const learner = new GradientDescent(model.parameters, optimizer, run.optimizer.clipNorm);
    const batches = [...equalLengthBatches(corpus.splits.train, 8)];
    const learn = (i: number) =>
      model.learn(batches[i]!, { epoch: 1, batch: i, batches: batches.length, iteration: i }, learner);
    learn(0);
    clearFallbacks();
    const tensors = tf.memory().numTensors;
    learn(1);
    expect(fallbacks()).toEqual({});
    expect(tf.memory().numTensors).toBe(tensors);
    // The memory that an iteration needs is what the one before it has left.
    const { allocated } = backend.gpu;
    learn(1);
    expect(backend.gpu.allocated).toBe(allocated);
    optimizer.dispose();
    model.dispose();
  });
});

// A GPU stands still while its numbers are waited for.
it.each([
  ['lstm-lm', 1, 'the loss and the norm'],
  ['anneal-vae', 2, 'those, and the parts of the loss'],
  ['sri', 2, 'the codes, and those'],
])('%s reads its GPU %i times in an iteration: %s', (method, reads) => {
  const run = runOf(method);
  const model = methodNamed(method).create(run, corpus);
  const learner = new GradientDescent(model.parameters, createOptimizer(run.optimizer, model.parameters), 5);
  const [batch] = equalLengthBatches(corpus.splits.train, 8);
  const before = backend.reads;
  model.learn(batch!, { epoch: 1, batch: 0, batches: 1, iteration: 0 }, learner);
  expect(backend.reads - before).toBe(reads);
  model.dispose();
});

describe('a run that is stopped', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-webgpu-'));
  afterAll(() => rmSync(root, { recursive: true }));

  const options = (method: string, name: string, more: Partial<TrainingOptions> = {}): TrainingOptions => ({
    run: { ...storableRunOf(method), backend: 'webgpu' },
    method: methodNamed(method),
    corpus,
    folder: new RunFolder(path.join(root, name)),
    validator: { columns: [], validate: () => ({ loss: 1, quantities: {}, verdict: null }) },
    provenance: { version: '0', commit: null, node: '', backend: 'webgpu', backendDetails: '', threads: 1 },
    peakFlops: null,
    ...more,
  });
  const tensorsOf = (name: string) => {
    const { checkpoints } = new RunFolder(path.join(root, name));
    const last = readdirSync(checkpoints)
      .filter((file) => file.endsWith('.safetensors'))
      .sort()
      .at(-1)!;
    return readFileSync(path.join(checkpoints, last));
  };

  it.each(['sri', 'fb-vae'])('%s goes on with the same bits', async (method) => {
    await train(options(method, `${method}-whole`));
    const stop = new AbortController();
    let updates = 0;
    const first = options(method, `${method}-stopped`, {
      signal: stop.signal,
      report: (event) => {
        if (event.kind === 'iteration' && ++updates === 4) stop.abort();
      },
    });
    await expect(train(first)).rejects.toThrow(InterruptedError);
    await train(options(method, `${method}-stopped`));
    expect(tensorsOf(`${method}-stopped`).equals(tensorsOf(`${method}-whole`))).toBe(true);
  });
});
