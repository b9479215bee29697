import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, overrideRun, resolveRun } from '../../../src/config/load.js';
import type { CorpusStatistics } from '../../../src/data/corpus.js';
import { remaining as remainingOf } from '../../../src/experiments/reproduce/measurings.js';
import {
  isMeasured,
  isPlanned,
  type MeasuringTerms,
  trainingState,
} from '../../../src/experiments/reproduce/outstanding.js';
import { methodNamed, methods } from '../../../src/methods/registry.js';
import type { Measuring } from '../../../src/report/product.js';
import { tablesOf } from '../../../src/report/tables.js';
import { type MeasuredRun, readRun } from '../../../src/runs/measured-run.js';
import { POSTERIOR, POSTERIOR_SUMMARY } from '../../../src/runs/posterior-files.js';
import { GENERATIONS } from '../../../src/runs/texts.js';
import { type GivenRow, makeRun, manifest } from '../../report/runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-outstanding-'));
afterAll(() => rmSync(root, { recursive: true }));

const statistics = {
  splits: { train: { sentences: 2000 }, valid: { sentences: 300 }, test: { sentences: 400 } },
} as unknown as CorpusStatistics;

function how(method: string, overrides: string[] = []): MeasuringTerms {
  const run = overrideRun(resolveRun(loadConfig('ptb', methods()), { method }), overrides, methods());
  return { run, inference: methodNamed(method).inference, split: 'test', statistics };
}

/** What a run lacks of one kind; of metrics, of those of Table 1. */
function remaining(kind: Measuring, measured: MeasuredRun | null, terms: MeasuringTerms) {
  const task = { kind, ...(kind === 'metrics' ? { metrics: tablesOf([1])[0]!.metrics } : {}) };
  return remainingOf(task, measured, terms);
}

/** A run whose rows saw the whole test split unless they say otherwise. */
async function found(method: string, rows: GivenRow[]) {
  const whole = rows.map((row) => ({ sentences: 400, ...row }));
  const folder = await makeRun(mkdtempSync(path.join(root, 'runs-')), 'ptb', method, undefined, whole);
  return { folder, measured: readRun(folder) };
}

describe('training', () => {
  const run = { training: { epochs: 7 } } as Parameters<typeof trainingState>[0];

  it('is to do, goes on or is done, as the manifest has it', () => {
    expect(trainingState(run, null)).toEqual({ state: 'to do' });
    expect(trainingState(run, { finished: null, epochs: 4 })).toEqual({ state: 'goes on', epochs: 4 });
    expect(trainingState(run, { finished: { reason: 'all-epochs', epochs: 7 }, epochs: 7 })).toEqual({ state: 'done' });
    expect(trainingState(run, { finished: { reason: 'early-stop', patience: 3 }, epochs: 4 })).toEqual({
      state: 'done',
    });
  });

  it('goes on where it is given more epochs than it had', () => {
    expect(trainingState(run, { finished: { reason: 'all-epochs', epochs: 5 }, epochs: 5 })).toEqual({
      state: 'goes on',
      epochs: 5,
    });
  });
});

