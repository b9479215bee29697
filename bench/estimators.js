// What a sentence's log p(x) costs by each estimator, on a trained run: seconds a sentence, the share of the machine's
// measured peak, the effective sample size, and what the whole split would take.
//
//   node bench/estimators.js --run runs/ptb/sri/seed-0 [--sentences 32] [--split test] [--threads auto]
//
// `--fitted chains,steps` may be given several times, to choose both by the effective sample size they lead to.

import process from 'node:process';
import { measurePeak } from '../dist/backends/peak.js';
import { SPLIT_NAMES } from '../dist/data/splits.js';
import { FittedEstimator } from '../dist/evaluation/perplexity/fitted-estimator.js';
import { JacobianEstimator } from '../dist/evaluation/perplexity/jacobian-estimator.js';
import { effectiveSampleSizes, perplexity } from '../dist/evaluation/perplexity/perplexity.js';
import { stepsPerGradient } from '../dist/inference/schedule.js';
import { argumentsOf, COUNT, oneOf, shapeOf, THREADS } from '../scripts/arguments.mjs';
import { openShortRuns } from './short-runs.js';

const values = argumentsOf(import.meta.url, {
  run: { type: 'string', required: true },
  sentences: { type: 'string', default: '32', form: COUNT },
  split: { type: 'string', default: 'test', form: oneOf(SPLIT_NAMES) },
  threads: { type: 'string', default: 'auto', form: THREADS },
  fitted: { type: 'string', multiple: true, form: shapeOf('chains,steps') },
});
const { model, corpus, run, langevin, provenance, split, indices, batches } = await openShortRuns(values);
const peak = measurePeak('f32') ?? Number.NaN;
const tokens = batches.reduce((sum, { size, tokens }) => sum + size * tokens, 0);
/** Gradients of a chain, each with its pass forward and back. */
const K = stepsPerGradient(langevin).length;
const Z = model.latentSize;
const H = run.model.hiddenSize;
const V = corpus.vocabulary.size;

/** Floating-point operations a token: one pass forward; one forward and back to z; one Hessian besides. */
const forward = 2 * V * H + 8 * H * H;
const gradient = 2 * forward;
const hessian = gradient + 2 * V * H * Z + V * Z * Z + 2 * 8 * H * H * Z;

/** @type {{ name: string; estimator: import('../dist/evaluation/perplexity/estimator.js').PerplexityEstimator; flops: number }[]} */
const candidates = (values.fitted ?? ['16,40']).map((pair) => {
  const [chains, metropolisSteps] = pair.split(',').map(Number);
  const estimator = new FittedEstimator({ draws: 500, chains, metropolisSteps });
  const flops = 500 * forward + chains * (K + metropolisSteps + 1) * gradient;
  return { name: `fitted, M 500, ${chains} chains, ${metropolisSteps} steps`, estimator, flops };
});
candidates.push({
  name: 'jacobian, M 10',
  estimator: new JacobianEstimator(10),
  flops: 10 * (K * (gradient + hessian) + forward),
});

process.stdout.write(
  `${values.run}: ${indices.length} sentences of ${values.split}, ${tokens} tokens, on ${provenance.threads} threads\n`,
);
for (const { name, estimator, flops } of candidates) {
  const began = performance.now();
  const estimates = batches.flatMap((batch) => {
    const likelihood = model.likelihood(batch);
    const keys = { seed: run.seed, sentences: batch.indices };
    const found = estimator.estimate(likelihood, model.posterior(batch, likelihood, keys, estimator.pathDraws));
    likelihood.dispose();
    return found;
  });
  const seconds = (performance.now() - began) / 1000;
  const each = seconds / estimates.length;
  const { value, standardError } = perplexity(estimates);
  const { mean, min } = effectiveSampleSizes(estimates);
  process.stdout.write(
    `${name}: ${each.toFixed(2)} s a sentence, ${Math.round((100 * flops * tokens) / seconds / peak)} % of peak, ` +
      `${((each * split.length) / 60).toFixed(0)} min for all ${split.length}; PPL ${value.toFixed(1)} ± ` +
      `${standardError.toFixed(1)}, effective sample size ${mean.toFixed(1)} (least ${min.toFixed(1)})\n`,
  );
}
