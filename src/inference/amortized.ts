// Amortized inference: q(z | x) as an encoder's Gaussian, and the point that an autoencoder's code is.

import type { ConditionalLikelihood } from '../model/likelihood.js';
import { type DiagonalGaussian, nllInPieces, type Posterior } from './posterior.js';
import { drawNormals, type SentenceKeys } from './sentence-noise.js';

/** N(mean, diag(exp(logVariance))) of each sentence. */
export class GaussianPosterior implements Posterior {
  readonly density = null;
  readonly knowsMean = true;
  private likelihoods: Float32Array = new Float32Array(0);

  /** @param name `encoder`, or `refined` where gradient steps have moved what the encoder said. */
  constructor(
    private readonly likelihood: ConditionalLikelihood,
    readonly gaussian: DiagonalGaussian,
    readonly keys: SentenceKeys,
    readonly name: 'encoder' | 'refined' = 'encoder',
  ) {}

  z(draws: number): Float32Array {
    return sampleGaussian(this.gaussian, this.keys, draws);
  }

  nll(draws: number): Float32Array {
    const rows = draws * this.keys.sentences.length;
    if (this.likelihoods.length < rows) this.likelihoods = nllInPieces(this.likelihood, this.z(draws));
    return this.likelihoods.subarray(0, rows);
  }

  mean(): Float32Array {
    return this.gaussian.mean;
  }
}

/** Draws of each sentence's Gaussian, `[draws, sentences, latentSize]`. */
export function sampleGaussian(
  { mean, logVariance }: DiagonalGaussian,
  keys: SentenceKeys,
  draws: number,
): Float32Array {
  const size = mean.length / keys.sentences.length;
  const z = drawNormals(keys, 'posterior-sample', { from: 0, to: draws, size });
  for (let i = 0; i < z.length; i++) {
    const at = i % mean.length;
    z[i] = mean[at]! + Math.exp(logVariance[at]! / 2) * z[i]!;
  }
  return z;
}

/** All of q at one point: what reconstruction alone teaches an encoder. */
export class PointPosterior implements Posterior {
  readonly name = 'mean';
  readonly gaussian = null;
  readonly density = null;
  readonly knowsMean = true;

  /** @param code `[sentences, latentSize]`. */
  constructor(
    private readonly likelihood: ConditionalLikelihood,
    private readonly code: Float32Array,
    readonly keys: SentenceKeys,
  ) {}

  z(draws: number): Float32Array {
    const z = new Float32Array(draws * this.code.length);
    for (let m = 0; m < draws; m++) z.set(this.code, m * this.code.length);
    return z;
  }

  nll(draws: number): Float32Array {
    const once = this.likelihood.nll(this.code).nll;
    const nll = new Float32Array(draws * once.length);
    for (let m = 0; m < draws; m++) nll.set(once, m * once.length);
    return nll;
  }

  mean(): Float32Array {
    return this.code;
  }
}
