// A metric from outside: known everywhere once it is registered, and refused where it would hide another.

import { beforeAll, describe, expect, test } from 'vitest';
import { EncodedSplit } from '../../src/data/corpus.js';
import { InputError } from '../../src/errors.js';
import { defineMetric } from '../../src/evaluation/define-metric.js';
import { diagnose, diagnosisColumns, diagnosisMetrics } from '../../src/evaluation/diagnosis.js';
import { evaluate, measurable } from '../../src/evaluation/evaluate.js';
import type { Measurement } from '../../src/evaluation/measurement.js';
import { checkedResult } from '../../src/evaluation/measurement.js';
import { FittedEstimator } from '../../src/evaluation/perplexity/fitted-estimator.js';
import { findMetric, metricNamed, metrics, registerMetric } from '../../src/evaluation/registry.js';
import { ShortRunPosterior } from '../../src/inference/short-run-posterior.js';
import { constantSchedule, TinyRnn } from '../inference/models.js';

/** Mean squared length of a code; asked late, as a metric that decodes would answer. */
function squaredLength(draws: number): Measurement {
  let sum = 0;
  let codes = 0;
  return {
    metric: 'squared-length',
    pathDraws: 0,
    async add(_, posterior) {
      await new Promise((resolve) => setImmediate(resolve));
      const z = posterior.z(draws);
      sum += z.reduce((total, value) => total + value * value, 0);
      codes += draws * posterior.keys.sentences.length;
    },
    result: () => ({
      metric: 'squared-length',
      estimator: 'short-run',
      value: sum / codes,
      standardError: null,
      sentences: codes / draws,
      draws,
      warnings: [],
    }),
  };
}

const metric = defineMetric({
  name: 'squared-length',
  label: 'Squared length',
  description: "mean squared length of a sentence's code",
  needs: ['path-density'],
  measure: ({ draws }) => [squaredLength(draws)],
  validation: {
    when: 'always',
    columns: () => ['validationSquaredLength'],
    values: ([row]) => ({ validationSquaredLength: row?.value }),
  },
});

describe('a metric of its own', () => {
  beforeAll(() => registerMetric(metric));

  test('stands after those that are there, once', () => {
    registerMetric(metric);
    expect(metrics().map(({ name }) => name)).toEqual([
      ...['ppl', 'recon', 'kl', 'au', 'mi', 'gain', 'noisy-recon', 'accuracy', 'transfer'],
      'squared-length',
    ]);
    expect(metricNamed('squared-length')).toBe(metric);
    expect(findMetric('bleu')).toBeUndefined();
    expect(() => metricNamed('bleu')).toThrow(/bleu is no metric; there are ppl, recon, .*squared-length/);
  });

  test('may not take the name of another, or one that no file could have', () => {
    const named = (name: string) => () => registerMetric({ ...metric, name });
    expect(named('ppl')).toThrow(InputError);
    expect(named('ppl')).toThrow(/there is a metric ppl already/);
    expect(named('../rows')).toThrow(/"..\/rows" will not do as the name of a metric/);
  });

  test('says what no row could have of what it found', () => {
    const found = {
      metric: 'mine',
      estimator: 'own',
      value: 1,
      standardError: null,
      sentences: 3,
      draws: 0,
      warnings: [],
    };
    expect(checkedResult('mine', found)).toBe(found);
    const complaints: [object, RegExp][] = [
      [{ value: '1' }, /^the metric mine: its result: value: /],
      [{ warnings: undefined }, /^the metric mine: its result: warnings: /],
      [{ metric: 'kl' }, /metric: "kl"; it is "mine"/],
      [{ estimator: '../../escaped' }, /"\.\.\/\.\.\/escaped": a-z, 0-9 and -/],
      [{ perSentence: { index: [0], value: [1] } }, /perSentence: wanted are/],
    ];
    for (const [wrong, complaint] of complaints) {
      expect(() => checkedResult('mine', { ...found, ...wrong } as never)).toThrow(complaint);
    }
    expect(() => checkedResult('mine', undefined as never)).toThrow(/undefined; it is an object/);
  });

  test('is measured on the draws that all share, waited for, and has a column of each epoch', async () => {
    const split = new EncodedSplit('valid', Int32Array.of(0, 1, 2, 1, 0, 2), Int32Array.of(0, 2, 4, 6), null);
    const schedule = constantSchedule(0.05, 4);
    const posteriors: ShortRunPosterior[] = [];
    const rows = await evaluate(
      {
        hasLatent: true,
        latentSize: 2,
        inference: 'short-run',
        likelihood: ({ size }) =>
          Object.assign(
            new TinyRnn(
              Array.from({ length: size }, () => [0, 1, 3]),
              2,
              { scale: 1 },
            ),
            { dispose() {} },
          ),
        posterior(_, likelihood, keys, pathDraws) {
          const posterior = new ShortRunPosterior(likelihood, schedule, keys, pathDraws);
          posteriors.push(posterior);
          return posterior;
        },
      },
      split,
      {
        metrics: ['au', 'squared-length'],
        estimator: new FittedEstimator({ draws: 4, chains: 2, metropolisSteps: 4 }),
        seed: 1,
        batchSize: 2,
        limit: null,
        perplexitySentences: null,
        draws: 5,
      },
    );
    const own = rows.find((row) => row.metric === 'squared-length')!;
    const codes = posteriors.flatMap((posterior) => [...posterior.z(5)]);
    expect(own.value).toBeCloseTo(codes.reduce((sum, value) => sum + value * value, 0) / 15, 5);
    expect(own).toMatchObject({ sentences: 3, draws: 5, split: 'valid' });
    expect(diagnose(rows)).toMatchObject({ validationSquaredLength: own.value });
    expect(diagnosisMetrics('short-run')).toContain(metric);
    expect(diagnosisColumns('short-run', 2)).toContain('validationSquaredLength');
  });

  test('is measured only where what it needs is there', () => {
    expect(measurable(['recon', 'squared-length'], 'short-run')).toHaveLength(2);
    expect(() => measurable(['squared-length'], 'gaussian')).toThrow(
      /a code from a Gaussian has no squared-length; it has ppl, recon, kl, au, mi, gain$/,
    );
    expect(() => measurable(['kl', 'mi'], 'point')).toThrow(/a code that is a point has no kl, mi; it has ppl, recon/);
    expect(() => measurable(['squared-length'], 'none')).toThrow(/has no squared-length; it has ppl$/);
    expect(diagnosisMetrics('gaussian')).not.toContain(metric);
  });
});

