import { Matrix } from 'ml-matrix';
import { describe, expect, it, vi } from 'vitest';
import { DEFAULTS } from '../../../src/config/schema.js';
import { type Batch, evaluationSubset } from '../../../src/data/batches.js';
import type { Split } from '../../../src/data/corpus.js';
import { InterruptedError } from '../../../src/errors.js';
import {
  type ClassificationFeatures,
  classify,
  inferFeatures,
} from '../../../src/evaluation/classification/classification.js';
import { GaussianMixture } from '../../../src/evaluation/classification/gaussian-mixture.js';
import { planClassification } from '../../../src/evaluation/classification/labelled-sets.js';
import {
  classifyByMixture,
  type Features,
  fitPrincipalComponents,
  surestItems,
} from '../../../src/evaluation/classification/mixture-classifier.js';
import { SvmTrainer } from '../../../src/evaluation/classification/svm.js';
import type { LatentModel } from '../../../src/evaluation/evaluated-model.js';
import { ShortRunPosterior } from '../../../src/inference/short-run-posterior.js';
import type { ConditionalLikelihood } from '../../../src/model/likelihood.js';
import { RandomStream } from '../../../src/random/philox.js';
import { constantSchedule } from '../../inference/models.js';
import { CODES, LEARNT, SIZE } from './classification-data.js';

const LATENT = 5;

/** Items of each class in turn, normal about a place of the class: `apart` standard deviations from the others'. */
function clouds(name: string, length: number, classes: number, apart: number): Features & Split {
  const normals = new RandomStream({ seed: length, purpose: 'posterior-sample' }).normals(length * LATENT);
  const labels = Int32Array.from({ length }, (_, i) => i % classes);
  const codes = normals.map((value, at) => {
    const label = labels[Math.floor(at / LATENT)]!;
    return value + (at % LATENT === label ? apart / Math.SQRT2 : 0);
  });
  return {
    name,
    length,
    codes,
    labels,
    sentence: (i) => Int32Array.of(3 + i),
    lengthOf: () => 1,
    label: (i) => labels[i]!,
  };
}

function splitsOf(classes: number, apart: number) {
  return {
    train: clouds('train', 300, classes, apart),
    valid: clouds('valid', 90, classes, apart),
    test: clouds('test', 200, classes, apart),
  };
}

/** The codes of the planned items, as an inference that knows them would say. */
function featuresOf(
  splits: ReturnType<typeof splitsOf>,
  items: { train: Int32Array; valid: Int32Array; test: Int32Array },
): ClassificationFeatures {
  const of = ({ codes, labels }: Features, indices: Int32Array): Features => ({
    codes: Float32Array.from([...indices].flatMap((i) => [...codes.subarray(i * LATENT, (i + 1) * LATENT)])),
    labels: indices.map((i) => labels[i]!),
  });
  return {
    train: of(splits.train, items.train),
    valid: of(splits.valid, items.valid),
    test: of(splits.test, items.test),
    facts: { codeMilliseconds: 1 },
  };
}

const seed = 11;
const mixtures = { ...DEFAULTS.evaluation.classification, classes: 2, seed };
const planned = { labelCounts: [0, 90], sets: 3, limit: null, seed };

