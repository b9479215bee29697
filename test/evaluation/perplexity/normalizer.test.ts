// A prior that is not N(0, I), where everything is known: a quadratic energy, which makes it a Gaussian.

import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { GaussianKlMeasurement } from '../../../src/evaluation/kl-measurements.js';
import { GainOverPrior } from '../../../src/evaluation/latent-gain.js';
import { withSharedErrors } from '../../../src/evaluation/paired.js';
import { AisEstimator } from '../../../src/evaluation/perplexity/ais-estimator.js';
import { FittedEstimator } from '../../../src/evaluation/perplexity/fitted-estimator.js';
import { JacobianEstimator } from '../../../src/evaluation/perplexity/jacobian-estimator.js';
import { normalizerOf } from '../../../src/evaluation/perplexity/normalizer.js';
import { PerplexityMeasurement } from '../../../src/evaluation/perplexity/perplexity.js';
import { type Posterior, priorDraws } from '../../../src/inference/posterior.js';
import { ChainPosterior, langevinChain } from '../../../src/inference/short-run-posterior.js';
import { jointLikelihood, walkToPrior } from '../../../src/inference/tilted-prior.js';
import type { ConditionalLikelihood } from '../../../src/model/likelihood.js';
import { RandomStream } from '../../../src/random/philox.js';
import { meanEstimate } from '../../../src/statistics.js';
import { delegating, LinearGaussian, logDeterminant, MixturePrior, normals } from '../../inference/models.js';

const Z = 2;
const loadingOf = (rows: number, seed: number) =>
  Matrix.from1DArray(rows, Z, Array.from(new RandomStream({ seed, purpose: 'shuffle' }).normals(rows * Z)));

/** exp(-NLL) with NLL quadratic: its prior is a Gaussian, and C its evidence. */
const [energyLoading, energyPull] = [loadingOf(3, 5), [0.9, -1.2, 0.7]];
const prior = new LinearGaussian(energyLoading, [energyPull], 0.8);
const [textLoading, texts] = [
  loadingOf(4, 6),
  [
    [0.4, -1, 0.6, 1],
    [1.2, 0.3, -0.5, 0],
    [-0.2, 0.1, 0.9, -1.4],
  ],
];
const text = new LinearGaussian(textLoading, texts, 0.8);
const likelihood: ConditionalLikelihood = Object.assign(new LinearGaussian(textLoading, texts, 0.8), { prior });
/** Text and energy under N(0, I) as one model. */
const stacked = new LinearGaussian(
  new Matrix([...textLoading.to2DArray(), ...energyLoading.to2DArray()]),
  texts.map((x) => [...x, ...energyPull]),
  0.8,
);
const keys = { seed: 4, sentences: Int32Array.of(0, 1, 2) };
/** No codes of sentences to walk back from. */
const none = () => new Float32Array();

describe('the joint likelihood', () => {
  it('is that of text and energy together, and the likelihood itself where the prior is N(0, I)', () => {
    const z = normals(6 * Z);
    const [found, wanted] = [jointLikelihood(likelihood).hessian(z), stacked.hessian(z)];
    for (const part of ['nll', 'gradient', 'hessian'] as const) {
      found[part].forEach((value, i) => {
        expect(value).toBeCloseTo(wanted[part][i]!, 3);
      });
    }
    expect(jointLikelihood(text)).toBe(text);
  });
});

