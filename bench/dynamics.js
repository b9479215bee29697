// What the two criteria of the step search say of one trained run, and how its codes move along a chain:
//
//   node bench/dynamics.js --run runs/snli/sri/seed-0 [--sentences 48] [--split valid] [--threads auto]
//
// Q~ (eq. 12) and the bound on perplexity by a Gaussian fitted to the chains' ends, for the run's own steps at several
// temperatures and lengths and for constant steps at full noise; then, step by step of a chain twice as long as the run's,
// Recon and the root mean square of what a dimension moves by next.

import process from 'node:process';
import { SPLIT_NAMES } from '../dist/data/splits.js';
import { searchDynamics } from '../dist/inference/dynamics-search.js';
import { langevinSchedule } from '../dist/inference/schedule.js';
import { shortRun } from '../dist/inference/short-run.js';
import { RandomStream } from '../dist/random/philox.js';
import { argumentsOf, COUNT, oneOf, THREADS } from '../scripts/arguments.mjs';
import { openShortRuns } from './short-runs.js';

const values = argumentsOf(import.meta.url, {
  run: { type: 'string', required: true },
  sentences: { type: 'string', default: '48', form: COUNT },
  split: { type: 'string', default: 'valid', form: oneOf(SPLIT_NAMES) },
  threads: { type: 'string', default: 'auto', form: THREADS },
});
const { model, run, langevin, epoch, indices, batches } = await openShortRuns(values);
const likelihoods = batches.map((batch) => model.likelihood(batch));
const moment = { epoch, done: 1 };
const { temperature: own } = langevinSchedule(langevin, moment);
const K = langevin.steps;

/** @param {Partial<typeof langevin>} changes */
const scheduleOf = (changes) => langevinSchedule({ ...langevin, gradients: null, ...changes }, moment);
const out = (text) => process.stdout.write(`${text}\n`);

const candidates = [
  ...[0.2, 0.4, 0.55, 0.7, 0.85, 1].map((temperature) => ({
    label: `the run's steps, tau ${temperature}`,
    schedule: scheduleOf({ temperature }),
  })),
  ...[Math.ceil(K / 2), 2 * K].map((steps) => ({
    label: `the run's tau ${own}, K ${steps}`,
    schedule: scheduleOf({ steps, stepSize: [langevin.stepSize].flat().slice(0, steps) }),
  })),
  ...[0.02, 0.05, 0.1, 0.2, 0.3].map((stepSize) => ({
    label: `K 20, s ${stepSize}, tau 1`,
    schedule: scheduleOf({ steps: 20, stepSize, temperature: 1 }),
  })),
];
const key = { seed: run.seed, epoch };
for (const criterion of /** @type {const} */ (['bound', 'perplexity'])) {
  const { best, candidates: judged } = searchDynamics(
    likelihoods,
    candidates,
    { criterion, chains: 64, foldLimit: 0.25 },
    key,
  );
  out(`by ${criterion}, the best is ${best === null ? 'none' : judged[best].label}`);
  for (const { label, value, standardError, perplexity, notPositiveDefinite } of judged) {
    const folding = criterion === 'bound' ? `, ${Math.round(100 * notPositiveDefinite)} % of chains may fold` : '';
    const numbers = `${value.toFixed(2)} ± ${standardError.toFixed(2)} nats, perplexity ${perplexity.toPrecision(4)}`;
    out(`  ${label.padEnd(26)} ${numbers}${folding}`);
  }
}

const long = scheduleOf({ steps: 2 * K });
const steps = long.stepSizes.length;
const recon = new Float64Array(steps + 1);
const moves = new Float64Array(steps);
likelihoods.forEach((likelihood, batch) => {
  const size = likelihood.sentences * model.latentSize;
  const z0 = new RandomStream({ ...key, purpose: 'evaluation-start', batch }).normals(size);
  const noise = new RandomStream({ ...key, purpose: 'evaluation-noise', batch }).normals(steps * size);
  const path = /** @type {Float32Array} */ (shortRun(likelihood, z0, noise, long, true).path);
  for (let k = 0; k <= steps; k++) {
    const z = path.slice(k * size, (k + 1) * size);
    for (const nll of likelihood.nll(z).nll) recon[k] += nll;
    for (let i = 0; k < steps && i < size; i++) moves[k] += (path[(k + 1) * size + i] - z[i]) ** 2;
  }
  likelihood.dispose();
});
out(`along chains of ${steps} steps, ${indices.length} sentences: k, Recon at z_k, what a dimension moves by to z_k+1`);
for (let k = 0; k <= steps; k++) {
  const move = k < steps ? Math.sqrt(moves[k] / indices.length / model.latentSize).toFixed(3) : '';
  out(`  ${String(k).padStart(2)}  ${(recon[k] / indices.length).toFixed(2)}  ${move}`);
}
