// Active units: in how many latent dimensions do sentences differ on average? A dimension that inference sets the same
// way whatever it reads carries nothing (Burda, Grosse and Salakhutdinov 2016).

import { normalCdf } from './statistics.js';

/** A dimension is active where the variance over sentences of E_q[z_d] is larger. */
export const ACTIVE_VARIANCE = 0.01;

/** What part of `ACTIVE_VARIANCE` the Monte Carlo variance of a sentence's mean may be before it needs mention. */
const TOLERATED_NOISE = 0.1;

export interface ActiveUnitsEstimate {
  /** Dimensions whose variance, the Monte Carlo part taken off, is above `ACTIVE_VARIANCE`. */
  value: number;
  /** From the chance of each dimension to be on the other side, given the sampling error of its variance. */
  standardError: number;
  sentences: number;
  /** Dimensions above `ACTIVE_VARIANCE` if the means of the draws are taken for the expectations. */
  uncorrected: number;
  /** The largest over dimensions of the Monte Carlo variance of a sentence's mean. */
  monteCarloVariance: number;
  /** Draws a sentence that would bring `monteCarloVariance` under a tenth of `ACTIVE_VARIANCE`. */
  drawsNeeded: number;
  /** Var_x(E_q[z_d]), the Monte Carlo part taken off; [latentSize]. */
  variances: Float64Array;
}

/**
 * AU = number of dimensions d with Var_x(E_q[z_d]) > 0.01.
 *
 * A mean over few draws varies by its own noise too, which would count every dimension as active. That part is
 * estimated from the spread of the draws and subtracted, which leaves the variance unbiased with any number of draws.
 */
export class ActiveUnits {
  private readonly means: Float64Array[] = [];
  private readonly noise: Float64Array;
  private draws = 0;

  constructor(private readonly latentSize: number) {
    this.noise = new Float64Array(latentSize);
  }

  /** @param z samples of q(z | x), `[draws, sentences, latentSize]`, two draws or more, as many in every call. */
  add(z: Float32Array, sentences: number): void {
    const { latentSize } = this;
    const draws = z.length / (sentences * latentSize);
    if (draws < 2 || (this.draws !== 0 && draws !== this.draws)) {
      throw new RangeError(`active units take the same number of draws of every sentence, two or more, not ${draws}`);
    }
    this.draws = draws;
    for (let sentence = 0; sentence < sentences; sentence++) {
      const mean = new Float64Array(latentSize);
      for (let d = 0; d < latentSize; d++) {
        const at = (m: number): number => z[(m * sentences + sentence) * latentSize + d]!;
        for (let m = 0; m < draws; m++) mean[d]! += at(m) / draws;
        let squares = 0;
        for (let m = 0; m < draws; m++) squares += (at(m) - mean[d]!) ** 2;
        this.noise[d]! += squares / (draws - 1) / draws;
      }
      this.means.push(mean);
    }
  }

  result(): ActiveUnitsEstimate {
    const sentences = this.means.length;
    const noise = this.noise.map((sum) => sum / sentences);
    const spreads = Array.from({ length: this.latentSize }, (_, d) => spread(this.means.map((mean) => mean[d]!)));
    const variances = Float64Array.from(spreads, ({ variance }, d) => variance - noise[d]!);
    const doubt = spreads.reduce((sum, { standardError }, d) => {
      const active = normalCdf((variances[d]! - ACTIVE_VARIANCE) / standardError);
      return sum + active * (1 - active);
    }, 0);
    const monteCarloVariance = noise.reduce((most, value) => Math.max(most, value), 0);
    return {
      value: variances.filter((variance) => variance > ACTIVE_VARIANCE).length,
      standardError: Math.sqrt(doubt),
      sentences,
      uncorrected: spreads.filter(({ variance }) => variance > ACTIVE_VARIANCE).length,
      monteCarloVariance,
      drawsNeeded: Math.ceil((monteCarloVariance * this.draws) / (TOLERATED_NOISE * ACTIVE_VARIANCE)),
      variances,
    };
  }
}

/** Unbiased variance of the values, and its standard error from their fourth moment. */
function spread(values: number[]): { variance: number; standardError: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const second = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const fourth = values.reduce((sum, value) => sum + (value - mean) ** 4, 0) / count;
  return {
    variance: (second * count) / (count - 1),
    standardError: Math.sqrt(Math.max(fourth - second * second, 0) / count),
  };
}
