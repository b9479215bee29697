// One training iteration of every method at one shape, timed in turn: what a row of the tables costs beside LSTM-LM.
//
//   node bench/methods.js [--shape B,T,E,H,Z,V] [--methods lstm-lm,anneal-vae] [--rounds N] [--backend NAME]
//                         [--threads N]
//
// Prints a line a method: the median over the rounds of its seconds, and of the ratio to LSTM-LM's within a round.
// Lagging-VAE is timed while it is aggressive, as its first epochs are.

import process from 'node:process';
import { useBackend } from '../dist/backends/index.js';
import { BACKEND_NAMES } from '../dist/config/choices.js';
import { methodNamed, methods } from '../dist/methods/registry.js';
import { RandomStream } from '../dist/random/philox.js';
import { GradientDescent } from '../dist/training/learner.js';
import { createOptimizer } from '../dist/training/optimizer.js';
import { argumentsOf, COUNT, oneOf, orEnd, shapeOf, someOf, THREADS } from '../scripts/arguments.mjs';
import { median } from './median.js';
import { randomCorpus, randomRun } from './random.js';

const METHODS = methods().map(({ name }) => name);
const values = argumentsOf(import.meta.url, {
  shape: { type: 'string', default: '32,23,256,256,32,10000', form: shapeOf('B,T,E,H,Z,V') },
  methods: { type: 'string', default: METHODS.join(','), form: someOf(METHODS) },
  rounds: { type: 'string', default: '7', form: COUNT },
  backend: { type: 'string', default: 'auto', form: oneOf(['auto', ...BACKEND_NAMES]) },
  threads: { type: 'string', default: 'auto', form: THREADS },
});
const [B, T, E, H, Z, V] = values.shape.split(',').map(Number);
const backendName = /** @type {import('../dist/backends/index.js').BackendName | 'auto'} */ (values.backend);
await orEnd(useBackend(backendName, values.threads === 'auto' ? 'auto' : Number(values.threads)));

/** A split of equal-length sentences of random words: as many as the encoder's extra updates want to choose from. */
function randomSplit(name) {
  const random = new RandomStream({ seed: 0, purpose: 'shuffle' });
  const sentences = Array.from({ length: 4 * B }, () =>
    Int32Array.from({ length: T - 1 }, () => 4 + random.integer(V - 4)),
  );
  return { name, length: sentences.length, lengthOf: () => T - 1, sentence: (i) => sentences[i], label: () => null };
}
const split = randomSplit('train');
const corpus = randomCorpus(V, { train: split, valid: split, test: split });

const sentences = Int32Array.from({ length: B }, (_, i) => i);
const { makeBatch } = await import('../dist/data/batches.js');
const batch = makeBatch(split, sentences, 0);

const names = [...new Set(['lstm-lm', ...values.methods.split(',')])];
const contenders = names.map((name) => {
  const method = methodNamed(name);
  const base = randomRun(name, { E, H, Z });
  const run = {
    ...base,
    training: { ...base.training, batchSize: B },
    klWeight: { start: 0.1, warmupEpochs: 10, cycleEpochs: 10 },
  };
  const model = method.create(run, corpus);
  const learner = new GradientDescent(model.parameters, createOptimizer(run.optimizer, model.parameters), 5);
  let iteration = 0;
  return {
    name,
    /** @type {number[]} */
    seconds: [],
    iterate() {
      const began = performance.now();
      model.learn(batch, { epoch: 1, batch: iteration, batches: 1000, iteration }, learner);
      iteration++;
      return (performance.now() - began) / 1000;
    },
  };
});

for (const contender of contenders) contender.iterate();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { seconds, iterate } of contenders) seconds.push(iterate());
}
const base = contenders[0].seconds;
for (const { name, seconds } of contenders) {
  const ratio = median(seconds.map((value, round) => value / base[round]));
  process.stdout.write(`${name.padEnd(14)} ${median(seconds).toFixed(4)} s  ${ratio.toFixed(2)} of lstm-lm\n`);
}
