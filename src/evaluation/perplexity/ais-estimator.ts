// Perplexity by annealed importance sampling (Neal 2001). A chain starts at a draw from the prior and walks to the
// posterior through densities between the two, each a little sharper than the one before; what it gains on the way is an
// importance weight. No proposal has to be fitted, so a posterior of any shape will do: slow, and a check on the others.
//
// The mean weight is an unbiased estimate of p(x) as long as the walk of a chain depends on nothing but its own noise and
// numbers fixed beforehand. A step size that follows the acceptance of the very chains it moves would break that, so step
// sizes are tuned by a pilot run with noise of its own, and the chains that count take them as they are.

import { type Differentiable, MetropolisChains } from '../../inference/metropolis-langevin.js';
import type { Posterior } from '../../inference/posterior.js';
import type { SentenceKeys } from '../../inference/sentence-noise.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { type Purpose, RandomStream } from '../../random/philox.js';
import { defineEstimator } from './define-estimator.js';
import type { PerplexityEstimator, SentenceEstimate } from './estimator.js';
import { summarizeWeights } from './importance.js';

export interface AisOptions {
  /** M, annealed chains a sentence, each worth one weight; a whole number from 2. */
  chains: number;
  /** T, levels from the prior, which is none of them, to the posterior, which is the last; a whole number from 2. */
  temperatures: number;
  /** Metropolis-adjusted Langevin transitions at each level; a whole number from 1. */
  transitions: number;
}

export const AIS_DEFAULTS: AisOptions = { chains: 32, temperatures: 400, transitions: 1 };

/**
 * Level t of T has the power b = (t / T)^1.5 of the likelihood. Levels belong where the variance of NLL(z) under p_b is
 * large, and for trained decoders that is near the prior, where it is five to forty times what it is at the posterior.
 * On such a decoder with 400 levels the variance of the log weights was 0.42 for this ladder; 0.43 for equal steps of b;
 * 0.38 where the variance of NLL was measured beforehand and the ladder fitted to it, sentence by sentence; and 1.1 for
 * the sigmoidal ladder of Wu et al. 2017, which spends as many levels near the posterior as near the prior.
 */
const LADDER_EXPONENT = 1.5;

/**
 * The run that finds the step sizes. How much is accepted depends on how sharp a level is and hardly on how many levels
 * there are, so a few chains on a coarse ladder do, whatever the ladder of the estimate. A step is the geometric mean
 * of those found at its own level and at `window` levels on either side, which takes out most of the noise that so few
 * chains leave.
 */
const PILOT = {
  chains: 8,
  levels: 100,
  /** Share of the proposals to accept. */
  target: 0.6,
  /** Of log s, for each unit of acceptance that is missing or in excess. */
  gain: 1,
  window: 5,
};

/** Rows that run side by side; bounds what the model holds of a gradient. */
const ROWS_AT_ONCE = 512;

/** Chains `from` .. `to` - 1 of each sentence. */
interface ChainRange {
  from: number;
  to: number;
}

/** s of each sentence, at a place between the prior (0) and the posterior (1); [sentences]. */
type StepSizes = (place: number) => Float64Array;

/**
 * log p^(x) = log mean_m w_m with log w_m = -sum_t (b_t - b_{t-1}) NLL(z_{t-1}) along chain m, where z_0 ~ N(0, I) and
 * z_t comes from z_{t-1} by transitions that leave p_t(z), proportional to N(z; 0, I) p(x | z)^{b_t}, invariant. A level
 * costs as many gradients as it has transitions.
 */
export class AisEstimator implements PerplexityEstimator {
  readonly name = 'ais';
  readonly pathDraws = 0;
  readonly draws: number;
  private readonly options: AisOptions;

  /** @throws RangeError where an option is out of its range. */
  constructor(options: Partial<AisOptions> = {}) {
    this.options = { ...AIS_DEFAULTS, ...options };
    for (const [name, least] of [
      ['chains', 2],
      ['temperatures', 2],
      ['transitions', 1],
    ] as const) {
      const value = this.options[name];
      if (!(Number.isInteger(value) && value >= least)) {
        throw new RangeError(`${name} of ais is a whole number from ${least}, not ${value}`);
      }
    }
    this.draws = this.options.chains;
  }

  /** A gradient goes forward and back. */
  passes(): number {
    const { chains, temperatures, transitions } = this.options;
    return 2 * chains * temperatures * transitions;
  }

  /** Of the posterior only the keys are used: inference has no part in the estimate. */
  estimate(likelihood: ConditionalLikelihood, { keys }: Pick<Posterior, 'keys'>): SentenceEstimate[] {
    const { sentences, words } = likelihood;
    const { chains } = this.options;
    const stepSizes = tuneStepSizes(likelihood, keys, 'ais-pilot');
    const logWeights = Array.from(words, () => new Float64Array(chains));
    const acceptance = new Float64Array(sentences);
    const atOnce = Math.max(1, Math.floor(ROWS_AT_ONCE / sentences));
    for (let from = 0; from < chains; from += atOnce) {
      const range = { from, to: Math.min(chains, from + atOnce) };
      const annealed = this.anneal(likelihood, keys, range, stepSizes);
      annealed.logWeights.forEach((logWeight, row) => {
        logWeights[row % sentences]![from + Math.floor(row / sentences)] = logWeight;
      });
      annealed.acceptance.forEach((share, sentence) => {
        acceptance[sentence]! += (share * (range.to - from)) / chains;
      });
    }
    return logWeights.map((own, sentence) => {
      const { logMean, ...facts } = summarizeWeights(own);
      const wordCount = words[sentence]!;
      return { logLikelihood: logMean, words: wordCount, draws: chains, ...facts, acceptance: acceptance[sentence]! };
    });
  }

