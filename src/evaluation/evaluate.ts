// Measures a model on a split: takes its sentences batch by batch, hands each batch to every quantity that was asked
// for, and turns what they found into rows. Inference is the dear part, so the quantities share its draws.

import { type Batch, equalLengthBatches, evaluationSubset } from '../data/batches.js';
import type { Split } from '../data/corpus.js';
import { InputError, InterruptedError } from '../errors.js';
import type { Posterior } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import type { Inference } from '../methods/method.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import { finiteOrNull, type Metric, type Result } from '../runs/row.js';
import { ActiveUnitsMeasurement } from './active-units.js';
import { gaussianKlDraws } from './kl.js';
import { DimensionKlMeasurement, GaussianKlMeasurement, JacobianKlMeasurement } from './kl-measurements.js';
import { GainOverLanguageModel, GainOverOtherSentence, GainOverPrior } from './latent-gain.js';
import type { Measurement } from './measurement.js';
import { MutualInformationMeasurement } from './mutual-information.js';
import { exactPerplexity, type PerplexityEstimator, PerplexityMeasurement } from './perplexity/perplexity.js';
import { ReconstructionMeasurement } from './reconstruction.js';
import { sentenceValues } from './statistics.js';

/** A model of sentences with a latent code, and how it infers it. */
export interface LatentModel {
  readonly hasLatent: true;
  readonly latentSize: number;
  readonly inference: Exclude<Inference, 'none'>;
  /** log p(x | z) of a batch, without dropout; the caller disposes it. */
  likelihood(batch: Batch): BatchLikelihood;
  /**
   * q(z | x) of a batch.
   * @param likelihood that batch's, to infer with; the posterior is good for as long as it is.
   * @param pathDraws the first so many short runs of each sentence can have their density asked for; none unless given.
   */
  posterior(batch: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys, pathDraws?: number): Posterior;
}

/** A model without one, which knows each sentence's probability. */
export interface ExactModel {
  readonly hasLatent: false;
  /** -log p(x) of each sentence in nats, over words and `</s>`; [batch.size]. */
  sentenceNll(batch: Batch): Float32Array;
}

export type EvaluatedModel = LatentModel | ExactModel;

export interface EvaluationOptions {
  metrics: readonly Evaluated[];
  /** Of perplexity, for a model with a latent code. */
  estimator: PerplexityEstimator;
  seed: number;
  batchSize: number;
  /** Sentences, drawn at random but the same whatever the seed, that everything is measured on; null for the whole split. */
  limit: number | null;
  /** Sentences of those that a latent model's perplexity and KL are measured on; null for all. */
  perplexitySentences: number | null;
  /** Draws a sentence from q(z | x) behind reconstruction, active units, mutual information and gain; three or more. */
  draws?: number;
  /** Of short runs, chains a sentence behind the KL by each estimator; 0 leaves its row out. */
  klChains?: Partial<KlChains>;
  /** LSTM-LM's -log p(x) by sentence of the split, nats, that the gain is measured against too; null where it is not known. */
  languageModelNll?: ReadonlyMap<number, number> | null;
  signal?: AbortSignal;
}

export interface EvaluationProgress {
  /** What is measured on the sentences of the moment. */
  metrics: readonly Evaluated[];
  /** Sentences. */
  done: number;
  total: number;
}

export interface KlChains {
  /** Each costs K Hessians. */
  jacobian: number;
  /** More than the latent dimensions and one. */
  gaussian: number;
  /** Three or more. */
  marginals: number;
}

/** Draws a sentence where a caller does not say. */
const DRAWS = 16;

/** The metrics of `evaluate`; the others are measured in their own ways. */
export type Evaluated = Exclude<Metric, 'noisy-recon' | 'accuracy'>;

