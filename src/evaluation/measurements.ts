// One class a quantity of Table 1 as `evaluate` sees it: it is given batch after batch, and in the end has rows to show
// and what should be known of them.

import type { ConditionalLikelihood } from '../inference/likelihood.js';
import { ACTIVE_VARIANCE, ActiveUnits } from './active-units.js';
import { gaussianKl, jacobianKl } from './kl.js';
import { effectiveSampleSizes, type PerplexityEstimator, perplexity, type SentenceEstimate } from './perplexity.js';
import { Reconstruction } from './reconstruction.js';
import { finiteOrNull, type ResultRow } from './result.js';
import type { ShortRunChains } from './short-run-chains.js';
import { SentenceMean } from './statistics.js';

/** A row but for what every row of an evaluation has in common. */
export type MeasuredQuantity = Omit<ResultRow, 'split' | 'seed' | 'seconds'>;

export interface Measurement {
  readonly metric: ResultRow['metric'];
  /** Chains of each sentence whose density will be asked for. */
  readonly pathDraws: number;
  add(likelihood: ConditionalLikelihood, chains: ShortRunChains): void;
  result(): MeasuredQuantity;
}

/** Acceptance outside these bounds means that the step's tuning did not get to its target. */
const USUAL_ACCEPTANCE = [0.4, 0.8] as const;

export class PerplexityMeasurement implements Measurement {
  readonly metric = 'ppl';
  readonly pathDraws: number;
  private readonly estimates: SentenceEstimate[] = [];

  constructor(private readonly estimator: PerplexityEstimator) {
    this.pathDraws = estimator.pathDraws;
  }

  add(likelihood: ConditionalLikelihood, chains: ShortRunChains): void {
    this.estimates.push(...this.estimator.estimate(likelihood, chains));
  }

  result(): MeasuredQuantity {
    const { estimates, estimator, metric } = this;
    const { value, standardError, sentences, words } = perplexity(estimates);
    const notPositiveDefinite = meanOf(estimates.map((estimate) => estimate.notPositiveDefinite));
    const acceptance = meanOf(estimates.map((estimate) => estimate.acceptance));
    return {
      metric,
      estimator: estimator.name,
      value: finiteOrNull(value),
      standardError: finiteOrNull(standardError),
      sentences,
      words,
      draws: estimator.draws,
      effectiveSampleSize: effectiveSampleSizes(estimates),
      ...(notPositiveDefinite === null ? {} : { notPositiveDefinite }),
      ...(acceptance === null ? {} : { acceptance }),
      warnings: this.warnings(notPositiveDefinite, acceptance),
    };
  }

  private warnings(notPositiveDefinite: number | null, acceptance: number | null): string[] {
    const warnings: string[] = [];
    const poor = this.estimates.filter(({ effectiveSampleSize }) => effectiveSampleSize < 2).length;
    if (poor > 0) {
      warnings.push(
        `${poor} of ${this.estimates.length} sentences have an effective sample size below 2: ` +
          'their estimate rests on a single draw',
      );
    }
    const lost = this.estimates.reduce((sum, { notFinite }) => sum + notFinite, 0);
    if (lost > 0) warnings.push(`${lost} weights were not finite and counted as zero`);
    if (notPositiveDefinite !== null && notPositiveDefinite > 0) warnings.push(foldingWarning(notPositiveDefinite));
    if (acceptance !== null && (acceptance < USUAL_ACCEPTANCE[0] || acceptance > USUAL_ACCEPTANCE[1])) {
      warnings.push(`${percent(acceptance)} of the Metropolis steps were accepted: their tuning missed its target`);
    }
    return warnings;
  }
}

export class ReconstructionMeasurement implements Measurement {
  readonly metric = 'recon';
  readonly pathDraws = 0;
  private readonly reconstruction = new Reconstruction();
  private notFinite = 0;

  /** @param draws chains a sentence. */
  constructor(private readonly draws: number) {}

  add({ sentences }: ConditionalLikelihood, chains: ShortRunChains): void {
    const nll = chains.nll(this.draws);
    this.notFinite += countNotFinite(nll);
    this.reconstruction.add(nll, sentences);
  }

  result(): MeasuredQuantity {
    const { metric, draws, notFinite } = this;
    const mean = meanRow(this.reconstruction.result());
    return { metric, estimator: 'short-run', ...mean, draws, warnings: divergenceWarnings(notFinite) };
  }
}

export class ActiveUnitsMeasurement implements Measurement {
  readonly metric = 'au';
  readonly pathDraws = 0;
  private units: ActiveUnits | null = null;
  private notFinite = 0;