describe('classification', () => {
  it.each([2, 3])(
    'of %d classes that lie far apart is right of every item, with labels and without',
    async (classes) => {
      const splits = splitsOf(classes, 12);
      const plan = planClassification(splits, { ...planned, classes });
      const steps: [number, number][] = [];
      const rows = await classify(
        featuresOf(splits, plan.items),
        plan,
        { classes, split: 'test', draws: 7, seed },
        (done, total) => steps.push([done, total]),
      );
      expect(rows).toMatchObject([
        {
          metric: 'accuracy',
          estimator: 'gaussian-mixture',
          variant: 'labels-0',
          value: 1,
          facts: { labels: 0, differentNames: classes, accuracyByMajority: 1, fittedItems: 300 },
        },
        {
          metric: 'accuracy',
          estimator: 'svm',
          variant: 'labels-90',
          value: 1,
          facts: { labels: 90, sets: 3, spread: 0, minimum: 1, maximum: 1 },
        },
      ]);
      for (const row of rows) {
        expect(row).toMatchObject({ split: 'test', sentences: 200, draws: 7, seed, standardError: 0, warnings: [] });
      }
      expect(steps).toEqual([
        [1, 4],
        [2, 4],
        [3, 4],
        [4, 4],
      ]);
    },
  );

  it('by labels that say nothing is near chance, and its standard error says how near', async () => {
    const splits = splitsOf(2, 12);
    const order = new RandomStream({ seed: 8, purpose: 'shuffle' });
    for (const split of [splits.train, splits.valid, splits.test]) {
      split.labels.set(order.permutation(split.length).map((i) => i % 2));
    }
    const plan = planClassification(splits, { ...planned, labelCounts: [0, 100], sets: 5, classes: 2 });
    const rows = await classify(featuresOf(splits, plan.items), plan, { classes: 2, split: 'test', draws: 0, seed });
    for (const { value, standardError } of rows) {
      expect(standardError).toBeGreaterThan(0.01);
      expect(Math.abs(value! - 0.5)).toBeLessThan(4 * standardError!);
    }
  });

  it('comes near the best possible where classes overlap, and nearer with more labels', async () => {
    const splits = splitsOf(2, 2);
    const plan = planClassification(splits, { ...planned, labelCounts: [6, 300], sets: 5, classes: 2 });
    const [few, many] = await classify(featuresOf(splits, plan.items), plan, {
      classes: 2,
      split: 'test',
      draws: 0,
      seed,
    });
    // Two normal clouds whose means are 2 apart: halfway between them, P(N(0, 1) < 1) = 0.841 are on the right side.
    expect(Math.abs(many!.value! - 0.841)).toBeLessThan(0.07);
    expect(few!.value!).toBeLessThan(many!.value!);
    expect(few!.facts!.spread!).toBeGreaterThan(many!.facts!.spread!);
  });

  it('chooses the penalty by the first items of each labelled set, in folds that no two sets share', async () => {
    const splits = splitsOf(2, 2);
    const plan = planClassification(splits, { ...planned, labelCounts: [10, 90], sets: 2, classes: 2 });
    const features = featuresOf(splits, plan.items);
    const folds: string[] = [];
    const choose = vi.spyOn(SvmTrainer.prototype, 'chooseCost').mockImplementation(async (_, __, stream) => {
      folds.push(stream.permutation(30).join());
      return 1;
    });
    const classifiers = { ...DEFAULTS.evaluation.classification, penaltyItems: 20 };
    await classify(features, plan, { classes: 2, split: 'test', draws: 0, seed, classifiers });
    const chosenBy = choose.mock.calls.map(([items]) => items);
    choose.mockRestore();
    expect(chosenBy.map(({ rows }) => rows.length)).toEqual([10, 10, 20, 20]);
    const sets = plan.labelled.flatMap((one) => one.sets);
    expect(chosenBy.map(({ labels }) => [...labels])).toEqual(
      sets.map((places) => [...places.subarray(0, 20)].map((place) => features.train.labels[place])),
    );
    expect(new Set(folds).size).toBe(4);
  });

  it('warns where clusters share a name, and where labels were drawn once', async () => {
    const splits = splitsOf(2, 12);
    splits.valid.labels.fill(1);
    const plan = planClassification(splits, { ...planned, sets: 1, classes: 2 });
    const [clustered, taught] = await classify(featuresOf(splits, plan.items), plan, {
      classes: 2,
      split: 'test',
      draws: 0,
      seed,
    });
    expect(clustered).toMatchObject({ value: 0.5, facts: { differentNames: 1, commonestClass: 0.5 } });
    expect(clustered!.warnings.join()).toMatch(/2 clusters bear 1 different names/);
    expect(taught!.warnings.join()).toMatch(/one labelled set/);
    expect(taught!.facts).not.toHaveProperty('spread');
  });

  it('has no value where inference diverged', async () => {
    const splits = splitsOf(2, 12);
    splits.test.codes[3] = Number.NaN;
    const plan = planClassification(splits, { ...planned, classes: 2 });
    const rows = await classify(featuresOf(splits, plan.items), plan, { classes: 2, split: 'test', draws: 0, seed });
    expect(rows.map(({ value, standardError }) => [value, standardError])).toEqual([
      [null, null],
      [null, null],
    ]);
    for (const { warnings } of rows) expect(warnings.join()).toMatch(/not finite/);
  });

  it('stops when asked to', async () => {
    const splits = splitsOf(2, 12);
    const plan = planClassification(splits, { ...planned, classes: 2 });
    const options = { classes: 2, split: 'test', draws: 0, seed, signal: AbortSignal.abort() };
    await expect(classify(featuresOf(splits, plan.items), plan, options)).rejects.toThrow(InterruptedError);
  });
});

