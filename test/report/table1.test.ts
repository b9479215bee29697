import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layOut } from '../../src/report/layout.js';
import { PAPER_TABLE_1 } from '../../src/report/paper.js';
import { type Table, toCsv } from '../../src/report/table.js';
import { measurements, readingTable1, table1 } from '../../src/report/table1.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { makeRun, manifest } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-report-'));
afterAll(() => rmSync(root, { recursive: true }));

beforeAll(async () => {
  await makeRun(root, 'ptb', 'sri', undefined, [
    { metric: 'ppl', estimator: 'jacobian', value: 93.111, notPositiveDefinite: 0.2 },
    {
      metric: 'ppl',
      estimator: 'fitted',
      value: 97.777,
      effectiveSampleSize: { mean: 16.4, min: 1.1, shareBelow2: 0.031 },
    },
    { metric: 'ppl', estimator: 'fitted', value: 55, sentences: 20 },
    { metric: 'ppl', estimator: 'fitted', value: 56, sentences: 30 },
    { metric: 'ppl', estimator: 'ais', value: 54, sentences: 20, acceptance: 0.61 },
    { metric: 'ppl', estimator: 'fitted', value: 66, epoch: 2, sentences: 9999 },
    { metric: 'ppl', estimator: 'fitted', value: 77, split: 'valid', sentences: 9999 },
    { metric: 'recon', estimator: 'short-run', value: 91.005 },
    { metric: 'au', estimator: 'short-run', value: 32, standardError: Number.NaN },
    { metric: 'kl', estimator: 'gaussian', value: 21.6 },
    { metric: 'kl', estimator: 'jacobian', value: 19.8 },
  ]);
  await makeRun(root, 'ptb', 'sri', 'algorithm-1', [{ metric: 'recon', estimator: 'short-run', value: 99 }]);
  await makeRun(root, 'ptb', 'lstm-lm', undefined, [{ metric: 'ppl', estimator: 'exact', value: 101.5 }]);
});

const UNMEASURED = ['Anneal-VAE', 'Cyclical-VAE', 'Lagging-VAE', 'SA-VAE', 'FBP-VAE', 'FB-VAE'];

function cells(table: Table, method: string): Record<string, string | number> {
  const row = table.rows.find(([label]) => label === method)!;
  return Object.fromEntries(table.columns.map((column, i) => [column, row[i]!]));
}

describe('perplexity of an encoder', () => {
  it('stands in the table with what q alone says of the same sentences', async () => {
    const own = mkdtempSync(path.join(tmpdir(), 'sri-report-'));
    try {
      await makeRun(own, 'ptb', 'fb-vae', undefined, [
        { metric: 'ppl', estimator: 'encoder', value: 101.25 },
        { metric: 'ppl', estimator: 'encoder-alone', value: 104.5, draws: 450, standardError: 1.5 },
        { metric: 'ppl', estimator: 'encoder-alone', value: 1, draws: 450, sentences: 20 },
        // Measured with more draws, beside a row that is not the table's.
        { metric: 'ppl', estimator: 'encoder-alone', value: 103, draws: 900 },
      ]);
      const table = table1(findRuns(own, 'ptb').map(readRun));
      expect(cells(table, 'FB-VAE')).toMatchObject({
        PPL: '101.25',
        'PPL estimator': 'encoder',
        'PPL from q alone': '104.50',
        'PPL from q alone standard error': 1.5,
      });
      expect(cells(table, 'SRI')['PPL from q alone']).toBe('');
      expect(layOut(readingTable1(table)).join('\n')).toMatch(/from q alone/);
    } finally {
      rmSync(own, { recursive: true });
    }
  });
});

