import { describe, expect, test, vi } from 'vitest';
import { ActiveUnits } from '../../src/evaluation/active-units.js';
import { gaussianKl, marginalKl, momentGaussian } from '../../src/evaluation/kl.js';
import { GainOverPrior } from '../../src/evaluation/latent-gain.js';
import { marginalInformation } from '../../src/evaluation/mutual-information.js';
import { EncoderEstimator } from '../../src/evaluation/perplexity/encoder-estimator.js';
import { proposalStream } from '../../src/evaluation/perplexity/importance.js';
import { GaussianPosterior, PointPosterior } from '../../src/inference/amortized.js';
import { mutualInformation } from '../../src/inference/mutual-information.js';
import { type DiagonalGaussian, dimensionKl } from '../../src/inference/posterior.js';
import type { ConditionalLikelihood } from '../../src/model/likelihood.js';
import { delegating, meanAndError, normals, Quartic, randomLinearGaussian, TinyRnn } from '../inference/models.js';

function keysOf(sentences: number, seed = 1) {
  return { seed, sentences: Int32Array.from({ length: sentences }, (_, i) => i) };
}

/** Sentences with means of variance `spread` in each of two dimensions, and posteriors of variance `variance`. */
function gaussians(sentences: number, spread: number, variance: number): DiagonalGaussian {
  return {
    mean: normals(sentences * 2, 8).map((value) => Math.sqrt(spread) * value),
    logVariance: new Float32Array(sentences * 2).fill(Math.log(variance)),
  };
}

describe('KL by dimension', () => {
  test('closed form: N(m, v) against N(0, 1)', () => {
    const kl = dimensionKl({ mean: Float32Array.of(0, 2), logVariance: Float32Array.of(0, Math.log(0.25)) });
    expect(kl[0]).toBeCloseTo(0, 7);
    expect(kl[1]).toBeCloseTo(0.5 * (4 + 0.25 - 1 + Math.log(4)), 6);
  });

  test.each([4, 16])('marginals of %i draws are free of bias on Gaussian draws', (draws) => {
    const sentences = 6000;
    const gaussian = { mean: new Float32Array(sentences).fill(0.7), logVariance: new Float32Array(sentences).fill(-1) };
    const noise = normals(draws * sentences, 5);
    const z = noise.map((value) => 0.7 + Math.exp(-0.5) * value);
    const { mean, error } = meanAndError(marginalKl(z, draws));
    expect(Math.abs(mean - dimensionKl(gaussian)[0]!)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.02);
    expect(() => marginalKl(z.slice(0, 2), 2)).toThrow(/three draws/);
  });

  test('the sum of marginals leaves out what dimensions know of each other: the total correlation', () => {
    const sentences = 2000;
    const draws = 20;
    const correlation = 0.8;
    const noise = normals(draws * sentences * 2, 6);
    const z = noise.map((value, i) =>
      i % 2 === 0 ? value : correlation * noise[i - 1]! + Math.sqrt(1 - correlation ** 2) * value,
    );
    const joint = meanAndError(gaussianKl(z, sentences, 2));
    const marginals = meanAndError(marginalKl(z, draws));
    expect(joint.mean - 2 * marginals.mean).toBeCloseTo(-0.5 * Math.log(1 - correlation ** 2), 1);
  });
});

describe('mutual information', () => {
  test('is that of a Gaussian channel, in closed form', () => {
    const sentences = 1500;
    const [spread, variance] = [0.8, 0.5];
    const gaussian = gaussians(sentences, spread, variance);
    const z = normals(2 * sentences * 2, 9).map(
      (value, i) => gaussian.mean[i % (2 * sentences)]! + Math.sqrt(variance) * value,
    );
    const { mean, error } = meanAndError(mutualInformation(gaussian, z, sentences));
    expect(Math.abs(mean - Math.log(1 + spread / variance))).toBeLessThan(4 * error + 0.02);
  });

  test('is nothing where all sentences have one posterior, and log(sentences) where none touch', () => {
    const same = gaussians(50, 0, 0.3);
    const draw = normals(100, 3).map((value) => Math.sqrt(0.3) * value);
    expect(meanAndError(mutualInformation(same, draw, 50)).mean).toBeCloseTo(0, 6);
    const apart = {
      mean: Float32Array.from({ length: 100 }, (_, i) => 10 * i),
      logVariance: new Float32Array(100).fill(-8),
    };
    expect(meanAndError(mutualInformation(apart, apart.mean, 50)).mean).toBeCloseTo(Math.log(50), 6);
  });
});

