// A prior that is not N(0, I), where everything is known: a quadratic energy, which makes it a Gaussian.

import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { GaussianKlMeasurement } from '../../../src/evaluation/kl-measurements.js';
import { GainOverPrior } from '../../../src/evaluation/latent-gain.js';
import { withSharedErrors } from '../../../src/evaluation/paired.js';
import { AisEstimator } from '../../../src/evaluation/perplexity/ais-estimator.js';
import { normalizerOf } from '../../../src/evaluation/perplexity/normalizer.js';
import { PerplexityMeasurement } from '../../../src/evaluation/perplexity/perplexity.js';
import { type Posterior, priorDraws } from '../../../src/inference/posterior.js';
import { jointLikelihood, walkToPrior } from '../../../src/inference/tilted-prior.js';
import type { ConditionalLikelihood } from '../../../src/model/likelihood.js';
import { RandomStream } from '../../../src/random/philox.js';
import { meanEstimate } from '../../../src/statistics.js';
import { LinearGaussian, logDeterminant, normals } from '../../inference/models.js';

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
    const { forward, forwardError, reverse, reverseError } = normalizerOf(prior, 4);
    expect(Math.max(forwardError, reverseError)).toBeLessThan(0.1);
    expect(Math.abs(forward - truth)).toBeLessThan(4 * forwardError);
    expect(Math.abs(reverse - truth)).toBeLessThan(4 * reverseError);
    // It is known from then on, and for this prior and seed alone.
    expect(normalizerOf(prior, 4)).toBe(normalizerOf(prior, 4));
    expect(normalizerOf(prior, 5)).not.toEqual(normalizerOf(prior, 4));
  });

  it('takes as many levels as it takes to be known', () => {
    const near = new LinearGaussian(energyLoading, [energyPull], 3);
    for (const [energy, levels] of [
      [near, 150],
      [prior, 600],
    ] as const) {
      const found = normalizerOf(energy, 4);
      expect(found.levels).toBe(levels);
      expect(Math.max(found.forwardError, found.reverseError)).toBeLessThan(0.05);
    }
    const truth = near.logEvidence(0);
    const { forward, forwardError, reverse, reverseError } = normalizerOf(near, 4);
    expect(Math.abs(forward - truth)).toBeLessThan(4 * forwardError);
    expect(Math.abs(reverse - truth)).toBeLessThan(4 * reverseError);
  });

  it('makes perplexity the closed form’s, with the error of either end in the row', () => {
    const measurement = new PerplexityMeasurement(new AisEstimator({ chains: 32, temperatures: 100 }));
    measurement.add(likelihood, { keys } as Posterior);
    const { value, facts } = measurement.result();
    const logLikelihood = [0, 1, 2].reduce((sum, i) => sum + stacked.logEvidence(i) - prior.logEvidence(0), 0);
    const wanted = Math.exp(-logLikelihood / 9);
    expect(Math.abs(Math.log(value! / wanted))).toBeLessThan(0.1);
    const { forward, reverse } = normalizerOf(prior, 4);
    expect(facts).toMatchObject({ logNormalizerFromBelow: forward, logNormalizerFromAbove: reverse });
    expect(facts!.pplWithNormalizerFromBelow).toBeCloseTo(value! * Math.exp((forward - reverse) / 3), 6);
  });

  it('has its error in that of perplexity, of KL, and of what a row is held against: no spread over sentences shows it', () => {
    const { reverseError } = normalizerOf(prior, 4);
    const measured = (one: ConditionalLikelihood) => {
      const measurement = new PerplexityMeasurement(new AisEstimator({ chains: 8, temperatures: 20 }));
      measurement.add(one, { keys } as Posterior);
      return measurement.result();
    };
    const withOwn = measured(likelihood);
    // The same weights but for C.
    const without = measured(jointLikelihood(likelihood));
    expect(withOwn.words).toBe(9);
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
