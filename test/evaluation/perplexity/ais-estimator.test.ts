import { describe, expect, test } from 'vitest';
import { useBackend } from '../../../src/backends/index.js';
import { AisEstimator, type AisOptions } from '../../../src/evaluation/perplexity/ais-estimator.js';
import type { SentenceEstimate } from '../../../src/evaluation/perplexity/estimator.js';
import { FittedEstimator } from '../../../src/evaluation/perplexity/fitted-estimator.js';
import { ShortRunPosterior } from '../../../src/inference/short-run-posterior.js';
import type { ConditionalLikelihood } from '../../../src/model/likelihood.js';
import { LstmDecoder } from '../../../src/model/lstm/decoder.js';
import { Parameters } from '../../../src/model/parameters.js';
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

const firstSentences = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

function ais(
  likelihood: ConditionalLikelihood,
  options: Partial<AisOptions>,
  seed = 1,
  sentences = firstSentences(likelihood.sentences),
): SentenceEstimate[] {
  return new AisEstimator(options).estimate(likelihood, { keys: { seed, sentences } });
}

describe.each([
  ['one', 1],
  ['two', 2],
])('log p(x) of a network with %s latent dimension(s), against a sum over a grid', (_, latentSize) => {
  const model = new TinyRnn(TEXTS, latentSize, { scale: 1.5 });
  const truth = TEXTS.map((__, sentence) => model.byQuadrature(sentence, latentSize === 1 ? 0.02 : 0.12).logEvidence);

  test.each([
    ['one transition a level', 1],
    ['two', 2],
  ])('%s', (__, transitions) => {
    const estimates = ais(model, { chains: 120, temperatures: 30, transitions });
    estimates.forEach(({ logLikelihood, standardError, effectiveSampleSize, ...facts }, sentence) => {
      expect(standardError).toBeLessThan(0.08);
      expect(Math.abs(logLikelihood - truth[sentence]!)).toBeLessThan(4 * standardError);
      expect(effectiveSampleSize).toBeGreaterThan(70);
      expect(facts).toMatchObject({ words: 4, draws: 120, notFinite: 0 });
    });
  });
});

describe('log p(x) of a linear-Gaussian model, against its closed form', () => {
  test('in sixteen dimensions, where draws from the prior are worth nothing', () => {
    const model = randomLinearGaussian(2, 16, { sigma: 0.5 });
    const estimates = ais(model, { chains: 24, temperatures: 300 });
    estimates.forEach(({ logLikelihood, standardError, acceptance }, sentence) => {
      expect(standardError).toBeLessThan(0.3);
      expect(Math.abs(logLikelihood - model.logEvidence(sentence))).toBeLessThan(4 * standardError);
      expect(Math.abs(acceptance! - 0.6)).toBeLessThan(0.07);
    });
  });

  test.each([
    { chains: 4000, temperatures: 2, transitions: 1 },
    { chains: 4000, temperatures: 3, transitions: 2 },
  ])('the mean weight is an unbiased estimate of p(x), however few the levels: %o', (options) => {
    const model = randomLinearGaussian(3, 2, { sigma: 0.7 });
    ais(model, options).forEach(({ logLikelihood, standardError }, sentence) => {
      const ratio = Math.exp(logLikelihood - model.logEvidence(sentence));
      expect(standardError).toBeLessThan(0.04);
      expect(Math.abs(ratio - 1)).toBeLessThan(4 * standardError * ratio);
    });
  });

  test('more levels bring the weights together', () => {
    const model = randomLinearGaussian(40, 4, { sigma: 0.5 });
    const sizes = [4, 16, 64].map((temperatures) => {
      const estimates = ais(model, { chains: 10, temperatures });
      return meanAndError(estimates.map(({ effectiveSampleSize }) => effectiveSampleSize)).mean;
    });
    expect(sizes[1]).toBeGreaterThan(1.3 * sizes[0]!);
    expect(sizes[2]).toBeGreaterThan(1.3 * sizes[1]!);
  });
});

