// Classification by inferred codes (Table 5): what E_q[z | x] says of a sentence's class, with few labels or none. With
// none, clusters of codes are named by one validation item each (mixture-classifier.ts); with some, a support vector
// machine learns from labelled training items (svm.ts). The model itself never sees a label.

import { DEFAULTS, type RunConfig } from '../../config/schema.js';
import { equalLengthBatches, wordsIn } from '../../data/batches.js';
import { pause } from '../../interruption.js';
import { RandomStream } from '../../random/philox.js';
import { finiteOrNull, type ResultRow } from '../../runs/row.js';
import { inferCodes, inferModes, keysApart } from '../codes.js';
import type { LatentModel } from '../evaluated-model.js';
import { countNotFinite, divergenceWarnings } from '../measurement.js';
import { accuracyOverSets, accuracyVariant } from './accuracy.js';
import { type ClassificationPlan, type ClassifiedSplits, labelsOf } from './labelled-sets.js';
import { classifyByMixture, type Features, type MixtureOptions, rowsOf } from './mixture-classifier.js';
import { Standardizer, type SvmPrediction, SvmTrainer } from './svm.js';

/** Codes and classes of the items that a plan chose, in its order. */
export interface ClassificationFeatures {
  train: Features;
  valid: Features;
  test: Features;
  /** How the codes came about, for the rows: the time that one took, and what else is known of them. */
  facts: { codeMilliseconds: number } & Record<string, number>;
}

export interface InferenceOptions {
  batchSize: number;
  seed: number;
  /** What of p(z | x) the features are. */
  feature: Feature;
  signal?: AbortSignal | undefined;
}

/**
 * The mean of so many draws a sentence, where the mean of q(z | x) is not known exactly; or the mode of p(z | x), which takes
 * no draws, by so many gradients.
 */
export type Feature = { kind: 'mean'; draws: number } | { kind: 'mode'; gradients: number };

export interface ClassificationOptions {
  /** Two or more. */
  classes: number;
  /** Name of the split that was tested on. */
  split: string;
  /** Draws behind each code; 0 where codes are exact. */
  draws: number;
  /** What the codes are, which rows of modes say in their variant. */
  feature?: Feature['kind'];
  seed: number;
  /** As the configuration has them where it says nothing, if absent. */
  classifiers?: ClassifierSettings | undefined;
  signal?: AbortSignal | undefined;
  /** Given each row as soon as it is known, and waited for. */
  onResult?: ((row: ResultRow) => void | Promise<void>) | undefined;
}

/** How clusters are found, and penalties chosen. */
export type ClassifierSettings = RunConfig['evaluation']['classification'];

/** The estimators, as rows name them. */
const MIXTURE = 'gaussian-mixture';
const SVM = 'svm';