describe('what is missing of Table 1', () => {
  it('is everything that the method has, of a run that was never measured', async () => {
    expect(remaining('metrics', null, how('sri'))).toEqual({ kind: 'metrics', metrics: ['ppl', 'recon', 'au', 'kl'] });
    expect(remaining('metrics', null, how('lstm-lm'))).toEqual({ kind: 'metrics', metrics: ['ppl'] });
    const { measured } = await found('lstm-lm', [{ metric: 'ppl', estimator: 'exact', value: 99 }]);
    expect(remaining('metrics', measured, how('lstm-lm'))).toBeNull();
  });

  it('is what has no row of the best weights, on the split, by the estimator and on all sentences', async () => {
    const { measured } = await found('sri', [
      { metric: 'ppl', estimator: 'jacobian', value: 94 },
      { metric: 'recon', estimator: 'short-run', value: 91, split: 'valid' },
      { metric: 'au', estimator: 'short-run', value: 32, epoch: 4 },
      { metric: 'kl', estimator: 'jacobian', value: 10, sentences: 399 },
      { metric: 'kl', estimator: 'gaussian', value: 10, sentences: 399 },
    ]);
    const metrics = ['ppl', 'recon', 'au', 'kl'];
    expect(remaining('metrics', measured, how('sri'))).toEqual({ kind: 'metrics', metrics });
    expect(remaining('metrics', measured, how('sri', ['evaluation.estimator=jacobian']))).toMatchObject({
      metrics: ['recon', 'au', 'kl'],
    });
    expect(remaining('metrics', measured, how('sri', ['evaluation.perplexitySentences=399']))).toMatchObject({
      metrics: ['ppl', 'recon', 'au'],
    });
    expect(remaining('metrics', measured, { ...how('sri'), statistics: null })).toMatchObject({
      metrics: ['ppl', 'recon', 'au'],
    });
  });

  it('asks cheap metrics for the sentences of the split, and dear ones for those of perplexity', async () => {
    const rows = (sentences: number): GivenRow[] => [
      { metric: 'ppl', estimator: 'encoder', value: 94, sentences: 50 },
      ...(['recon', 'au', 'kl'] as const).map((metric) => ({ metric, estimator: 'x', value: 1, sentences })),
    ];
    const few = how('fb-vae', ['evaluation.sentences=300', 'evaluation.perplexitySentences=50']);
    expect(remaining('metrics', (await found('fb-vae', rows(300))).measured, few)).toBeNull();
    // The KL of an encoder costs nothing, and is of all.
    expect(remaining('metrics', (await found('fb-vae', rows(50))).measured, few)).toMatchObject({
      metrics: ['recon', 'au', 'kl'],
    });
  });
});

