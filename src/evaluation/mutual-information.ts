// Mutual information of sentence and code as a row of results: from the encoder's density where there is one, else from the
// moments of short runs.

import { mutualInformation } from '../inference/mutual-information.js';
import type { DiagonalGaussian, Posterior } from '../inference/posterior.js';
import { can } from '../methods/capability.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { joined } from '../typed-arrays.js';
import { defineMetric } from './define-metric.js';
import { logVarianceBias, momentGaussian } from './kl.js';
import { countNotFinite, divergenceWarnings, type MeasuredQuantity, type Measurement, meanRow } from './measurement.js';
import { SentenceMean } from './statistics.js';

/** Draws of each sentence that the aggregate's density is measured at: each meets every sentence's density. */
const DRAWS = 2;

/**
 * `marginals`: the mutual information of sentence and code from the moments of each dimension's draws, as
 * KL(q(z | x) || p) - KL(q(z) || p) (He et al. 2019) has it with Gaussians for both: the sum over dimensions of
 * (log Var(z_d) - E_x log Var(z_d | x)) / 2. Free of bias for Gaussian draws that say nothing of their sentence, so 0 then,
 * and never above the KL by `marginals` but for noise. The aggregate's Gaussian has the largest entropy of its moments, and
 * dimensions may say the same: of a Gaussian q whose dimensions are independent given x it is an upper bound.
 *
 * A mixture of densities fitted to each sentence's few draws, which would have log(sentences) for a bound, does not do:
 * in 32 dimensions a sentence's fit always suits its own draws best, by nats.
 *
 * @param gaussian the mean and the unbiased variance of every sentence's draws, [sentences, latentSize].
 * @param draws a sentence, three or more.
 * @returns each sentence's part, nats, [sentences]; their mean is the estimate.
 */
export function marginalInformation(
  { mean, logVariance }: DiagonalGaussian,
  sentences: number,
  draws: number,
): Float64Array {
  if (draws < 3) throw new RangeError(`the information of a marginal takes three draws or more, not ${draws}`);
  const latentSize = mean.length / sentences;
  const freedom = sentences * draws - 1;
  const information = new Float64Array(sentences);
  for (let d = 0; d < latentSize; d++) {
    const at = (sentence: number): number => sentence * latentSize + d;
    let center = 0;
    for (let x = 0; x < sentences; x++) center += mean[at(x)]! / sentences;
    const squares = (x: number): number =>
      draws * (mean[at(x)]! - center) ** 2 + (draws - 1) * Math.exp(logVariance[at(x)]!);
    let total = 0;
    for (let x = 0; x < sentences; x++) total += squares(x);
    const logTotal = Math.log(total / freedom) - logVarianceBias(freedom);
    for (let x = 0; x < sentences; x++) {
      // The last part is 0 on average; it is what a sentence does to the aggregate's variance, for the standard error.
      const influence = (sentences * squares(x)) / total - 1;
      information[x]! += 0.5 * (logTotal - (logVariance[at(x)]! - logVarianceBias(draws - 1)) + influence);
    }
  }
  return information;
}

/** Mutual information as a row: of an encoder's Gaussian against the mixture of all, or of short runs by `marginals`. */
export class MutualInformationMeasurement implements Measurement {
  readonly metric = 'mi';
  readonly pathDraws = 0;
  private readonly means: Float32Array[] = [];
  private readonly logVariances: Float32Array[] = [];
  /** Draw by draw; of an encoder alone. */
  private readonly codes: Float32Array[][] = Array.from({ length: DRAWS }, () => []);
  private readonly sentences: number[] = [];
  private exact = false;

  /** @param draws a sentence that a short run's moments are taken of, three or more. */
  constructor(private readonly draws: number) {}

  add(_: ConditionalLikelihood, posterior: Posterior): void {
    this.sentences.push(...posterior.keys.sentences);
    this.exact = posterior.gaussian !== null;
    const { mean, logVariance } = posterior.gaussian ?? momentGaussian(posterior.z(this.draws), this.draws);
    this.means.push(mean);
    this.logVariances.push(logVariance);
    if (!this.exact) return;
    const z = posterior.z(DRAWS);
    this.codes.forEach((codes, draw) => {
      codes.push(z.slice(draw * mean.length, (draw + 1) * mean.length));
    });
  }

  result(): MeasuredQuantity {
    const gaussian = {
      mean: joined(Float32Array, this.means),
      logVariance: joined(Float32Array, this.logVariances),
    };
    const mean = new SentenceMean();
    const { metric, exact, draws, sentences } = this;
    const count = sentences.length;
    const diverged = divergenceWarnings(countNotFinite(gaussian.mean));
    if (!exact) {
      mean.add(marginalInformation(gaussian, count, draws), sentences);
      return { metric, estimator: 'marginals', ...meanRow(mean), draws, warnings: diverged };
    }
    mean.add(mutualInformation(gaussian, joined(Float32Array, this.codes.flat()), count), sentences);
    const { value } = mean.result();
    const limit = Math.log(count);
    const bounded =
      value > 0.8 * limit ? [`with ${count} sentences it can be ${limit.toFixed(1)} at most: take more`] : [];
    return { metric, estimator: 'encoder', ...meanRow(mean), draws: DRAWS, warnings: [...diverged, ...bounded] };
  }
}

export const mi = defineMetric({
  name: 'mi',
  label: 'MI',
  description: 'mutual information of sentence and code',
  unit: 'nats',
  direction: 'higher',
  needs: ['distribution'],
  wanted: ({ evaluation, inference }) => [
    { estimator: null, draws: can(inference, 'gaussian') ? DRAWS : evaluation.inferenceChains, settings: {} },
  ],
  measure: ({ draws }) => [new MutualInformationMeasurement(draws)],
  validation: {
    when: 'always',
    columns: () => ['validationMutualInformation'],
    values: ([row]) => ({ validationMutualInformation: row?.value }),
  },
});
