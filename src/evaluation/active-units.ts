// Active units: in how many latent dimensions do sentences differ on average? A dimension that inference sets the same
// way whatever it reads carries nothing (Burda, Grosse and Salakhutdinov 2016). Beside it stands how much it varies within one
// sentence's posterior: a dimension is of no use where what sentences say is too weak, or too noisy to be heeded (Goyal et al.
// 2017, Z-Forcing). From epoch to epoch both tell how far they have moved.

import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import { type Posterior, priorDraws } from '../inference/posterior.js';
import { walkToPrior } from '../inference/tilted-prior.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { finiteOrNull } from '../runs/row.js';
import { defineMetric, drawsOfChains } from './define-metric.js';
import { countNotFinite, divergenceWarnings, type MeasuredQuantity, type Measurement } from './measurement.js';

/** A dimension is active where the variance over sentences of E_q[z_d] is larger. */
export const ACTIVE_VARIANCE = 0.01;

/**
 * ... and larger than so many standard errors of what the draws' noise alone makes of it, since among 32 dimensions without
 * any variance some would be beyond one or two, and chi-squared has a longer tail than a Gaussian.
 */
const NOISE_ERRORS = 4;

/** What part of `ACTIVE_VARIANCE` the Monte Carlo variance of a sentence's mean may be before it needs mention. */
const TOLERATED_NOISE = 0.1;

export interface ActiveUnitsEstimate {
  /** Dimensions whose variance, the Monte Carlo part taken off, is above `ACTIVE_VARIANCE` and above the noise. */
  value: number;
  /** From the chance of each dimension to be on the other side, given the sampling error of its variance. */
  standardError: number;
  sentences: number;
  /** Dimensions above `ACTIVE_VARIANCE` if the means of the draws are taken for the expectations. */
  uncorrected: number;
  /** The largest over dimensions of the Monte Carlo variance of a sentence's mean. */
  monteCarloVariance: number;
  /** Dimensions above `ACTIVE_VARIANCE`, but not above the noise. */
  undecided: number;
  /** Draws a sentence that would bring `monteCarloVariance` under a tenth of `ACTIVE_VARIANCE`. */
  drawsNeeded: number;
  /** Var_x(E_q[z_d]), the Monte Carlo part taken off; [latentSize]. */
  variances: Float64Array;
  /** E_x(Var_q[z_d]); [latentSize]. */
  posteriorVariances: Float64Array;
  /** Dimensions that are not active: what sentences say there is too weak to tell them apart. */
  weak: number;
  /** Active dimensions that vary more within a sentence's posterior than between sentences: what they say is too noisy. */
  noisy: number;
}

/**
 * AU = number of dimensions d with Var_x(E_q[z_d]) > 0.01.
 *
 * A mean over few draws varies by its own noise too, which would count every dimension as active. That part is
 * estimated from the spread of the draws and subtracted, which leaves the variance unbiased with any number of draws. What
 * is left of a dimension that is not active scatters around 0, with few draws or few sentences further than 0.01; so a
 * dimension counts that is beyond that scatter too.
 */
export class ActiveUnits {
  private readonly means: Float64Array[] = [];
  private readonly noise: Float64Array;
  /** Sum over sentences of Var_q[z_d]. */
  private readonly within: Float64Array;
  private draws = 0;