/**
 * Results of every metric asked for; for the `kl` of short runs one for each estimator, for `gain` one for each thing it is over. The noise of a sentence depends on the
 * seed and the sentence alone, so neither the other sentences nor the other metrics move its numbers.
 *
 * @throws {InputError} if a metric needs a latent code that the model has not, or the split is empty.
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
  { metrics, seed, batchSize, limit, signal }: EvaluationOptions,
  onProgress: (progress: EvaluationProgress) => void,
): Promise<Result[]> {
  const impossible = metrics.filter((metric) => metric !== 'ppl');
  if (impossible.length > 0) {
    throw new InputError(`a model without a latent code has no ${impossible.join(', ')}: ask for ppl alone`);
  }
  const batches = equalLengthBatches(split, batchSize, { indices: chosen(split, limit) });
  const total = sentencesOf(batches.shapes());
  const nll: number[] = [];
  const words: number[] = [];
  const sentences: number[] = [];
  let seconds = 0;
  for (const batch of batches) {
    seconds += timed(() => nll.push(...model.sentenceNll(batch)));
    words.push(...Array<number>(batch.size).fill(batch.tokens));
    sentences.push(...batch.indices);
    onProgress({ metrics, done: nll.length, total });
    await breathe(signal);
  }
  const { value, standardError, ...counts } = exactPerplexity(nll, words);
  const notFinite = nll.filter((sentence) => !Number.isFinite(sentence)).length;
  return [
    {
      metric: 'ppl',
      estimator: 'exact',
      split: split.name,
      value: finiteOrNull(value),
      standardError: finiteOrNull(standardError),
      ...counts,
      draws: 0,
      perSentence: sentenceValues(
        sentences,
        nll.map((value) => -value),
      ),
      seed,
      seconds,
      warnings: notFinite > 0 ? [`${notFinite} sentences have no finite probability`] : [],
    },
  ];
}

async function evaluateLatent(
  model: LatentModel,
  split: Split,
  options: EvaluationOptions,
  onProgress: (progress: EvaluationProgress) => void,
): Promise<Result[]> {
  const { metrics, seed, batchSize, limit, perplexitySentences, signal } = options;
  const measurements = metrics.flatMap((metric) => measurementsOf(metric, model, options));
  const dear = measurements.filter(
    ({ metric }) => metric === 'ppl' || (metric === 'kl' && model.inference === 'short-run'),
  );
  const cheap = measurements.filter((measurement) => !dear.includes(measurement));

  // A smaller subset lies within the larger one. Its sentences come first and meet every quantity, so
  // that their chains are run once; the others meet the cheap quantities.
  const all = chosen(split, limit);
  const few = dear.length > 0 ? chosen(split, Math.min(perplexitySentences ?? all.length, all.length)) : [];
  const fewSet = new Set(few);
  const rest = cheap.length > 0 ? all.filter((sentence) => !fewSet.has(sentence)) : [];
  const batchesOf = (indices: Iterable<number>): Batch[] => [
    ...equalLengthBatches(split, batchSize, { indices: Int32Array.from(indices) }),
  ];
  const work = [
    ...batchesOf(few).map((batch) => ({ batch, measured: measurements })),
    ...batchesOf(rest).map((batch) => ({ batch, measured: cheap })),
  ];

  const seconds = new Map<Measurement, number>(measurements.map((measurement) => [measurement, 0]));
  const total = sentencesOf(work.map(({ batch }) => batch));
  let done = 0;
  for (const { batch, measured } of work) {
    const pathDraws = measured.reduce((most, measurement) => Math.max(most, measurement.pathDraws), 0);
    const likelihood = model.likelihood(batch);
    try {
      const posterior = model.posterior(batch, likelihood, { seed, sentences: batch.indices }, pathDraws);
      for (const measurement of measured) {
        const spent = timed(() => measurement.add(likelihood, posterior));
        seconds.set(measurement, seconds.get(measurement)! + spent);
        await breathe(signal);
      }
    } finally {
      likelihood.dispose();
    }
    done += batch.size;
    onProgress({ metrics: [...new Set(measured.map(({ metric }) => metric))], done, total });
  }
  return measurements.map((measurement) => ({
    ...measurement.result(),
    split: split.name,
    seed,
    seconds: seconds.get(measurement)!,
  }));
}

function measurementsOf(
  metric: Evaluated,
  { latentSize, inference }: LatentModel,
  { estimator, draws = DRAWS, klChains, languageModelNll }: EvaluationOptions,
): Measurement[] {
  switch (metric) {
    case 'ppl':
      return [estimator, estimator.beside]
        .filter((one) => one !== undefined)
        .map((one) => new PerplexityMeasurement(one));
    case 'recon':
      return [new ReconstructionMeasurement(draws)];
    case 'au':
      return [new ActiveUnitsMeasurement(draws)];
    case 'mi':
      if (inference === 'point') break;
      return [new MutualInformationMeasurement(draws)];
    case 'gain':
      return [
        new GainOverPrior(draws),
        new GainOverOtherSentence(draws),
        ...(languageModelNll == null ? [] : [new GainOverLanguageModel(draws, languageModelNll)]),
      ];
    case 'kl':
      if (inference === 'point') break;
      if (inference === 'gaussian') return [new DimensionKlMeasurement(draws)];
      return shortRunKl({ jacobian: 2, gaussian: gaussianKlDraws(latentSize), marginals: 0, ...klChains });
  }
  throw new InputError(`a code that is a point has no ${metric}: ask for ppl by fitted or ais, recon, au, gain`);
}

function shortRunKl({ jacobian, gaussian, marginals }: KlChains): Measurement[] {
  return [
    ...(jacobian > 0 ? [new JacobianKlMeasurement(jacobian)] : []),
    ...(gaussian > 0 ? [new GaussianKlMeasurement(gaussian)] : []),
    ...(marginals > 0 ? [new DimensionKlMeasurement(marginals)] : []),
  ];
}

/** The sentences of a split that `limit` of them are. */
export function chosen(split: Split, limit: number | null): Int32Array {
  return limit === null || limit >= split.length
    ? Int32Array.from({ length: split.length }, (_, i) => i)
    : evaluationSubset(split, limit);
}

function sentencesOf(batches: readonly Pick<Batch, 'size'>[]): number {
  return batches.reduce((sum, { size }) => sum + size, 0);
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Lets timers and signals have their turn, and stops where one asked for it. */
async function breathe(signal?: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new InterruptedError('stopped before all was measured; no row of it was written');
}
