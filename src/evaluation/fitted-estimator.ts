// Perplexity by importance sampling from a Gaussian fitted to each sentence's true posterior. Short runs say where the
// posterior is, Metropolis-adjusted Langevin corrects what short runs get wrong, a Gaussian is fitted to what it visits,
// and the estimate itself costs forward passes alone. Whatever the fit, the mean weight is an unbiased estimate of
// p(x), so its logarithm bounds log p(x) from below on average: a poor fit shows as a small effective sample size.

import { Matrix } from 'ml-matrix';
import type { ConditionalLikelihood } from '../inference/likelihood.js';
import { type MetropolisRun, metropolisLangevin } from '../inference/metropolis-langevin.js';
import { logStandardNormal } from '../inference/path-density.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { RandomStream } from '../random/philox.js';
import { fitGaussian, type PosteriorSamples } from './gaussian-fit.js';
import { summarizeWeights } from './importance.js';
import type { PerplexityEstimator, SentenceEstimate } from './perplexity.js';
import { GaussianProposal, PriorProposal, type Proposal, StudentProposal } from './proposals.js';
import { nllInPieces, type ShortRunChains } from './short-run-chains.js';

export interface FittedOptions {
  /** M, importance draws a sentence. */
  draws: number;
  /** Chains a sentence that explore its posterior; at least 2. */
  chains: number;
  /** Metropolis-adjusted Langevin steps of each chain; the first quarter tunes the step and is not fitted to. */
  metropolisSteps: number;
  /** What the fitted covariance is multiplied with: a proposal too wide costs less than one too narrow. */
  inflation: number;
  /** Share of the draws that come from the prior, so that no weight is unbounded. */
  priorShare: number;
  /** Degrees of freedom of a Student t in place of the Gaussian, a whole number; null for the Gaussian. */
  studentDegrees: number | null;
}

export const FITTED_DEFAULTS: FittedOptions = {
  draws: 500,
  chains: 16,
  metropolisSteps: 40,
  inflation: 1.2,
  priorShare: 0.1,
  studentDegrees: null,
};

/**
 * log p^(x) = log mean_m p(x | z_m) p(z_m) / q(z_m), with q the mixture of the fitted density and the prior, and a
 * fixed number of draws from each (a deterministic, defensive mixture: Hesterberg 1995; Owen and Zhou 2000).
 */
export class FittedEstimator implements PerplexityEstimator {
  readonly name = 'fitted';
  readonly pathDraws = 0;
  readonly draws: number;
  private readonly options: FittedOptions;

  constructor(options: Partial<FittedOptions> = {}) {
    this.options = { ...FITTED_DEFAULTS, ...options };
    this.draws = this.options.draws;
    if (this.options.chains < 2) throw new RangeError('the fit compares chains, and needs at least 2 of them');
  }

  estimate(likelihood: ConditionalLikelihood, chains: ShortRunChains): SentenceEstimate[] {
    const { sentences, latentSize, words } = likelihood;
    const { draws } = this;
    const explored = this.explore(likelihood, chains);
    const proposals = Array.from({ length: sentences }, (_, sentence) =>
      this.propose(samplesOf(explored, this.options.chains, sentences, latentSize, sentence), sentence, chains.keys),
    );
    const z = new Float32Array(draws * sentences * latentSize);
    proposals.forEach((proposal, sentence) => {
      for (let m = 0; m < draws; m++) proposal.draw(m, z, (m * sentences + sentence) * latentSize);
    });
    const nll = nllInPieces(likelihood, z);
    return proposals.map((proposal, sentence) => {
      const logWeights = Float64Array.from({ length: draws }, (_, m) => {
        const row = m * sentences + sentence;
        const at = row * latentSize;
        return logStandardNormal(z, at, latentSize) - nll[row]! - proposal.logDensity(z, at);
      });
      const { logMean, ...facts } = summarizeWeights(logWeights);
      return {
        logLikelihood: logMean,
        words: words[sentence]!,
        draws,
        ...facts,
        acceptance: explored.acceptance[sentence]!,
      };
    });
  }

  /** Samples of each sentence's posterior. */
  private explore(likelihood: ConditionalLikelihood, shortRuns: ShortRunChains): MetropolisRun {
    const { chains, metropolisSteps } = this.options;
    const start = startingPoints(likelihood, shortRuns, chains);
    const burnIn = Math.floor(metropolisSteps / 4);
    return metropolisLangevin(likelihood, start, { burnIn, steps: metropolisSteps - burnIn }, shortRuns.keys);
  }