  constructor(private readonly latentSize: number) {
    this.noise = new Float64Array(latentSize);
    this.within = new Float64Array(latentSize);
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
        this.within[d]! += squares / (draws - 1);
      }
      this.means.push(mean);
    }
  }

  /**
   * @param mean E_q[z] where it is known exactly, `[sentences, latentSize]`; it has no noise to be taken off.
   * @param logVariance log Var_q[z], the same shape; null where q is a point.
   */
  addMeans(mean: Float32Array, logVariance: Float32Array | null): void {
    for (let at = 0; at < mean.length; at += this.latentSize) {
      this.means.push(Float64Array.from(mean.subarray(at, at + this.latentSize)));
    }
    logVariance?.forEach((value, i) => {
      this.within[i % this.latentSize]! += Math.exp(value);
    });
  }

  result(): ActiveUnitsEstimate {
    const sentences = this.means.length;
    const noise = this.noise.map((sum) => sum / sentences);
    const spreads = Array.from({ length: this.latentSize }, (_, d) => spread(this.means.map((mean) => mean[d]!)));
    const variances = Float64Array.from(spreads, ({ variance }, d) => variance - noise[d]!);
    const thresholds = noise.map((value) => Math.max(ACTIVE_VARIANCE, NOISE_ERRORS * this.scatter(value)));
    const doubt = spreads.reduce((sum, { standardError }, d) => {
      const chance = normalCdf(variances[d]! - thresholds[d]!, 0, standardError);
      return sum + chance * (1 - chance);
    }, 0);
    const active = variances.map((variance, d) => (variance > thresholds[d]! ? 1 : 0));
    const value = active.filter((one) => one === 1).length;
    const posteriorVariances = this.within.map((sum) => sum / sentences);
    const monteCarloVariance = noise.reduce((most, value) => Math.max(most, value), 0);
    return {
      value,
      standardError: Math.sqrt(doubt),
      sentences,
      undecided: variances.filter((variance) => variance > ACTIVE_VARIANCE).length - value,
      uncorrected: spreads.filter(({ variance }) => variance > ACTIVE_VARIANCE).length,
      monteCarloVariance,
      drawsNeeded: Math.ceil((monteCarloVariance * this.draws) / (TOLERATED_NOISE * ACTIVE_VARIANCE)),
      variances,
      posteriorVariances,
      weak: this.latentSize - value,
      noisy: active.filter((one, d) => one === 1 && variances[d]! < posteriorVariances[d]!).length,
    };
  }

  /**
   * Standard error of the corrected variance of a dimension that is the same for every sentence: of the variance of the
   * means, and of the noise that is taken off it, both multiples of chi-squared.
   *
   * @param noise the Monte Carlo variance of a sentence's mean.
   */
  private scatter(noise: number): number {
    if (noise === 0) return 0;
    const sentences = this.means.length;
    return noise * Math.sqrt(2 / (sentences - 1) + 2 / (sentences * (this.draws - 1)));
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

export class ActiveUnitsMeasurement implements Measurement {
  readonly metric = 'au';
  readonly pathDraws = 0;
  private units: ActiveUnits | null = null;
  private notFinite = 0;
  private inference = 'short-run';
  private knowsMean = false;
  /** Where the mean is not known: of the draws' coordinates, and of a code of a learned prior for each sentence. */
  private readonly range = new MeanSquare();
  private readonly priorRange = new MeanSquare();

  /** @param draws a sentence, two or more; of no account where E_q[z] is known exactly. */
  constructor(private readonly draws: number) {}

  add({ sentences, latentSize, prior }: ConditionalLikelihood, posterior: Posterior): void {
    this.inference = posterior.name;
    this.units ??= new ActiveUnits(latentSize);
    this.knowsMean = posterior.knowsMean;
    if (posterior.knowsMean) {
      const mean = posterior.mean(this.draws);
      this.notFinite += countNotFinite(mean);
      this.units.addMeans(mean, posterior.gaussian?.logVariance ?? null);
      return;
    }
    const z = posterior.z(this.draws);
    this.notFinite += countNotFinite(z);
    this.units.add(z, sentences);
    this.range.add(z);
    if (prior !== undefined) {
      this.priorRange.add(walkToPrior(prior, priorDraws(posterior.keys, 1, latentSize), posterior.keys));
    }
  }

  result(): MeasuredQuantity {
    if (this.units === null) throw new RangeError('active units of no sentence');
    const { value, standardError, sentences, variances, posteriorVariances, ...facts } = this.units.result();
    const { monteCarloVariance, drawsNeeded, uncorrected, undecided, weak, noisy } = facts;
    const warnings = divergenceWarnings(this.notFinite);
    if (drawsNeeded > this.draws) {
      warnings.push(
        `the mean of ${this.draws} chains has a Monte Carlo variance of up to ${monteCarloVariance.toPrecision(2)}, ` +
          `which was subtracted (without that ${uncorrected} dimensions would count` +
          `${undecided === 0 ? '' : `; ${undecided} above ${ACTIVE_VARIANCE} do not, as noise alone does that`}); ` +
          `${drawsNeeded} chains a sentence would bring it under a tenth of ${ACTIVE_VARIANCE}`,
      );
    }
    if (sentences === 1)
      warnings.push('in which dimensions sentences differ takes two sentences or more to tell, not 1');
    // A comparison with NaN is false: where chains diverged, or nothing can differ, the count would look like a small one.
    const finite = this.notFinite === 0;
    const known = finite && sentences > 1;
    // How far out the codes lie, where no closed form keeps them near the prior; 1 for codes of N(0, I).
    const range = finite ? { ...this.range.root('latentRms'), ...this.priorRange.root('priorRms') } : {};
    return {
      metric: this.metric,
      estimator: this.inference,
      value: known ? value : null,
      standardError: known ? finiteOrNull(standardError) : null,
      sentences,
      draws: this.knowsMean ? 0 : this.draws,
      facts: known ? { uncorrected, undecided, monteCarloVariance, drawsNeeded, weak, noisy, ...range } : range,
      ...(known
        ? {
            series: { signal: Array.from(variances), noise: Array.from(posteriorVariances) },
          }
        : {}),
      warnings,
    };
  }
}

/** The mean of squares that come in parts. */
class MeanSquare {
  private squares = 0;
  private values = 0;

  add(values: Float32Array): void {
    this.squares += values.reduce((sum, value) => sum + value * value, 0);
    this.values += values.length;
  }

  /** Its root under a name; nothing of no values. */
  root(name: string): Record<string, number> {
    return this.values === 0 ? {} : { [name]: Math.sqrt(this.squares / this.values) };
  }
}

export const au = defineMetric({
  name: 'au',
  label: 'AU',
  description: 'active units, dimensions of the code in which sentences differ',
  direction: 'higher',
  measure: ({ draws }) => [new ActiveUnitsMeasurement(draws)],
  wanted: ({ evaluation, inference }) => [drawsOfChains({ inference }, evaluation.inferenceChains)],
  validation: {
    when: 'always',
    columns: () => ['validationActiveUnits', 'validationLatentRms'],
    parts: (latentSize) =>
      ['signalVariance', 'posteriorVariance'].flatMap((what) =>
        Array.from({ length: latentSize }, (_, d) => `${what}[${d}]`),
      ),
    values: ([row]) => ({
      validationActiveUnits: row?.value,
      validationLatentRms: row?.facts?.latentRms,
      ...Object.fromEntries((row?.series?.signal ?? []).map((value, d) => [`signalVariance[${d}]`, value])),
      ...Object.fromEntries((row?.series?.noise ?? []).map((value, d) => [`posteriorVariance[${d}]`, value])),
    }),
  },
});
