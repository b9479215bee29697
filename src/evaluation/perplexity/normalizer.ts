// The constant C of a prior exp(f(z)) N(z; 0, I) / C, without which no perplexity of its model is known. Annealed importance
// sampling (Neal 2001) walks from N(0, I) to the prior and says log C, on average too low; the same walk backwards, from draws
// of the prior, says it too high (Grosse et al. 2015). What lies between the two is what is not known of it.

import { MetropolisChains } from '../../inference/metropolis-langevin.js';
import type { SentenceKeys } from '../../inference/sentence-noise.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { RandomStream } from '../../random/philox.js';
import { chainNoise, powerAt, tuneStepSizes } from './ais-estimator.js';
import { summarizeWeights } from './importance.js';

/** Chains each way, and steps at the prior between the ways. */
const CHAINS = 64;
const SETTLING = 50;

/** Levels between the two densities: so many, and twice as many until either end is known well enough, nats, or there are the most. */
const LEVELS = { least: 150, most: 1200, error: 0.05 };

export interface NormalizerEstimate {
  /** log C by the walk to the prior, nats: from below on average. */
  forward: number;
  /** Monte Carlo error of `forward`, nats. */
  forwardError: number;
  /** log C by the walk back: from above on average, as far as the draws that it begins with are the prior's. */
  reverse: number;
  reverseError: number;
  /** Levels that either walk took. */
  levels: number;
}

/** What a row of perplexity calls the error of `reverse`, which all of its sentences have in common. */
export const SHARED_ERROR = 'logNormalizerFromAboveError';

/** A prior's estimates by seed; a prior is another object once its weights have changed. */
const known = new WeakMap<ConditionalLikelihood, Map<number, NormalizerEstimate>>();

/**
 * log C = log of the mean of exp(-NLL(z)) under N(0, I), from both ends. Found once for each prior and seed.
 * @param prior as a likelihood has it.
 */
export function normalizerOf(prior: ConditionalLikelihood, seed: number): NormalizerEstimate {
  const bySeed = known.get(prior) ?? new Map<number, NormalizerEstimate>();
  known.set(prior, bySeed);
  const before = bySeed.get(seed);
  if (before !== undefined) return before;
  const keys = { seed, sentences: Int32Array.of(0) };
  let found = bothEnds(prior, keys, LEVELS.least);
  const isKnown = () => Math.max(found.forwardError, found.reverseError) <= LEVELS.error;
  while (!isKnown() && found.levels < LEVELS.most) found = bothEnds(prior, keys, 2 * found.levels);
  bySeed.set(seed, found);
  return found;
}

function bothEnds(prior: ConditionalLikelihood, keys: SentenceKeys, levels: number): NormalizerEstimate {
  const { latentSize } = prior;
  const range = { from: 0, to: CHAINS };
  const stepSizes = tuneStepSizes(prior, keys);
  const rise = (level: number) => powerAt(level / levels) - powerAt((level - 1) / levels);
  let iteration = 0;
  const move = (chains: MetropolisChains, level: number) => {
    const { noise, uniforms } = chainNoise(keys, 'ais', range, ++iteration, latentSize);
    chains.step(powerAt(level / levels), stepSizes(level / levels), noise, uniforms);
  };

  const chains = new MetropolisChains(prior, chainNoise(keys, 'ais', range, 0, latentSize).noise);
  const forward = new Float64Array(CHAINS);
  for (let level = 1; level <= levels; level++) {
    for (let row = 0; row < CHAINS; row++) forward[row]! -= rise(level) * chains.nll[row]!;
    move(chains, level);
  }

  const draws = resampled(
    chains.z,
    forward,
    latentSize,
    new RandomStream({ seed: keys.seed, purpose: 'ais', step: iteration + 1 }),
  );
  iteration++;
  const back = new MetropolisChains(prior, draws);
  for (let step = 0; step < SETTLING; step++) move(back, levels);
  const reverse = new Float64Array(CHAINS);
  for (let level = levels; level >= 1; level--) {
    for (let row = 0; row < CHAINS; row++) reverse[row]! += rise(level) * back.nll[row]!;
    if (level > 1) move(back, level - 1);
  }
  const [up, down] = [summarizeWeights(forward), summarizeWeights(reverse)];
  return {
    forward: up.logMean,
    forwardError: up.standardError,
    reverse: -down.logMean,
    reverseError: down.standardError,
    levels,
  };
}

/** As many rows, each as often as its weight says, by systematic resampling. */
function resampled(z: Float32Array, logWeights: Float64Array, size: number, stream: RandomStream): Float32Array {
  const largest = Math.max(...logWeights);
  const weights = logWeights.map((value) => Math.exp(value - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const out = new Float32Array(z.length);
  const rows = weights.length;
  const offset = stream.uniform();
  let row = 0;
  let passed = weights[0]!;
  for (let i = 0; i < rows; i++) {
    const place = ((i + offset) / rows) * total;
    while (passed < place && row < rows - 1) passed += weights[++row]!;
    out.set(z.subarray(row * size, (row + 1) * size), i * size);
  }
  return out;
}