describe('a row that was measured otherwise than the configuration says', () => {
  const ROWS: GivenRow[] = [
    { metric: 'ppl', estimator: 'fitted', value: 94, draws: 100 },
    { metric: 'ppl', estimator: 'ais', value: 94, draws: 8 },
    { metric: 'ppl', estimator: 'encoder', value: 94, draws: 100 },
    { metric: 'ppl', estimator: 'encoder-alone', value: 95, draws: 100 },
    { metric: 'recon', estimator: 'x', value: 94, draws: 16 },
    { metric: 'au', estimator: 'x', value: 94, draws: 16 },
    { metric: 'kl', estimator: 'jacobian', value: 10, draws: 2 },
    { metric: 'kl', estimator: 'gaussian', value: 10, draws: 64 },
  ];
  const AS_MEASURED = [
    'evaluation.draws={ fitted: 100, ais: 8, encoder: 100 }',
    'evaluation.inferenceChains=16',
    'evaluation.klChains={ jacobian: 2, gaussian: 64 }',
    'evaluation.featureDraws=1',
  ];
  const left = async (method: string, ...overrides: string[]) =>
    remaining('metrics', (await found(method, ROWS)).measured, how(method, [...AS_MEASURED, ...overrides]));

  it('is none where it says the same', async () => {
    expect(await left('sri')).toBeNull();
    expect(await left('sri', 'evaluation.estimator=ais')).toBeNull();
    expect(await left('fb-vae')).toBeNull();
    expect(await left('fb-vae', 'evaluation.priorShare=0')).toBeNull();
  });

  it.each([
    ['draws of fitted', 'sri', 'ppl', ['evaluation.draws.fitted=101']],
    ['chains of fitted', 'sri', 'ppl', ['evaluation.chains=1000']],
    ['steps of fitted', 'sri', 'ppl', ['evaluation.metropolisSteps=1000']],
    ['the tails of fitted', 'sri', 'ppl', ['evaluation.studentDegrees=7']],
    ['chains of ais', 'sri', 'ppl', ['evaluation.estimator=ais', 'evaluation.draws.ais=9']],
    ['temperatures of ais', 'sri', 'ppl', ['evaluation.estimator=ais', 'evaluation.temperatures=100000']],
    ["the prior's share among an encoder's draws", 'fb-vae', 'ppl', ['evaluation.priorShare=0.25']],
    ["an encoder's draws", 'fb-vae', 'ppl', ['evaluation.draws.encoder=101']],
    ['chains of a KL', 'sri', 'kl', ['evaluation.klChains.jacobian=3']],
    ["chains of a Gaussian's KL", 'sri', 'kl', ['evaluation.klChains.gaussian=65']],
  ])('is asked for again for other %s', async (_, method, metric, overrides) => {
    expect(await left(method, ...overrides)).toEqual({ kind: 'metrics', metrics: [metric] });
  });

  it('is asked for again for more draws of a code, where there are draws', async () => {
    expect(await left('sri', 'evaluation.inferenceChains=17')).toMatchObject({ metrics: ['recon', 'au'] });
    expect(await left('fb-vae', 'evaluation.inferenceChains=17')).toMatchObject({ metrics: ['recon'] });
  });

  it('is enough where it was measured more dearly', async () => {
    expect(await left('sri', 'evaluation.draws.fitted=50', 'evaluation.inferenceChains=8')).toBeNull();
    expect(await left('sri', 'evaluation.chains=3', 'evaluation.metropolisSteps=1')).toBeNull();
  });

  it('is of Tables 4 and 5 too: noisy copies, draws of a code, labelled sets and items', async () => {
    const noisy = ({ noiseDraws = 3, draws = 16 }): GivenRow[] =>
      [1, 2, 3, 4].map((swaps) => ({
        metric: 'noisy-recon',
        variant: `swaps-${swaps}`,
        estimator: 'short-run',
        value: 30,
        draws,
        settings: { noiseDraws },
      }));
    const noisyLeft = async (rows: GivenRow[]) =>
      remaining('noisy-recon', (await found('sri', rows)).measured, how('sri', AS_MEASURED));
    expect(await noisyLeft(noisy({}))).toBeNull();
    expect(await noisyLeft(noisy({ noiseDraws: 2 }))).toMatchObject({ swaps: [1, 2, 3, 4] });
    expect(await noisyLeft(noisy({ draws: 15 }))).toMatchObject({ swaps: [1, 2, 3, 4] });

    const sorted = (sets: number, draws = 1): GivenRow[] =>
      [0, 100, 1000].map((count) => ({
        metric: 'accuracy',
        variant: `labels-${count}`,
        estimator: 'svm',
        value: 0.9,
        draws,
        settings: { sets, limit: null },
      }));
    const sortedLeft = async (rows: GivenRow[], ...overrides: string[]) =>
      remaining('classification', (await found('sri', rows)).measured, how('sri', [...AS_MEASURED, ...overrides]));
    expect(await sortedLeft(sorted(5))).toBeNull();
    expect(await sortedLeft(sorted(4))).toMatchObject({ labels: [0, 100, 1000, 10000] });
    expect(await sortedLeft(sorted(5), 'evaluation.featureDraws=2')).toMatchObject({ labels: [0, 100, 1000, 10000] });
    expect(await sortedLeft(sorted(5), 'evaluation.sentences=300')).toMatchObject({ labels: [0, 100, 1000, 10000] });
  });
});

