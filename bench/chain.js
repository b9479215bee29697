// Timed on request: prints `ready ...`, then answers every line on standard input with the seconds that took,
//
//   chain     one short-run chain
//   iter      one whole training iteration of SRI: chain, gradient of the weights, clipping, Adam
//   released  one by that setting of configs/ptb.yaml, and
//   annealed  one by that one, each with the steps that it has there whatever K is
//   lm        one of LSTM-LM
//   vae       one of Anneal-VAE
//
// each made ready, and done once untimed, when it is asked for first. Programs that speak this protocol can be started
// together and asked in turn, so that their ratios hold on a machine whose speed drifts.
//
//   node bench/chain.js [--shape B,T,E,H,Z,V,K] [--backend native|webgpu|tensorflow|wasm|cpu] [--threads N] [--precision f32|bf16|f16]

import process from 'node:process';
import { createInterface } from 'node:readline';
import { useBackend } from '../dist/backends/index.js';
import { describeBackend } from '../dist/backends/started.js';
import { BACKEND_NAMES, PRECISIONS } from '../dist/config/choices.js';
import { loadConfig, resolveRun } from '../dist/config/load.js';
import { langevinSchedule } from '../dist/inference/schedule.js';
import { shortRun } from '../dist/inference/short-run.js';
import { methodNamed, methods } from '../dist/methods/registry.js';
import { LstmDecoder } from '../dist/model/lstm/decoder.js';
import { Parameters } from '../dist/model/parameters.js';
import { RandomStream } from '../dist/random/philox.js';
import { GradientDescent } from '../dist/training/learner.js';
import { createOptimizer } from '../dist/training/optimizer.js';
import { argumentsOf, oneOf, orEnd, shapeOf, THREADS } from '../scripts/arguments.mjs';
import { RELEASED_STEPS, randomBatch, randomCorpus, randomRun } from './random.js';

const values = argumentsOf(import.meta.url, {
  shape: { type: 'string', default: '32,23,256,256,32,10000,20', form: shapeOf('B,T,E,H,Z,V,K') },
  backend: { type: 'string', default: 'auto', form: oneOf(['auto', ...BACKEND_NAMES]) },
  threads: { type: 'string', default: 'auto', form: THREADS },
  precision: { type: 'string', default: 'f32', form: oneOf(PRECISIONS) },
});
const [B, T, E, H, Z, V, K] = values.shape.split(',').map(Number);
const threads = values.threads === 'auto' ? 'auto' : Number(values.threads);
const backendName = /** @type {import('../dist/backends/index.js').BackendName | 'auto'} */ (values.backend);
const backend = await orEnd(useBackend(backendName, threads));

const batch = randomBatch({ B, T, V });

/**
 * @param {string} method
 * @returns {import('../dist/config/schema.js').RunConfig<
 *   import('../dist/methods/sri.js').SriKeys & import('../dist/methods/kl-weight.js').KlWeightKeys
 * >}
 */
function runOf(method) {
  const base = randomRun(method, { E, H, Z });
  return {
    ...base,
    precision: /** @type {import('../dist/config/choices.js').Precision} */ (values.precision),
    optimizer: { ...base.optimizer, name: 'adam', learningRate: 1e-3, clipNorm: 5 },
    langevin: { ...base.langevin, steps: K, stepSize: RELEASED_STEPS, temperature: 1 },
    klWeight: 0.5,
  };
}

let count = 0;

/** As in SRI's own learning: masks and noise are drawn anew, the words are projected once. */
function prepareChain() {
  const run = runOf('sri');
  const decoder = new LstmDecoder(new Parameters(0), { ...run.model, vocabularySize: V }, 0.1, 0.1);
  const schedule = langevinSchedule(run.langevin, { epoch: 1, done: 0 });
  return () => {
    const key = { seed: 0, epoch: 1, batch: count++ };
    const masks = decoder.masks(batch, 'chain-word-dropout', 'chain-output-dropout', key);
    const likelihood = decoder.likelihood(batch, masks, { precision: run.precision });
    const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(B * Z);
    const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(K * B * Z);
    shortRun(likelihood, z0, noise, schedule);
    likelihood.dispose();
  };
}

/** @param {string} [setting] one of ptb.yaml's, for its chain. */
function prepareIteration(method, setting) {
  const run = runOf(method);
  if (setting !== undefined) {
    const config = loadConfig('ptb.yaml', methods());
    const { langevin } = /** @type {typeof run} */ (resolveRun(config, { method, setting }));
    run.langevin = langevin;
  }
  const model = methodNamed(method).create(run, randomCorpus(V));
  const optimizer = createOptimizer(run.optimizer, model.parameters);
  const learner = new GradientDescent(model.parameters, optimizer, run.optimizer.clipNorm, run.precision);
  return () => {
    model.learn(batch, { epoch: 1, batch: count, batches: 1000, iteration: count++ }, learner);
  };
}

const QUESTIONS = {
  chain: prepareChain,
  iter: () => prepareIteration('sri'),
  released: () => prepareIteration('sri', 'released'),
  annealed: () => prepareIteration('sri', 'annealed'),
  lm: () => prepareIteration('lstm-lm'),
  vae: () => prepareIteration('anneal-vae'),
};

function seconds(work) {
  const start = performance.now();
  work();
  return ((performance.now() - start) / 1000).toFixed(6);
}

process.stdout.write(`ready sri ${backend.name} ${values.precision} (${describeBackend(backend)})\n`);
const prepared = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const question = line.trim();
  if (!prepared.has(question)) {
    prepared.set(question, QUESTIONS[question]());
    prepared.get(question)();
  }
  process.stdout.write(`${seconds(prepared.get(question))}\n`);
}
