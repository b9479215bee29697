// The estimates against what their parts say: proportions that hold whatever the machine, and a run whose time is known.

import { describe, expect, it } from 'vitest';
import { loadConfig, resolveRun } from '../../../src/config/load.js';
import type { CorpusStatistics } from '../../../src/data/corpus.js';
import {
  classificationSeconds,
  decodingSeconds,
  metricsSeconds,
  noisySeconds,
  posteriorSeconds,
  trainingSeconds,
  type Workload,
} from '../../../src/experiments/reproduce/estimate.js';
import { stepsPerGradient } from '../../../src/inference/schedule.js';
import { methodNamed, methods } from '../../../src/methods/registry.js';
import type { SriKeys } from '../../../src/methods/sri.js';

const split = (sentences: number, words: number) => ({ sentences, words, maxLength: 20 });

/** The quickstart's corpus, of which the training split has about 14 tokens a sentence. */
const statistics = {
  splits: { train: split(17_800, 231_400), valid: split(2_200, 28_600), test: split(2_200, 28_600) },
} as unknown as CorpusStatistics;

const [V, E, H] = [5000, 128, 256];
const pass = 2 * H * 4 * H + 2 * V * H;

function workload(method: string, overrides: string[] = [], peak = 457e9): Workload {
  const run = resolveRun<SriKeys>(loadConfig('sotu', methods()), { method, overrides });
  const { inference } = methodNamed(method);
  const words = 2 * E * 4 * H;
  const learning =
    inference === 'short-run'
      ? stepsPerGradient(run.langevin).length * 2 * pass + words + 3 * (pass + words)
      : 3 * (pass + words);
  const cost = { epoch: learning * (231_400 + 17_800), learning, words, pass, parameters: 0 };
  return { run, inference, cost, statistics, split: 'test', peak };
}

describe('training', () => {
  it('takes about what the quickstart took: two epochs of SRI in 208 s, four of LSTM-LM in 53 s', () => {
    // Two Zen 5 cores, whose measured peak the logged share of it gives.
    const sri = trainingSeconds(workload('sri', ['training.epochs=2']), 0, null);
    expect(sri).toBeGreaterThan(104);
    expect(sri).toBeLessThan(416);
    const lm = trainingSeconds(workload('lstm-lm', ['training.epochs=4']), 0, null);
    expect(lm).toBeGreaterThan(26);
    expect(lm).toBeLessThan(106);
  });

  it('grows with the epochs that are left, and falls with the peak', () => {
    const work = workload('sri', ['training.epochs=10']);
    const whole = trainingSeconds(work, 0, null);
    expect(trainingSeconds(work, 5, null)).toBeCloseTo(whole / 2, 6);
    expect(trainingSeconds(work, 12, null)).toBe(0);
    expect(trainingSeconds({ ...work, peak: 2 * work.peak }, 0, null)).toBeCloseTo(whole / 2, 6);
  });

  it('believes what an epoch has taken before', () => {
    expect(trainingSeconds(workload('sri', ['training.epochs=10']), 4, 33)).toBe(6 * 33);
  });

  it('counts the gradients of the chain', () => {
    const by = (steps: number, gradients: string) =>
      trainingSeconds(workload('sri', [`langevin.steps=${steps}`, `langevin.gradients=${gradients}`]), 0, null);
    expect(by(40, 'null') / by(20, 'null')).toBeGreaterThan(1.7);
    expect(by(40, 'null') / by(20, 'null')).toBeLessThan(2);
    expect(by(60, '[1, 1, 1, 1, 1, 1, 1, 1, 26, 26]')).toBe(by(10, 'null'));
  });
});