describe('the normalizer of a quadratic energy', () => {
  it('is found from both ends', () => {
    const truth = prior.logEvidence(0);
    const { forward, forwardError, reverse, reverseError } = normalizerOf(prior, 4, none);
    expect(Math.max(forwardError, reverseError)).toBeLessThan(0.1);
    expect(Math.abs(forward - truth)).toBeLessThan(4 * forwardError);
    expect(Math.abs(reverse - truth)).toBeLessThan(4 * reverseError);
    // It is known from then on, and for this prior and seed alone.
    expect(normalizerOf(prior, 4, none)).toBe(normalizerOf(prior, 4, none));
    expect(normalizerOf(prior, 5, none)).not.toEqual(normalizerOf(prior, 4, none));
  });

  it('takes as many levels as it takes to be known', () => {
    const near = new LinearGaussian(energyLoading, [energyPull], 3);
    for (const [energy, levels] of [
      [near, 150],
      [prior, 1200],
    ] as const) {
      const found = normalizerOf(energy, 4, none);
      expect(found.levels).toBe(levels);
      expect(Math.max(found.forwardError, found.reverseError)).toBeLessThan(0.05);
    }
    const truth = near.logEvidence(0);
    const { forward, forwardError, reverse, reverseError } = normalizerOf(near, 4, none);
    expect(Math.abs(forward - truth)).toBeLessThan(4 * forwardError);
    expect(Math.abs(reverse - truth)).toBeLessThan(4 * reverseError);
  });

  it('makes perplexity the closed form’s, with the error of either end in the row', () => {
    const measurement = new PerplexityMeasurement(new AisEstimator({ chains: 32, temperatures: 100 }));
    measurement.add(likelihood, { keys, z: none } as unknown as Posterior);
    const { value, facts } = measurement.result();
    const logLikelihood = [0, 1, 2].reduce((sum, i) => sum + stacked.logEvidence(i) - prior.logEvidence(0), 0);
    const wanted = Math.exp(-logLikelihood / 9);
    expect(Math.abs(Math.log(value! / wanted))).toBeLessThan(0.1);
    const { forward, reverse } = normalizerOf(prior, 4, none);
    expect(facts).toMatchObject({ logNormalizerFromBelow: forward, logNormalizerFromAbove: reverse });
    expect(facts!.pplWithNormalizerFromBelow).toBeCloseTo(value! * Math.exp((forward - reverse) / 3), 6);
  });

  it('has its error in that of perplexity, of KL, and of what a row is held against: no spread over sentences shows it', () => {
    const { reverse, reverseError } = normalizerOf(prior, 4, none);
    const measured = (one: ConditionalLikelihood) => {
      const measurement = new PerplexityMeasurement(new AisEstimator({ chains: 8, temperatures: 20 }));
      measurement.add(one, { keys, z: none } as unknown as Posterior);
      return measurement.result();
    };
    const withOwn = measured(likelihood);
    // The same weights but for C.
    const without = measured(jointLikelihood(likelihood));
    expect(withOwn.words).toBe(9);
    // C from above, so that perplexity is too high rather than too low.
    expect(Math.log(withOwn.value! / without.value!)).toBeCloseTo(reverse / 3, 6);
    const relative = ({ value, standardError }: typeof without) => standardError! / value!;
    expect(relative(withOwn)).toBeCloseTo(Math.hypot(relative(without), reverseError / 3), 6);

    const z = normals(20 * 3 * Z, 11);
    const klOf = (one: ConditionalLikelihood) => {
      const measurement = new GaussianKlMeasurement(20);
      measurement.add(one, { keys, z: () => z } as unknown as Posterior);
      return measurement.result();
    };
    const { standardError, perSentence, facts } = klOf(likelihood);
    const values = [...perSentence!.value];
    const ofSentences = meanEstimate(values).standardError;
    expect(standardError).toBeCloseTo(Math.hypot(ofSentences, reverseError), 5);
    expect(klOf(text).facts).toBeUndefined();

    const difference = { value: -0.2, standardError: 0.03, count: 3 };
    const rows = [{ facts: facts! }, {}, { facts: withOwn.facts! }];
    expect(withSharedErrors(difference, rows).standardError).toBeCloseTo(
      Math.sqrt(0.03 ** 2 + 2 * reverseError ** 2),
      9,
    );
  });

  it('makes the KL that to the prior that is learned', () => {
    const draws = 400;
    const posteriors = [0, 1, 2].map((i) => stacked.posterior(i));
    const noise = normals(draws * 3 * Z, 8);
    const z = new Float32Array(draws * 3 * Z);
    for (let row = 0; row < draws * 3; row++) {
      const { mean, covariance } = posteriors[row % 3]!;
      const [a, b, c] = [covariance.get(0, 0), covariance.get(1, 0), covariance.get(1, 1)];
      const first = Math.sqrt(a);
      z[row * Z] = mean[0]! + first * noise[row * Z]!;
      z[row * Z + 1] = mean[1]! + (b / first) * noise[row * Z]! + Math.sqrt(c - (b * b) / a) * noise[row * Z + 1]!;
    }
    const measurement = new GaussianKlMeasurement(draws);
    measurement.add(likelihood, { keys, z: () => z } as unknown as Posterior);
    const own = prior.posterior(0);
    const wanted = posteriors.map(({ mean, covariance }) => {
      const shift = Matrix.columnVector(mean.map((value, i) => own.mean[i]! - value));
      const precision = inverse(own.covariance);
      return (
        0.5 *
        (precision.mmul(covariance).trace() +
          shift.dot(precision.mmul(shift)) -
          Z +
          logDeterminant(own.covariance) -
          logDeterminant(covariance))
      );
    });
    const { value } = measurement.result();
    expect(Math.abs(value! - wanted.reduce((sum, kl) => sum + kl, 0) / 3)).toBeLessThan(0.15);
  });
});

