import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layOut } from '../../src/report/layout.js';
import { PAPER_TABLE_4, PAPER_TABLE_5 } from '../../src/report/paper.js';
import { type Table, toCsv } from '../../src/report/table.js';
import { measurements } from '../../src/report/table1.js';
import { readingTable4, table4 } from '../../src/report/table4.js';
import { readingTable5, table5 } from '../../src/report/table5.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import { type GivenRow, makeRun } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-report-'));
afterAll(() => rmSync(root, { recursive: true }));

function noisy(swaps: number, value: number, more: Partial<GivenRow> = {}): GivenRow {
  return { metric: 'noisy-recon', variant: `swaps-${swaps}`, estimator: 'short-run', value, draws: 16, ...more };
}

function accuracy(labels: number, value: number, more: Partial<GivenRow> = {}): GivenRow {
  const estimator = labels === 0 ? 'gaussian-mixture' : 'svm';
  return { metric: 'accuracy', variant: `labels-${labels}`, estimator, value, standardError: 0.00412, ...more };
}

beforeAll(async () => {
  await makeRun(root, 'snli', 'sri', undefined, [
    noisy(0, 22.5),
    noisy(1, 27.004),
    noisy(2, 28.5),
    noisy(2, 3, { sentences: 100 }),
    noisy(4, 31, { standardError: null }),
    noisy(3, 4, { split: 'valid' }),
    { metric: 'recon', estimator: 'short-run', value: 22.2 },
  ]);
  await makeRun(root, 'snli', 'ae', undefined, [noisy(1, 26.5, { estimator: 'mean', draws: 0 })]);
  await makeRun(root, 'snli', 'fb-vae', undefined, [{ metric: 'recon', estimator: 'encoder', value: 23 }]);
  await makeRun(root, 'yelp', 'sri', undefined, [
    accuracy(0, 0.7333),
    accuracy(100, 0.85849),
    accuracy(500, 0.9),
    accuracy(1000, 0.5, { epoch: 2, sentences: 99999 }),
    accuracy(10000, 0.9, { facts: { labels: 10000, sets: 5, spread: 0.0123, codeMilliseconds: 12.34 } }),
    accuracy(100, 0.87, { variant: 'labels-100-mode', draws: 0, facts: { codeMilliseconds: 0.512 } }),
  ]);
  await makeRun(root, 'yelp', 'fb-vae', undefined, [accuracy(1000, 0.8951)]);
});

function line(table: Table, method: string): Record<string, string | number> {
  const row = table.rows.find(([label]) => label === method)!;
  return Object.fromEntries(table.columns.map((column, i) => [column, row[i]!]));
}

describe('Table 4', () => {
  const read = () => table4(findRuns(root, 'snli').map(readRun));

  it('has a column for each number of swaps, then the paper’s', () => {
    expect(read().columns.slice(0, 9)).toEqual([
      'Method',
      'k = 1',
      'k = 2',
      'k = 3',
      'k = 4',
      'Paper k = 1',
      'Paper k = 2',
      'Paper k = 3',
      'Paper k = 4',
    ]);
  });

  it('lists the paper’s methods in its order, those that were not measured with the paper’s numbers alone', () => {
    const { columns, rows } = read();
    expect(rows.map(([label]) => label)).toEqual([
      'AE',
      'Anneal-VAE',
      'Cyclical-VAE',
      'Lagging-VAE',
      'SA-VAE',
      'FBP-VAE',
      'FB-VAE',
      'SRI',
    ]);
    const filled = columns.filter((_, i) => rows[1]![i] !== '');
    expect(filled).toEqual(['Method', ...columns.filter((name) => name.startsWith('Paper'))]);
  });

  it('takes each number from the row of its swaps on the split, over the most sentences', () => {
    expect(line(read(), 'SRI')).toMatchObject({
      'k = 1': '27.00',
      'k = 2': '28.50',
      'k = 3': '',
      'k = 4': '31.00',
      'Paper k = 1': '27.12',
      'Paper k = 4': '30.46',
      'k = 1 standard error': 0.12,
      'k = 4 standard error': '',
      'k = 2 sentences': 3761,
      'k = 1 estimator': 'short-run',
      'k = 1 draws': 16,
      Split: 'test',
      Seed: 3,
      Commit: 'abc123',
      'Data hash': 'f00d',
    });
    expect(line(table4(findRuns(root, 'snli').map(readRun), 'valid'), 'SRI')).toMatchObject({
      'k = 1': '',
      'k = 3': '4.00',
    });
  });

  it('is printed in columns that line up', () => {
    const lines = layOut(readingTable4(read()));
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
    expect(lines[1]).toMatch(/^AE +26\.50 ± 0\.12 +- +- +- +26\.05 +40\.46 +52\.77 +63\.07 +mean +7$/);
    expect(lines.at(-1)).toMatch(/^SRI +27\.00 ± 0\.12 +28\.50 ± 0\.12 +- +31\.00 +27\.12 .* short-run +7$/);
  });
});

