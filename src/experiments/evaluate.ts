// Measuring a trained run on a split: perplexity, reconstruction and what else `evaluate` knows, each kept as a row.

import type { RunConfig } from '../config/schema.js';
import type { SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import { estimatorSettings } from '../evaluation/estimator-settings.js';
import { evaluate, isMeasurable, measurable } from '../evaluation/evaluate.js';
import { checkEstimator, EXACT, estimatorName, estimatorNamed } from '../evaluation/perplexity/registry.js';
import { metricNamed } from '../evaluation/registry.js';
import { hasPerplexity } from '../methods/capability.js';
import type { Inference } from '../methods/method.js';
import { methodNamed } from '../methods/registry.js';
import { tablesOf } from '../report/tables.js';
import type { MeasuredRow } from '../runs/row.js';
import { evaluationOptions } from './evaluation.js';
import { measuringAlone } from './in-use.js';
import { languageModelNll } from './language-model.js';
import type { OpenRun } from './open-run.js';
import { type Following, type RowEvent, rowKeeper, type Stage, stage, type WarningEvent } from './progress.js';

/**
 * The metrics that a plan measures of a method, of some; a code that is a point has no proposal of its own to estimate PPL from.
 * @param names those of Table 1 where absent.
 */
export function metricsOf(inference: Inference, names: readonly string[] = tablesOf([1])[0]!.metrics): string[] {
  return names.filter(
    (name) => isMeasurable(metricNamed(name), inference) && (name !== 'ppl' || hasPerplexity(inference)),
  );
}

/** What two processes are not to measure of a run at once, for metrics of it: perplexities by two estimators are two things. */
export function metricQuantities({ method, evaluation }: RunConfig, metrics: readonly string[]): string[] {
  const { inference } = methodNamed(method);
  return metrics.map((name) => (name === 'ppl' ? perplexityQuantity(estimatorName(evaluation, inference)) : name));
}

export function perplexityQuantity(estimator: string): string {
  return `ppl-${estimator}`;
}

/** Those of some metrics that a model without a latent code has not. @throws {InputError} where there is no such metric. */
export function inexact(metrics: readonly string[]): string[] {
  return metrics.filter((name) => !isMeasurable(metricNamed(name), 'none'));
}

/** @throws {InputError} where there is no such metric, another command measures it, or the run's method has it not. */
export function checkMetrics({ method }: Pick<RunConfig, 'method'>, metrics: readonly string[]): void {
  measurable(metrics, methodNamed(method).inference);
}

/**
 * A run whose perplexity is to be estimated by an estimator of choice.
 * @param asked the configuration's where absent.
 * @param draws draws a sentence of that estimator; the configuration's where absent.
 * @throws {InputError} where there is no such estimator, or a choice is given to a method whose perplexity is exact.
 */
export function withEstimator(run: RunConfig, asked?: string, draws?: number): RunConfig {
  const { evaluation } = run;
  if (asked !== undefined && asked !== 'auto') estimatorNamed(asked);
  const estimator = asked ?? evaluation.estimator;
  const drawing = estimatorName({ estimator }, methodNamed(run.method).inference);
  if (drawing === EXACT) {
    if (draws !== undefined || (asked ?? 'auto') !== 'auto') {
      const option = draws === undefined ? '--estimator' : '--draws';
      throw new InputError(`${option}: ${run.method} has no code, so its perplexity is exact, without draws`);
    }
    return run;
  }
  if (draws === undefined) return { ...run, evaluation: { ...evaluation, estimator } };
  return { ...run, evaluation: { ...evaluation, estimator, draws: { ...evaluation.draws, [drawing]: draws } } };
}

export interface EvaluationRequest {
  /** Names of metrics; those of Table 1 that the method has where absent. */
  metrics?: readonly string[] | undefined;
  split: SplitName;
  /** Sentences, drawn at random, that every metric is measured on; as the configuration has it where absent. */
  limit?: number | undefined;
}

/**
 * {@link evaluateRun}, once no other process measures one of the metrics on the split.
 * @throws {InterruptedError} also while it waits.
 */
export async function evaluateAlone(
  opened: OpenRun,
  request: EvaluationRequest,
  following: Following<Stage | RowEvent | WarningEvent> = {},
): Promise<MeasuredRow[]> {
  const { run, folder } = opened;
  const metrics = request.metrics ?? metricsOf(methodNamed(run.method).inference);
  const measured = { folder, quantities: metricQuantities(run, metrics), split: request.split };
  const before = `${metrics.join(',')} of ${run.name}`;
  return measuringAlone(measured, before, following, () => evaluateRun(opened, { ...request, metrics }, following));
}

/**
 * Measures a trained run, and keeps each row in its folder as soon as it is known.
 * @throws {InputError} where the method lacks a metric.
 * @throws {InterruptedError} where the signal asked to stop; rows kept before stay.
 * @throws {Error} at the end, where rows could not be kept.
 */
export async function evaluateRun(
  opened: OpenRun,
  { metrics = metricsOf(methodNamed(opened.run.method).inference), split, limit }: EvaluationRequest,
  { signal, onProgress }: Following<Stage | RowEvent | WarningEvent> = {},
): Promise<MeasuredRow[]> {
  const { run, corpus, model } = opened;
  if (metrics.includes('ppl')) checkEstimator(run.evaluation, methodNamed(run.method).inference);
  const keeper = rowKeeper(opened, (result) => estimatorSettings(result, run), onProgress);
  const configured = evaluationOptions(run);
  const sentences =
    limit === undefined
      ? { limit: run.evaluation.sentences, perplexitySentences: configured.perplexitySentences }
      : { limit, perplexitySentences: null };
  await evaluate(
    model,
    corpus.splits[split],
    {
      ...configured,
      ...sentences,
      metrics,
      languageModelNll: () =>
        languageModelNll(opened.folder, run.seed, corpus, split, sentences.limit, (text) =>
          onProgress?.({ kind: 'warning', text }),
        ),
      signal,
      onResult: (result) => keeper.keep(result),
    },
    ({ metrics: now, done, total }) => stage(`${now.join(',')} on ${split}`, onProgress)(done, total),
  );
  return keeper.settle();
}