describe('features', () => {
  it('are the inferred means of the planned items, in the plan’s order, with their labels', async () => {
    const splits = splitsOf(2, 3);
    // A model that knows a sentence by its word, and infers of it the word and which draws were asked for.
    const model = {
      hasLatent: true,
      latentSize: 2,
      inference: 'gaussian',
      likelihood: () => ({ dispose() {} }) as ConditionalLikelihood & { dispose(): void },
      posterior: (batch: Batch) => ({
        mean: (draws: number) =>
          Float32Array.from([...batch.targets.subarray(0, batch.size)].flatMap((w) => [w, draws])),
      }),
    } as unknown as LatentModel;
    const plan = planClassification(splits, { ...planned, limit: 40, classes: 2 });
    const names = ['train', 'valid', 'test'] as const;
    const words = names
      .flatMap((name) => [...plan.items[name]].map((i) => splits[name].lengthOf(i) + 1))
      .reduce((a, b) => a + b);
    const steps: number[] = [];
    const options = { batchSize: 8, seed, feature: { kind: 'mean', draws: 5 } } as const;
    const features = await inferFeatures(model, splits, plan, options, (done, total) => {
      steps.push(done);
      expect(total).toBe(words);
    });
    expect(plan.items.test).toEqual(evaluationSubset(splits.test, 40));
    for (const name of names) {
      const { codes, labels } = features[name];
      expect([...codes]).toEqual([...plan.items[name]].flatMap((item) => [item + 3, 5]));
      expect([...labels]).toEqual([...plan.items[name]].map((item) => item % 2));
    }
    expect(steps.at(-1)).toBe(words);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });

  it('share no noise between splits: codes that say nothing are near chance, though labels go by place', async () => {
    const splits = splitsOf(2, 0);
    // A sentence costs the same by whatever code.
    const model: LatentModel = {
      hasLatent: true,
      latentSize: LATENT,
      inference: 'short-run',
      likelihood: ({ size }) => {
        const gradient = (z: Float32Array) => ({
          nll: new Float32Array(z.length / LATENT),
          gradient: new Float32Array(z.length),
        });
        return { sentences: size, latentSize: LATENT, gradient, dispose() {} } as unknown as ReturnType<
          LatentModel['likelihood']
        >;
      },
      posterior: (_, likelihood, keys) => new ShortRunPosterior(likelihood, constantSchedule(0.1, 3), keys),
    };
    const plan = planClassification(splits, { ...planned, labelCounts: [0, 300], sets: 1, classes: 2 });
    const options = { batchSize: 50, seed, feature: { kind: 'mean', draws: 1 } } as const;
    const features = await inferFeatures(model, splits, plan, options);
    // A machine that learns its items by heart.
    const classifiers = { ...DEFAULTS.evaluation.classification, penalties: [1e4] };
    const rows = await classify(features, plan, { classes: 2, split: 'test', draws: 1, seed, classifiers });
    for (const { value } of rows) {
      expect(Math.abs(value! - 0.5)).toBeLessThan(0.12);
    }
  });
});

