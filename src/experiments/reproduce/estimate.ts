// How long a task will take, before it is begun: its floating-point operations, over what the machine does a second. It is
// a guess to plan a night by, no promise; what was measured of a run before is believed more.

import type { RunConfig } from '../../config/schema.js';
import type { CorpusStatistics } from '../../data/corpus.js';
import type { SplitName } from '../../data/splits.js';
import { mixtureSize } from '../../evaluation/classification/labelled-sets.js';
import type { ModelSize } from '../../evaluation/cost.js';
import type { CostContext } from '../../evaluation/define-metric.js';
import { type EvaluationOptions, wholeKlChains } from '../../evaluation/evaluate.js';
import { createEstimator, EXACT } from '../../evaluation/perplexity/registry.js';
import { metricNamed } from '../../evaluation/registry.js';
import { ITERATIONS } from '../../evaluation/t-sne.js';
import { can } from '../../methods/capability.js';
import type { MethodCost, TokenCost } from '../../methods/define-method.js';
import type { Inference } from '../../methods/method.js';
import { methodNamed } from '../../methods/registry.js';
import { metricsOf } from '../evaluate.js';
import { evaluationOptions, validationMetrics, validationOptions } from '../evaluation.js';

/** What a model costs on its corpus; the decoder's `pass` is the unit of all that is measured. */
export interface ModelCost extends TokenCost {
  /** Floating-point operations of learning from the whole training split once. */
  epoch: number;
  /** How many numbers the model holds. */
  parameters: number;
}

/** A run and where it is measured. */
export interface Workload {
  run: RunConfig;
  inference: Inference;
  cost: ModelCost;
  statistics: CorpusStatistics;
  split: SplitName;
  /** The most floating-point operations a second that the machine reaches. */
  peak: number;
}

/**
 * Shares of the peak that kinds of work reach, as seen with the native backend on two cores and the sizes of PTB and the
 * quickstart: training by Langevin steps 0.71 to 0.81, other training 0.32 to 0.44 (its products are of fewer rows, and
 * the optimizer's pass over the weights weighs more), measuring 0.7 and above.
 */
const SHARES = { chains: 0.75, updates: 0.4, measuring: 0.65 } as const;

/** Seconds of the exact t-SNE for each iteration and pair of points. */
const TSNE_SECONDS = 7e-9;

/** Seconds of training a support vector machine, for each pair of its items. */
const SVM_SECONDS = 1.6e-7;

/** Seconds of opening a run: its corpus, its weights, the backend. */
const OPENING = 2;

/**
 * Training from after `epochsDone` to the last epoch, validations included; seconds. Where a rule may stop training early
 * it is a bound.
 *
 * @param secondsPerEpoch as this run, or one of another seed, has taken on this machine; null where none has.
 */
export function trainingSeconds(work: Workload, epochsDone: number, secondsPerEpoch: number | null): number {
  const { run, cost, peak } = work;
  const epochs = Math.max(0, run.training.epochs - epochsDone);
  if (secondsPerEpoch !== null) return epochs * secondsPerEpoch;
  const { iterations = 1, drawGradients } = methodCost(work);
  const share = drawGradients === undefined ? SHARES.updates : SHARES.chains;
  const validation = validationPasses(work) * tokens(work, 'valid', run.training.validationSentences);
  return epochs * ((iterations * cost.epoch) / (peak * share) + seconds(work, validation));
}

/** Forward passes over a token's worth of validation. */
function validationPasses(work: Workload): number {
  const { run, inference } = work;
  if (!can(inference, 'code')) return 1;
  const context = costContext(work, validationOptions(run));
  return inferencePasses(work, context.draws) + total(validationMetrics(run).map((one) => one.passes(context)));
}

/** Metrics on a split, by their names: those of Table 1 that the method has where absent; seconds. */
export function metricsSeconds(work: Workload, names: readonly string[] = metricsOf(work.inference)): number {
  const { run, inference, split } = work;
  const { sentences } = run.evaluation;
  if (!can(inference, 'code')) return OPENING + seconds(work, tokens(work, split, sentences));
  const options = evaluationOptions(run);
  const context = costContext(work, options);
  const passes = (cost: 'cheap' | 'dear') =>
    total(names.map(metricNamed).map((one) => (one.cost(inference) === cost ? one.passes(context) : 0)));
  const all = inferencePasses(work, context.draws) + passes('cheap');
  const few = [sentences, options.perplexitySentences].filter((limit) => limit !== null);
  return (
    OPENING +
    seconds(work, all * tokens(work, split, sentences)) +
    seconds(work, passes('dear') * tokens(work, split, few.length === 0 ? null : Math.min(...few)))
  );
}

