// What joins training and evaluation, which do not know each other: a method's model as the evaluation sees one, its
// options as a configuration decides them, and the judge that training asks after each epoch.

import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { requireParts } from '../definition-parts.js';
import type { MetricDefinition } from '../evaluation/define-metric.js';
import { diagnose, diagnosisColumns, diagnosisMetrics, type Question, verdictOf } from '../evaluation/diagnosis.js';
import { type EvaluationOptions, evaluate } from '../evaluation/evaluate.js';
import type { EvaluatedModel } from '../evaluation/evaluated-model.js';
import { FittedEstimator } from '../evaluation/perplexity/fitted-estimator.js';
import { createEstimator, estimatorSentences } from '../evaluation/perplexity/registry.js';
import type { Posterior } from '../inference/posterior.js';
import { can } from '../methods/capability.js';
import type { Method, Selection } from '../methods/define-method.js';
import type { Model } from '../methods/method.js';
import { methodNamed } from '../methods/registry.js';
import type { ResultRow } from '../runs/row.js';
import type { RunFolder } from '../runs/run-folder.js';
import type { Validator } from '../training/train.js';
import { languageModelNll } from './language-model.js';

/**
 * A method's model as the evaluation sees it. What it answers is looked at, since it may be a plugin's: of another size it would
 * be taken for numbers that it is not.
 * @param epoch whose inference the model is to be measured with, from 1.
 */
export function evaluatedModel(
  model: Model,
  { name, inference }: Pick<Method, 'name' | 'inference'>,
  epoch: number,
): EvaluatedModel {
  if (!model.hasLatent) {
    return {
      hasLatent: false,
      sentenceNll: (batch) =>
        checkedAnswer(name, 'sentenceNll', model.sentenceNll(batch), `${batch.size} sentences`, batch.size),
    };
  }
  if (!can(inference, 'code')) throw new RangeError('a method whose model has a latent code says how it infers it');
  const { latentSize } = model;
  return {
    hasLatent: true,
    latentSize,
    inference,
    decoder: model.decoder,
    ...(model.prior && { prior: () => model.prior!() }),
    likelihood: (batch) => model.likelihood(batch),
    posterior: (batch, likelihood, keys, pathDraws = 0) =>
      checkedPosterior(name, model.posterior(batch, likelihood, keys, { epoch, pathDraws }), batch, latentSize),
  };
}

/** The very posterior, whose numbers are counted as they are asked for. */
function checkedPosterior(
  name: string,
  posterior: Posterior,
  { size }: Pick<Batch, 'size'>,
  latentSize: number,
): Posterior {
  requireParts(`the method ${name}: posterior`, Object(posterior), {
    z: 'function',
    nll: 'function',
    mean: 'function',
  });
  const [z, nll, mean] = [posterior.z.bind(posterior), posterior.nll.bind(posterior), posterior.mean.bind(posterior)];
  const drawn = (draws: number) => `${draws} draws of each of ${size} sentences`;
  posterior.z = (draws) => checkedAnswer(name, 'z', z(draws), drawn(draws), draws * size * latentSize);
  posterior.nll = (draws) => checkedAnswer(name, 'nll', nll(draws), drawn(draws), draws * size);
  posterior.mean = (draws) => checkedAnswer(name, 'mean', mean(draws), `${size} sentences`, size * latentSize);
  return posterior;
}

/** @throws {TypeError} naming the method, where the answer has not as many numbers as are wanted. */
function checkedAnswer(name: string, what: string, answer: Float32Array, of: string, wanted: number): Float32Array {
  if (answer?.length === wanted) return answer;
  throw new TypeError(
    `the method ${name}: ${what} gave ${answer?.length ?? 'no'} numbers of ${of}; they are ${wanted}`,
  );
}

/** The part of the evaluation's options that a run's configuration decides. */
export function evaluationOptions(
  run: RunConfig,
): Omit<EvaluationOptions, 'metrics' | 'limit' | 'draws'> & { draws: number } {
  const { evaluation, seed, training } = run;
  const { inference } = methodNamed(run.method);
  const { inferenceChains, klChains } = evaluation;
  return {
    estimator: createEstimator(evaluation, inference),
    seed,
    batchSize: training.batchSize,
    perplexitySentences: estimatorSentences(evaluation, inference),
    draws: inferenceChains,
    klChains: {
      jacobian: klChains.jacobian,
      ...(klChains.gaussian === 'auto' ? {} : { gaussian: klChains.gaussian }),
    },
  };
}