  /** @param draws chains a sentence, two or more. */
  constructor(private readonly draws: number) {}

  add({ sentences, latentSize }: ConditionalLikelihood, chains: ShortRunChains): void {
    const z = chains.z(this.draws);
    this.notFinite += countNotFinite(z);
    this.units ??= new ActiveUnits(latentSize);
    this.units.add(z, sentences);
  }

  result(): MeasuredQuantity {
    if (this.units === null) throw new RangeError('active units of no sentence');
    const { value, standardError, sentences, ...facts } = this.units.result();
    const { monteCarloVariance, drawsNeeded, uncorrected } = facts;
    const warnings = divergenceWarnings(this.notFinite);
    if (drawsNeeded > this.draws) {
      warnings.push(
        `the mean of ${this.draws} chains has a Monte Carlo variance of up to ${monteCarloVariance.toPrecision(2)}, ` +
          `which was subtracted (without that ${uncorrected} dimensions would count); ` +
          `${drawsNeeded} chains a sentence would bring it under a tenth of ${ACTIVE_VARIANCE}`,
      );
    }
    // A comparison with NaN is false: where chains diverged the count would look like a small one.
    const known = this.notFinite === 0;
    return {
      metric: this.metric,
      estimator: 'short-run',
      value: known ? value : null,
      standardError: known ? finiteOrNull(standardError) : null,
      sentences,
      draws: this.draws,
      ...(known ? { facts: { uncorrected, monteCarloVariance, drawsNeeded } } : {}),
      warnings,
    };
  }
}

export class JacobianKlMeasurement implements Measurement {
  readonly metric = 'kl';
  readonly pathDraws: number;
  private readonly mean = new SentenceMean();
  private chains = 0;
  private folding = 0;
  private notFinite = 0;

  /** @param draws chains a sentence. */
  constructor(private readonly draws: number) {
    this.pathDraws = draws;
  }

  add({ sentences, latentSize }: ConditionalLikelihood, chains: ShortRunChains): void {
    const { logDensity, stepsNotPositiveDefinite } = chains.density(this.draws);
    this.chains += logDensity.length;
    this.folding += stepsNotPositiveDefinite.filter((steps) => steps > 0).length;
    this.notFinite += countNotFinite(logDensity);
    this.mean.add(jacobianKl(chains.z(this.draws), logDensity, sentences, latentSize));
  }

  result(): MeasuredQuantity {
    const { metric, draws } = this;
    const notPositiveDefinite = this.folding / this.chains;
    const warnings = divergenceWarnings(this.notFinite);
    if (notPositiveDefinite > 0) warnings.push(foldingWarning(notPositiveDefinite));
    return { metric, estimator: 'jacobian', ...meanRow(this.mean.result()), draws, notPositiveDefinite, warnings };
  }
}

export class GaussianKlMeasurement implements Measurement {
  readonly metric = 'kl';
  readonly pathDraws = 0;
  private readonly mean = new SentenceMean();
  private notFinite = 0;

  /** @param draws chains a sentence, more than the latent dimensions and one. */
  constructor(private readonly draws: number) {}

  add({ sentences, latentSize }: ConditionalLikelihood, chains: ShortRunChains): void {
    const kl = gaussianKl(chains.z(this.draws), sentences, latentSize);
    this.notFinite += countNotFinite(kl);
    this.mean.add(kl);
  }

  result(): MeasuredQuantity {
    const { metric, draws, notFinite } = this;
    const warnings = notFinite > 0 ? [`${notFinite} sentences have no finite KL: their chains diverged or agree`] : [];
    return { metric, estimator: 'gaussian', ...meanRow(this.mean.result()), draws, warnings };
  }
}

function meanRow(mean: { value: number; standardError: number; count: number }) {
  return {
    value: finiteOrNull(mean.value),
    standardError: finiteOrNull(mean.standardError),
    sentences: mean.count,
  };
}

/** Null where no sentence has the number. */
function meanOf(values: (number | undefined)[]): number | null {
  const given = values.filter((value) => value !== undefined);
  return given.length === 0 ? null : given.reduce((sum, value) => sum + value, 0) / given.length;
}

function countNotFinite(values: Float32Array | Float64Array): number {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  return count;
}

function divergenceWarnings(notFinite: number): string[] {
  return notFinite > 0 ? [`${notFinite} numbers of the chains are not finite: the step size is too large`] : [];
}

function foldingWarning(share: number): string {
  return (
    `${percent(share)} of the chains have a step whose Jacobian is not positive definite: their density may be too ` +
    'small, and the number is no bound'
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 0)} %`;
}
