// What the decoder gains and what a verdict makes of it, on models whose answers are known.

import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { ActiveUnitsMeasurement } from '../../src/evaluation/active-units.js';
import { DIVERGED_RMS, diagnose, diagnosisColumns, verdictOf } from '../../src/evaluation/diagnosis.js';
import { GainOverLanguageModel, GainOverOtherSentence, GainOverPrior } from '../../src/evaluation/latent-gain.js';
import type { Measurement } from '../../src/evaluation/measurement.js';
import { MutualInformationMeasurement } from '../../src/evaluation/mutual-information.js';
import { ReconstructionMeasurement } from '../../src/evaluation/reconstruction.js';
import { GaussianPosterior, PointPosterior } from '../../src/inference/amortized.js';
import type { Posterior } from '../../src/inference/posterior.js';
import { ShortRunPosterior } from '../../src/inference/short-run-posterior.js';
import type { ConditionalLikelihood } from '../../src/model/likelihood.js';
import { RandomStream } from '../../src/random/philox.js';
import type { ResultRow } from '../../src/runs/row.js';
import {
  constantSchedule,
  LinearGaussian,
  MixturePrior,
  normals,
  Quartic,
  randomLinearGaussian,
} from '../inference/models.js';

function keysOf(sentences: number, first = 0) {
  return { seed: 1, sentences: Int32Array.from({ length: sentences }, (_, i) => first + i) };
}

/** The true posterior's means and variances, as an encoder would say them. */
function truePosterior(model: LinearGaussian, keys = keysOf(model.sentences)): GaussianPosterior {
  const all = Array.from({ length: model.sentences }, (_, i) => model.posterior(i));
  const mean = Float32Array.from(all.flatMap((posterior) => posterior.mean));
  const logVariance = Float32Array.from(all.flatMap(({ covariance }) => covariance.diagonal().map(Math.log)));
  return new GaussianPosterior(model, { mean, logVariance }, keys);
}

/** A loading that puts every dimension into an observation of its own, of four. */
function loading(...weights: number[]): Matrix {
  return Matrix.diag(weights, 4, weights.length);
}

function observations(sentences: number, scale: number): number[][] {
  const noise = normals(4 * sentences, 3);
  return Array.from({ length: sentences }, (_, i) => Array.from({ length: 4 }, (__, d) => scale * noise[4 * i + d]!));
}

/** -log p(x) of a language model that knows the text's distribution exactly. */
function perfectLanguageModel(model: LinearGaussian): Map<number, number> {
  return new Map(Array.from({ length: model.sentences }, (_, i) => [i, -model.logEvidence(i)]));
}

test('a cycle moves every place, and comes back to the first only after all', () => {
  for (const count of [1, 2, 3, 17]) {
    const cycle = new RandomStream({ seed: 4, purpose: 'other-sentence', batch: count }).cycle(count);
    let at = 0;
    for (let steps = 1; steps <= count; steps++) {
      at = cycle[at]!;
      expect(at === 0).toBe(steps === count);
    }
  }
});