describe('rows of MI and of the gain', () => {
  const metrics = ['mi', 'gain'];
  const rowsOf = (draws: number): GivenRow[] => [
    { metric: 'mi', estimator: 'encoder', value: 3, draws: 2 },
    { metric: 'gain', variant: 'over-prior', estimator: 'encoder', value: 9, draws },
    {
      ...{ metric: 'gain', variant: 'over-other-sentence', estimator: 'encoder', value: 8, draws },
      ...{ sentences: 398, facts: { leftOut: 2 } },
    },
  ];
  const { inferenceChains } = how('fb-vae').run.evaluation;

  it('count as measured, and as what a plan measures', async () => {
    const { measured } = await found('fb-vae', rowsOf(inferenceChains));
    for (const metric of metrics) expect(isMeasured(measured, metric, how('fb-vae')), metric).toBe(true);
    const sizes = { ...measured.manifest, sentences: { train: 2000, valid: 300, test: 400 } };
    for (const row of measured.rows) {
      expect(isPlanned(row, { ...measured, manifest: sizes }, metrics), `${row.metric} ${row.variant}`).toBe(true);
    }
  });

  it('are asked for again where one is lacking, or has fewer draws', async () => {
    const few = (await found('fb-vae', rowsOf(inferenceChains - 1))).measured;
    expect(metrics.map((metric) => isMeasured(few, metric, how('fb-vae')))).toEqual([true, false]);
    const one = (await found('fb-vae', rowsOf(inferenceChains).slice(0, 2))).measured;
    expect(isMeasured(one, 'gain', how('fb-vae'))).toBe(false);
    const chains = (await found('sri', [{ metric: 'mi', estimator: 'marginals', value: 3, draws: 2 }])).measured;
    expect(isMeasured(chains, 'mi', how('sri'))).toBe(false);
  });
});

describe('a row of other settings than are asked for', () => {
  const perplexity = (settings: GivenRow['settings']): GivenRow => ({
    metric: 'ppl',
    estimator: 'fitted',
    value: 94,
    settings: { chains: 16, metropolisSteps: 40, studentDegrees: null, ...settings },
  });
  const missing = async (rows: GivenRow[], overrides: string[] = []) =>
    remaining('ais', (await found('sri', rows)).measured, how('sri', ['evaluation.aisSentences=400', ...overrides]));

  it('is another number: a row that tells of no inflation was measured with the default', async () => {
    const ais: GivenRow = { metric: 'ppl', estimator: 'ais', value: 93 };
    expect(await missing([ais, perplexity({})])).toBeNull();
    expect(await missing([ais, perplexity({})], ['evaluation.fitted.inflation=1.5'])).toMatchObject({
      estimators: ['fitted'],
    });
    expect(await missing([ais, perplexity({ inflation: 1.5 })])).toMatchObject({ estimators: ['fitted'] });
    expect(await missing([ais, perplexity({ inflation: 1.5 })], ['evaluation.fitted.inflation=1.5'])).toBeNull();
  });

  it('is another classifier too', async () => {
    const labels = [0, 100, 1000, 10000].map(
      (count): GivenRow => ({ metric: 'accuracy', variant: `labels-${count}`, estimator: 'svm', value: 0.9 }),
    );
    const { measured } = await found('sri', labels);
    expect(remaining('classification', measured, how('sri'))).toBeNull();
    const [kept, penalties] = ['principalComponents=8', 'penalties=[1, 10]'].map(
      (key) => `evaluation.classification.${key}`,
    );
    expect(remaining('classification', measured, how('sri', [kept!]))).toMatchObject({ labels: [0, 100, 1000, 10000] });
    const settings = { sets: 5, limit: null, penalties: '1 10' };
    const narrow = await found(
      'sri',
      labels.map((row) => ({ ...row, settings })),
    );
    expect(remaining('classification', narrow.measured, how('sri', [penalties!]))).toBeNull();
    expect(remaining('classification', narrow.measured, how('sri'))).not.toBeNull();
  });
});

describe('what is missing of the check by ais', () => {
  const few = ['evaluation.aisSentences=50'];

  it('is ais and the own estimator on the very same sentences', async () => {
    expect(remaining('ais', null, how('sri', few))).toEqual({
      kind: 'ais',
      estimators: ['ais', 'fitted'],
      sentences: 50,
    });
    const { measured } = await found('fb-vae', [
      { metric: 'ppl', estimator: 'encoder', value: 94 },
      { metric: 'ppl', estimator: 'ais', value: 93, sentences: 50 },
    ]);
    expect(remaining('ais', measured, how('fb-vae', few))).toMatchObject({ estimators: ['encoder'] });
    expect(remaining('ais', measured, how('fb-vae', ['evaluation.aisSentences=60']))).toMatchObject({
      estimators: ['ais', 'encoder'],
      sentences: 60,
    });
  });

  it('is nothing where both are there, or where the table itself is by ais', async () => {
    const { measured } = await found('sri', [
      { metric: 'ppl', estimator: 'fitted', value: 94, sentences: 50 },
      { metric: 'ppl', estimator: 'ais', value: 93, sentences: 50 },
    ]);
    expect(remaining('ais', measured, how('sri', few))).toBeNull();
    expect(remaining('ais', null, how('sri', ['evaluation.estimator=ais']))).toBeNull();
  });

  it('is never of more sentences than there are', () => {
    expect(remaining('ais', null, how('sri', ['evaluation.aisSentences=null']))).toMatchObject({ sentences: 400 });
    expect(remaining('ais', null, how('sri', ['evaluation.sentences=30']))).toMatchObject({ sentences: 30 });
  });
});

