import { describe, expect, test } from 'vitest';
import type { PerplexityEstimator, SentenceEstimate } from '../../../src/evaluation/perplexity/estimator.js';
import { FittedEstimator } from '../../../src/evaluation/perplexity/fitted-estimator.js';
import { JacobianEstimator } from '../../../src/evaluation/perplexity/jacobian-estimator.js';
import {
  effectiveSampleSizes,
  exactPerplexity,
  PerplexityMeasurement,
  perplexity,
} from '../../../src/evaluation/perplexity/perplexity.js';
import { ShortRunPosterior } from '../../../src/inference/short-run-posterior.js';
import type { ConditionalLikelihood, LangevinSchedule } from '../../../src/model/likelihood.js';
import { RandomStream } from '../../../src/random/philox.js';
import {
  constantSchedule,
  delegating,
  meanAndError,
  Quartic,
  randomLinearGaussian,
  TinyRnn,
} from '../../inference/models.js';

const TEXTS = [
  [1, 2, 0, 4],
  [3, 3, 1, 2],
  [0, 4, 4, 1],
];

/** A chain short enough that the weights of `jacobian` have a finite variance: it does not forget its start. */
const SHORT = constantSchedule(0.02, 5);

function estimate(
  estimator: PerplexityEstimator,
  likelihood: ConditionalLikelihood,
  schedule: LangevinSchedule,
  seed = 1,
  sentences = Int32Array.from({ length: likelihood.sentences }, (_, i) => i),
): SentenceEstimate[] {
  const chains = new ShortRunPosterior(likelihood, schedule, { seed, sentences }, estimator.pathDraws);
  return estimator.estimate(likelihood, chains);
}

describe('perplexity from sentences', () => {
  test('is exp of nats a word, counting words and not sentences', () => {
    const { value, words, sentences } = exactPerplexity([6, 1], [2, 3]);
    expect(value).toBeCloseTo(Math.exp(7 / 5), 12);
    expect(words).toBe(5);
    expect(sentences).toBe(2);
    // A model that gives every one of ten words the same chance.
    expect(
      exactPerplexity(
        [4, 9, 2].map((n) => n * Math.log(10)),
        [4, 9, 2],
      ).value,
    ).toBeCloseTo(10, 10);
  });

  test('has the standard error of a ratio of two means by the delta method, and none of a single sentence', () => {
    // At 7 / 5 nats a word the sentences are off by 3.2 and -3.2 nats: sqrt(2 (3.2^2 + 3.2^2)) / 5 = 1.28.
    expect(exactPerplexity([6, 1], [2, 3]).standardError).toBeCloseTo(Math.exp(7 / 5) * 1.28, 10);
    expect(exactPerplexity([6], [2]).standardError).toBeNaN();
  });

  test('its standard error is the spread of the perplexity of repeated samples of sentences', () => {
    const stream = new RandomStream({ seed: 2, purpose: 'shuffle' });
    const repetitions = Array.from({ length: 800 }, () => {
      const noise = stream.normals(150);
      const words = Array.from(noise, () => 3 + stream.integer(30));
      const nll = words.map((count, i) => 20 + 4 * count + 3 * Math.sqrt(count) * noise[i]!);
      return exactPerplexity(nll, words);
    });
    const { error } = meanAndError(repetitions.map(({ value }) => value));
    const spread = error * Math.sqrt(repetitions.length);
    const claimed = repetitions.reduce((sum, { standardError }) => sum + standardError, 0) / repetitions.length;
    expect(claimed / spread).toBeGreaterThan(0.92);
    expect(claimed / spread).toBeLessThan(1.08);
  });

  test('effective sample sizes are summed up with the share that is too small', () => {
    const sizes = [1.5, 4, 1.9, 12].map((effectiveSampleSize) => ({ effectiveSampleSize }) as SentenceEstimate);
    expect(effectiveSampleSizes(sizes)).toEqual({ mean: 4.85, min: 1.5, shareBelow2: 0.5 });
  });
});