describe('the normalizer of a prior with a part that walks from N(0, I) miss', () => {
  // Nine tenths of it lie in a narrow place 3.5 deviations out.
  const size = 8;
  const outlying = () =>
    new MixturePrior(size, [
      [0.9, 3.5, 0.3],
      [0.1, -1, 0.6],
    ]);

  it('is found by walks from a Gaussian that covers the codes of sentences', () => {
    const codes = normals(32 * size, 3).map((value, i) => 0.3 * value + (i % size === 0 ? 3.5 : 0));
    for (const seed of [4, 5]) {
      // Without them both ends agree on the tenth alone.
      const blind = normalizerOf(outlying(), seed, none);
      expect(Math.abs(blind.reverse - Math.log(0.1))).toBeLessThan(0.2);
      expect(blind.reverseError).toBeLessThan(0.1);
      const { reverse, reverseError } = normalizerOf(outlying(), seed, () => codes);
      expect(Math.abs(reverse)).toBeLessThan(2 * reverseError);
      expect(reverseError).toBeLessThan(0.4);
    }
  });

  it('is found from N(0, I) itself where codes lie closer together than that', () => {
    const near = new LinearGaussian(energyLoading, [energyPull], 3);
    const blind = normalizerOf(near, 4, none);
    expect(normalizerOf(delegating(near), 4, () => new Float32Array(4 * Z))).toEqual(blind);
  });

  it('is what it is wherever codes lie, and where inference diverged', () => {
    const truth = prior.logEvidence(0);
    const blind = normalizerOf(prior, 4, none);
    expect(normalizerOf(delegating(prior), 4, () => new Float32Array(4 * Z).fill(Number.NaN))).toEqual(blind);
    for (const [scale, tolerance] of [
      [0.1, 0.1],
      [1, 0.1],
      [5, 0.2],
    ] as const) {
      const codes = normals(20 * Z, 9).map((value) => scale * (value + 1));
      const { forward, reverse } = normalizerOf(delegating(prior), 4, () => codes);
      expect(Math.abs(forward - truth)).toBeLessThan(tolerance);
      expect(Math.abs(reverse - truth)).toBeLessThan(tolerance);
    }
  });
});

describe('perplexity under a learned prior', () => {
  it('is the same whatever constant the energy has, by every estimator', () => {
    const shifted = delegating(prior, {
      nll: (z) => ({ nll: prior.nll(z).nll.map((value) => value - 5) }),
      gradient: (z) => {
        const { nll, gradient } = prior.gradient(z);
        return { nll: nll.map((value) => value - 5), gradient };
      },
    });
    const schedule = { stepSizes: new Float32Array(8).fill(0.05), temperature: 1, priorWeight: 1 };
    for (const [estimator, draws, tolerance] of [
      [new JacobianEstimator(200), 200, 0.5],
      [new FittedEstimator({ draws: 50, chains: 4 }), 0, 0.1],
    ] as const) {
      const of = (own: ConditionalLikelihood) => {
        const one = Object.assign(new LinearGaussian(textLoading, texts, 0.8), { prior: own });
        const measurement = new PerplexityMeasurement(estimator);
        measurement.add(one, new ChainPosterior(one, langevinChain(jointLikelihood(one), schedule), keys, draws));
        return measurement.result().value!;
      };
      const plain = of(delegating(prior));
      expect(of(shifted) / plain).toBeCloseTo(1, 3);
      const logLikelihood = [0, 1, 2].reduce((sum, i) => sum + stacked.logEvidence(i) - prior.logEvidence(0), 0);
      expect(Math.abs(Math.log(plain) + logLikelihood / 9)).toBeLessThan(tolerance);
    }
  });
});

describe('draws of the prior', () => {
  it('have its mean and covariance, and are N(0, I)’s where it has none', () => {
    const draws = 300;
    const start = normals(draws * 3 * Z, 21);
    expect(walkToPrior(undefined, start, keys)).toBe(start);
    const z = walkToPrior(prior, start, keys);
    const { mean, covariance } = prior.posterior(0);
    const rows = draws * 3;
    for (let i = 0; i < Z; i++) {
      let sum = 0;
      let squares = 0;
      for (let row = 0; row < rows; row++) {
        sum += z[row * Z + i]!;
        squares += (z[row * Z + i]! - mean[i]!) ** 2;
      }
      const deviation = Math.sqrt(covariance.get(i, i));
      expect(Math.abs(sum / rows - mean[i]!)).toBeLessThan((5 * deviation) / Math.sqrt(rows));
      expect(squares / rows / covariance.get(i, i)).toBeGreaterThan(0.8);
      expect(squares / rows / covariance.get(i, i)).toBeLessThan(1.25);
    }
  });

  it('are what the gain over the prior is over', () => {
    const z = normals(5 * 3 * Z, 13);
    const measurement = new GainOverPrior(5);
    measurement.add(likelihood, { keys, name: 'chain', z: () => z } as unknown as Posterior);
    const walked = walkToPrior(prior, priorDraws(keys, 5, Z), keys);
    const mean = (codes: Float32Array) => text.nll(codes).nll.reduce((sum, nll) => sum + nll / 15, 0);
    expect(measurement.result().value).toBeCloseTo(mean(walked) - mean(z), 3);
    expect(Math.abs(mean(walked) - mean(priorDraws(keys, 5, Z)))).toBeGreaterThan(0.01);
  });
});