  /** log w of some chains, `[chains * sentences]`, and the mean acceptance on their way, [sentences]. */
  private anneal(
    likelihood: ConditionalLikelihood,
    keys: SentenceKeys,
    range: ChainRange,
    stepSizes: StepSizes,
  ): { logWeights: Float64Array; acceptance: Float64Array } {
    const { temperatures, transitions } = this.options;
    const { latentSize } = likelihood;
    const chains = new MetropolisChains(likelihood, chainNoise(keys, 'ais', range, 0, latentSize).noise);
    const logWeights = new Float64Array(chains.rows);
    const acceptance = new Float64Array(likelihood.sentences);
    const moves = (temperatures - 1) * transitions;
    let iteration = 0;
    for (let level = 1; level <= temperatures; level++) {
      const power = powerAt(level / temperatures);
      const rise = power - powerAt((level - 1) / temperatures);
      for (let row = 0; row < chains.rows; row++) logWeights[row]! -= rise * chains.nll[row]!;
      // No weight depends on where a chain would go from the last level.
      if (level === temperatures) break;
      const steps = stepSizes(level / temperatures);
      for (let transition = 0; transition < transitions; transition++) {
        const { noise, uniforms } = chainNoise(keys, 'ais', range, ++iteration, latentSize);
        const accepted = chains.step(power, steps, noise, uniforms);
        accepted.forEach((share, sentence) => {
          acceptance[sentence]! += share / moves;
        });
      }
    }
    return { logWeights, acceptance };
  }
}

/** b at a place between the prior (0) and the posterior (1). */
export function powerAt(place: number): number {
  return place ** LADDER_EXPONENT;
}

/**
 * Step sizes whose proposals are accepted as often as wanted, from a pilot run: annealing, with the step of each sentence
 * following the acceptance of its chains from level to level (Robbins and Monro).
 * @param purpose of the pilot's noise.
 */
export function tuneStepSizes(likelihood: Differentiable, keys: SentenceKeys, purpose: Purpose): StepSizes {
  const { sentences, latentSize } = likelihood;
  const { levels, target, gain, window } = PILOT;
  const range = { from: 0, to: PILOT.chains };
  const chains = new MetropolisChains(likelihood, chainNoise(keys, purpose, range, 0, latentSize).noise);
  // What is best on the prior alone, for a proposal with noise of variance 2 s (Roberts and Rosenthal 1998).
  const logStep = new Float64Array(sentences).fill(Math.log((1.65 ** 2 / 2) * latentSize ** (-1 / 3)));
  const logSteps: Float64Array[] = [];
  for (let level = 1; level <= levels; level++) {
    logSteps.push(logStep.slice());
    const { noise, uniforms } = chainNoise(keys, purpose, range, level, latentSize);
    const accepted = chains.step(powerAt(level / levels), logStep.map(Math.exp), noise, uniforms);
    for (let sentence = 0; sentence < sentences; sentence++) {
      logStep[sentence]! += gain * (accepted[sentence]! - target);
    }
  }
  return (place) => {
    const level = Math.max(0, Math.round(place * levels) - 1);
    const near = logSteps.slice(Math.max(0, level - window), level + window + 1);
    return Float64Array.from({ length: sentences }, (_, sentence) =>
      Math.exp(near.reduce((sum, steps) => sum + steps[sentence]!, 0) / near.length),
    );
  };
}

/**
 * N(0, 1) noise `[chains * sentences, size]` and U(0, 1) numbers [chains * sentences] of one iteration; iteration 0 is
 * for the start. Every chain of every sentence has a stream of its own, so it moves the same in whatever company.
 */
export function chainNoise(
  { seed, sentences }: SentenceKeys,
  purpose: Purpose,
  { from, to }: ChainRange,
  iteration: number,
  size: number,
): { noise: Float32Array; uniforms: Float64Array } {
  const rows = (to - from) * sentences.length;
  const noise = new Float32Array(rows * size);
  const uniforms = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const chain = from + Math.floor(row / sentences.length);
    const batch = sentences[row % sentences.length]!;
    const stream = new RandomStream({ seed, purpose, epoch: chain, batch, step: iteration });
    noise.set(stream.normals(size), row * size);
    uniforms[row] = stream.uniform();
  }
  return { noise, uniforms };
}

export const ais = defineEstimator({
  name: 'ais',
  description: 'annealed importance sampling from the prior: no fit, slow, a check on the others',
  draws: AIS_DEFAULTS.chains,
  settings: ({ temperatures }) => ({ temperatures }),
  sentences: ({ aisSentences }) => aisSentences,
  create: ({ draws, evaluation: { temperatures } }) => new AisEstimator({ chains: draws, temperatures }),
});
