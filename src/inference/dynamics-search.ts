// Algorithm 1's first step: which dynamics bring short runs closest to the posterior? Each candidate runs the same chains
// with the same noise, and the one that explains the sentences best wins, by one of two criteria.
//
// `bound` is the paper's Q~: it counts the entropy of a chain's end given its noise, which every step shrinks. Where the
// likelihood is nearly flat, as in a model that has collapsed, that is K Z log(1 - s) nats whatever the chains do, so it
// prefers steps that hardly move, and with them a model that stays collapsed. `perplexity` asks of the ends what a user
// would: how well the sentences are explained by a Gaussian fitted to where the chains end, whatever noise led there. It is
// eq. 12 with that Gaussian's density in place of the density given the noise. (The perplexity that `fitted` measures cannot
// judge: its chains are corrected towards the posterior until it no longer matters where they began.)
// It judges inference for the weights of the moment. What training at another temperature would make of them it cannot
// say; a curve over several runs can.

import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { ConditionalLikelihood, LangevinSchedule } from '../model/likelihood.js';
import { percent } from '../notation.js';
import { RandomStream } from '../random/philox.js';
import { meanEstimate } from '../statistics.js';
import { logStandardNormal, pathLogDensity } from './path-density.js';
import { shortRun } from './short-run.js';

/** Dynamics that may be chosen. */
export interface Candidate {
  /** As warnings name it. */
  label: string;
  schedule: LangevinSchedule;
}

/** What was found of a candidate. */
export interface JudgedCandidate {
  label: string;
  /** Q~, or the bound on log p(x); nats a sentence; NaN where a chain left the finite numbers. */
  value: number;
  /** Of `value`, over sentences. */
  standardError: number;
  /** exp(-value per word): by the criterion `perplexity` the perplexity that it is called after. */
  perplexity: number;
  /** Share of the chains with a step at which I - s (priorWeight I + H) is not positive definite; 0 where none is asked. */
  notPositiveDefinite: number;
  /** Sentences whose value is not a finite number. */
  nonFinite: number;
  /** Whether the candidate could be chosen: see `searchDynamics`. */
  eligible: boolean;
}

export interface DynamicsSearch {
  /** The candidate to go on with, by its place in the list; null where every one had a chain that left the finite numbers. */
  best: number | null;
  /** In the order of the list. */
  candidates: JudgedCandidate[];
  /** What a user should know of the choice. */
  warnings: SearchWarning[];
}

export interface SearchWarning {
  about: 'none-finite' | 'all-may-fold' | 'chosen-may-fold';
  text: string;
}

export interface DynamicsSearchOptions {
  criterion: 'bound' | 'perplexity';
  /** By `perplexity`: chains a sentence whose ends a Gaussian is fitted to, and draws from it; at least 2. */
  chains: number;
  /** By `bound`: largest share of chains with a step that is not positive definite that a candidate may have and win. */
  foldLimit: number;
}

/**
 * Chooses the dynamics of the largest mean over sentences of
 *
 * - by `bound`, Q~ = log p(x, z_K) - log q(z_K | eps), eq. 12 of Pang et al. 2021, one chain a sentence;
 * - by `perplexity`, log p(x, z) - log q(z) over draws of q, a Gaussian fitted to the ends of as many chains of the sentence:
 *   log p(x) less KL(q || p(z | x)), so a bound on it that is the tighter the nearer the ends are to the posterior. One draw
 *   counts as the next: weighed as importance sampling weighs them, any wide q would do, and candidates were hardly told
 *   apart.
 *
 * All candidates begin with the same z_0 and the same noise. One with a chain that is not finite is out. Where a step's
 * Jacobian is not positive definite the chain may fold, q is then too small and Q~ too large, so by `bound` a candidate
 * with more than the limit's share of such chains is out too; if that leaves none, the one with the smallest share is
 * taken. Either is said in `warnings`.
 *
 * @param likelihoods batches of sentences; the mean is over all of their sentences.
 * @param key which noise: the run's seed, and the epoch and iteration of the search.
 */