describe('a check by ais', () => {
  it('is of the seeds that have both numbers', async () => {
    const own = mkdtempSync(path.join(tmpdir(), 'sri-report-'));
    try {
      const ais = (value: number) => ({ metric: 'ppl', estimator: 'ais', value, sentences: 20 }) as const;
      const beside = (value: number) => ({ metric: 'ppl', estimator: 'fitted', value, sentences: 20 }) as const;
      const runs = [
        readRun(await makeRun(own, 'ptb', 'sri', undefined, [ais(54), beside(55)], 1)),
        readRun(await makeRun(own, 'ptb', 'sri', undefined, [ais(74)], 2)),
      ];
      expect(cells(table1(runs), 'SRI')).toMatchObject({ 'AIS PPL': '54.00', 'PPL on AIS sentences': '55.00' });
      expect(cells(table1(runs.slice(1)), 'SRI')).toMatchObject({ 'AIS PPL': '74.00', 'PPL on AIS sentences': '' });
    } finally {
      rmSync(own, { recursive: true });
    }
  });
});

describe('Table 1', () => {
  const read = () => table1(findRuns(root, 'ptb').map(readRun));

  it('begins with the columns of the paper, then the paper’s own numbers', () => {
    expect(read().columns.slice(0, 9)).toEqual([
      'Method',
      'PPL',
      'Recon',
      'AU',
      'KL',
      'Paper PPL',
      'Paper Recon',
      'Paper AU',
      'Paper KL',
    ]);
  });

  it('lists the paper’s methods in its order, a further setting after its method', () => {
    expect(read().rows.map(([label]) => label)).toEqual(['LSTM-LM', ...UNMEASURED, 'SRI', 'SRI (algorithm-1)']);
  });

  it('has the paper’s numbers alone of a method that was not measured, and none where nothing was', () => {
    const filled = Object.entries(cells(read(), 'FB-VAE')).filter(([, cell]) => cell !== '');
    expect(Object.fromEntries(filled)).toEqual({
      Method: 'FB-VAE',
      'Paper PPL': '96.35',
      'Paper Recon': '94.52',
      'Paper AU': 32,
      'Paper KL': '8.15',
    });
    expect(table1([]).rows).toEqual([]);
  });

  it('sets no number of the paper beside another K', async () => {
    const varied = readRun(
      await makeRun(root, 'snli', 'sri', 'steps-40', [{ metric: 'recon', estimator: 'x', value: 9 }]),
    );
    expect(cells(table1([varied]), 'SRI (steps-40)')).toMatchObject({ Recon: '9.00', 'Paper Recon': '' });
  });

  it('takes the configured estimator, the split asked for, the best weights and the most sentences', () => {
    expect(cells(read(), 'SRI')).toMatchObject({
      PPL: '97.78',
      Recon: '91.00',
      AU: 32,
      KL: '19.80',
      'Paper PPL': '94.26',
      'Paper AU': 32,
      'PPL standard error': 0.12,
      'PPL estimator': 'fitted',
      'KL estimator': 'jacobian',
      'PPL effective sample size': 16,
      'PPL share below 2': 0.031,
      'PPL sentences': 3761,
      Setting: 'from-lm',
      Seed: 3,
      Epochs: 7,
      'Weights of epoch': 5,
      Backend: 'native',
      Precision: 'f32',
      Commit: 'abc123',
      'Data hash': 'f00d',
    });
    const valid = table1(findRuns(root, 'ptb').map(readRun), 'valid');
    expect(cells(valid, 'SRI')).toMatchObject({ PPL: '77.00', Recon: '' });
  });

  it('puts beside a perplexity what ais found, and what its own estimator says of the same sentences', () => {
    const checked = {
      'AIS PPL': '54.00',
      'PPL on AIS sentences': '55.00',
      'AIS sentences': 20,
      'AIS acceptance': 0.61,
    };
    expect(cells(read(), 'SRI')).toMatchObject(checked);
    expect(cells(read(), 'LSTM-LM')).toMatchObject({ 'AIS PPL': '', 'PPL on AIS sentences': '', 'AIS sentences': '' });
    expect(layOut(readingTable1(read()))[0]).toMatch(/PPL on few +PPL by ais$/);
    const others = { ...read(), rows: read().rows.filter(([label]) => label === 'LSTM-LM') };
    expect(layOut(readingTable1(others))[0]).toMatch(/epochs$/);
  });

  it('leaves empty what was not measured, and what the paper does not print', () => {
    expect(cells(read(), 'LSTM-LM')).toMatchObject({
      PPL: '101.50',
      Recon: '',
      KL: '',
      'Paper PPL': '100.47',
      'Paper KL': '',
    });
  });

  it('is CSV that keeps a line a run', () => {
    const lines = toCsv(read()).trimEnd().split('\n');
    expect(lines).toHaveLength(4 + UNMEASURED.length);
    expect(lines[0]).toMatch(/^Method,PPL,Recon,AU,KL,Paper PPL,Paper Recon,Paper AU,Paper KL,/);
    expect(lines.at(-2)).toMatch(/^SRI,97\.78,91\.00,32,19\.80,94\.26,91\.14,32,10\.13,,,,,0\.12,/);
  });

  it('is printed in columns that line up, with errors and estimators', () => {
    const lines = layOut(readingTable1(read()));
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines.at(-2)).toMatch(
      /^SRI +97\.78 ± 0\.12 +91\.00 ± 0\.12 +32 +19\.80 ± 0\.12 +94\.26 +91\.14 +32 +10\.13 +fitted +jacobian +7 +55\.00 +54\.00$/,
    );
    expect(lines[1]).toMatch(/^LSTM-LM +101\.50 ± 0\.12 +- +- +- +100\.47 +- +- +- +exact +- +7 +- +-$/);
  });

  it('takes the most draws of equal sentences', async () => {
    const ours = { metric: 'ppl', estimator: 'fitted', sentences: 30 } as const;
    const folder = await makeRun(root, 'yahoo', 'sri', undefined, [
      { ...ours, value: 60, draws: 10 },
      { ...ours, value: 61, draws: 500 },
    ]);
    const measured = readRun(folder);
    expect(measured.rows).toHaveLength(2);
    expect(cells(table1([measured]), 'SRI')).toMatchObject({ PPL: '61.00', 'PPL draws': 500 });
  });

  it('has every measurement, whatever its epoch and estimator, in a file of its own', () => {
    const all = measurements(findRuns(root, 'ptb').map(readRun));
    expect(all.rows).toHaveLength(13);
    const ofSri = all.rows.filter(([label]) => label === 'SRI');
    const epoch = all.columns.indexOf('Epoch');
    expect(ofSri[0]![epoch]).toBe(2);
    expect(ofSri.every((row) => Number(row[epoch]) >= 2)).toBe(true);
  });
});

