// Reconstruction: how well the model says a sentence back from what it inferred of it.

import type { Posterior } from '../inference/posterior.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { defineMetric } from './define-metric.js';
import { countNotFinite, divergenceWarnings, type MeasuredQuantity, type Measurement, meanRow } from './measurement.js';
import { meanOverDraws, SentenceMean } from './statistics.js';

/** Recon = mean over sentences x of E_q[-log p(x | z)], nats a sentence, from samples z ~ q(z | x). */
export class ReconstructionMeasurement implements Measurement {
  readonly metric = 'recon';
  readonly pathDraws = 0;
  private readonly mean = new SentenceMean();
  private notFinite = 0;
  private inference = '';
  private words = 0;

  /** @param draws a sentence. */
  constructor(private readonly draws: number) {}

  add({ sentences, words }: ConditionalLikelihood, posterior: Posterior): void {
    this.words += words.reduce((sum, count) => sum + count, 0);
    this.inference = posterior.name;
    const nll = posterior.nll(this.draws);
    this.notFinite += countNotFinite(nll);
    this.mean.add(meanOverDraws(nll, sentences), posterior.keys.sentences);
  }

  result(): MeasuredQuantity {
    const { metric, draws, notFinite, inference, words } = this;
    return {
      metric,
      estimator: inference,
      ...meanRow(this.mean),
      words,
      draws,
      warnings: divergenceWarnings(notFinite),
    };
  }
}

export const recon = defineMetric({
  name: 'recon',
  label: 'Recon',
  description: 'reconstruction, E_q[-log p(x | z)]',
  unit: 'nats',
  direction: 'lower',
  measure: ({ draws }) => [new ReconstructionMeasurement(draws)],
  passes: ({ draws }) => draws,
  validation: {
    when: 'always',
    columns: () => ['validationRecon'],
    values: ([row]) => ({ validationRecon: row?.value }),
  },
});
