// Importance sampling of p(x) = E_p(z)[p(x | z)]: draws from a proposal, their weights, and what the weights say of the
// integral and of how far it can be trusted.

import { logStandardNormal } from '../../inference/path-density.js';
import { nllInPieces } from '../../inference/posterior.js';
import type { SentenceKeys } from '../../inference/sentence-noise.js';
import type { ConditionalLikelihood } from '../../model/likelihood.js';
import { RandomStream } from '../../random/philox.js';
import type { SentenceEstimate } from './estimator.js';
import { PriorProposal, type Proposal } from './proposals.js';

export interface WeightSummary {
  /** log of the mean weight, the estimate of log p(x); nats. */
  logMean: number;
  /** (sum w)^2 / sum w^2: how many equally weighted draws would be as good; from 1 to the number of draws. */
  effectiveSampleSize: number;
  /** Of `logMean`, by the delta method; too small where the effective sample size is a handful. */
  standardError: number;
  /** Weights that are not a number or infinite. They count as zero, so that they cannot raise the estimate. */
  notFinite: number;
}

/** Summary of importance weights given as logarithms (Owen, "Monte Carlo theory, methods and examples", chapter 9). */
export function summarizeWeights(logWeights: ArrayLike<number>): WeightSummary {
  const draws = logWeights.length;
  let largest = Number.NEGATIVE_INFINITY;
  let notFinite = 0;
  for (let m = 0; m < draws; m++) {
    const logWeight = logWeights[m]!;
    if (Number.isNaN(logWeight) || logWeight === Number.POSITIVE_INFINITY) notFinite++;
    else if (logWeight > largest) largest = logWeight;
  }
  if (largest === Number.NEGATIVE_INFINITY) {
    return { logMean: largest, effectiveSampleSize: 0, standardError: Number.NaN, notFinite };
  }
  let sum = 0;
  let squares = 0;
  for (let m = 0; m < draws; m++) {
    const logWeight = logWeights[m]!;
    if (!(logWeight <= largest)) continue;
    const weight = Math.exp(logWeight - largest);
    sum += weight;
    squares += weight * weight;
  }
  // Of weights that are all but equal rounding can make it a little more than there are.
  const effectiveSampleSize = Math.min((sum * sum) / squares, draws);
  return {
    logMean: largest + Math.log(sum / draws),
    effectiveSampleSize,
    standardError: Math.sqrt(((1 / effectiveSampleSize - 1 / draws) * draws) / (draws - 1)),
    notFinite,
  };
}

/** The stream that a sentence's importance draws come from. */
export function proposalStream({ seed, sentences }: SentenceKeys, sentence: number): RandomStream {
  return new RandomStream({ seed, purpose: 'evaluation-proposal', batch: sentences[sentence]! });
}

/** How many of a mixture's draws are the prior's. */
export function priorDraws(priorShare: number, draws: number): number {
  return Math.round(priorShare * draws);
}

/**
 * A proposal with a share of its draws from the prior, so that no weight is unbounded; a fixed number of draws from each,
 * every draw weighed by the mixture (deterministic, defensive: Hesterberg 1995; Owen and Zhou 2000).
 */
export class DefensiveMixture {
  private readonly prior: Proposal;
  private readonly priorDraws: number;
  private readonly logPriorShare: number;
  private readonly logProposalShare: number;

  /**
   * @param priorShare of the draws, at least 0 and below 1.
   * @param draws that will be taken, the prior's first.
   */
  constructor(
    private readonly proposal: Proposal,
    latentSize: number,
    priorShare: number,
    draws: number,
    private readonly stream: RandomStream,
  ) {
    this.prior = new PriorProposal(latentSize);
    this.priorDraws = priorDraws(priorShare, draws);
    this.logPriorShare = Math.log(this.priorDraws / draws);
    this.logProposalShare = Math.log(1 - this.priorDraws / draws);
  }

  draw(index: number, out: Float32Array, at: number): void {
    const source = index < this.priorDraws ? this.prior : this.proposal;
    source.draw(this.stream, out, at);
  }

  logDensity(z: Float32Array, at: number): number {
    const fromPrior = this.logPriorShare + this.prior.logDensity(z, at);
    const fromProposal = this.logProposalShare + this.proposal.logDensity(z, at);
    const larger = Math.max(fromPrior, fromProposal);
    return larger + Math.log(Math.exp(fromPrior - larger) + Math.exp(fromProposal - larger));
  }
}

/** Draws for each sentence of a batch, and how likely they make it. */
export interface WeighedDraws {
  /** `[draws, sentences, latentSize]`. */
  z: Float32Array;
  /** -log p(x | z), nats, `[draws, sentences]`. */
  nll: Float32Array;
}

/**
 * @param proposals one for each sentence.
 * @param draws of each.
 */
export function drawFrom(
  likelihood: ConditionalLikelihood,
  proposals: readonly DefensiveMixture[],
  draws: number,
): WeighedDraws {
  const { sentences, latentSize } = likelihood;
  const z = new Float32Array(draws * sentences * latentSize);
  proposals.forEach((proposal, sentence) => {
    for (let m = 0; m < draws; m++) proposal.draw(m, z, (m * sentences + sentence) * latentSize);
  });
  return { z, nll: nllInPieces(likelihood, z) };
}

/**
 * log p^(x) = log mean_m p(x | z_m) p(z_m) / q(z_m) with z_m ~ q, a density for each sentence of the batch (Burda, Grosse
 * and Salakhutdinov 2016). Whatever the proposal, the mean weight is an unbiased estimate of p(x).
 *
 * @param densities that the draws came from, one for each sentence.
 * @param from the first draw that counts; those before it came from elsewhere.
 */
export function weigh(
  { sentences, latentSize, words }: ConditionalLikelihood,
  { z, nll }: WeighedDraws,
  densities: readonly Pick<Proposal, 'logDensity'>[],
  from = 0,
): SentenceEstimate[] {
  const draws = nll.length / sentences - from;
  return densities.map((density, sentence) => {
    const logWeights = Float64Array.from({ length: draws }, (_, m) => {
      const row = (from + m) * sentences + sentence;
      const at = row * latentSize;
      return logStandardNormal(z, at, latentSize) - nll[row]! - density.logDensity(z, at);
    });
    const { logMean, ...facts } = summarizeWeights(logWeights);
    return { logLikelihood: logMean, words: words[sentence]!, draws, ...facts };
  });
}

/** log p^(x) of each sentence, by draws from a mixture of its own. */
export function estimateByImportance(
  likelihood: ConditionalLikelihood,
  proposals: readonly DefensiveMixture[],
  draws: number,
): SentenceEstimate[] {
  return weigh(likelihood, drawFrom(likelihood, proposals, draws), proposals);
}