/**
 * Infers what a plan asks for, each item once.
 * @param onProgress told of words of sentences that are inferred.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function inferFeatures(
  model: LatentModel,
  splits: ClassifiedSplits,
  { items }: ClassificationPlan,
  { batchSize, seed, feature, signal }: InferenceOptions,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<ClassificationFeatures> {
  const names = ['train', 'valid', 'test'] as const;
  const count = names.reduce((sum, name) => sum + items[name].length, 0);
  const total = wordsIn(
    names.flatMap((name) => equalLengthBatches(splits[name], batchSize, { indices: items[name] }).shapes()),
  );
  const start = performance.now();
  let told = 0;
  let slopes = 0;
  const infer = async (name: (typeof names)[number]): Promise<Features> => {
    const indices = items[name];
    const given = { indices, batchSize, signal };
    const before = told;
    const tell = (done: number) => {
      told = before + done;
      onProgress(told, total);
    };
    let codes: Float32Array;
    if (feature.kind === 'mean') {
      const keys = keysApart(splits[name], name);
      codes = (await inferCodes(model, splits[name], { ...given, seed, keys, draws: feature.draws }, tell)).mean;
    } else {
      const { mode, slope } = await inferModes(model, splits[name], { ...given, gradients: feature.gradients }, tell);
      codes = mode;
      slopes += slope * indices.length;
    }
    return { codes, labels: labelsOf(splits[name], indices) };
  };
  const features = { train: await infer('train'), valid: await infer('valid'), test: await infer('test') };
  const codeMilliseconds = (performance.now() - start) / count;
  return { ...features, facts: { codeMilliseconds, ...(feature.kind === 'mode' && { slope: slopes / count }) } };
}

/**
 * A row of accuracy for each number of labels of the plan: by `gaussian-mixture` without labels, by `svm` with some.
 *
 * The standard error of `gaussian-mixture` is over test items, for the clusters as they came out; that of `svm` is over
 * labelled sets and test items (see {@link accuracyOverSets}).
 *
 * @param onProgress told of classifiers fitted so far.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function classify(
  features: ClassificationFeatures,
  { mixture, labelled }: ClassificationPlan,
  {
    classes,
    split,
    draws,
    feature = 'mean',
    seed,
    classifiers = DEFAULTS.evaluation.classification,
    signal,
    onResult = () => {},
  }: ClassificationOptions,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<ResultRow[]> {
  const { labels: testLabels } = features.test;
  const common = { metric: 'accuracy', split, sentences: testLabels.length, draws, seed } as const;
  const commonestClass = commonestShare(testLabels);
  const ofCodes = Number.isNaN(features.facts.slope)
    ? ["sentences without a finite gradient at the prior's centre have that centre for their code"]
    : [];
  const row = (labels: number, start: number, { facts, warnings, ...measured }: RowParts): ResultRow => ({
    ...common,
    variant: accuracyVariant(labels, feature),
    ...measured,
    warnings: [...warnings, ...ofCodes],
    facts: { labels, commonestClass, ...features.facts, ...facts },
    seconds: (performance.now() - start) / 1000,
  });
  const breathe = () => pause(signal, 'stopped before all was classified; rows that were shown are kept');
  const total = (mixture ? 1 : 0) + labelled.reduce((sum, { sets }) => sum + sets.length, 0);
  let done = 0;

  const rows: ResultRow[] = [];
  const add = async (fresh: ResultRow) => {
    rows.push(fresh);
    await onResult(fresh);
  };
  const { train, valid, test } = features;
  const notFinite = [train, valid, test].reduce((sum, { codes }) => sum + countNotFinite(codes), 0);
  if (notFinite > 0) {
    const nothing = { value: null, standardError: null, warnings: divergenceWarnings(notFinite) };
    if (mixture) await add(row(0, performance.now(), { estimator: MIXTURE, ...nothing }));
    for (const { labels } of labelled) await add(row(labels, performance.now(), { estimator: SVM, ...nothing }));
    return rows;
  }

  if (mixture !== null) {
    const start = performance.now();
    await add(row(0, start, withoutLabels(features, mixture, { ...classifiers, classes, seed })));
    onProgress(++done, total);
    await breathe();
  }
  const trainer = await SvmTrainer.load();
  for (const { labels, sets } of labelled) {
    const start = performance.now();
    const results: TaughtResult[] = [];
    for (const [set, places] of sets.entries()) {
      const folds = new RandomStream({ seed, purpose: 'cross-validation', batch: set, step: labels });
      results.push(await teach(trainer, features, places, classifiers, folds, breathe));
      onProgress(++done, total);
      await breathe();
    }
    await add(row(labels, start, withLabels(results)));
  }
  return rows;
}

/** What the rows of a classification do not have in common. */
type RowParts = Pick<ResultRow, 'estimator' | 'value' | 'standardError' | 'facts' | 'warnings'>;

function withoutLabels(
  { train, valid, test }: ClassificationFeatures,
  mixture: Int32Array,
  how: Omit<MixtureOptions, 'latentSize'>,
): RowParts {
  const { classes } = how;
  const latentSize = latentSizeOf(train);
  const { codes } = take(train, mixture);
  const options = { ...how, latentSize };
  const { predicted, predictedByMajority, names, fit } = classifyByMixture(codes, valid, test.codes, options);
  const { value, standardError } = accuracyOverSets([rightAnswers(predicted, test.labels)]);
  const differentNames = new Set(names).size;
  return {
    estimator: MIXTURE,
    value,
    standardError: finiteOrNull(standardError),
    facts: {
      differentNames,
      accuracyByMajority: accuracyOverSets([rightAnswers(predictedByMajority, test.labels)]).value,
      fittedItems: mixture.length,
      logLikelihood: fit.logLikelihood,
      iterations: fit.iterations,
    },
    warnings: [
      ...(differentNames < classes
        ? [`the ${classes} clusters bear ${differentNames} different names: no other class is ever predicted`]
        : []),
      ...(fit.converged ? [] : [`the mixture was still improving after ${fit.iterations} iterations`]),
    ],
  };
}

