// The constant C of a prior exp(f(z)) N(z; 0, I) / C, without which no perplexity of its model is known. Annealed importance
// sampling (Neal 2001) walks from a Gaussian to the prior and says log C, on average too low; the same walk backwards, from draws
// of the prior, says it too high (Grosse et al. 2015). What lies between the two is what is not known of it.
//
// But draws of the prior are what nobody has. Those that the walk there ends at lack each part of the prior that it missed, and
// then both ways agree on a log C that is too low. So the Gaussian is one that covers N(0, I) and the codes that sentences have,
// since that is where f was raised; a part that lies elsewhere would still be missed.

import { type Differentiable, MetropolisChains } from '../../inference/metropolis-langevin.js';
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
  /** Its Monte Carlo error and its distance from `forward`, nats, added in squares. */
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
 * @param codes of some sentences, `[sentences, latentSize]`; asked for where it is not found yet.
 */
export function normalizerOf(
  prior: ConditionalLikelihood,
  seed: number,
  codes: () => Float32Array,
): NormalizerEstimate {
  const bySeed = known.get(prior) ?? new Map<number, NormalizerEstimate>();
  known.set(prior, bySeed);
  const before = bySeed.get(seed);
  if (before !== undefined) return before;
  const keys = { seed, sentences: Int32Array.of(0) };
  const ratio = ratioTo(gaussianOver(codes(), prior.latentSize), prior);
  let found = bothEnds(ratio, keys, LEVELS.least);
  const isKnown = () => Math.max(found.forwardError, found.reverseError) <= LEVELS.error;
  while (!isKnown() && found.levels < LEVELS.most) found = bothEnds(ratio, keys, 2 * found.levels);
  bySeed.set(seed, found);
  return found;
}

/** A Gaussian with independent dimensions. */
interface Spread {
  mean: Float64Array;
  deviation: Float64Array;
}

/** With the moments of N(0, I) and the finite codes together, half of each, and in no dimension narrower than N(0, I). */
function gaussianOver(codes: Float32Array, size: number): Spread {
  const spread = { mean: new Float64Array(size), deviation: new Float64Array(size).fill(1) };
  const rows = Array.from({ length: codes.length / size }, (_, row) => codes.subarray(row * size, (row + 1) * size));
  const finite = rows.filter((row) => row.every(Number.isFinite));
  if (finite.length === 0) return spread;
  for (let d = 0; d < size; d++) {
    const mean = finite.reduce((sum, row) => sum + row[d]!, 0) / finite.length / 2;
    const square = (1 + finite.reduce((sum, row) => sum + row[d]! ** 2, 0) / finite.length) / 2;
    spread.mean[d] = mean;
    spread.deviation[d] = Math.sqrt(Math.max(1, square - mean ** 2));
  }
  return spread;
}

/**
 * exp(f(z)) N(z; 0, I) as a ratio to N(z; mean, deviation^2), in u = (z - mean) / deviation, of which that Gaussian is
 * N(u; 0, I): its mean under N(u; 0, I) is C as well.
 */
function ratioTo({ mean, deviation }: Spread, prior: ConditionalLikelihood): Differentiable {
  const { sentences, latentSize: size } = prior;
  const volume = deviation.reduce((sum, value) => sum + Math.log(value), 0);
  return {
    sentences,
    latentSize: size,
    gradient: (u) => {
      const z = u.map((value, i) => mean[i % size]! + deviation[i % size]! * value);
      const { nll, gradient } = prior.gradient(z);
      return {
        nll: nll.map((value, row) => {
          let halfSquares = 0;
          for (let i = row * size; i < (row + 1) * size; i++) halfSquares += (z[i]! ** 2 - u[i]! ** 2) / 2;
          return value + halfSquares - volume;
        }),
        gradient: gradient.map((value, i) => deviation[i % size]! * (value + z[i]!) - u[i]!),
      };
    },
  };
}

function bothEnds(ratio: Differentiable, keys: SentenceKeys, levels: number): NormalizerEstimate {
  const { latentSize } = ratio;
  const range = { from: 0, to: CHAINS };
  const stepSizes = tuneStepSizes(ratio, keys, 'normalizer-pilot');
  const rise = (level: number) => powerAt(level / levels) - powerAt((level - 1) / levels);
  let iteration = 0;
  const move = (chains: MetropolisChains, level: number) => {
    const { noise, uniforms } = chainNoise(keys, 'normalizer', range, ++iteration, latentSize);
    chains.step(powerAt(level / levels), stepSizes(level / levels), noise, uniforms);
  };

  const chains = new MetropolisChains(ratio, chainNoise(keys, 'normalizer', range, 0, latentSize).noise);
  const forward = new Float64Array(CHAINS);
  for (let level = 1; level <= levels; level++) {
    for (let row = 0; row < CHAINS; row++) forward[row]! -= rise(level) * chains.nll[row]!;
    move(chains, level);
  }

  const draws = resampled(
    chains.z,
    forward,
    latentSize,
    new RandomStream({ seed: keys.seed, purpose: 'normalizer', step: iteration + 1 }),
  );
  iteration++;
  const back = new MetropolisChains(ratio, draws);
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
    reverseError: Math.hypot(down.standardError, down.logMean + up.logMean),
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