test('columns stand where they stood before there were definitions', () => {
  const single = ['Recon', 'Kl', 'ActiveUnits', 'LatentRms', 'MutualInformation', 'GainOverPrior'];
  const gains = ['GainOverOtherSentence', 'GainOverLstmLm'];
  const columns = diagnosisColumns('short-run', 2, { judgedBy: ['ppl'] }).filter(
    (name) => name !== 'validationSquaredLength',
  );
  // What came later of each dimension stands between its KL and the gain by position.
  expect(columns.filter((name) => !/Variance/.test(name)).slice(0, 15)).toEqual([
    ...['Ppl', 'PplError', 'EffectiveSampleSize', ...single, ...gains].map((name) => `validation${name}`),
    ...['klDimension[0]', 'klDimension[1]', 'gainPosition[1]', 'gainPosition[2]'],
  ]);
  expect(columns).toHaveLength(13 + 4 + 20);
  expect(diagnosisColumns('none', 0, { judgedBy: ['ppl'] })).toEqual(['validationPpl', 'validationPplError']);
});

test('an epoch may be asked for less: what it is judged by, and what is chosen', () => {
  const question = { judgedBy: ['ppl'], chosen: ['au'] };
  expect(diagnosisMetrics('short-run', question).map(({ name }) => name)).toEqual(['ppl', 'au']);
  expect(diagnosisColumns('short-run', 2, question)).not.toContain('validationMutualInformation');
  expect(diagnosisColumns('short-run', 2, question)).toContain('validationActiveUnits');
  expect(diagnosisMetrics('gaussian', { judgedBy: ['recon', 'kl'], chosen: [] }).map(({ name }) => name)).toEqual([
    'recon',
    'kl',
  ]);
  expect(() => diagnosisMetrics('gaussian', { chosen: ['accuracy'] })).toThrow(
    /training\.validation\.metrics: accuracy is no metric that epochs can be measured by; there are ppl, recon/,
  );
});

test('a measurement that lacks a part is told of by its metric, whatever is measured with it', async () => {
  const split = new EncodedSplit('valid', Int32Array.of(0, 1), Int32Array.of(0, 2), null);
  const measureWith = (made: unknown, name: string) => {
    registerMetric(defineMetric({ name, label: name, description: 'none', measure: () => [made as Measurement] }));
    return evaluate(
      {
        hasLatent: true,
        latentSize: 2,
        inference: 'short-run',
        likelihood: () => Object.assign(new TinyRnn([[0, 1, 3]], 2, { scale: 1 }), { dispose() {} }),
        posterior: (_, likelihood, keys, pathDraws) =>
          new ShortRunPosterior(likelihood, constantSchedule(0.05, 4), keys, pathDraws),
      },
      split,
      {
        metrics: ['kl', name],
        estimator: new FittedEstimator({ draws: 4, chains: 2, metropolisSteps: 4 }),
        seed: 1,
        batchSize: 1,
        limit: null,
        perplexitySentences: null,
      },
    );
  };
  const whole = { ...squaredLength(3), metric: 'whole' };
  const { pathDraws: _, ...without } = whole;
  const complaints: [unknown, string][] = [
    [without, 'pathDraws is missing; it is a whole number from 0'],
    [{ ...whole, pathDraws: 1.5 }, 'pathDraws will not do; it is a whole number from 0'],
    [{ ...whole, metric: 3 }, 'metric will not do; it is a string'],
    [{ ...whole, add: null }, 'add will not do; it is a function'],
    [{ ...whole, result: undefined }, 'result is missing; it is a function'],
    [undefined, 'metric is missing; it is a string'],
  ];
  for (const [i, [made, complaint]] of complaints.entries()) {
    await expect(measureWith(made, `wrong-${i}`)).rejects.toThrow(`the metric wrong-${i}: measure: ${complaint}`);
  }
  registerMetric(
    defineMetric({ name: 'inexact', label: 'x', description: 'none', measureExact: () => ({ add() {} }) as never }),
  );
  const exact = { hasLatent: false, sentenceNll: () => Float32Array.of(1) } as const;
  const estimator = new FittedEstimator();
  const options = { metrics: ['inexact'], estimator, seed: 1, batchSize: 1, limit: null, perplexitySentences: null };
  await expect(evaluate(exact, split, options)).rejects.toThrow('the metric inexact: measureExact: metric is missing');
});