describe('clusters', () => {
  it('lie in the principal components that scikit-learn finds, up to sign', () => {
    const project = fitPrincipalComponents(CODES.subarray(0, LEARNT * SIZE), SIZE, 4);
    const projected = project(CODES);
    expect(projected).toHaveLength(90 * 4);
    const expected = [
      [0, 0.09662708666018242, 0.2688441856990186, 4.3952793533063, 0.7098597490268845],
      [61, 0.2573476925295987, 0.8971903206337065, 0.614725426312968, 2.48947885281508],
    ];
    for (const [item, ...values] of expected) {
      values.forEach((value, d) => {
        expect(Math.abs(projected[item! * 4 + d]!)).toBeCloseTo(value, 5);
      });
    }
  });

  it('are named by the item that most likely comes from them, the first of several that do so with probability one', () => {
    const at = (means: number[]) =>
      new GaussianMixture(
        means.map((mean) => ({ weight: 0.5, mean: Float64Array.of(mean), covariance: new Matrix([[1]]) })),
      );
    expect([...surestItems(at([0, 2]), Float32Array.of(0.9, 2.5, -2, 4, -1, 3))]).toEqual([2, 3]);
    // Of the items beyond either of these clusters all have a probability of one in floating point.
    expect([...surestItems(at([0, 10]), Float32Array.of(5, 12, -7, 14, -9, 20, -30))]).toEqual([2, 1]);
  });

  it('take the label of that item, and by majority that of most', () => {
    const { train, test } = splitsOf(2, 12);
    const valid = clouds('valid', 40, 2, 12);
    const whole = classifyByMixture(train.codes, valid, test.codes, { ...mixtures, latentSize: LATENT });
    expect([...whole.predicted]).toEqual([...test.labels]);
    // With both surest items mislabelled every item is wrong, except by majority.
    const mixture = whole.fit.mixture;
    const project = fitPrincipalComponents(train.codes, LATENT, 4);
    for (const item of surestItems(mixture, project(valid.codes))) valid.labels[item] = 1 - valid.labels[item]!;
    const misled = classifyByMixture(train.codes, valid, test.codes, { ...mixtures, latentSize: LATENT });
    expect([...misled.predicted]).toEqual([...test.labels].map((label) => 1 - label));
    expect([...misled.predictedByMajority]).toEqual([...test.labels]);
  });

  it('are as many dimensions as there are where there are fewer than four', () => {
    const of = (values: number[], labels: number[]) => ({
      codes: Float32Array.from(values),
      labels: Int32Array.from(labels),
    });
    const valid = of([-5, 5], [1, 0]);
    const train = Float32Array.of(-5, -5.1, -4.9, 5, 5.1, 4.9);
    const { predicted } = classifyByMixture(train, valid, Float32Array.of(-4, 6), { ...mixtures, latentSize: 1 });
    expect([...predicted]).toEqual([1, 0]);
  });
});

describe('principal components', () => {
  it('are found of fewer items than dimensions, and of codes that repeat exactly', () => {
    const normals = new RandomStream({ seed: 2, purpose: 'posterior-sample' }).normals(64);
    const few = fitPrincipalComponents(normals.subarray(0, 3 * 8), 8, 4)(normals.subarray(0, 5 * 8));
    expect(few).toHaveLength(5 * 4);
    expect(few.every(Number.isFinite)).toBe(true);
    // Two places, all else in one direction.
    const codes = Float32Array.from({ length: 50 * 32 }, (_, i) => normals[(i % 32) + (Math.floor(i / 32) % 2) * 32]!);
    const projected = fitPrincipalComponents(codes, 32, 2)(codes);
    const distance = Math.hypot(...Array.from({ length: 32 }, (_, d) => normals[d]! - normals[32 + d]!));
    expect(Math.abs(projected[0]! - projected[2]!)).toBeCloseTo(distance, 4);
    expect(Math.abs(projected[1]!)).toBeLessThan(1e-4);
  });
});