describe('the gain over the code of another sentence', () => {
  test('is that of two exact expectations', () => {
    const model = new LinearGaussian(loading(1.5, 0.8), observations(2, 1.5), 1);
    const gain = new GainOverOtherSentence(4000);
    gain.add(model, truePosterior(model));
    const { value, perSentence, variant, facts } = gain.result();
    const exact = [0, 1].map((x) => {
      const under = (y: number) => {
        const { mean, covariance } = model.posterior(y);
        return model.expectedNll(x, Matrix.columnVector(mean), covariance);
      };
      return under(1 - x) - under(x);
    });
    expect(variant).toBe('over-other-sentence');
    exact.forEach((wanted, x) => {
      expect(Math.abs(perSentence!.value[x]! - wanted)).toBeLessThan(0.1);
    });
    expect(value).toBeCloseTo((perSentence!.value[0]! + perSentence!.value[1]!) / 2, 5);
    expect(facts!.share).toBeCloseTo(value! / facts!.nllUnderOther!, 10);
  });

  test('takes the code of either other sentence of three, for every draw anew', () => {
    const draws = 64;
    const model = new LinearGaussian(loading(1.5, 0.8), observations(3, 1.5), 1);
    const codes = normals(6, 5);
    const gain = new GainOverOtherSentence(draws);
    gain.add(model, new PointPosterior(model, codes, keysOf(3)));
    const { perSentence } = gain.result();
    [0, 1, 2].forEach((x) => {
      const [own, one, other] = [0, 1, 2].map((i) => {
        const from = 2 * ((x + i) % 3);
        return model.at(x, codes.subarray(from, from + 2)).value;
      }) as [number, number, number];
      const share = (perSentence!.value[x]! + own - other) / (one - other);
      expect(share * draws).toBeCloseTo(Math.round(share * draws), 2);
      expect(share).toBeGreaterThan(0.25);
      expect(share).toBeLessThan(0.75);
    });
  });

  test('takes the codes of a batch before for a sentence that is alone, and counts those without any', () => {
    const model = new LinearGaussian(loading(1.5, 0.8), observations(2, 1.5), 1);
    const together = new GainOverOtherSentence(2000);
    together.add(model, truePosterior(model));
    const alone = new GainOverOtherSentence(2000);
    for (const i of [0, 1]) {
      const one = new LinearGaussian(loading(1.5, 0.8), observations(2, 1.5).slice(i, i + 1), 1);
      alone.add(one, truePosterior(one, keysOf(1, i)));
    }
    const { sentences, perSentence, facts, warnings } = alone.result();
    expect(sentences).toBe(1);
    expect(perSentence!.index).toEqual(Int32Array.of(1));
    expect(perSentence!.value[0]).toBeCloseTo(together.result().perSentence!.value[1]!, 4);
    expect(facts!.leftOut).toBe(1);
    expect(warnings.join()).toMatch(/1 sentences without another/);
    const longer = new LinearGaussian(loading(1.5, 0.8), observations(1, 1), 1, 9);
    alone.add(longer, truePosterior(longer, keysOf(1, 2)));
    expect(alone.result().facts!.leftOut).toBe(2);
  });

  test('is nothing where the code is the same for all, however far that lies from the prior', () => {
    const model = randomLinearGaussian(40, 2, { same: true });
    const posterior = new PointPosterior(model, new Float32Array(80).fill(4), keysOf(40));
    const [other, prior] = [new GainOverOtherSentence(16), new GainOverPrior(16)];
    for (const gain of [other, prior]) gain.add(model, posterior);
    expect(other.result().value).toBe(0);
    expect(Math.abs(prior.result().value!)).toBeGreaterThan(1);
  });
});

test('the gain over LSTM-LM is the difference of the same sentences, those that it was asked about', () => {
  const model = randomLinearGaussian(3, 2);
  const posterior = truePosterior(model);
  const gain = new GainOverLanguageModel(
    8,
    new Map([
      [0, 20],
      [2, 30],
    ]),
  );
  gain.add(model, posterior);
  const { sentences, perSentence, value, variant } = gain.result();
  const nll = posterior.nll(8);
  const mean = (x: number) => Array.from({ length: 8 }, (_, m) => nll[m * 3 + x]!).reduce((a, b) => a + b) / 8;
  expect(variant).toBe('over-lstm-lm');
  expect(sentences).toBe(2);
  expect(perSentence!.index).toEqual(Int32Array.of(0, 2));
  expect(value).toBeCloseTo((20 - mean(0) + 30 - mean(2)) / 2, 4);
});

/** The rows that a verdict is made of. */
function measure(model: ConditionalLikelihood, posterior: Posterior, lstmLm?: ReadonlyMap<number, number>) {
  const draws = 8;
  const measurements: Measurement[] = [
    new ReconstructionMeasurement(draws),
    new ActiveUnitsMeasurement(draws),
    ...(posterior.name === 'mean' ? [] : [new MutualInformationMeasurement(draws)]),
    new GainOverPrior(draws),
    new GainOverOtherSentence(draws),
    ...(lstmLm === undefined ? [] : [new GainOverLanguageModel(draws, lstmLm)]),
  ];
  return measurements.map((measurement): ResultRow => {
    measurement.add(model, posterior);
    return { ...measurement.result(), split: 'valid', seed: 1, seconds: 0 };
  });
}