describe('mutual information from the moments of draws', () => {
  const size = 32;

  /** Draws of variance `variance` about means of variance `spread` in the first `informed` dimensions. */
  function draws(count: number, sentences: number, spread: number, variance: number, informed = size) {
    const means = normals(sentences * size, 8);
    return normals(count * sentences * size, 9).map((noise, i) => {
      const mean = i % size < informed ? Math.sqrt(spread) * means[i % means.length]! : 0;
      return mean + Math.sqrt(variance) * noise;
    });
  }

  test.each([
    [3, 32],
    [8, 200],
    [16, 1000],
  ])('is nothing where %i draws of each of %i sentences are the prior’s', (count, sentences) => {
    const gaussian = momentGaussian(draws(count, sentences, 0, 1), count);
    const { mean, error } = meanAndError(marginalInformation(gaussian, sentences, count));
    expect(Math.abs(mean)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.7);
  });

  test.each([4, 16])('is that of a Gaussian channel, in closed form, by %i draws', (count) => {
    const sentences = 1500;
    const [spread, variance] = [0.8, 0.5];
    const z = draws(count, sentences, spread, variance, 5);
    const { mean, error } = meanAndError(marginalInformation(momentGaussian(z, count), sentences, count));
    expect(Math.abs(mean - 2.5 * Math.log(1 + spread / variance))).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.3);
  });

  test('differs from the KL by that of the aggregate from the prior', () => {
    const [count, sentences] = [16, 1500];
    const [spread, variance] = [0.3, 0.1];
    const z = draws(count, sentences, spread, variance);
    const information = meanAndError(marginalInformation(momentGaussian(z, count), sentences, count)).mean;
    const parts = marginalKl(z, count);
    const kl = (size * parts.reduce((sum, part) => sum + part)) / parts.length;
    const aggregate = (size / 2) * (spread + variance - 1 - Math.log(spread + variance));
    expect((kl - information) / aggregate).toBeCloseTo(1, 1);
  });

  test('has the standard error that is its spread over repetitions', () => {
    const [count, sentences, dimensions] = [8, 40, 2];
    const estimates = Array.from({ length: 300 }, (_, i) => {
      const means = normals(sentences * dimensions, 2 * i + 1);
      const z = normals(count * sentences * dimensions, 2 * i + 2).map(
        (noise, at) => 0.5 * noise + means[at % means.length]!,
      );
      return meanAndError(marginalInformation(momentGaussian(z, count), sentences, count));
    });
    const { error } = meanAndError(estimates.map(({ mean }) => mean));
    const claimed = estimates.reduce((sum, one) => sum + one.error, 0) / estimates.length;
    expect(claimed / (error * Math.sqrt(300))).toBeGreaterThan(0.85);
    expect(claimed / (error * Math.sqrt(300))).toBeLessThan(1.15);
  });

  test('wants three draws', () => {
    expect(() => marginalInformation(momentGaussian(normals(8), 2), 1, 2)).toThrow(/three draws/);
  });
});