test('an estimator that has not one whole estimate of each sentence is named, and one without a finite one is warned of', () => {
  const model = new TinyRnn(TEXTS, 2, { scale: 1 });
  const whole = { logLikelihood: -3, words: 4, draws: 2, effectiveSampleSize: 2, standardError: 0, notFinite: 0 };
  const measured = (estimates: unknown) => {
    const own = {
      name: 'own',
      draws: 2,
      pathDraws: 0,
      passes: () => 0,
      estimate: () => estimates as SentenceEstimate[],
    };
    const measurement = new PerplexityMeasurement(own);
    const keys = { seed: 1, sentences: Int32Array.of(0, 1, 2) };
    measurement.add(model, new ShortRunPosterior(model, SHORT, keys, 0));
    return measurement.result();
  };
  expect(() => measured([whole])).toThrow('the estimator own gave 1 estimates of 3 sentences; it gives one of each');
  expect(() => measured(undefined)).toThrow('the estimator own gave no list of estimates of 3 sentences');
  const { words: _, ...wordless } = whole;
  expect(() => measured([whole, wordless, whole])).toThrow('the estimator own: words of an estimate is undefined');
  expect(measured([whole, whole, whole]).warnings).toEqual([]);
  expect(measured([whole, { ...whole, logLikelihood: Number.NaN }, whole])).toMatchObject({
    value: null,
    warnings: ['1 sentences have no finite probability'],
  });
});

describe.each([
  ['one', 1],
  ['two', 2],
])('log p(x) of a network with %s latent dimension(s), against a sum over a grid', (_, latentSize) => {
  const model = new TinyRnn(TEXTS, latentSize, { scale: 1.2 });
  const truth = TEXTS.map((__, sentence) => model.byQuadrature(sentence, latentSize === 1 ? 0.02 : 0.12).logEvidence);

  test.each<[string, PerplexityEstimator, number]>([
    ['jacobian', new JacobianEstimator(1000), 0.05],
    ['fitted', new FittedEstimator({ draws: 1500 }), 0.5],
    ['fitted, Student t', new FittedEstimator({ draws: 1500, studentDegrees: 8 }), 0.4],
    [
      'fitted, the fit spoilt',
      new FittedEstimator({ draws: 3000, chains: 2, metropolisSteps: 2, inflation: 0.3 }),
      0.02,
    ],
  ])('%s', (name, estimator, leastShare) => {
    const estimates = estimate(estimator, model, SHORT);
    estimates.forEach(({ logLikelihood, standardError, effectiveSampleSize, draws, words, ...facts }, sentence) => {
      expect(Math.abs(logLikelihood - truth[sentence]!)).toBeLessThan(4 * standardError);
      expect(standardError).toBeLessThan(0.15);
      expect(effectiveSampleSize).toBeGreaterThan(leastShare * draws);
      expect(words).toBe(4);
      expect(facts.notFinite).toBe(0);
      if (name === 'jacobian') expect(facts.notPositiveDefinite).toBe(0);
      if (name === 'fitted') expect(Math.abs(facts.acceptance! - 0.6)).toBeLessThan(0.2);
    });
    const exact = perplexity(truth.map((logLikelihood) => ({ logLikelihood, words: 4 }))).value;
    const monteCarlo = Math.hypot(...estimates.map(({ standardError }) => standardError)) / 12;
    expect(Math.abs(Math.log(perplexity(estimates).value / exact))).toBeLessThan(4 * monteCarlo);
  });
});

describe('log p(x) of a linear-Gaussian model, against its closed form', () => {
  test('fitted has all but the inflation and the prior to pay for in 32 dimensions', () => {
    const model = randomLinearGaussian(3, 32, { sigma: 0.5 });
    const estimates = estimate(new FittedEstimator({ metropolisSteps: 40 }), model, constantSchedule(0.02, 10));
    estimates.forEach(({ logLikelihood, standardError, effectiveSampleSize }, sentence) => {
      expect(Math.abs(logLikelihood - model.logEvidence(sentence))).toBeLessThan(4 * standardError);
      // Drawn from exactly 1.2 times the covariance: 500 x 0.9 / 1.57.
      expect(effectiveSampleSize).toBeGreaterThan(180);
    });
  });

  test.each([1.5, 2.5])('fitted draws from the posterior’s Gaussian, %f times as wide', (inflation) => {
    const [size, draws] = [8, 4000];
    const model = randomLinearGaussian(4, size, { sigma: 0.5 });
    const estimator = new FittedEstimator({ draws, inflation, priorShare: 0, metropolisSteps: 60 });
    // Of draws of N(0, c) for N(0, 1) the weights leave sqrt(2 c - 1) / c in each dimension.
    const share = (Math.sqrt(2 * inflation - 1) / inflation) ** size;
    for (const { effectiveSampleSize } of estimate(estimator, model, SHORT)) {
      expect(effectiveSampleSize / draws / share).toBeGreaterThan(0.85);
      expect(effectiveSampleSize / draws / share).toBeLessThan(1.15);
    }
  });

  test('jacobian, at a temperature below one too', () => {
    const model = randomLinearGaussian(3, 2, { sigma: 1.5 });
    for (const temperature of [0.3, 1]) {
      const schedule = { ...SHORT, temperature };
      const estimates = estimate(new JacobianEstimator(1000), model, schedule);
      estimates.forEach(({ logLikelihood, standardError, notPositiveDefinite }, sentence) => {
        expect(Math.abs(logLikelihood - model.logEvidence(sentence))).toBeLessThan(4 * standardError);
        expect(standardError).toBeLessThan(0.2);
        expect(notPositiveDefinite).toBe(0);
      });
    }
  });

  test('the mean weight is an unbiased estimate of p(x), however few the draws', () => {
    const model = randomLinearGaussian(1, 2, { sigma: 1 });
    const truth = model.logEvidence(0);
    for (const estimator of [
      new JacobianEstimator(4),
      new FittedEstimator({ draws: 10, chains: 2, metropolisSteps: 4, inflation: 2 }),
    ]) {
      const ratios = Array.from({ length: 400 }, (_, seed) =>
        Math.exp(estimate(estimator, model, SHORT, seed)[0]!.logLikelihood - truth),
      );
      const { mean, error } = meanAndError(ratios);
      expect(error).toBeLessThan(0.05);
      expect(Math.abs(mean - 1)).toBeLessThan(4 * error);
    }
  });
});