describe('the verdict', () => {
  const informative = () => new LinearGaussian(loading(1.2, 1), observations(200, 1.3), 1);

  test('there is none without a code, nor where nothing that it rests on is known', () => {
    const row = { split: 'valid', sentences: 9, draws: 0, seed: 1, seconds: 0, warnings: [], standardError: 1 };
    expect(verdictOf([{ ...row, metric: 'ppl', estimator: 'exact', value: 30 }], 2)).toBeNull();
    const rows: ResultRow[] = [
      { ...row, metric: 'recon', estimator: 'mean', value: 30 },
      { ...row, metric: 'au', estimator: 'mean', value: 2 },
      { ...row, metric: 'gain', variant: 'over-prior', estimator: 'mean', value: 66 },
    ];
    expect(verdictOf(rows, 2)).toBeNull();
  });

  test('there is none of a single sentence, which nothing can be told from', () => {
    const one = new LinearGaussian(loading(1.2, 1), observations(1, 1.3), 1);
    const chains = new ShortRunPosterior(one, constantSchedule(0.1, 10), keysOf(1));
    for (const posterior of [truePosterior(one), chains]) {
      const rows = measure(one, posterior);
      expect(rows.find(({ metric }) => metric === 'au')).toMatchObject({ value: null, standardError: null });
      expect(rows.find(({ metric }) => metric === 'recon')!.value).not.toBeNull();
      expect(verdictOf(rows, 2)).toBeNull();
      expect(Object.values(diagnose(rows)).every(Number.isFinite)).toBe(true);
    }
  });

  test('active: the code tells sentences apart, and the decoder does better than a perfect language model', () => {
    const model = informative();
    const { collapse, reason } = verdictOf(measure(model, truePosterior(model), perfectLanguageModel(model)), 2)!;
    expect(collapse).toBe('active');
    expect(reason).toMatch(
      /^z holds \d\.\d\d nats of mutual information with its sentence, with z the NLL is \d+\.\d\d nats \(\d+\.\d %\) below that with another sentence's, with z the NLL is \d\.\d\d nats \(\d+\.\d %\) below LSTM-LM's; 2 of 2 dimensions are active \(2 with more noise than signal\)$/,
    );
    const alone = verdictOf(measure(model, truePosterior(model)), 2)!;
    expect(alone.collapse).toBe('active');
    expect(alone.reason).not.toMatch(/LSTM-LM/);
  });

  test('collapsed: a posterior that is the prior', () => {
    const model = informative();
    const prior = { mean: new Float32Array(400), logVariance: new Float32Array(400) };
    const verdict = verdictOf(measure(model, new GaussianPosterior(model, prior, keysOf(200))), 2)!;
    expect(verdict.collapse).toBe('collapsed');
    expect(verdict.reason).toMatch(/0 of 2 dimensions are active/);
  });

  test('collapsed: one code for all sentences, whatever is gained over codes of the prior', () => {
    const model = randomLinearGaussian(200, 2, { same: true, seed: 5 });
    const rows = measure(model, truePosterior(model));
    expect(diagnose(rows).validationGainOverPrior).toBeGreaterThan(0.2);
    expect(verdictOf(rows, 2)!.collapse).toBe('collapsed');
    // Short runs are judged by the moments of their draws.
    const chains = new ShortRunPosterior(model, constantSchedule(0.05, 20), keysOf(200));
    expect(verdictOf(measure(model, chains), 2)!.collapse).toBe('collapsed');
  });

  test('partly collapsed: most dimensions say nothing', () => {
    const model = new LinearGaussian(loading(1.5, 0, 0), observations(200, 1.3), 1);
    const verdict = verdictOf(measure(model, truePosterior(model)), 3)!;
    expect(verdict.collapse).toBe('partly collapsed');
    expect(verdict.reason).toMatch(/^1 of 3 dimensions are active \(2 too weak.*\); z holds /);
  });

  test('an autoencoder whose decoder heeds its code, and does no better than LSTM-LM without one, is no great user of it', () => {
    const model = informative();
    const code = Float32Array.from({ length: 400 }, (_, i) => 3 * model.posterior(Math.floor(i / 2)).mean[i % 2]!);
    const posterior = new PointPosterior(model, code, keysOf(200));
    const nll = posterior.nll(1);
    const lstmLm = new Map(Array.from(nll, (value, i) => [i, value + 0.02]));
    const rows = measure(model, posterior, lstmLm);
    expect(diagnose(rows).validationGainOverOtherSentence).toBeGreaterThan(1);
    const { collapse, reason } = verdictOf(rows, 2)!;
    expect(collapse).toBe('partly collapsed');
    expect(reason).toMatch(/^with z the NLL is 0\.02 nats \(0\.\d %\) below LSTM-LM's; with z .* another sentence's/);
    const better = new Map([...lstmLm].map(([x, value]) => [x, value - 1]));
    expect(verdictOf(measure(model, posterior, better), 2)!.reason).toMatch(
      /^with z the NLL is 0\.98 nats .* above LSTM-LM's/,
    );
  });

  test('diverged: chains whose steps are too large for the slope, finite or not', () => {
    const model = informative();
    // Of curvature 1 + 1.44 and 2: each step of 1.5 takes z two or more times as far.
    const far = verdictOf(measure(model, new ShortRunPosterior(model, constantSchedule(1.5, 8), keysOf(200))), 2)!;
    expect(far.collapse).toBe('diverged');
    const rms = Number(far.reason.match(/root mean square of (\d+\.\d)/)![1]);
    expect(rms).toBeGreaterThan(DIVERGED_RMS);
    const quartic = new Quartic();
    const chains = new ShortRunPosterior(quartic, constantSchedule(10, 12), keysOf(1));
    expect(verdictOf(measure(quartic, chains), 1)).toMatchObject({
      collapse: 'diverged',
      reason: expect.stringMatching(/not finite/),
    });
  });

  test('not diverged where a learned prior lies as far out as the codes do, but where they leave that one', () => {
    const model = informative();
    const chains = new ShortRunPosterior(model, constantSchedule(1.5, 5), keysOf(200));
    const under = (deviation: number) =>
      measure(Object.assign(informative(), { prior: new MixturePrior(2, [[1, 0, deviation]]) }), chains);
    const wide = under(50);
    const { latentRms, priorRms } = wide.find(({ metric }) => metric === 'au')!.facts!;
    expect(priorRms).toBeGreaterThan(40);
    expect(priorRms).toBeLessThan(60);
    expect(latentRms).toBeGreaterThan(DIVERGED_RMS);
    expect(latentRms).toBeLessThan(DIVERGED_RMS * 50);
    expect(verdictOf(wide, 2)!.collapse).not.toBe('diverged');
    const narrower = latentRms! / (2 * DIVERGED_RMS);
    expect(verdictOf(under(narrower), 2)).toMatchObject({
      collapse: 'diverged',
      reason: expect.stringMatching(/far outside the range of the prior, whose own is \d+\.\d$/),
    });
  });
});