describe('a KL that cannot be', () => {
  // Ten words a sentence at a perplexity of 30: -log p(x) is 34.01 nats.
  const line = async (name: string, kl: number, recon = 28, sentences = 20) => {
    const place = path.join(root, name);
    await makeRun(place, 'ptb', 'sri', undefined, [
      { metric: 'ppl', estimator: 'fitted', value: 30, sentences: 20, words: 200 },
      { metric: 'recon', estimator: 'short-run', value: recon, sentences: 20 },
      { metric: 'kl', estimator: 'gaussian', value: kl, sentences },
    ]);
    return table1(findRuns(place, 'ptb').map(readRun));
  };

  it('stands beside what it is at least, since Recon and it bound -log p(x)', async () => {
    const table = await line('small-kl', 2);
    expect(cells(table, 'SRI')).toMatchObject({ KL: '2.00', 'KL at least': '6.01' });
    const lines = layOut(readingTable1(table));
    expect(lines.join('\n')).toMatch(/KL at least: -log p\(x\) less Recon, where the KL that is given lies below it/);
  });

  it('is none that is as large, that errors may explain, or of other sentences', async () => {
    for (const [name, kl, sentences] of [
      ['large-kl', 9, 20],
      ['near-kl', 5.6, 20],
      ['other-kl', 2, 10],
    ] as const) {
      expect(cells(await line(name, kl, 28, sentences), 'SRI')['KL at least']).toBe('');
    }
  });
});

