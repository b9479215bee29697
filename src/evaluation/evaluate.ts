// Measures a model on a split: takes its sentences batch by batch, hands each batch to every quantity that was asked
// for, and turns what they found into rows. Inference is the dear part, so the quantities share its draws.

import { type Batch, equalLengthBatches, evaluationSubset, wordsIn } from '../data/batches.js';
import type { Split } from '../data/corpus.js';
import { requireParts } from '../definition-parts.js';
import { InputError } from '../errors.js';
import { pause } from '../interruption.js';
import { can, describeInference } from '../methods/capability.js';
import type { Inference } from '../methods/method.js';
import type { Result } from '../runs/row.js';
import type { KlChains, MeasuringContext, MetricDefinition } from './define-metric.js';
import type { EvaluatedModel, ExactModel, LatentModel } from './evaluated-model.js';
import { gaussianKlDraws } from './kl.js';
import { checkedResult, type Measurement } from './measurement.js';
import type { PerplexityEstimator } from './perplexity/estimator.js';
import { metricNamed, metrics as metricsThereAre } from './registry.js';

const STOPPED = 'stopped before all was measured; rows that were shown are kept';

export interface EvaluationOptions {
  /** Names of metrics. */
  metrics: readonly string[];
  /** Of perplexity, for a model with a latent code. */
  estimator: PerplexityEstimator;
  seed: number;
  batchSize: number;
  /** Sentences, drawn at random but the same whatever the seed, that everything is measured on; null for the whole split. */
  limit: number | null;
  /** Sentences of those that what is dear of a latent model is measured on; null for all. */
  perplexitySentences: number | null;
  /** Draws a sentence from q(z | x) behind reconstruction, active units, mutual information and gain; three or more. */
  draws?: number | undefined;
  /** Of short runs, chains a sentence behind the KL by each estimator; 0 leaves its row out. */
  klChains?: Partial<KlChains> | undefined;
  /** See `MeasuringContext`; asked once. Not known where absent. */
  languageModelNll?: MeasuringContext['languageModelNll'] | undefined;
  /** Given each result as soon as all of its sentences were seen, and waited for. */
  onResult?: ((result: Result) => void | Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
}

export interface EvaluationProgress {
  /** What is measured on the sentences of the moment. */
  metrics: readonly string[];
  /** Words of the sentences, `</s>` among them. */
  done: number;
  total: number;
}

/** Draws a sentence where a caller does not say. */
const DRAWS = 16;

/** Whether `evaluate` can measure a metric on a model of such inference. */
export function isMeasurable({ measure, measureExact, needs }: MetricDefinition, inference: Inference): boolean {
  return can(inference, 'code') ? measure !== null && can(inference, ...needs) : measureExact !== null;
}

/**
 * The metrics of these names.
 * @throws {InputError} where there is no such metric, another command measures it, or a model of such inference has it not.
 */
export function measurable(names: readonly string[], inference: Inference): MetricDefinition[] {
  const asked = names.map(metricNamed);
  for (const { name, command } of asked) {
    if (command !== null) throw new InputError(`${name} is measured by ${command}`);
  }
  const impossible = asked.filter((metric) => !isMeasurable(metric, inference));
  if (impossible.length === 0) return asked;
  const list = (some: readonly MetricDefinition[]) => some.map(({ name }) => name).join(', ');
  const possible = metricsThereAre().filter((metric) => isMeasurable(metric, inference));
  throw new InputError(`${describeInference(inference)} has no ${list(impossible)}; it has ${list(possible)}`);
}

/**
 * Results of every metric asked for, of some several: for the `kl` of short runs one for each estimator, for `gain` one for
 * each thing it is over. The noise of a sentence depends on the seed and the sentence alone, so neither the other sentences
 * nor the other metrics move its numbers; but for three things, which are of all that are measured together: its gain over
 * another sentence, its part of `mi`, and, where the prior is learned, log C, whose walks begin at the codes of the first
 * batch.
 *
 * @throws {InputError} if there is no such metric, the model has it not, or the split is empty.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function evaluate(
  model: EvaluatedModel,
  split: Split,
  options: EvaluationOptions,
  onProgress: (progress: EvaluationProgress) => void = () => {},
): Promise<Result[]> {
  if (split.length === 0) throw new InputError(`split '${split.name}' has no sentence to measure on`);
  return model.hasLatent
    ? evaluateLatent(model, split, options, onProgress)
    : evaluateExact(model, split, options, onProgress);
}

async function evaluateExact(
  model: ExactModel,
  split: Split,
  { metrics, seed, batchSize, limit, onResult = () => {}, signal }: EvaluationOptions,
  onProgress: (progress: EvaluationProgress) => void,
): Promise<Result[]> {
  const asked = measurable(metrics, 'none');
  const measurements = asked.map(({ name, measureExact }) => {
    const made = measureExact!();
    requireParts(`the metric ${name}: measureExact`, Object(made), MEASUREMENT);
    return made;
  });
  const batches = equalLengthBatches(split, batchSize, { indices: chosen(split, limit) });
  const total = wordsIn(batches.shapes());
  let done = 0;
  let seconds = 0;
  for (const batch of batches) {
    const start = performance.now();
    const nll = model.sentenceNll(batch);
    for (const measurement of measurements) measurement.add(batch, nll);
    seconds += secondsSince(start);
    done += wordsIn([batch]);
    onProgress({ metrics, done, total });
    await pause(signal, STOPPED);
  }
  const results = measurements.map((measurement, i) => ({
    ...checkedResult(asked[i]!.name, measurement.result()),
    split: split.name,
    seed,
    seconds,
  }));
  for (const result of results) await onResult(result);
  return results;
}

async function evaluateLatent(
  model: LatentModel,
  split: Split,
  options: EvaluationOptions,
  onProgress: (progress: EvaluationProgress) => void,
): Promise<Result[]> {
  const { seed, batchSize, limit, perplexitySentences, onResult = () => {}, signal } = options;
  const context = contextOf(model, options);
  const byCost = measurable(options.metrics, model.inference).map((metric) => ({
    name: metric.name,
    dear: metric.cost(model.inference) === 'dear',
    measurements: measurementsOf(metric, context),
  }));
  const nameOf = new Map(byCost.flatMap(({ name, measurements }) => measurements.map((one) => [one, name] as const)));
  const measurements = byCost.flatMap((metric) => metric.measurements);
  const dear = byCost.flatMap((metric) => (metric.dear ? metric.measurements : []));
  const cheap = byCost.flatMap((metric) => (metric.dear ? [] : metric.measurements));

  // A smaller subset lies within the larger one. Its sentences come first and meet every quantity, so
  // that their chains are run once; the others meet the cheap quantities.
  const all = chosen(split, limit);
  const few = dear.length > 0 ? chosen(split, Math.min(perplexitySentences ?? all.length, all.length)) : [];
  const fewSet = new Set(few);
  const rest = cheap.length > 0 ? all.filter((sentence) => !fewSet.has(sentence)) : [];
  const batchesOf = (indices: Iterable<number>): Batch[] => [
    ...equalLengthBatches(split, batchSize, { indices: Int32Array.from(indices) }),
  ];
  // What is over the few alone is known, and kept, before the others are seen.
  const stages = [
    { batches: batchesOf(few), measured: measurements, complete: rest.length > 0 ? dear : measurements },
    { batches: batchesOf(rest), measured: cheap, complete: rest.length > 0 ? cheap : [] },
  ];

  const seconds = new Map<Measurement, number>(measurements.map((measurement) => [measurement, 0]));
  const results = new Map<Measurement, Result>();
  const total = wordsIn(stages.flatMap(({ batches }) => batches));
  let done = 0;
  for (const { batches, measured, complete } of stages) {
    for (const batch of batches) {
      const pathDraws = measured.reduce((most, measurement) => Math.max(most, measurement.pathDraws), 0);
      const likelihood = model.likelihood(batch);
      try {
        const posterior = model.posterior(batch, likelihood, { seed, sentences: batch.indices }, pathDraws);
        for (const measurement of measured) {
          const start = performance.now();
          await measurement.add(likelihood, posterior);
          seconds.set(measurement, seconds.get(measurement)! + secondsSince(start));
          await pause(signal, STOPPED);
        }
      } finally {
        likelihood.dispose();
      }
      done += wordsIn([batch]);
      onProgress({ metrics: [...new Set(measured.map(({ metric }) => metric))], done, total });
    }
    for (const measurement of complete) {
      const found = checkedResult(nameOf.get(measurement)!, measurement.result());
      const result = { ...found, split: split.name, seed, seconds: seconds.get(measurement)! };
      results.set(measurement, result);
      await onResult(result);
    }
  }
  return measurements.map((measurement) => results.get(measurement)!);
}

function contextOf(
  model: LatentModel,
  { estimator, draws = DRAWS, klChains, languageModelNll = () => null }: EvaluationOptions,
): MeasuringContext {
  return { model, draws, estimator, klChains: wholeKlChains(model.latentSize, klChains), languageModelNll };
}

/** The chains behind each estimator of a KL, where some are as they usually are. */
export function wholeKlChains(latentSize: number, given: Partial<KlChains> = {}): KlChains {
  return { jacobian: 2, gaussian: gaussianKlDraws(latentSize), marginals: 0, ...given };
}

/** What every measurement has. */
const MEASUREMENT = { metric: 'string', add: 'function', result: 'function' } as const;

/** @throws {TypeError} naming the metric, one of a plugin perhaps, where it gives no list of them, or one that lacks a part. */
function measurementsOf({ name, measure }: MetricDefinition, context: MeasuringContext): Measurement[] {
  const made: unknown = measure!(context);
  if (!Array.isArray(made))
    throw new TypeError(`the metric ${name}: measure gave no list; it gives a list of measurements`);
  for (const one of made)
    requireParts(`the metric ${name}: measure`, Object(one), { ...MEASUREMENT, pathDraws: 'count' });
  return made;
}

/** The sentences of a split that `limit` of them are. */
export function chosen(split: Split, limit: number | null): Int32Array {
  return limit === null || limit >= split.length
    ? Int32Array.from({ length: split.length }, (_, i) => i)
    : evaluationSubset(split, limit);
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
