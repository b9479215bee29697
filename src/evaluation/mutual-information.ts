// Mutual information as a row of results.

import type { ConditionalLikelihood } from '../inference/likelihood.js';
import { mutualInformation } from '../inference/mutual-information.js';
import type { Posterior } from '../inference/posterior.js';
import { momentGaussian } from './kl.js';
import { type MeasuredQuantity, type Measurement, meanRow } from './measurement.js';
import { SentenceMean } from './statistics.js';

/** Draws of each sentence that the aggregate's density is measured at: each meets every sentence's density. */
const DRAWS = 2;

/**
 * Mutual information as a row. Short runs have no density: in its place stands a Gaussian with the mean and variance of
 * each dimension's draws.
 */
export class MutualInformationMeasurement implements Measurement {
  readonly metric = 'mi';
  readonly pathDraws = 0;
  private readonly means: Float32Array[] = [];
  private readonly logVariances: Float32Array[] = [];
  /** Draw by draw. */
  private readonly codes: Float32Array[][] = Array.from({ length: DRAWS }, () => []);
  private sentences = 0;
  private exact = false;

  /** @param draws a sentence that a short run's Gaussian is fitted to. */
  constructor(private readonly draws: number) {}

  add({ sentences }: ConditionalLikelihood, posterior: Posterior): void {
    this.exact = posterior.gaussian !== null;
    const { mean, logVariance } = posterior.gaussian ?? momentGaussian(posterior.z(this.draws), this.draws);
    this.means.push(mean);
    this.logVariances.push(logVariance);
    const z = posterior.z(DRAWS);
    this.codes.forEach((codes, draw) => {
      codes.push(z.slice(draw * mean.length, (draw + 1) * mean.length));
    });
    this.sentences += sentences;
  }

  result(): MeasuredQuantity {
    const gaussian = { mean: concatenated(this.means), logVariance: concatenated(this.logVariances) };
    const z = concatenated(this.codes.flat());
    const mean = new SentenceMean();
    mean.add(mutualInformation(gaussian, z, this.sentences));
    const { value } = mean.result();
    const limit = Math.log(this.sentences);
    const warnings =
      value > 0.8 * limit ? [`with ${this.sentences} sentences it can be ${limit.toFixed(1)} at most: take more`] : [];
    return {
      metric: this.metric,
      estimator: this.exact ? 'encoder' : 'marginals',
      ...meanRow(mean.result()),
      draws: DRAWS,
      warnings,
    };
  }
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