describe('active units of exact means', () => {
  test('need no correction', () => {
    const units = new ActiveUnits(2);
    const mean = Float32Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? Math.sin(i) : 0.01 * Math.cos(i)));
    units.addMeans(mean.subarray(0, 100), null);
    units.addMeans(mean.subarray(100), null);
    const { value, sentences, monteCarloVariance, variances } = units.result();
    expect({ value, sentences, monteCarloVariance }).toEqual({ value: 1, sentences: 200, monteCarloVariance: 0 });
    expect(variances[0]).toBeCloseTo(0.5, 1);
  });

  test('have the unbiased variance of the means, in whose doubt a fourth moment of its own square has no part', () => {
    const units = new ActiveUnits(1);
    units.addMeans(Float32Array.of(0.25, -0.25, 0.25, -0.25), null);
    const { value, variances, standardError } = units.result();
    expect({ value, standardError }).toEqual({ value: 1, standardError: 0 });
    expect(variances[0]).toBeCloseTo(4 / 3 / 16, 12);
  });
});

describe('signal and noise of each dimension', () => {
  // Sentences' means vary by 1, 0.25 and nothing; within a sentence a code varies by 0.1, 0.5 and 1.
  const [between, within] = [
    [1, 0.25, 0],
    [0.1, 0.5, 1],
  ];
  const count = 600;
  const mean = normals(3 * count, 4).map((value, i) => Math.sqrt(between[i % 3]!) * value);

  function check(units: ActiveUnits): void {
    const { variances, posteriorVariances, weak, noisy } = units.result();
    between.forEach((variance, d) => {
      expect(Math.abs(variances[d]! - variance)).toBeLessThan(0.02 + 0.15 * variance);
      expect(posteriorVariances[d]! / within[d]!).toBeCloseTo(1, 1);
    });
    // The third says nothing; the second says less than its own noise.
    expect({ weak, noisy }).toEqual({ weak: 1, noisy: 1 });
  }

  test('are exact of a Gaussian', () => {
    const units = new ActiveUnits(3);
    units.addMeans(
      mean,
      Float32Array.from(mean, (_, i) => Math.log(within[i % 3]!)),
    );
    check(units);
  });

  test('are estimated without bias from draws', () => {
    const units = new ActiveUnits(3);
    const noise = normals(8 * 3 * count, 5);
    units.add(
      noise.map((value, i) => mean[i % (3 * count)]! + Math.sqrt(within[i % 3]!) * value),
      count,
    );
    check(units);
  });

  test('are no noise at all of a point', () => {
    const units = new ActiveUnits(3);
    units.addMeans(mean, null);
    expect(Array.from(units.result().posteriorVariances)).toEqual([0, 0, 0]);
    expect(units.result().noisy).toBe(0);
  });
});