export function searchDynamics(
  likelihoods: readonly ConditionalLikelihood[],
  dynamics: readonly Candidate[],
  { criterion, chains: fitted, foldLimit }: DynamicsSearchOptions,
  key: { seed: number; epoch: number; iteration?: number },
): DynamicsSearch {
  if (likelihoods.length === 0 || dynamics.length === 0) {
    throw new RangeError('a search needs sentences and candidates');
  }
  const steps = Math.max(...dynamics.map(({ schedule }) => schedule.stepSizes.length));
  const chains = criterion === 'bound' ? 1 : fitted;
  const draws = likelihoods.map(({ sentences, latentSize }, batch) => {
    const size = chains * sentences * latentSize;
    const stream = new RandomStream({
      seed: key.seed,
      purpose: 'step-search',
      epoch: key.epoch,
      batch,
      step: key.iteration ?? 0,
    });
    const [z0, noise] = [stream.normals(size), stream.normals(steps * size)];
    return { z0, noise, proposal: criterion === 'bound' ? null : stream.normals(size) };
  });
  const words = likelihoods.reduce((sum, likelihood) => sum + likelihood.words.reduce((a, b) => a + b, 0), 0);

  const candidates = dynamics.map(({ label, schedule }): JudgedCandidate => {
    const values: number[] = [];
    let folding = 0;
    likelihoods.forEach((likelihood, batch) => {
      const { z0, noise, proposal } = draws[batch]!;
      const own = noise.subarray(0, schedule.stepSizes.length * z0.length);
      if (proposal === null) {
        const bound = chainBound(likelihood, z0, own, schedule);
        values.push(...bound.values);
        folding += bound.folding;
      } else {
        values.push(...endsBound(likelihood, shortRun(likelihood, z0, own, schedule).z, proposal));
      }
    });
    const notPositiveDefinite = folding / values.length;
    const nonFinite = values.filter((value) => !Number.isFinite(value)).length;
    const { value, standardError } = meanEstimate(nonFinite > 0 ? [] : values);
    return {
      label,
      value,
      standardError,
      perplexity: Math.exp((-value * values.length) / words),
      notPositiveDefinite,
      nonFinite,
      eligible: nonFinite === 0 && notPositiveDefinite <= foldLimit,
    };
  });
  return choose(candidates, foldLimit);
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

/**
 * mean_m log p(x, z_m) - log q(z_m) of each sentence, nats, with z_m drawn from the Gaussian that fits the ends.
 * @param ends `[chains, sentences, latentSize]`.
 * @param normals of the draws, the same shape.
 */
function endsBound(likelihood: ConditionalLikelihood, ends: Float32Array, normals: Float32Array): number[] {
  const { sentences, latentSize } = likelihood;
  // Chains that left the finite numbers have no Gaussian.
  if (!ends.every(Number.isFinite)) return Array(sentences).fill(Number.NaN);
  const chains = ends.length / (sentences * latentSize);
  const z = new Float32Array(ends.length);
  const logDensity = new Float64Array(chains * sentences);
  for (let sentence = 0; sentence < sentences; sentence++) {
    const at = (chain: number) => (chain * sentences + sentence) * latentSize;
    const { mean, factor } = gaussianOf(
      Array.from({ length: chains }, (_, chain) => ends.subarray(at(chain), at(chain) + latentSize)),
    );
    const logVolume = factor.diagonal().reduce((sum, entry) => sum + Math.log(entry), 0);
    for (let chain = 0; chain < chains; chain++) {
      const from = at(chain);
      for (let i = 0; i < latentSize; i++) {
        let value = mean[i]!;
        for (let j = 0; j <= i; j++) value += factor.get(i, j) * normals[from + j]!;
        z[from + i] = value;
      }
      logDensity[chain * sentences + sentence] = logStandardNormal(normals, from, latentSize) - logVolume;
    }
  }
  const { nll } = likelihood.nll(z);
  return Array.from({ length: sentences }, (_, sentence) => {
    const weights = Array.from({ length: chains }, (_, chain) => {
      const row = chain * sentences + sentence;
      return logStandardNormal(z, row * latentSize, latentSize) - nll[row]! - logDensity[row]!;
    });
    return weights.reduce((sum, weight) => sum + weight, 0) / chains;
  });
}

/**
 * Mean and Cholesky factor of the covariance of some points. A few dozen of them say little of as many dimensions'
 * correlations, so a share Z / (Z + points) of each is left out, which also keeps the matrix positive definite.
 */
function gaussianOf(points: readonly Float32Array[]): { mean: Float64Array; factor: Matrix } {
  const size = points[0]!.length;
  const mean = new Float64Array(size);
  for (const point of points) for (let i = 0; i < size; i++) mean[i]! += point[i]! / points.length;
  const covariance = new Matrix(size, size);
  const kept = points.length / (points.length + size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const products = points.reduce((sum, point) => sum + (point[i]! - mean[i]!) * (point[j]! - mean[j]!), 0);
      const entry = ((i === j ? 1 : kept) * products) / (points.length - 1);
      covariance.set(i, j, entry);
      covariance.set(j, i, entry);
    }
  }
  return { mean, factor: new CholeskyDecomposition(covariance).lowerTriangularMatrix };
}

function choose(candidates: JudgedCandidate[], limit: number): DynamicsSearch {
  const warnings: SearchWarning[] = [];
  const finite = candidates.filter(({ nonFinite }) => nonFinite === 0);
  if (finite.length === 0) {
    const text = 'no candidate kept its chains finite and apart, so the dynamics stay as they are';
    return { best: null, candidates, warnings: [{ about: 'none-finite', text }] };
  }
  let contenders = finite.filter(({ eligible }) => eligible);
  if (contenders.length === 0) {
    const least = Math.min(...finite.map(({ notPositiveDefinite }) => notPositiveDefinite));
    contenders = finite.filter(({ notPositiveDefinite }) => notPositiveDefinite === least);
    warnings.push({
      about: 'all-may-fold',
      text: `every candidate has more than ${percent(limit)} of its chains with a step that may fold; the one with the smallest share is taken`,
    });
  }
  const winner = contenders.reduce((best, candidate) => (candidate.value > best.value ? candidate : best));
  if (winner.notPositiveDefinite > 0) {
    warnings.push({
      about: 'chosen-may-fold',
      text:
        `of the chosen candidate ${winner.label} ${percent(winner.notPositiveDefinite)} of the chains have a step ` +
        'that may fold, so its Q~ may be too large',
    });
  }
  return { best: candidates.indexOf(winner), candidates, warnings };
}