/** Perplexity by one estimator on so many sentences; seconds. */
export function estimatorSeconds(work: Workload, estimator: string, sentences: number): number {
  const { evaluation } = work.run;
  const passes =
    estimator === EXACT ? 1 : createEstimator({ ...evaluation, estimator }, work.inference).passes(modelSize(work));
  return OPENING + seconds(work, passes * tokens(work, work.split, sentences));
}

/** What the cost of quantities depends on, as an evaluation is to measure them. */
function costContext(
  work: Workload,
  { draws, klChains, estimator }: Pick<EvaluationOptions, 'klChains' | 'estimator'> & { draws: number },
): CostContext {
  const size = modelSize(work);
  return { ...size, draws, klChains: wholeKlChains(size.latentSize, klChains), estimator };
}

function modelSize(work: Workload): ModelSize {
  return { latentSize: work.run.model.latentSize, gradients: drawGradients(work) };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Noisy reconstruction; seconds. */
export function noisySeconds(work: Workload, { swaps, noiseDraws }: { swaps: number; noiseDraws: number }): number {
  const { sentences, inferenceChains: draws } = work.run.evaluation;
  const passes = swaps * noiseDraws * (inferencePasses(work, draws) + draws);
  return OPENING + seconds(work, passes * tokens(work, work.split, sentences));
}

/**
 * Classification: the codes of all items, and the machines; seconds.
 * @param labels numbers of labelled items.
 * @param sets of each.
 */
export function classificationSeconds(
  work: Workload,
  { labels, draws: sets }: { labels: readonly number[]; draws: number },
): number {
  const { run, statistics, split } = work;
  const training = statistics.splits.train.sentences;
  const learnable = labels.filter((count) => count <= training);
  const limit = run.evaluation.sentences;
  // At most, as labelled sets that are drawn apart have items in common.
  const items = Math.min(training, Math.max(mixtureSize(training, limit), sets * Math.max(0, ...learnable)));
  const read = tokens(work, 'train', items) + tokens(work, 'valid', limit) + tokens(work, split, limit);
  const { featureDraws, modeGradients, classification } = run.evaluation;
  const pairs = learnable.reduce((sum, count) => sum + svmPairs(count, classification), 0);
  // Of short runs the modes of posteriors are features too: a gradient goes forward and back.
  const modes = can(work.inference, 'mean') ? 0 : modeGradients;
  const codes = seconds(work, (inferencePasses(work, featureDraws) + 2 * modes) * read);
  return OPENING + codes + (modes > 0 ? 2 : 1) * SVM_SECONDS * sets * pairs;
}

/** Pairs of items over all machines of one labelled set: the last one, and one for each penalty and fold to choose by. */
function svmPairs(
  items: number,
  { penalties, folds, penaltyItems }: RunConfig['evaluation']['classification'],
): number {
  const learned = (1 - 1 / folds) * Math.min(items, penaltyItems);
  return items ** 2 + penalties.length * folds * learned ** 2;
}

/** The aggregate posterior and its map; seconds. */
export function posteriorSeconds(work: Workload, sentences: number): number {
  const points = 2 * Math.min(sentences, work.statistics.splits[work.split].sentences);
  const codes = seconds(work, inferencePasses(work, 1) * tokens(work, work.split, sentences));
  return OPENING + codes + TSNE_SECONDS * ITERATIONS * points ** 2;
}

/** Decoding so many codes, a word of all of them at a time; seconds. */
export function decodingSeconds(work: Workload, sentences: number): number {
  return OPENING + seconds(work, sentences * work.statistics.splits.train.maxLength);
}

function methodCost({ run, cost }: Workload): MethodCost {
  return methodNamed(run.method).cost?.(run, cost) ?? {};
}

/** Of a short run; none of an inference that takes no gradient. */
function drawGradients(work: Workload): number {
  return methodCost(work).drawGradients ?? 0;
}

/**
 * What `draws` draws of q(z | x) cost for each token: a gradient of a short run goes forward and back. Of an encoder they cost
 * one reading of the sentence, refined where the method refines, which is part of learning from it.
 */
function inferencePasses(work: Workload, draws: number): number {
  const { inference, cost } = work;
  if (!can(inference, 'code')) return 0;
  return methodCost(work).drawGradients === undefined ? cost.learning / cost.pass : draws * drawGradients(work) * 2;
}

/** Tokens, with each sentence's end, of so many sentences of a split; of all where null. */
function tokens({ statistics }: Workload, split: SplitName, limit: number | null): number {
  const { sentences, words } = statistics.splits[split];
  const taken = Math.min(limit ?? sentences, sentences);
  return sentences === 0 ? 0 : taken * (words / sentences + 1);
}

/** Of forward passes over single tokens. */
function seconds({ cost, peak }: Workload, passes: number): number {
  return (passes * cost.pass) / (peak * SHARES.measuring);
}