describe('against LSTM-LM', () => {
  const values = (index: number[], value: number[]) => ({
    sentences: index.length,
    perSentence: { index: Int32Array.from(index), value: Float32Array.from(value) },
  });
  const ppl = (estimator: string, index: number[], value: number[]) => ({
    metric: 'ppl' as const,
    estimator,
    value: 30,
    ...values(index, value),
  });
  const place = path.join(root, 'against');

  it('is the paired difference of -log p(x) over the sentences that both have, below 0 where the row is better', async () => {
    await makeRun(place, 'ptb', 'lstm-lm', undefined, [ppl('exact', [0, 1, 2, 3], [-50, -20, -80, -30])]);
    await makeRun(place, 'ptb', 'sri', undefined, [ppl('fitted', [1, 2, 3, 7], [-19, -79.5, -27, -90])]);
    await makeRun(place, 'ptb', 'fb-vae', undefined, [ppl('encoder', [8, 9], [-19, -80])]);
    await makeRun(place, 'ptb', 'ae', undefined, [{ metric: 'recon', estimator: 'mean', value: 12 }]);
    const table = table1(findRuns(place, 'ptb').map(readRun));
    // -1, -0.5, -3: mean -1.5, variance (0.25 + 1 + 2.25) / 2.
    expect(cells(table, 'SRI')).toMatchObject({
      'against LSTM-LM': '-1.50',
      'against LSTM-LM standard error': Number(Math.sqrt(1.75 / 3).toPrecision(2)),
      'against LSTM-LM sentences': 3,
    });
    // Of a prior whose constant is known to so many nats alone.
    const learned = { ...ppl('fitted', [1, 2, 3], [-19, -79.5, -27]), facts: { logNormalizerFromAboveError: 3 } };
    await makeRun(place, 'ptb', 'sri', 'annealed', [learned]);
    expect(cells(table1(findRuns(place, 'ptb').map(readRun)), 'SRI (annealed)')).toMatchObject({
      'against LSTM-LM': '-1.50',
      'against LSTM-LM standard error': Number(Math.hypot(3, Math.sqrt(1.75 / 3)).toPrecision(2)),
    });
    const blank = Object.fromEntries(
      ['', ' standard error', ' sentences', ' seeds'].map((of) => [`against LSTM-LM${of}`, '']),
    );
    for (const method of ['LSTM-LM', 'FB-VAE', 'AE']) expect(cells(table, method)).toMatchObject(blank);
    const lines = layOut(readingTable1(table));
    expect(lines[0]).toMatch(/KL +against LSTM-LM +paper PPL.* on sentences +PPL by/);
    expect(lines.find((line) => line.startsWith('SRI'))).toMatch(/ -1\.50 ± 0\.76 /);
    expect(lines.at(-1)).toMatch(/^against LSTM-LM: .*nats a sentence.*below 0 is better/);
  });

  it('takes LSTM-LM’s measurement of the most sentences that both have', async () => {
    const rows = path.join(root, 'against-rows');
    const index = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    const few = ppl('exact', [0, 1, 2], [-60, -60, -60]);
    const many = ppl('exact', index, Array(9).fill(-50));
    await makeRun(rows, 'ptb', 'lstm-lm', undefined, [few, many], 3);
    await makeRun(rows, 'ptb', 'lstm-lm', undefined, [many, few], 4);
    for (const seed of [3, 4]) {
      await makeRun(rows, 'ptb', 'sri', undefined, [ppl('fitted', index, Array(9).fill(-49))], seed);
    }
    expect(cells(table1(findRuns(rows, 'ptb').map(readRun)), 'SRI')).toMatchObject({
      'against LSTM-LM': '-1.00',
      'against LSTM-LM sentences': 9,
    });
  });

  it('takes LSTM-LM of the seed, else its first, on one corpus alone', async () => {
    const other = path.join(root, 'against-seeds');
    await makeRun(other, 'ptb', 'lstm-lm', undefined, [ppl('exact', [0, 1], [-50, -20])], 1);
    await makeRun(other, 'ptb', 'lstm-lm', undefined, [ppl('exact', [0, 1], [-60, -30])], 2);
    for (const seed of [2, 3]) await makeRun(other, 'ptb', 'sri', undefined, [ppl('fitted', [0, 1], [-49, -19])], seed);
    const table = () => cells(table1(findRuns(other, 'ptb').map(readRun)), 'SRI');
    // -11 of seed 2 and -1 of seed 3, both without an error of their own: 7.07 apart, over the root of two.
    expect(table()).toMatchObject({
      'against LSTM-LM': '-6.00',
      'against LSTM-LM standard error': 5,
      'against LSTM-LM sentences': 2,
      'against LSTM-LM seeds': '2; 1',
    });
    for (const { directory, run } of findRuns(other, 'ptb').map(readRun)) {
      if (run.method === 'lstm-lm') await new RunFolder(directory).writeManifest({ ...manifest, dataHash: 'another' });
    }
    expect(table()).toMatchObject({ 'against LSTM-LM': '' });
  });
});