describe('what is missing of Tables 4 and 5', () => {
  it('is the numbers of swaps without a row; sentences that cannot be swapped are no fault of it', async () => {
    const swaps = (count: number, more: Partial<GivenRow> = {}): GivenRow => ({
      metric: 'noisy-recon',
      variant: `swaps-${count}`,
      estimator: 'short-run',
      value: 30,
      ...more,
    });
    const { measured } = await found('sri', [
      swaps(1, { sentences: 390, facts: { skipped: 10 } }),
      swaps(2, { sentences: 390 }),
      swaps(4),
    ]);
    expect(remaining('noisy-recon', measured, how('sri'))).toEqual({ kind: 'noisy-recon', swaps: [2, 3] });
  });

  it('is the numbers of labels without a row, but for those that the text has not', async () => {
    const labels = (count: number): GivenRow => ({
      metric: 'accuracy',
      variant: `labels-${count}`,
      estimator: 'svm',
      value: 0.9,
    });
    const some = await found('sri', [labels(0), labels(1000)]);
    expect(remaining('classification', some.measured, how('sri'))).toEqual({
      kind: 'classification',
      labels: [100, 10000],
    });
    const whole = await found('sri', [labels(0), labels(100), labels(1000)]);
    expect(remaining('classification', whole.measured, how('sri'))).toBeNull();
  });
});

it('artifacts are missing until they are of the best weights, and as much as is shown', async () => {
  const { folder, measured } = await found('sri', []);
  const left = () =>
    (['interpolations', 'generations', 'posterior'] as const).map((kind) => remaining(kind, measured, how('sri')));
  const missing = [{ kind: 'interpolations' }, { kind: 'generations' }, { kind: 'posterior' }];
  expect(left()).toEqual(missing);
  const write = async (epoch: number, texts: number, summary: { split: string; sentences: number }) => {
    const made = { epoch, backend: 'native', threads: 2, commit: null, seed: 3, weights: 'cafe', dataHash: 'f00d' };
    const items = Array.from({ length: texts }, (_, i) => ({
      sample: i + 1,
      text: 'a',
      ended: true,
      logProbability: -1,
    }));
    const generations = { ...made, decode: { method: 'greedy' as const }, maxLength: 20, items };
    await folder.writeArtifact(GENERATIONS.file, GENERATIONS.format.write(generations));
    const numbers = {
      latentSize: 32,
      leaving: 1,
      threshold: 0.1,
      rms: 1,
      perplexity: 30,
      iterations: 10,
      dimensions: [],
    };
    await folder.writeArtifact(POSTERIOR.summary, POSTERIOR_SUMMARY.write({ ...made, ...numbers, ...summary }));
  };
  const whole = { split: 'test', sentences: 1000 };
  await write(manifest.bestEpoch - 1, 10, whole);
  expect(left()).toEqual(missing);
  await write(manifest.bestEpoch, 9, { split: 'test', sentences: 40 });
  expect(left()).toEqual(missing);
  await write(manifest.bestEpoch, 10, { ...whole, split: 'valid' });
  expect(left()).toEqual([{ kind: 'interpolations' }, null, { kind: 'posterior' }]);
  await write(manifest.bestEpoch, 10, whole);
  expect(left()).toEqual([{ kind: 'interpolations' }, null, null]);
});