describe('Table 5', () => {
  const read = () => table5(findRuns(root, 'yelp').map(readRun));

  it('has percents for each number of labels, then the paper’s, then standard errors', () => {
    const csv = toCsv(read()).split('\n');
    expect(csv[0]).toMatch(
      /^Method,0 labels,100 labels,1k labels,10k labels,Paper 0 labels,Paper 100 labels,Paper 1k labels,Paper 10k labels,ms a code,0 labels standard error,/,
    );
    expect(csv.find((text) => text.startsWith('FB-VAE'))).toMatch(
      /^FB-VAE,,,89\.5,,67\.5,84\.9,89\.5,90\.6,,,,0\.41,,/,
    );
    // What was measured with the weights of another epoch is not the table's.
    expect(csv.find((text) => text.startsWith('SRI'))).toMatch(
      /^SRI,73\.3,85\.8,,90\.0,73\.3,85\.8,89\.6,90\.8,12,0\.41,0\.41,,0\.41,gaussian-mixture,svm,,svm,/,
    );
    // The paper has no such line.
    expect(csv.find((text) => text.startsWith('SRI by mode'))).toMatch(/^SRI by mode,,87\.0,,,,,,,0\.51,,0\.41,,/);
  });

  it('is printed in columns that line up', () => {
    const lines = layOut(readingTable5(read()));
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
    expect(lines.at(-2)).toMatch(
      /^SRI +73\.3 ± 0\.4 +85\.8 ± 0\.4 +- +90\.0 ± 0\.4 +73\.3 +85\.8 +89\.6 +90\.8 +12 +7$/,
    );
    expect(lines.at(-1)).toMatch(/^SRI by mode +- +87\.0 ± 0\.4 +- +- +- +- +- +- +0\.51 +7$/);
  });

  it('prints the row of the classifiers that the configuration has, and any other where it has none', async () => {
    const place = mkdtempSync(path.join(root, 'classifiers-'));
    const rows = [undefined, 7, 9].flatMap((folds) => {
      const settings = { sets: 5, limit: null, ...(folds === undefined ? {} : { folds }) };
      const share = (folds ?? 5) / 10;
      return [
        accuracy(100, share, { settings }),
        accuracy(100, share + 0.01, {
          ...{ variant: 'labels-100-mode', draws: 0 },
          settings: { ...settings, modeGradients: folds ?? 50 },
        }),
      ];
    });
    const measured = readRun(await makeRun(place, 'yelp', 'sri', undefined, rows));
    const { evaluation } = measured.run;
    const printed = (folds: number, modeGradients = evaluation.modeGradients) => {
      const classification = { ...evaluation.classification, folds };
      const run = { ...measured.run, evaluation: { ...evaluation, classification, modeGradients } };
      const table = table5([{ ...measured, run }]);
      return ['SRI', 'SRI by mode'].map((label) => line(table, label)['100 labels']);
    };
    expect(printed(evaluation.classification.folds)[0]).toBe('50.0');
    expect(printed(7, 7)).toEqual(['70.0', '71.0']);
    expect(printed(9, 9)).toEqual(['90.0', '91.0']);
    expect(printed(8, 8)).not.toContain('');
  });

  it('tells how many labelled sets an accuracy is the mean of, and how far they are apart', () => {
    expect(line(read(), 'SRI')).toMatchObject({
      '10k labels labelled sets': 5,
      '10k labels spread': 1.2,
      '100 labels spread': '',
    });
  });

  it('leaves other numbers of labels, and what else is known of a row, to the list of measurements', () => {
    const all = measurements(findRuns(root, 'yelp').map(readRun));
    const column = (name: string) => all.rows.map((row) => row[all.columns.indexOf(name)]);
    expect(column('Variant')).toContain('labels-500');
    expect(column('Facts')).toContain('labels 10000; sets 5; spread 0.0123; codeMilliseconds 12.34');
  });
});

describe('the paper’s numbers', () => {
  // Those of the paper, that is: the program has further ones.
  const withCode = ['ae', 'anneal-vae', 'cyclical-vae', 'lagging-vae', 'sa-vae', 'fbp-vae', 'fb-vae', 'sri'];

  it('of Table 4 are there for every method with a code, and rise with the noise', () => {
    expect(Object.keys(PAPER_TABLE_4.snli!)).toEqual(withCode);
    for (const values of Object.values(PAPER_TABLE_4.snli!)) {
      expect(values).toHaveLength(4);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    }
    // In bold there: AE is the best at k = 1, FB-VAE at 3, SRI at 2 and 4.
    const best = (at: number) =>
      withCode.toSorted((a, b) => PAPER_TABLE_4.snli![a]![at]! - PAPER_TABLE_4.snli![b]![at]!)[0];
    expect([0, 1, 2, 3].map(best)).toEqual(['ae', 'sri', 'fb-vae', 'sri']);
  });

  it('of Table 5 are there for every method with a code, rise with the labels, and are best for SRI', () => {
    expect(Object.keys(PAPER_TABLE_5.yelp!)).toEqual(withCode);
    for (const [name, values] of Object.entries(PAPER_TABLE_5.yelp!)) {
      expect(values).toHaveLength(4);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      values.forEach((value, at) => {
        if (name !== 'sri') expect(value).toBeLessThan(PAPER_TABLE_5.yelp!.sri![at]!);
      });
    }
  });
});
