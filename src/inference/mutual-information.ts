// Mutual information of sentence and code under q: how well z tells sentences apart, which is what is left of the KL when
// the part that all sentences share is taken away (Hoffman and Johnson 2016; the stop rule of He et al. 2019).

import type { DiagonalGaussian } from './posterior.js';

/**
 * I_q(x; z) = E_x E_q[log q(z | x) - log q(z)] = E_x KL(q(z | x) || p(z)) - KL(q(z) || p(z)), with the aggregate
 * q(z) = mean over the given sentences of q(z | x). It cannot exceed log(sentences): give as many as the answer is nats.
 *
 * @param gaussian q(z | x) of every sentence.
 * @param z `[draws, sentences, latentSize]`, draws of each sentence's q.
 * @returns each sentence's part, nats, [sentences]; their mean is the mutual information.
 */
export function mutualInformation(
  { mean, logVariance }: DiagonalGaussian,
  z: Float32Array,
  sentences: number,
): Float64Array {
  const latentSize = mean.length / sentences;
  const draws = z.length / mean.length;
  const precision = Float64Array.from(logVariance, (value) => Math.exp(-value));
  // The constant log(2 pi) is the same in every density, and cancels.
  const logVolume = new Float64Array(sentences);
  for (let i = 0; i < logVariance.length; i++) logVolume[Math.floor(i / latentSize)]! += 0.5 * logVariance[i]!;

  const logDensities = new Float64Array(sentences);
  const information = new Float64Array(sentences);
  for (let row = 0; row < draws * sentences; row++) {
    const own = row % sentences;
    let largest = Number.NEGATIVE_INFINITY;
    for (let other = 0; other < sentences; other++) {
      let squared = 0;
      for (let d = 0; d < latentSize; d++) {
        const difference = z[row * latentSize + d]! - mean[other * latentSize + d]!;
        squared += difference * difference * precision[other * latentSize + d]!;
      }
      logDensities[other] = -0.5 * squared - logVolume[other]!;
      largest = Math.max(largest, logDensities[other]!);
    }
    let sum = 0;
    for (const value of logDensities) sum += Math.exp(value - largest);
    const logAggregate = largest + Math.log(sum / sentences);
    information[own]! += (logDensities[own]! - logAggregate) / draws;
  }
  return information;
}