describe('perplexity by the encoder’s Gaussian', () => {
  test('agrees with the exact evidence of a linear-Gaussian model', () => {
    const model = randomLinearGaussian(20, 3);
    const gaussian: DiagonalGaussian = { mean: new Float32Array(60), logVariance: new Float32Array(60) };
    for (let sentence = 0; sentence < 20; sentence++) {
      const { mean, covariance } = model.posterior(sentence);
      for (let d = 0; d < 3; d++) {
        gaussian.mean[sentence * 3 + d] = mean[d]! + 0.1;
        gaussian.logVariance[sentence * 3 + d] = Math.log(1.3 * covariance.get(d, d));
      }
    }
    const estimates = new EncoderEstimator(500).estimate(model, new GaussianPosterior(model, gaussian, keysOf(20)));
    const misses = estimates.map(
      ({ logLikelihood, standardError }, i) => (logLikelihood - model.logEvidence(i)) / standardError,
    );
    expect(Math.hypot(...misses) / Math.sqrt(20)).toBeLessThan(1.6);
    for (const { effectiveSampleSize } of estimates) expect(effectiveSampleSize).toBeGreaterThan(50);
  });

  test('is a number where the encoder is surer than a variance can say', () => {
    const model = new Quartic();
    for (const logVariance of [-800, -5000, 800]) {
      const gaussian = { mean: Float32Array.of(0.3), logVariance: Float32Array.of(logVariance) };
      const [estimate] = new EncoderEstimator(4000).estimate(model, new GaussianPosterior(model, gaussian, keysOf(1)));
      // A tenth of the draws are the prior's.
      expect(Math.abs(estimate!.logLikelihood - model.logEvidence()), `${logVariance}`).toBeLessThan(1);
    }
  });

  test('agrees with quadrature where the posterior is no Gaussian', () => {
    const model = new Quartic();
    const gaussian = { mean: Float32Array.of(0.3), logVariance: Float32Array.of(Math.log(0.5)) };
    const [estimate] = new EncoderEstimator(4000).estimate(model, new GaussianPosterior(model, gaussian, keysOf(1)));
    expect(Math.abs(estimate!.logLikelihood - model.logEvidence())).toBeLessThan(4 * estimate!.standardError);
  });

  /** A batch of a linear-Gaussian model, and of its posteriors Gaussians too narrow by a factor. */
  function narrowed(sentences: number, share: number) {
    const model = randomLinearGaussian(sentences, 3);
    const exact = Array.from({ length: sentences }, (_, sentence) => model.posterior(sentence));
    const gaussian: DiagonalGaussian = {
      mean: Float32Array.from(exact.flatMap(({ mean }) => Array.from(mean))),
      logVariance: Float32Array.from(
        exact.flatMap(({ covariance }) => [0, 1, 2].map((d) => Math.log(share * covariance.get(d, d)))),
      ),
    };
    return { model, posterior: new GaussianPosterior(model, gaussian, keysOf(sentences)), gaussian };
  }

  test('says beside it what the draws of q alone say, weighed by q alone, without another pass', () => {
    const { model, posterior, gaussian } = narrowed(4, 0.5);
    const nll = vi.spyOn(model, 'nll');
    const estimator = new EncoderEstimator(40);
    const mixed = estimator.estimate(model, posterior);
    const passes = nll.mock.calls.length;
    const beside = estimator.beside!;
    const alone = beside.estimate(model, posterior);
    expect(nll.mock.calls).toHaveLength(passes);
    nll.mockRestore();
    expect([estimator.name, mixed[0]!.draws, beside.name, beside.draws]).toEqual(['encoder', 40, 'encoder-alone', 36]);

    // The plain way: every sentence by itself, the four draws of the prior passed over.
    const wanted = alone.map((_, sentence) => {
      const stream = proposalStream(posterior.keys, sentence);
      for (let m = 0; m < 4; m++) stream.normals(3);
      const weights = Array.from({ length: 36 }, () => {
        const noise = stream.normals(3);
        const z = new Float32Array(3 * 4);
        let logRatio = 0;
        for (let d = 0; d < 3; d++) {
          const at = sentence * 3 + d;
          z[at] = gaussian.mean[at]! + Math.exp(gaussian.logVariance[at]! / 2) * noise[d]!;
          logRatio += 0.5 * (noise[d]! ** 2 + gaussian.logVariance[at]! - z[at]! ** 2);
        }
        return Math.exp(logRatio - model.nll(z).nll[sentence]!);
      });
      return Math.log(weights.reduce((sum, weight) => sum + weight, 0) / 36);
    });
    alone.forEach(({ logLikelihood, draws }, sentence) => {
      expect(logLikelihood).toBeCloseTo(wanted[sentence]!, 3);
      expect(draws).toBe(36);
    });
  });

  test('is nearer the truth than q alone where q is too narrow, and is q alone without draws of the prior', () => {
    const { model, posterior } = narrowed(30, 0.15);
    const miss = (estimates: { logLikelihood: number }[]) =>
      estimates.reduce((sum, { logLikelihood }, i) => sum + model.logEvidence(i) - logLikelihood, 0) / 30;
    const estimator = new EncoderEstimator(500);
    const mixed = miss(estimator.estimate(model, posterior));
    const alone = miss(estimator.beside!.estimate(model, posterior));
    expect(Math.abs(mixed)).toBeLessThan(0.1);
    expect(alone).toBeGreaterThan(Math.abs(mixed) + 0.1);

    const theirs = new EncoderEstimator(500, 0);
    expect([theirs.name, theirs.beside]).toEqual(['encoder-alone', undefined]);
    expect(miss(theirs.estimate(model, posterior))).toBeGreaterThan(Math.abs(mixed) + 0.1);
  });

  test.each(['mean', 'logVariance'] as const)('counts the weights of a sentence whose %s is NaN', (part) => {
    const { model, posterior } = narrowed(3, 0.5);
    posterior.gaussian[part][4] = Number.NaN;
    const estimates = new EncoderEstimator(20).estimate(model, posterior);
    expect(estimates.map(({ notFinite }) => notFinite)).toEqual([0, 20, 0]);
    expect(estimates.map(({ logLikelihood }) => Number.isFinite(logLikelihood))).toEqual([true, false, true]);
  });

  test('refuses a posterior that is no Gaussian', () => {
    const model = new Quartic();
    const point = new PointPosterior(model, Float32Array.of(0), keysOf(1));
    expect(() => new EncoderEstimator(10).estimate(model, point)).toThrow(/with an encoder/);
  });
});

