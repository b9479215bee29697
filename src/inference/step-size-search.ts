// Algorithm 1's first step: which step size brings short runs closest to the posterior? Each candidate runs the same
// chains with the same noise, and the one whose ends explain the sentences best without piling up wins.

import type { ConditionalLikelihood, LangevinSchedule } from '../model/likelihood.js';
import { RandomStream } from '../random/philox.js';
import { logStandardNormal, pathLogDensity } from './path-density.js';
import { stepSizes, stepsPerGradient } from './schedule.js';
import { shortRun } from './short-run.js';

export interface StepSizeCandidate {
  stepSize: number;
  /** Q~, nats a sentence; NaN where a chain left the finite numbers. */
  value: number;
  /** Of `value`, over sentences. */
  standardError: number;
  /** Share of the chains with a step at which I - s (priorWeight I + H) is not positive definite. */
  notPositiveDefinite: number;
  /** Chains whose Q~ is not a finite number. */
  nonFinite: number;
  /** Whether the candidate could be chosen: see `searchStepSize`. */
  eligible: boolean;
}

export interface StepSizeSearch {
  /** The step size to go on with; null where every candidate had a chain that left the finite numbers. */
  best: number | null;
  /** In the order of the grid. */
  candidates: StepSizeCandidate[];
  /** What a user should know of the choice. */
  warnings: string[];
}

export interface StepSizeSearchOptions {
  /** K. */
  steps: number;
  /** How many of the K steps share each gradient; null or left out for one a gradient. */
  gradients?: readonly number[] | null;
  temperature: number;
  priorWeight: number;
  /** Largest share of chains with a step that is not positive definite that a candidate may have and win. */
  notPositiveDefiniteLimit?: number;
}

/**
 * Chooses the constant step size with the largest Q~(s) = mean of log p(x, z_K) - log q(z_K | eps), eq. 12 of Pang et
 * al. 2021, one chain a sentence, the same z_0 and noise for every candidate.
 *
 * A candidate with a chain that is not finite is out. Where a step's Jacobian is not positive definite the chain may
 * fold, q is then too small and Q~ too large, so a candidate with more than the limit's share of such chains is out
 * too; if that leaves none, the one with the smallest share is taken. Either is said in `warnings`.
 *
 * @param likelihoods batches of sentences; Q~ averages over all of their sentences.
 * @param key which noise: the run's seed, and the epoch and iteration of the search.
 */
export function searchStepSize(
  likelihoods: readonly ConditionalLikelihood[],
  grid: readonly number[],
  { steps, gradients = null, temperature, priorWeight, notPositiveDefiniteLimit = 0.25 }: StepSizeSearchOptions,
  key: { seed: number; epoch: number; iteration?: number },
): StepSizeSearch {
  if (likelihoods.length === 0 || grid.length === 0) throw new RangeError('a search needs sentences and candidates');
  const merged = stepsPerGradient({ steps, gradients }).length;
  const starts = likelihoods.map(({ sentences, latentSize }, batch) => {
    const size = sentences * latentSize;
    const stream = new RandomStream({
      seed: key.seed,
      purpose: 'step-search',
      epoch: key.epoch,
      batch,
      step: key.iteration ?? 0,
    });
    return { z0: stream.normals(size), noise: stream.normals(merged * size) };
  });

  const candidates = grid.map((stepSize): StepSizeCandidate => {
    const schedule = { stepSizes: stepSizes({ steps, stepSize, gradients }), temperature, priorWeight };
    const values: number[] = [];
    let folding = 0;
    likelihoods.forEach((likelihood, batch) => {
      const { z0, noise } = starts[batch]!;
      const bound = chainBound(likelihood, z0, noise, schedule);
      values.push(...bound.values);
      folding += bound.folding;
    });
    const notPositiveDefinite = folding / values.length;
    const nonFinite = values.filter((value) => !Number.isFinite(value)).length;
    return {
      stepSize,
      ...meanAndError(nonFinite > 0 ? [] : values),
      notPositiveDefinite,
      nonFinite,
      eligible: nonFinite === 0 && notPositiveDefinite <= notPositiveDefiniteLimit,
    };
  });
  return choose(candidates, notPositiveDefiniteLimit);
}

/** log p(x, z_K) - log q(z_K | eps) of every chain, and how many chains had a step that is not positive definite. */
function chainBound(
  likelihood: ConditionalLikelihood,
  z0: Float32Array,
  noise: Float32Array,
  schedule: LangevinSchedule,
): { values: number[]; folding: number } {
  const { z, path } = shortRun(likelihood, z0, noise, schedule, true);
  // A path that is not finite has no density worth its Hessians.
  if (!z.every(Number.isFinite)) return { values: Array(likelihood.sentences).fill(Number.NaN), folding: 0 };
  const { logDensity, stepsNotPositiveDefinite } = pathLogDensity(likelihood, path!, schedule);
  const { nll } = likelihood.nll(z);
  const { latentSize } = likelihood;
  const values = Array.from(
    nll,
    (value, row) => logStandardNormal(z, row * latentSize, latentSize) - value - logDensity[row]!,
  );
  return { values, folding: stepsNotPositiveDefinite.filter((count) => count > 0).length };
}

function choose(candidates: StepSizeCandidate[], limit: number): StepSizeSearch {
  const warnings: string[] = [];
  const finite = candidates.filter(({ nonFinite }) => nonFinite === 0);
  if (finite.length === 0) {
    return { best: null, candidates, warnings: ['no candidate step size kept its chains finite'] };
  }
  let contenders = finite.filter(({ eligible }) => eligible);
  if (contenders.length === 0) {
    const least = Math.min(...finite.map(({ notPositiveDefinite }) => notPositiveDefinite));
    contenders = finite.filter(({ notPositiveDefinite }) => notPositiveDefinite === least);
    warnings.push(`every candidate has more than ${percent(limit)} of its chains with a step that may fold`);
  }
  const winner = contenders.reduce((best, candidate) => (candidate.value > best.value ? candidate : best));
  if (winner.notPositiveDefinite > 0) {
    warnings.push(
      `at the chosen step size ${winner.stepSize}, ${percent(winner.notPositiveDefinite)} of the chains have a step ` +
        'that may fold, so its Q~ may be too large',
    );
  }
  return { best: winner.stepSize, candidates, warnings };
}

function meanAndError(values: number[]): { value: number; standardError: number } {
  const count = values.length;
  const value = values.reduce((sum, v) => sum + v, 0) / count;
  const squares = values.reduce((sum, v) => sum + (v - value) ** 2, 0);
  return { value, standardError: Math.sqrt(squares / (count - 1) / count) };
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
