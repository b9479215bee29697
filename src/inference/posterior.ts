// What inference makes of a batch: q(z | x) of each sentence, however a method arrives at it. Every evaluation draws from
// this and asks no method how it was done.

import type { ConditionalLikelihood } from '../model/likelihood.js';
import type { PathDensity } from './path-density.js';
import { drawNormals, type SentenceKeys } from './sentence-noise.js';

/** q(z | x) of each sentence of a batch as a Gaussian with a diagonal covariance. */
export interface DiagonalGaussian {
  /** [sentences, latentSize] */
  mean: Float32Array;
  /** `[sentences, latentSize]` */
  logVariance: Float32Array;
}

/** Of every sentence and dimension, KL(N(mean, variance) || N(0, 1)) in nats; `[sentences, latentSize]`. */
export function dimensionKl({ mean, logVariance }: DiagonalGaussian): Float64Array {
  return Float64Array.from(mean, (m, i) => 0.5 * (m * m + Math.exp(logVariance[i]!) - 1 - logVariance[i]!));
}

/**
 * q(z | x) of one batch's sentences. Draw m of a sentence is the same whoever asks and however many are asked for:
 * reconstruction may use sixteen and the KL the first two of them.
 */
export interface Posterior {
  readonly keys: SentenceKeys;
  /** How draws come about, as rows name it: `short-run`, `encoder`, `refined`, `mean`. */
  readonly name: string;
  /**
   * Whether {@link mean} is E_q[z] itself, whatever the draws, and not their mean. A `refined` q is itself made with the noise
   * of its steps (SA-VAE), and its mean varies with that noise.
   */
  readonly knowsMean: boolean;
  /** The Gaussian that q is; null where it is none. */
  readonly gaussian: DiagonalGaussian | null;
  /**
   * log q(z_K | eps) of the first `draws` short runs, which must be among those that keep their path (RangeError); null
   * where draws are no short runs.
   */
  readonly density: ((draws: number) => PathDensity) | null;
  /** z of the first `draws` draws, `[draws, sentences, latentSize]`. */
  z(draws: number): Float32Array;
  /** NLL(z) of those under the very sentences that were read, `[draws * sentences]`. */
  nll(draws: number): Float32Array;
  /** E_q[z], `[sentences, latentSize]`: exact where q is a Gaussian or a point, else the mean of so many draws. */
  mean(draws: number): Float32Array;
}

/** Draws from the prior that belong to a batch's sentences, `[draws, sentences, latentSize]`. */
export function priorDraws(keys: SentenceKeys, draws: number, latentSize: number): Float32Array {
  return drawNormals(keys, 'evaluation-start', { from: 0, to: draws, size: latentSize });
}

/** Mean over the draws, `[draws, sentences, latentSize]` to `[sentences, latentSize]`. */
export function meanCode(z: Float32Array, draws: number): Float32Array {
  const size = z.length / draws;
  const mean = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let m = 0; m < draws; m++) sum += z[m * size + i]!;
    mean[i] = sum / draws;
  }
  return mean;
}

/** Rows whose likelihood is asked for at once; bounds what the model holds of them. */
const LIKELIHOODS_AT_ONCE = 2048;

/** `likelihood.nll` of any number of draws, some at a time. */
export function nllInPieces(likelihood: ConditionalLikelihood, z: Float32Array): Float32Array {
  const { sentences, latentSize } = likelihood;
  const rows = z.length / latentSize;
  const atOnce = sentences * Math.max(1, Math.floor(LIKELIHOODS_AT_ONCE / sentences));
  const out = new Float32Array(rows);
  for (let start = 0; start < rows; start += atOnce) {
    const piece = z.subarray(start * latentSize, Math.min(rows, start + atOnce) * latentSize);
    out.set(likelihood.nll(piece).nll, start);
  }
  return out;
}