/** What epochs of a run are asked for. */
function epochsQuestion({ method, training }: Pick<RunConfig, 'method' | 'training'>): Question {
  const { selects } = methodNamed(method);
  const judging = { perplexity: ['ppl'], 'negative-elbo': ['recon', 'kl'], reconstruction: ['recon'] };
  return { judgedBy: typeof selects === 'function' ? [] : judging[selects], chosen: training.validation.metrics };
}

/**
 * What each epoch of a run is measured by.
 * @throws {InputError} for a name in `training.validation.metrics` that says nothing of epochs.
 */
export function validationMetrics(run: Pick<RunConfig, 'method' | 'training'>): MetricDefinition[] {
  return diagnosisMetrics(methodNamed(run.method).inference, epochsQuestion(run));
}

/**
 * How exactly an epoch is measured. One draw of each sentence's q(z | x) will do for an encoder, whose KL and means are exact
 * and whose reconstruction its sources take from one; short runs have been drawn already, to be fitted to.
 */
export function validationOptions(run: RunConfig): ReturnType<typeof evaluationOptions> {
  const { metrics, inferenceDraws, ...fitted } = run.training.validation;
  const ofMethod = can(methodNamed(run.method).inference, 'mean') ? 1 : fitted.chains;
  return {
    ...evaluationOptions(run),
    // Not by `evaluation`, which may change while a run goes on: epochs are held against each other.
    estimator: new FittedEstimator({ ...fitted, studentDegrees: null }),
    perplexitySentences: null,
    draws: inferenceDraws === 'auto' ? ofMethod : inferenceDraws,
    klChains: { jacobian: 0, gaussian: 0, marginals: fitted.chains },
  };
}

/**
 * Judges an epoch on the validation split, or on `training.validationSentences` of it, by what the method selects by: -log
 * p(x), estimated by `fitted` where there is a code, the negative ELBO (as He et al. 2019 and Li et al. 2019 do with an
 * encoder), reconstruction. With a code comes the diagnosis of its use.
 *
 * @param folder of the run: LSTM-LM that stands finished beside it says what the code was worth.
 * @param onWarning told, once, of each such run that cannot be read.
 */
export function createValidator(
  run: RunConfig,
  corpus: PreparedCorpus,
  folder: Pick<RunFolder, 'directory'>,
  onWarning: (text: string) => void = () => {},
): Validator {
  const method = methodNamed(run.method);
  const { inference, selects } = method;
  const { latentSize } = run.model;
  const options = { ...validationOptions(run), limit: run.training.validationSentences };
  const metrics = validationMetrics(run).map(({ name }) => name);
  const split = corpus.splits.valid;
  /** Of the sentences that epochs are judged on; asked for once. */
  let lstmLm: ReadonlyMap<number, number> | null = null;
  const told = new Set<string>();
  const warn = (text: string) => {
    if (!told.has(text)) onWarning(text);
    told.add(text);
  };
  return {
    columns: diagnosisColumns(inference, latentSize, epochsQuestion(run)),
    async validate(model, epoch, signal) {
      const rows = await evaluate(evaluatedModel(model, method, epoch), split, {
        ...options,
        metrics,
        signal,
        languageModelNll: () => {
          lstmLm ??= languageModelNll(folder, run.seed, corpus, 'valid', options.limit, warn);
          return lstmLm;
        },
      });
      return {
        loss: validationLoss(method.name, rows, selects),
        quantities: diagnose(rows),
        verdict: verdictOf(rows, latentSize),
      };
    },
  };
}

/** Nats a word. */
function validationLoss(method: string, rows: readonly ResultRow[], selects: Selection): number {
  if (typeof selects === 'function') {
    const loss: unknown = selects(rows);
    if (typeof loss !== 'number') throw new TypeError(`the method ${method}: selects gave ${loss}; it gives a number`);
    return loss;
  }
  const value = (metric: ResultRow['metric']) =>
    rows.find((row) => row.metric === metric)?.value ?? Number.POSITIVE_INFINITY;
  if (selects === 'perplexity') return Math.log(value('ppl'));
  const { words, sentences } = rows.find(({ metric }) => metric === 'recon')!;
  const nats = selects === 'reconstruction' ? value('recon') : value('recon') + value('kl');
  return (nats * sentences) / words!;
}