  private propose(samples: PosteriorSamples, sentence: number, keys: SentenceKeys): DefensiveMixture {
    const { draws, inflation, priorShare, studentDegrees } = this.options;
    const { mean, covariance } = fitGaussian(samples);
    const scale = Matrix.mul(covariance, inflation);
    const fitted =
      studentDegrees === null ? new GaussianProposal(mean, scale) : new StudentProposal(mean, scale, studentDegrees);
    const stream = new RandomStream({
      seed: keys.seed,
      purpose: 'evaluation-proposal',
      batch: keys.sentences[sentence]!,
    });
    return new DefensiveMixture(
      fitted,
      new PriorProposal(samples.latentSize),
      Math.round(priorShare * draws),
      draws,
      stream,
    );
  }
}

/**
 * Where the chains of each sentence start: at the end of a short run, but for runs that went astray. A chain that starts
 * far out on a steep slope may be refused every step for long, and one such chain spoils the fit. Those far less likely
 * than the better half take a place of that half; where short runs diverge altogether, the better half are starts.
 *
 * @returns `[chains, sentences, latentSize]`
 */
function startingPoints(likelihood: ConditionalLikelihood, shortRuns: ShortRunChains, chains: number): Float32Array {
  const { sentences, latentSize } = likelihood;
  const ends = shortRuns.z(chains);
  const starts = shortRuns.starts(0, chains);
  const start = ends.slice();
  const jointOf = (z: Float32Array, nll: Float32Array) =>
    Float64Array.from(nll, (value, row) => {
      const joint = logStandardNormal(z, row * latentSize, latentSize) - value;
      return Number.isFinite(joint) ? joint : Number.NEGATIVE_INFINITY;
    });
  const endJoint = jointOf(ends, shortRuns.nll(chains));
  const startJoint = jointOf(starts, nllInPieces(likelihood, starts));
  for (let sentence = 0; sentence < sentences; sentence++) {
    const rows = Array.from({ length: chains }, (_, chain) => chain * sentences + sentence);
    const half = [
      ...rows.map((row) => ({ z: ends, row, joint: endJoint[row]! })),
      ...rows.map((row) => ({ z: starts, row, joint: startJoint[row]! })),
    ]
      .sort((one, other) => other.joint - one.joint)
      .slice(0, Math.ceil(chains / 2));
    // Under a Gaussian posterior the log density of its samples has a standard deviation of sqrt(latentSize / 2).
    const least = half.at(-1)!.joint - 3 * Math.sqrt(latentSize);
    rows.forEach((row, chain) => {
      if (endJoint[row]! >= least) return;
      const from = half[chain % half.length]!;
      start.set(from.z.subarray(from.row * latentSize, (from.row + 1) * latentSize), row * latentSize);
    });
  }
  return start;
}

/** Draws 0 .. priorDraws - 1 come from the prior, the rest from the fitted density; each is weighed by the mixture. */
class DefensiveMixture {
  private readonly logPriorShare: number;
  private readonly logFittedShare: number;

  constructor(
    private readonly fitted: Proposal,
    private readonly prior: Proposal,
    private readonly priorDraws: number,
    draws: number,
    private readonly stream: RandomStream,
  ) {
    this.logPriorShare = Math.log(priorDraws / draws);
    this.logFittedShare = Math.log(1 - priorDraws / draws);
  }

  draw(index: number, out: Float32Array, at: number): void {
    const source = index < this.priorDraws ? this.prior : this.fitted;
    source.draw(this.stream, out, at);
  }

  logDensity(z: Float32Array, at: number): number {
    const fromPrior = this.logPriorShare + this.prior.logDensity(z, at);
    const fromFitted = this.logFittedShare + this.fitted.logDensity(z, at);
    const larger = Math.max(fromPrior, fromFitted);
    return larger + Math.log(Math.exp(fromPrior - larger) + Math.exp(fromFitted - larger));
  }
}

function samplesOf(
  { z, gradient }: MetropolisRun,
  chains: number,
  sentences: number,
  latentSize: number,
  sentence: number,
): PosteriorSamples {
  const steps = z.length / (chains * sentences * latentSize);
  const pick = (values: Float32Array): Float64Array => {
    const out = new Float64Array(steps * chains * latentSize);
    for (let sample = 0; sample < steps * chains; sample++) {
      const at = (sample * sentences + sentence) * latentSize;
      out.set(values.subarray(at, at + latentSize), sample * latentSize);
    }
    return out;
  };
  return { chains, steps, latentSize, z: pick(z), gradient: pick(gradient) };
}