describe('the estimator', () => {
  test('agrees with `fitted` on a decoder', async () => {
    await useBackend('cpu', 1);
    const parameters = new Parameters(4);
    const shape = {
      vocabularySize: 7,
      wordVectorSize: 4,
      hiddenSize: 6,
      latentSize: 3,
      wordDropout: 0,
      outputDropout: 0,
    };
    const decoder = new LstmDecoder(parameters, shape, 1.2, 1.2);
    const batch = {
      inputs: Int32Array.of(2, 2, 4, 5, 6, 4),
      targets: Int32Array.of(4, 5, 6, 4, 3, 3),
      size: 2,
      tokens: 3,
    };
    const likelihood = decoder.likelihood(batch);
    try {
      const keys = { seed: 1, sentences: firstSentences(2) };
      const posterior = new ShortRunPosterior(likelihood, constantSchedule(0.05, 10), keys);
      const fitted = new FittedEstimator({ draws: 400 }).estimate(likelihood, posterior);
      const annealed = new AisEstimator({ chains: 60, temperatures: 30 }).estimate(likelihood, posterior);
      annealed.forEach(({ logLikelihood, standardError }, sentence) => {
        const error = Math.hypot(standardError, fitted[sentence]!.standardError);
        expect(error).toBeLessThan(0.12);
        expect(Math.abs(logLikelihood - fitted[sentence]!.logLikelihood)).toBeLessThan(4 * error);
      });
    } finally {
      likelihood.dispose();
      parameters.dispose();
    }
  });

  test.each([
    ['side by side', { chains: 5, temperatures: 8 }],
    ['in several pieces', { chains: 200, temperatures: 3 }],
  ])(
    'gives a sentence the same estimate whichever others are evaluated %s, and another with another seed',
    (_, options) => {
      const together = ais(new TinyRnn(TEXTS, 2), options, 7, Int32Array.of(10, 20, 30))[1]!;
      const alone = ais(new TinyRnn([TEXTS[1]!], 2), options, 7, Int32Array.of(20))[0]!;
      expect({ ...alone, acceptance: 0 }).toEqual({ ...together, acceptance: 0 });
      expect(alone.acceptance).toBeCloseTo(together.acceptance!, 12);
      const otherSeed = ais(new TinyRnn([TEXTS[1]!], 2), options, 8, Int32Array.of(20))[0]!;
      expect(otherSeed.logLikelihood).not.toBe(alone.logLikelihood);
    },
  );

  test('two chains of a sentence differ, and so do those of the pilot and of the estimate', () => {
    const seen: Float32Array[] = [];
    const model = new TinyRnn([TEXTS[0]!], 2);
    const watched = delegating(model, {
      gradient: (z) => {
        seen.push(z.slice());
        return model.gradient(z);
      },
    });
    ais(watched, { chains: 8, temperatures: 12 });
    // A pilot of a hundred levels; then as many gradients as there are levels.
    expect(seen).toHaveLength(101 + 12);
    const starts = [...seen[0]!, ...seen[101]!];
    expect(new Set(starts).size).toBe(starts.length);
  });

  test('chains that meet a sentence of no likelihood weigh nothing', () => {
    const model = new Quartic();
    const edge = delegating(model, {
      gradient: (z) => {
        const inside = model.gradient(z);
        return { ...inside, nll: inside.nll.map((nll, row) => (z[row]! > 0 ? nll : Number.POSITIVE_INFINITY)) };
      },
    });
    const [half] = ais(edge, { chains: 400, temperatures: 20 });
    expect(half!.notFinite).toBe(0);
    expect(Math.abs(half!.logLikelihood - (model.logEvidence() - Math.log(2)))).toBeLessThan(4 * half!.standardError);
    expect(half!.standardError).toBeLessThan(0.1);
  });

  test('refuses options out of their range', () => {
    expect(() => new AisEstimator({ chains: 1 })).toThrow(/chains of ais is a whole number from 2, not 1/);
    expect(() => new AisEstimator({ temperatures: 1.5 })).toThrow(/temperatures/);
    expect(() => new AisEstimator({ transitions: 0 })).toThrow(/transitions/);
  });
});