describe('estimators and their company', () => {
  test.each<[string, PerplexityEstimator]>([
    ['jacobian', new JacobianEstimator(6)],
    ['fitted', new FittedEstimator({ draws: 40, chains: 3, metropolisSteps: 6 })],
  ])('%s: a sentence has the same estimate whichever others are evaluated', (_, estimator) => {
    const schedule = constantSchedule(0.05, 4);
    const together = estimate(estimator, new TinyRnn(TEXTS, 2), schedule, 7, Int32Array.of(10, 20, 30));
    const alone = estimate(estimator, new TinyRnn([TEXTS[1]!], 2), schedule, 7, Int32Array.of(20));
    expect(alone[0]).toEqual(together[1]);
    const otherSeed = estimate(estimator, new TinyRnn([TEXTS[1]!], 2), schedule, 8, Int32Array.of(20));
    expect(otherSeed[0]!.logLikelihood).not.toBe(alone[0]!.logLikelihood);
  });

  test('short runs that diverge cost the jacobian its weights, and fitted nothing but its start', () => {
    const model = randomLinearGaussian(2, 2);
    const diverging = constantSchedule(100, 40);
    for (const { notFinite, logLikelihood } of estimate(new JacobianEstimator(3), model, diverging)) {
      expect(notFinite).toBe(3);
      expect(logLikelihood).toBe(Number.NEGATIVE_INFINITY);
    }
    estimate(new FittedEstimator(), model, diverging).forEach(({ logLikelihood, standardError }, sentence) => {
      expect(Math.abs(logLikelihood - model.logEvidence(sentence))).toBeLessThan(4 * standardError);
    });
  });

  test('a few short runs that went astray do not spoil the fit', () => {
    const model = new Quartic();
    const truth = model.logEvidence();
    const astray = delegating(model, {
      shortRun: (z) => ({ z: z.map((value, chain) => (chain % 8 === 1 ? 40 : value / 3)) }),
    });
    const [fitted] = estimate(new FittedEstimator(), astray, SHORT);
    expect(Math.abs(fitted!.logLikelihood - truth)).toBeLessThan(4 * fitted!.standardError);
    expect(fitted!.effectiveSampleSize).toBeGreaterThan(250);
  });

  test('chains are the same whoever asks first and for how many', () => {
    const model = new TinyRnn(TEXTS, 2);
    const keys = { seed: 3, sentences: Int32Array.of(0, 1, 2) };
    const schedule = constantSchedule(0.05, 4);
    const fresh = () => new ShortRunPosterior(model, schedule, keys, 3);
    const grown = fresh();
    const first = grown.density(1).logDensity.slice();
    const all = grown.z(5).slice();
    expect(fresh().z(5)).toEqual(all);
    expect(fresh().z(2)).toEqual(all.slice(0, 12));
    expect(grown.density(3).logDensity.slice(0, 3)).toEqual(first);
    expect(fresh().density(3)).toEqual(grown.density(3));
    expect(grown.nll(2).slice()).toEqual(model.nll(all.slice(0, 12)).nll);
    expect(grown.nll(5)).toEqual(model.nll(all).nll);
    expect(() => grown.density(4)).toThrow(/keep their paths/);
  });
});