it('prints the KL by gaussian where a chain’s step disowns jacobian, and keeps both among the measurements', async () => {
  const place = path.join(root, 'kl');
  const kl = (notPositiveDefinite: number) => [
    { metric: 'kl' as const, estimator: 'jacobian', value: 19.8, notPositiveDefinite },
    { metric: 'kl' as const, estimator: 'gaussian', value: 21.6 },
  ];
  const runs = [
    await makeRun(place, 'ptb', 'sri', undefined, kl(0.05)),
    await makeRun(place, 'ptb', 'sri', 'algorithm-1', kl(0)),
  ];
  const measured = runs.map(readRun);
  const table = table1(measured);
  expect(cells(table, 'SRI')).toMatchObject({ KL: '21.60', 'KL estimator': 'gaussian' });
  expect(cells(table, 'SRI (algorithm-1)')).toMatchObject({ KL: '19.80', 'KL estimator': 'jacobian' });
  expect(measurements(measured).rows).toHaveLength(4);
  const alone = readRun(await makeRun(place, 'snli', 'sri', undefined, kl(0.05).slice(0, 1)));
  expect(cells(table1([alone]), 'SRI')).toMatchObject({ KL: '19.80', 'KL estimator': 'jacobian' });
});

it('a row that is no row is named with its file', async () => {
  const folder = await makeRun(root, 'ptb', 'sri', undefined, []);
  const other = new RunFolder(path.join(root, 'other'));
  await other.settleConfig(folder.config());
  expect(() => readRun(other)).toThrow(/other: no epoch of this run is finished/);
  await other.writeManifest(manifest);
  const file = path.join(other.directory, 'rows', 'x.json');
  mkdirSync(path.dirname(file));
  for (const [content, complaint] of [
    ['{', /other\/rows\/x\.json: not valid JSON/],
    ['{"metric": "ppl"}', /x\.json: format is missing; this version of sri reads a row of format 2/],
    ['{"format": 3}', /x\.json: format is 3; .*; remove it and measure again with sri eval/],
    ['{"format": 2, "metric": "ppl", "value": 3}', /x\.json: no row of format 2: estimator: /],
  ] as const) {
    writeFileSync(file, content);
    expect(() => readRun(other)).toThrow(complaint);
  }
});

describe('the paper’s numbers', () => {
  it('are there for the eight methods on three data sets, with the best of each as the paper’s text says', () => {
    for (const rows of Object.values(PAPER_TABLE_1)) expect(Object.keys(rows)).toHaveLength(8);
    const best = (dataSet: string, metric: 'ppl' | 'recon') =>
      Object.entries(PAPER_TABLE_1[dataSet]!)
        .filter(([, row]) => row[metric] !== null)
        .sort(([, a], [, b]) => a[metric]! - b[metric]!)[0]![0];
    expect([best('ptb', 'ppl'), best('snli', 'ppl'), best('yahoo', 'ppl')]).toEqual(['sri', 'lagging-vae', 'sri']);
    for (const dataSet of Object.keys(PAPER_TABLE_1)) expect(best(dataSet, 'recon')).toBe('sri');
  });
});
