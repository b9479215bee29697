// KL(q(z | x) || p(z)): how much inference says of a sentence beyond what the prior knew. What a short run's q is can be
// understood in two ways, and their numbers differ: see each.

import digamma from '@stdlib/math-base-special-digamma';
import { CholeskyDecomposition } from 'ml-matrix';
import { logStandardNormal } from '../inference/path-density.js';
import { type DiagonalGaussian, meanCode } from '../inference/posterior.js';
import { columnMeans, crossCovariance } from './perplexity/gaussian-fit.js';
import { meanOverDraws } from './statistics.js';

/**
 * `jacobian`: mean over draws of log q(z_K | eps) - log p(z_K), with the density of eq. 16-18 of Pang et al. 2021.
 * Given its noise, a chain's end is surer than without: this is an upper bound of the KL of q(z_K | x), and a loose one
 * where the noise is large.
 *
 * @param z z_K, `[draws, sentences, latentSize]`.
 * @param logDensity log q(z_K | eps), `[draws * sentences]`.
 * @returns nats, [sentences].
 */
export function jacobianKl(
  z: Float32Array,
  logDensity: Float64Array,
  sentences: number,
  latentSize: number,
): Float64Array {
  return meanOverDraws(
    logDensity.map((value, row) => value - logStandardNormal(z, row * latentSize, latentSize)),
    sentences,
  );
}

/** Chains that `gaussianKl` wants of each sentence: enough that the covariance is far from singular. */
export function gaussianKlDraws(latentSize: number): number {
  return 2 * latentSize + 2;
}

/**
 * `gaussian`: the KL in closed form of a Gaussian with the mean and covariance of each sentence's draws. For Gaussian
 * draws it is free of bias: what the mean's and the determinant's own noise add on average is taken off (the
 * log-determinant of a Wishart matrix, Anderson 2003, theorem 7.5.3). Where q is not Gaussian it is a lower bound's
 * estimate, since of all densities with one mean and covariance the Gaussian is nearest to a Gaussian prior.
 *
 * @param z `[draws, sentences, latentSize]`, more draws than latentSize + 1.
 * @returns nats, [sentences]; NaN where the draws' covariance is not positive definite.
 */
export function gaussianKl(z: Float32Array, sentences: number, latentSize: number): Float64Array {
  const draws = z.length / (sentences * latentSize);
  if (draws <= latentSize + 1) {
    throw new RangeError(
      `a Gaussian in ${latentSize} dimensions needs more than ${latentSize + 1} draws, not ${draws}`,
    );
  }
  const freedom = draws - 1;
  let logDeterminantBias = latentSize * Math.log(2 / freedom);
  for (let d = 0; d < latentSize; d++) logDeterminantBias += digamma((freedom - d) / 2);

  return Float64Array.from({ length: sentences }, (_, sentence) => {
    const own = new Float64Array(draws * latentSize);
    for (let m = 0; m < draws; m++) {
      const at = (m * sentences + sentence) * latentSize;
      own.set(z.subarray(at, at + latentSize), m * latentSize);
    }
    if (!own.every(Number.isFinite)) return Number.NaN;
    const mean = columnMeans(own, latentSize);
    const covariance = crossCovariance(own, mean, own, mean);
    const cholesky = new CholeskyDecomposition(covariance);
    if (!cholesky.isPositiveDefinite()) return Number.NaN;
    const diagonal = cholesky.lowerTriangularMatrix.diagonal();
    const logDeterminant = diagonal.reduce((sum, entry) => sum + 2 * Math.log(entry), 0) - logDeterminantBias;
    const trace = covariance.trace();
    const squaredMean = mean.reduce((sum, value) => sum + value * value, 0) - trace / draws;
    return 0.5 * (trace + squaredMean - latentSize - logDeterminant);
  });
}

/**
 * `marginals`: of every sentence and dimension, the KL in closed form of a Gaussian with the mean and variance of the
 * draws, free of bias for Gaussian draws as `gaussian` is. Their sum over dimensions leaves out what the dimensions know
 * of each other, and is never above `gaussian` but for noise: KL(q || p) = the total correlation + the sum of marginals'.
 *
 * @param z `[draws, sentences, latentSize]`, three draws or more.
 * @returns `[sentences, latentSize]`, nats.
 */
export function marginalKl(z: Float32Array, draws: number): Float64Array {
  if (draws < 3) throw new RangeError(`the KL of a dimension's marginal takes three draws or more, not ${draws}`);
  const bias = logVarianceBias(draws - 1);
  const { mean, logVariance } = momentGaussian(z, draws);
  return Float64Array.from(mean, (m, i) => {
    const variance = Math.exp(logVariance[i]!);
    return 0.5 * (m * m - variance / draws + variance - 1 - (logVariance[i]! - bias));
  });
}

/** E[log s^2 - log sigma^2] of the unbiased variance s^2 of Gaussian draws: its chi-squared's mean logarithm. */
export function logVarianceBias(freedom: number): number {
  return Math.log(2 / freedom) + digamma(freedom / 2);
}

/** The mean and the unbiased variance of each dimension over the draws, `[draws, sentences, latentSize]`. */
export function momentGaussian(z: Float32Array, draws: number): DiagonalGaussian {
  const mean = meanCode(z, draws);
  const logVariance = mean.map((m, i) => {
    let squares = 0;
    for (let k = 0; k < draws; k++) squares += (z[k * mean.length + i]! - m) ** 2;
    return Math.log(squares / (draws - 1));
  });
  return { mean, logVariance };
}