describe('what the decoder gains from z', () => {
  const texts = [
    [1, 2, 0, 4],
    [3, 3, 1, 2],
  ];

  test('is nothing under the prior itself, and what two exact averages differ by', () => {
    const model = new TinyRnn(texts, 2, { scale: 1.5 });
    const prior = { mean: new Float32Array(4), logVariance: new Float32Array(4) };
    const measure = (gaussian: DiagonalGaussian) => {
      const gain = new GainOverPrior(3000);
      gain.add(model, new GaussianPosterior(model, gaussian, keysOf(2)));
      return gain.result();
    };
    expect(Math.abs(measure(prior).value!)).toBeLessThan(0.1);
    const sharp = { mean: Float32Array.of(1, -1, 0.5, 1), logVariance: new Float32Array(4).fill(-20) };
    const { value, facts } = measure(sharp);
    const under = (z: Float32Array) => meanAndError(model.nll(z).nll).mean;
    const exact = under(normals(40000, 2)) - under(sharp.mean);
    expect(Math.abs(value! - exact)).toBeLessThan(0.1);
    expect(facts!.share).toBeCloseTo(value! / facts!.nllUnderPrior!, 10);
  });

  /** In one dimension, a likelihood of which a word w costs (z - w)^2 / 2 nats wherever it stands. */
  function wordByWord(sentences: readonly (readonly number[])[]): ConditionalLikelihood {
    const { length } = sentences;
    return delegating(new TinyRnn(sentences, 1), {
      tokenNll: (z) =>
        Float32Array.from(
          { length: length * sentences[0]!.length },
          (_, i) => (z[i % length]! - sentences[i % length]![Math.floor(i / length)]!) ** 2 / 2,
        ),
    });
  }

  test('is told position by position, of each the mean over the sentences that reach it', () => {
    const [long, short] = [
      {
        texts: [
          [3, 1, 2],
          [2, 4, 4],
        ],
        first: 0,
      },
      { texts: [[3, 2]], first: 2 },
    ];
    const over = (batches: (typeof long)[]) => {
      const gain = new GainOverPrior(4);
      for (const { texts, first } of batches) {
        const model = wordByWord(texts);
        const keys = { seed: 1, sentences: Int32Array.from(texts, (_, i) => first + i) };
        gain.add(model, new PointPosterior(model, normals(texts.length, 6), keys));
      }
      const { value, series } = gain.result();
      return { value: value!, position: series!.position!.map((nats) => nats!) };
    };
    const [ofLong, ofShort, ofBoth] = [over([long]), over([short]), over([long, short])];
    expect(ofLong.position).toHaveLength(3);
    expect(ofLong.position.reduce((sum, nats) => sum + nats, 0)).toBeCloseTo(ofLong.value, 5);
    ofLong.position.forEach((nats, t) => {
      expect(ofBoth.position[t]).toBeCloseTo(t < 2 ? (2 * nats + ofShort.position[t]!) / 3 : nats, 5);
    });
  });
});
