// Codes under a prior that is not N(0, I). Such a prior comes with the likelihood, as the ratio exp(-NLL) to N(0, I) that it
// is but for a constant (see `ConditionalLikelihood.prior`); multiplied with the likelihood it makes N(0, I) the prior again,
// for everything that samples or weighs posteriors.

import type { ConditionalLikelihood, LatentGradient, LatentHessian, LatentNll } from '../model/likelihood.js';
import { metropolisLangevin } from './metropolis-langevin.js';
import { nllInPieces, type Posterior } from './posterior.js';
import type { SentenceKeys } from './sentence-noise.js';

/** Iterations that take draws of N(0, I) to the prior, the step tuned on the way. */
const WALK = 150;

/**
 * The likelihood whose product with N(z; 0, I) is p(x, z) but for the prior's constant: the likelihood itself where its prior
 * is N(0, I).
 */
export function jointLikelihood(likelihood: ConditionalLikelihood): ConditionalLikelihood {
  return likelihood.prior === undefined ? likelihood : new TiltedLikelihood(likelihood, likelihood.prior);
}

/**
 * The posterior of a joint likelihood: with the same draws, and the NLL of text and prior together.
 * @param prior as a likelihood has it; N(0, I) where undefined, whose posterior is the given one.
 */
export function jointPosterior(posterior: Posterior, prior: ConditionalLikelihood | undefined): Posterior {
  if (prior === undefined) return posterior;
  const { keys, name, knowsMean, density } = posterior;
  return {
    keys,
    name,
    knowsMean,
    get gaussian() {
      return posterior.gaussian;
    },
    density: density === null ? null : (draws) => posterior.density!(draws),
    z: (draws) => posterior.z(draws),
    nll: (draws) => sum(posterior.nll(draws), nllInPieces(prior, posterior.z(draws))),
    mean: (draws) => posterior.mean(draws),
  };
}

class TiltedLikelihood implements ConditionalLikelihood {
  readonly sentences: number;
  readonly latentSize: number;
  readonly words: Int32Array;

  constructor(
    private readonly likelihood: ConditionalLikelihood,
    private readonly tilt: ConditionalLikelihood,
  ) {
    this.sentences = likelihood.sentences;
    this.latentSize = likelihood.latentSize;
    this.words = likelihood.words;
  }

  nll(z: Float32Array): LatentNll {
    return { nll: sum(this.likelihood.nll(z).nll, this.tilt.nll(z).nll) };
  }

  /** The prior's part belongs to no word: it is left out. */
  tokenNll(z: Float32Array): Float32Array {
    return this.likelihood.tokenNll(z);
  }

  gradient(z: Float32Array): LatentGradient {
    const [one, other] = [this.likelihood.gradient(z), this.tilt.gradient(z)];
    return { nll: sum(one.nll, other.nll), gradient: sum(one.gradient, other.gradient) };
  }

  hessian(z: Float32Array): LatentHessian {
    const [one, other] = [this.likelihood.hessian(z), this.tilt.hessian(z)];
    return {
      nll: sum(one.nll, other.nll),
      gradient: sum(one.gradient, other.gradient),
      hessian: sum(one.hessian, other.hessian),
    };
  }
}

function sum(one: Float32Array, other: Float32Array): Float32Array {
  return one.map((value, i) => value + other[i]!);
}

/**
 * Draws from a prior, by Metropolis-adjusted Langevin steps from draws of N(0, I).
 * @param prior as a likelihood has it; N(0, I) where undefined, whose draws are the start.
 * @param start `[draws, sentences, latentSize]`.
 */
export function walkToPrior(
  prior: ConditionalLikelihood | undefined,
  start: Float32Array,
  keys: SentenceKeys,
): Float32Array {
  if (prior === undefined) return start;
  // Each sentence's draws are moved by noise and a step size of its own, whichever others are beside it.
  const view: ConditionalLikelihood = {
    sentences: keys.sentences.length,
    latentSize: prior.latentSize,
    words: new Int32Array(keys.sentences.length).fill(1),
    nll: (z) => prior.nll(z),
    tokenNll: (z) => prior.tokenNll(z),
    gradient: (z) => prior.gradient(z),
    hessian: (z) => prior.hessian(z),
  };
  return metropolisLangevin(view, start, { burnIn: WALK - 1, steps: 1 }, keys).z;
}