/** What one labelled set taught. */
interface TaughtResult {
  /** 1 for each test item whose class was told, 0 for the others. */
  right: Uint8Array;
  cost: number;
  supportVectors: number;
}

/** @param places of the labelled set, in the order in which it was drawn: its beginning is a labelled set too. */
async function teach(
  trainer: SvmTrainer,
  { train, test }: ClassificationFeatures,
  places: Int32Array,
  settings: ClassifierSettings,
  stream: RandomStream,
  pause: () => Promise<void>,
): Promise<TaughtResult> {
  const { predicted, ...machine } = await predictBySvm(
    trainer,
    take(train, places),
    test.codes,
    settings,
    stream,
    pause,
  );
  return { right: rightAnswers(predicted, test.labels), ...machine };
}

/**
 * What a machine that labelled items taught says of the classes of others.
 * @param labelled in the order in which they were drawn.
 * @param codes of the others, `[items, latentSize]`.
 * @param pause awaited between trainings.
 */
export async function predictBySvm(
  trainer: SvmTrainer,
  labelled: Features,
  codes: Float32Array,
  { penalties, folds, penaltyItems }: ClassifierSettings,
  stream: RandomStream,
  pause: () => Promise<void>,
): Promise<SvmPrediction & { cost: number }> {
  const { labels } = labelled;
  const latentSize = latentSizeOf(labelled);
  const own = rowsOf(labelled.codes, latentSize);
  const standardizer = new Standardizer(own);
  const rows = standardizer.apply(own);
  const some = { rows: rows.slice(0, penaltyItems), labels: labels.slice(0, penaltyItems) };
  const cost = await trainer.chooseCost(some, { costs: penalties, folds }, stream, pause);
  const items = standardizer.apply(rowsOf(codes, latentSize));
  return { ...trainer.fitAndPredict({ rows, labels }, cost, items), cost };
}

function withLabels(results: readonly TaughtResult[]): RowParts {
  const sets = results.length;
  const { value, standardError, spread, lowest, highest } = accuracyOverSets(results.map(({ right }) => right));
  const costs = results.map(({ cost }) => cost);
  return {
    estimator: SVM,
    value,
    standardError: finiteOrNull(standardError),
    facts: {
      sets,
      ...(sets > 1 ? { spread } : {}),
      minimum: lowest,
      maximum: highest,
      lowestCost: Math.min(...costs),
      highestCost: Math.max(...costs),
      supportVectors: results.reduce((sum, { supportVectors }) => sum + supportVectors, 0) / sets,
    },
    warnings: sets > 1 ? [] : ['one labelled set: the standard error leaves out the luck of its labels'],
  };
}

function latentSizeOf({ codes, labels }: Features): number {
  return codes.length / labels.length;
}

/** The features of some items, by their places. */
function take(features: Features, places: Int32Array): Features {
  const { codes, labels } = features;
  const latentSize = latentSizeOf(features);
  const taken = new Float32Array(places.length * latentSize);
  places.forEach((place, at) => {
    taken.set(codes.subarray(place * latentSize, (place + 1) * latentSize), at * latentSize);
  });
  return { codes: taken, labels: places.map((place) => labels[place]!) };
}

/** 1 for each item whose class was predicted, 0 for the others. */
function rightAnswers(predicted: Int32Array, labels: Int32Array): Uint8Array {
  return Uint8Array.from(predicted, (label, item) => (label === labels[item] ? 1 : 0));
}

/** The accuracy of always naming the commonest class. */
function commonestShare(labels: Int32Array): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}
