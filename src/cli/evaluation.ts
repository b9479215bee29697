// What joins training and evaluation, which do not know each other: a method's model as the evaluation sees one, its
// options as a configuration decides them, and the judge that training asks after each epoch.

import type { RunConfig } from '../config/schema.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { type EvaluatedModel, type EvaluationOptions, evaluate } from '../evaluation/evaluate.js';
import { FittedEstimator } from '../evaluation/fitted-estimator.js';
import { JacobianEstimator } from '../evaluation/jacobian-estimator.js';
import type { PerplexityEstimator } from '../evaluation/perplexity.js';
import type { Metric } from '../evaluation/result.js';
import type { Model } from '../methods/method.js';
import type { Validator } from '../training/train.js';

/** @param epoch whose inference the model is to be measured with, from 1. */
export function evaluatedModel(model: Model, epoch: number): EvaluatedModel {
  const schedule = model.schedule(epoch);
  if (schedule === null) return { hasLatent: false, sentenceNll: (batch) => model.sentenceNll(batch) };
  const { latentSize } = model;
  return { hasLatent: true, latentSize, schedule, likelihood: (batch) => model.likelihood(batch) };
}

export function perplexityEstimator(evaluation: RunConfig['evaluation']): PerplexityEstimator {
  const { estimator, draws, chains, metropolisSteps, studentDegrees } = evaluation;
  return estimator === 'fitted'
    ? new FittedEstimator({ draws: draws.fitted, chains, metropolisSteps, studentDegrees })
    : new JacobianEstimator(draws.jacobian);
}

/** The part of the evaluation's options that a run's configuration decides. */
export function evaluationOptions({
  evaluation,
  seed,
  training,
}: RunConfig): Omit<EvaluationOptions, 'metrics' | 'limit'> {
  const { inferenceChains, klChains, perplexitySentences } = evaluation;
  return {
    estimator: perplexityEstimator(evaluation),
    seed,
    batchSize: training.batchSize,
    perplexitySentences,
    chains: inferenceChains,
    jacobianKlChains: klChains.jacobian,
    gaussianKlChains: klChains.gaussian === 'auto' ? undefined : klChains.gaussian,
  };
}

/**
 * How exactly an epoch's log p(x) is estimated. The same sentences see the same noise after each epoch, so much of the
 * error is common to all of them, and fewer draws than a published number needs are enough to rank epochs.
 */
const VALIDATION = { draws: 100, chains: 8, metropolisSteps: 25 };

const EXACT_COLUMNS = ['validationPpl', 'validationPplError'];
const LATENT_COLUMNS = [...EXACT_COLUMNS, 'validationRecon', 'validationEffectiveSampleSize'];

/**
 * Judges an epoch by -log p(x) on the validation split, or on `training.validationSentences` of it: exact without a
 * latent code, by `fitted` with one.
 */
export function createValidator(run: RunConfig, corpus: PreparedCorpus): Validator {
  const options: Omit<EvaluationOptions, 'metrics'> = {
    ...evaluationOptions(run),
    estimator: new FittedEstimator({ ...VALIDATION, studentDegrees: run.evaluation.studentDegrees }),
    limit: run.training.validationSentences,
    perplexitySentences: null,
    chains: VALIDATION.chains,
  };
  return {
    columns: run.method === 'lstm-lm' ? EXACT_COLUMNS : LATENT_COLUMNS,
    async validate(model, epoch) {
      const metrics: Metric[] = model.latentSize === 0 ? ['ppl'] : ['ppl', 'recon'];
      const rows = await evaluate(evaluatedModel(model, epoch), corpus.splits.valid, { ...options, metrics });
      const ppl = rows.find(({ metric }) => metric === 'ppl')!;
      const quantities = {
        validationPpl: ppl.value,
        validationPplError: ppl.standardError,
        validationRecon: rows.find(({ metric }) => metric === 'recon')?.value,
        validationEffectiveSampleSize: ppl.effectiveSampleSize?.mean,
      };
      return {
        loss: ppl.value === null ? Number.POSITIVE_INFINITY : Math.log(ppl.value),
        quantities: Object.fromEntries(
          Object.entries(quantities).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
        ),
      };
    },
  };
}