describe("the encoder's own updates of Lagging-VAE", () => {
  const by = (updates: number, ...others: string[]) =>
    trainingSeconds(
      workload('lagging-vae', [`aggressive.updates=${updates}`, 'aggressive.window=15', ...others]),
      0,
      null,
    );

  it('cost what there may be of them, up to two windows of an aggressive iteration, one of ten', () => {
    const none = trainingSeconds(workload('anneal-vae'), 0, null);
    const own = (updates: number) => (by(updates, 'aggressive.clipBy=all') - none) / none;
    // By what clips all, an update is an iteration; but for what a validation takes, which they do not repeat.
    expect(own(20) / own(10)).toBeCloseTo(2, 9);
    expect(own(10)).toBeGreaterThan(0.8);
    expect(own(10)).toBeLessThan(1);
    expect(by(100)).toBe(by(30));
    expect(by(100, 'aggressive.window=5')).toBe(by(10));
    expect(by(100)).toBeGreaterThan(by(29));
  });

  it('cost less where the decoder is passed through once, to z alone', () => {
    expect(by(10) - by(1)).toBeLessThan(by(10, 'aggressive.clipBy=all') - by(1, 'aggressive.clipBy=all'));
    // Without an encoder's operations: of every code's pass two parts of three, of the words' one.
    const words = 2 * E * 4 * H;
    const share = (2 * pass + words) / (3 * (pass + words));
    const rise = by(11) - by(10);
    expect(rise / (by(11, 'aggressive.clipBy=all') - by(10, 'aggressive.clipBy=all'))).toBeCloseTo(share, 9);
  });
});

describe('measuring', () => {
  it('takes about what the quickstart took: 41 s for all of SRI’s quantities on 300 sentences, the dear ones on 50', () => {
    const sentences = ['evaluation.sentences=300', 'evaluation.perplexitySentences=50'];
    const seconds = metricsSeconds(workload('sri', sentences));
    expect(seconds).toBeGreaterThan(20);
    expect(seconds).toBeLessThan(82);
  });

  it('is dearest by annealing, and dearer with a code than without', () => {
    const by = (estimator: string) =>
      metricsSeconds(workload('sri', [`evaluation.estimator=${estimator}`, 'evaluation.aisSentences=null']));
    expect(by('ais')).toBeGreaterThan(by('fitted'));
    expect(metricsSeconds(workload('lstm-lm'))).toBeLessThan(by('fitted') / 10);
  });

  it('grows with the sentences up to those of the split', () => {
    const by = (sentences: string) =>
      metricsSeconds(
        workload('sri', [`evaluation.sentences=${sentences}`, `evaluation.perplexitySentences=${sentences}`]),
      );
    const rest = 2 * by('100') - by('200');
    expect((by('2000') - rest) / (by('200') - rest)).toBeCloseTo(10, 6);
    expect(by('9999')).toBe(by('null'));
  });

  it('takes as many inferences for Table 4 as there are swaps and copies', () => {
    const work = workload('sri');
    const by = (swaps: number) => noisySeconds(work, { swaps, noiseDraws: 3 });
    expect(by(4) - by(3)).toBeCloseTo(by(2) - by(1), 9);
    expect(noisySeconds(work, { swaps: 1, noiseDraws: 12 })).toBeCloseTo(by(4), 9);
  });

  it('passes over more labels than there are sentences', () => {
    const work = workload('sri', ['evaluation.featureDraws=1']);
    const by = (...labels: number[]) => classificationSeconds(work, { labels, draws: 5 });
    expect(by(0, 100, 1000, 100_000)).toBe(by(0, 100, 1000));
    expect(by(0, 100, 1000, 10_000)).toBeGreaterThan(by(0, 100, 1000) + 60);
  });

  it('takes the time of a map by the square of its points', () => {
    const work = workload('sri');
    const codes = (sentences: number) => posteriorSeconds(work, sentences) - decodingSeconds(work, 0);
    expect(codes(2000) / codes(1000)).toBeGreaterThan(3);
    // The split has no more.
    expect(posteriorSeconds(work, 5000)).toBe(posteriorSeconds(work, 2200));
  });
});
