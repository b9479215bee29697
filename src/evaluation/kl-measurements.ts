// KL(q(z | x) || p(z)) as rows, one class for each way to know it.

import { dimensionKl, type Posterior } from '../inference/posterior.js';
import { can } from '../methods/capability.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { finiteOrNull } from '../runs/row.js';
import { hessianPasses } from './cost.js';
import { defineMetric } from './define-metric.js';
import { gaussianKl, gaussianKlDraws, jacobianKl, marginalKl } from './kl.js';
import {
  countNotFinite,
  divergenceWarnings,
  foldingWarning,
  type MeasuredQuantity,
  type Measurement,
  meanRow,
} from './measurement.js';
import { normalizerOf, SHARED_ERROR } from './perplexity/normalizer.js';
import { meanOverDraws, SentenceMean } from './statistics.js';

/** The mean KL to the model's own prior, and what the prior's constant is off by in the KL of every sentence alike. */
class MeanKl {
  private readonly mean = new SentenceMean();
  private shared = 0;

  /**
   * @param kl to N(0, I), nats, [sentences].
   * @param draws of q behind the expectation.
   * @returns the KL to the model's own prior: less E_q[log p(z) - log N(z; 0, I)], its constant from above, so that it is the
   *   larger of what it can be, as far as no part of the prior was missed.
   */
  add(
    kl: Float64Array,
    { prior, sentences }: ConditionalLikelihood,
    posterior: Posterior,
    draws: number,
  ): Float64Array {
    const { keys } = posterior;
    let toPrior = kl;
    if (prior !== undefined) {
      const { reverse, reverseError } = normalizerOf(prior, keys.seed, () => posterior.z(1));
      const minusLogRatio = meanOverDraws(prior.nll(posterior.z(draws)).nll, sentences);
      toPrior = kl.map((value, sentence) => value + minusLogRatio[sentence]! + reverse);
      this.shared = reverseError;
    }
    this.mean.add(toPrior, keys.sentences);
    return toPrior;
  }

  /** As a row shows it. */
  row() {
    const { mean, shared } = this;
    return { ...meanRow(mean, shared), ...(shared === 0 ? {} : { facts: { [SHARED_ERROR]: shared } }) };
  }
}

export class JacobianKlMeasurement implements Measurement {
  readonly metric = 'kl';
  readonly pathDraws: number;
  private readonly mean = new MeanKl();
  private chains = 0;
  private folding = 0;
  private notFinite = 0;

  /** @param draws chains a sentence. */
  constructor(private readonly draws: number) {
    this.pathDraws = draws;
  }

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences, latentSize } = likelihood;
    if (posterior.density === null) throw new RangeError('the KL by jacobian is of short runs');
    const { logDensity, stepsNotPositiveDefinite } = posterior.density(this.draws);
    this.chains += logDensity.length;
    this.folding += stepsNotPositiveDefinite.filter((steps) => steps > 0).length;
    this.notFinite += countNotFinite(logDensity);
    const kl = jacobianKl(posterior.z(this.draws), logDensity, sentences, latentSize);
    this.mean.add(kl, likelihood, posterior, this.draws);
  }

  result(): MeasuredQuantity {
    const { metric, draws } = this;
    const notPositiveDefinite = this.folding / this.chains;
    const warnings = divergenceWarnings(this.notFinite);
    if (notPositiveDefinite > 0) warnings.push(foldingWarning(notPositiveDefinite));
    return { metric, estimator: 'jacobian', ...this.mean.row(), draws, notPositiveDefinite, warnings };
  }
}

export class GaussianKlMeasurement implements Measurement {
  readonly metric = 'kl';
  readonly pathDraws = 0;
  private readonly mean = new MeanKl();
  private notFinite = 0;

  /** @param draws chains a sentence, more than the latent dimensions and one. */
  constructor(private readonly draws: number) {}

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences, latentSize } = likelihood;
    const ofNormal = gaussianKl(posterior.z(this.draws), sentences, latentSize);
    this.notFinite += countNotFinite(this.mean.add(ofNormal, likelihood, posterior, this.draws));
  }

  result(): MeasuredQuantity {
    const { metric, draws, notFinite } = this;
    const warnings = notFinite > 0 ? [`${notFinite} sentences have no finite KL: their chains diverged or agree`] : [];
    return { metric, estimator: 'gaussian', ...this.mean.row(), draws, warnings };
  }
}

