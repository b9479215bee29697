// Perplexity by importance sampling from a Gaussian fitted to each sentence's true posterior. Short runs say where the
// posterior is, Metropolis-adjusted Langevin corrects what short runs get wrong, a Gaussian is fitted to what it visits,
// and the estimate itself costs forward passes alone. Whatever the fit, the mean weight is an unbiased estimate of
// p(x), so its logarithm bounds log p(x) from below on average: a poor fit shows as a small effective sample size.

import { Matrix } from 'ml-matrix';
import { DEFAULTS, type RunConfig } from '../../config/schema.js';
import { type MetropolisRun, metropolisLangevin } from '../../inference/metropolis-langevin.js';
import { logStandardNormal } from '../../inference/path-density.js';
import { nllInPieces, type Posterior, priorDraws } from '../../inference/posterior.js';
import { can } from '../../methods/capability.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { settingsApart } from '../settings-apart.js';
import { defineEstimator } from './define-estimator.js';
import type { PerplexityEstimator, SentenceEstimate } from './estimator.js';
import { fitGaussian, type PosteriorSamples } from './gaussian-fit.js';
import { DefensiveMixture, estimateByImportance, proposalStream } from './importance.js';
import { GaussianProposal, type Proposal, StudentProposal } from './proposals.js';

export interface FittedOptions {
  /** M, importance draws a sentence. */
  draws: number;
  /** Chains a sentence that explore its posterior; at least 2. */
  chains: number;
  /** Metropolis-adjusted Langevin steps of each chain. */
  metropolisSteps: number;
  /** Share of those steps, the first, that tune the step size and are not fitted to; 0 to below 1. */
  burnInShare: number;
  /** What the fitted covariance is multiplied with: a proposal too wide costs less than one too narrow. */
  inflation: number;
  /** Share of the draws that come from the prior, so that no weight is unbounded. */
  priorShare: number;
  /** Degrees of freedom of a Student t in place of the Gaussian, a whole number; null for the Gaussian. */
  studentDegrees: number | null;
}

/** As a configuration that says nothing has them. */
const FITTED_DEFAULTS = optionsOf(DEFAULTS.evaluation.draws.fitted, DEFAULTS.evaluation);

/** Importance sampling from the defensive mixture of each sentence's fitted density and the prior. */
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

  /** Chains begin at the better of inferred and prior draws, take gradient steps, and a fit to them is drawn from. */
  passes(): number {
    const { chains, metropolisSteps, draws } = this.options;
    return 2 * chains + 2 * chains * metropolisSteps + draws;
  }

  estimate(likelihood: ConditionalLikelihood, posterior: Posterior): SentenceEstimate[] {
    const { sentences, latentSize } = likelihood;
    const { chains } = this.options;
    const explored = this.explore(likelihood, posterior);
    const proposals = Array.from({ length: sentences }, (_, sentence) => {
      const samples = samplesOf(explored, chains, sentences, latentSize, sentence);
      const stream = proposalStream(posterior.keys, sentence);
      return new DefensiveMixture(this.fit(samples), latentSize, this.options.priorShare, this.draws, stream);
    });
    return estimateByImportance(likelihood, proposals, this.draws).map((estimate, sentence) => ({
      ...estimate,
      acceptance: explored.acceptance[sentence]!,
    }));
  }

  /** Samples of each sentence's posterior. */
  private explore(likelihood: ConditionalLikelihood, posterior: Posterior): MetropolisRun {
    const { chains, metropolisSteps, burnInShare } = this.options;
    const start = startingPoints(likelihood, posterior, chains);
    const burnIn = Math.floor(burnInShare * metropolisSteps);
    return metropolisLangevin(likelihood, start, { burnIn, steps: metropolisSteps - burnIn }, posterior.keys);
  }

  private fit(samples: PosteriorSamples): Proposal {
    const { inflation, studentDegrees } = this.options;
    const { mean, covariance } = fitGaussian(samples);
    const scale = Matrix.mul(covariance, inflation);
    return studentDegrees === null
      ? new GaussianProposal(mean, scale)
      : new StudentProposal(mean, scale, studentDegrees);
  }
}

/**
 * Where the chains of each sentence start: where inference puts it, but for draws that went astray. A chain that starts
 * far out on a steep slope may be refused every step for long, and one such chain spoils the fit. Those far less likely
 * than the better half of inferred and prior draws take a place of that half; where short runs diverge altogether, the
 * better half are draws from the prior.
 *
 * @returns `[chains, sentences, latentSize]`
 */
function startingPoints(likelihood: ConditionalLikelihood, posterior: Posterior, chains: number): Float32Array {
  const { sentences, latentSize } = likelihood;
  const inferred = posterior.z(chains);
  const prior = priorDraws(posterior.keys, chains, latentSize);
  const start = inferred.slice();
  const jointOf = (z: Float32Array, nll: Float32Array) =>
    Float64Array.from(nll, (value, row) => {
      const joint = logStandardNormal(z, row * latentSize, latentSize) - value;
      return Number.isFinite(joint) ? joint : Number.NEGATIVE_INFINITY;
    });
  const inferredJoint = jointOf(inferred, posterior.nll(chains));
  const priorJoint = jointOf(prior, nllInPieces(likelihood, prior));
  for (let sentence = 0; sentence < sentences; sentence++) {
    const rows = Array.from({ length: chains }, (_, chain) => chain * sentences + sentence);
    const half = [
      ...rows.map((row) => ({ z: inferred, row, joint: inferredJoint[row]! })),
      ...rows.map((row) => ({ z: prior, row, joint: priorJoint[row]! })),
    ]
      .sort((one, other) => other.joint - one.joint)
      .slice(0, Math.ceil(chains / 2));
    // Under a Gaussian posterior the log density of its samples has a standard deviation of sqrt(latentSize / 2).
    const least = half.at(-1)!.joint - 3 * Math.sqrt(latentSize);
    rows.forEach((row, chain) => {
      if (inferredJoint[row]! >= least) return;
      const from = half[chain % half.length]!;
      start.set(from.z.subarray(from.row * latentSize, (from.row + 1) * latentSize), row * latentSize);
    });
  }
  return start;
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

export const fitted = defineEstimator({
  name: 'fitted',
  description: "importance draws from a Gaussian fitted to Metropolis-adjusted samples of each sentence's posterior",
  draws: FITTED_DEFAULTS.draws,
  isUsual: (inference) => !can(inference, 'gaussian'),
  settings: ({ chains, metropolisSteps, studentDegrees, fitted }) => ({
    chains,
    metropolisSteps,
    studentDegrees,
    ...settingsApart(fitted, DEFAULTS.evaluation.fitted),
  }),
  create: ({ draws, evaluation }) => new FittedEstimator(optionsOf(draws, evaluation)),
});

function optionsOf(draws: number, evaluation: RunConfig['evaluation']): FittedOptions {
  const { chains, metropolisSteps, fitted, studentDegrees } = evaluation;
  return { draws, chains, metropolisSteps, ...fitted, studentDegrees };
}