test('the diagnosis has a column for each of its numbers, and only those', () => {
  const model = new LinearGaussian(loading(1.2, 1), observations(30, 1.3), 1);
  const posterior = new ShortRunPosterior(model, constantSchedule(0.1, 10), keysOf(30));
  const rows = measure(model, posterior, perfectLanguageModel(model));
  const kl = { metric: 'kl', value: 5, estimator: '', series: { dimension: [4, 1, null] } } as never;
  const diagnosis = diagnose([...rows, kl]);
  const columns = diagnosisColumns('short-run', 3);
  expect(Object.keys(diagnosis).sort()).toEqual(
    [
      ...columns.slice(0, 8),
      ...['klDimension[0]', 'klDimension[1]', 'gainPosition[1]'],
      ...['signalVariance[0]', 'signalVariance[1]', 'posteriorVariance[0]', 'posteriorVariance[1]'],
    ].sort(),
  );
  expect(diagnosis).toMatchObject({ validationKl: 5, 'klDimension[1]': 1 });
  expect(diagnosis.validationLatentRms).toBeCloseTo(
    Math.sqrt(posterior.z(8).reduce((sum, value) => sum + value * value, 0) / (8 * 60)),
    5,
  );
  const long = { metric: 'gain', variant: 'over-prior', value: 1, series: { position: Array(30).fill(0.25) } } as never;
  expect(diagnose([long])).toMatchObject({ 'gainPosition[20]': 0.25 });
  expect(diagnose([long])).not.toHaveProperty(['gainPosition[21]']);
});