/** The exact KL of an encoder's Gaussian, or of short runs the sum of their marginals'; with each dimension's part, which is of N(0, I) whatever
 * the prior. */
export class DimensionKlMeasurement implements Measurement {
  readonly metric = 'kl';
  readonly pathDraws = 0;
  private readonly mean = new MeanKl();
  private dimensions: Float64Array | null = null;
  private exact = false;

  /** @param draws a sentence, three or more; of no account where q is a Gaussian. */
  constructor(private readonly draws: number) {}

  add(likelihood: ConditionalLikelihood, posterior: Posterior): void {
    const { sentences, latentSize } = likelihood;
    this.exact = posterior.gaussian !== null;
    const { draws } = this;
    const kl = posterior.gaussian === null ? marginalKl(posterior.z(draws), draws) : dimensionKl(posterior.gaussian);
    const total = new Float64Array(sentences);
    this.dimensions ??= new Float64Array(latentSize);
    const { dimensions } = this;
    kl.forEach((value, i) => {
      total[Math.floor(i / latentSize)]! += value;
      dimensions[i % latentSize]! += value;
    });
    this.mean.add(total, likelihood, posterior, draws);
  }

  result(): MeasuredQuantity {
    const mean = this.mean.row();
    const dimension = Array.from(this.dimensions ?? [], (sum) => finiteOrNull(sum / mean.sentences));
    const estimator = this.exact ? 'closed-form' : 'marginals';
    const warnings = mean.value === null ? ['the KL is not finite: inference diverged, or its draws agree'] : [];
    return {
      metric: this.metric,
      estimator,
      ...mean,
      draws: this.exact ? 0 : this.draws,
      series: { dimension },
      warnings,
    };
  }
}

export const kl = defineMetric({
  name: 'kl',
  label: 'KL',
  description: 'KL(q(z | x) || p(z))',
  unit: 'nats',
  needs: ['distribution'],
  // Of a Gaussian it is known in closed form.
  cost: (inference) => (can(inference, 'gaussian') ? 'cheap' : 'dear'),
  wanted({ evaluation: { klChains }, inference, latentSize }) {
    if (can(inference, 'gaussian')) return [{ estimator: null, draws: 0, settings: {} }];
    const fitted = klChains.gaussian === 'auto' ? gaussianKlDraws(latentSize) : klChains.gaussian;
    return [
      ...(can(inference, 'path-density') ? [{ estimator: 'jacobian', draws: klChains.jacobian, settings: {} }] : []),
      ...(fitted === 0 ? [] : [{ estimator: 'gaussian', draws: fitted, settings: {} }]),
    ];
  },
  measure({ model, draws, klChains: { jacobian, gaussian, marginals } }) {
    if (can(model.inference, 'gaussian')) return [new DimensionKlMeasurement(draws)];
    return [
      ...(jacobian > 0 && can(model.inference, 'path-density') ? [new JacobianKlMeasurement(jacobian)] : []),
      ...(gaussian > 0 ? [new GaussianKlMeasurement(gaussian)] : []),
      ...(marginals > 0 ? [new DimensionKlMeasurement(marginals)] : []),
    ];
  },
  // Of short runs it takes more of them than other quantities have drawn, and their Jacobians.
  passes({ gradients, draws, klChains: { jacobian, gaussian, marginals }, latentSize }) {
    const more = Math.max(0, gaussian - draws, marginals - draws);
    return gradients * (2 * more + jacobian * hessianPasses(latentSize));
  },
  validation: {
    when: 'always',
    columns: () => ['validationKl'],
    parts: (latentSize) => Array.from({ length: latentSize }, (_, d) => `klDimension[${d}]`),
    values: ([row]) => ({
      validationKl: row?.value,
      ...Object.fromEntries((row?.series?.dimension ?? []).map((nats, d) => [`klDimension[${d}]`, nats])),
    }),
  },
});
