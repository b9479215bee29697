import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/config/schema.js';
import type { SriKeys } from '../../src/methods/sri.js';
import { readingSteps, stepsLines, stepsPoints, stepsTable } from '../../src/report/ablation.js';
import { layOut } from '../../src/report/layout.js';
import { bySeeds, meanOverSeeds } from '../../src/report/seeds.js';
import type { Table } from '../../src/report/table.js';
import { measurements, readingTable1, table1 } from '../../src/report/table1.js';
import { table4 } from '../../src/report/table4.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import type { MeasuredRow } from '../../src/runs/row.js';
import { makeRun, manifest, onCorpus } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-seeds-'));
afterAll(() => rmSync(root, { recursive: true }));

function row(value: number | null, standardError: number | null, estimator = 'fitted'): MeasuredRow {
  return { metric: 'ppl', value, standardError, estimator } as MeasuredRow;
}

function line(table: Table, first: string | number): Record<string, string | number> {
  const cells = table.rows.find(([cell]) => cell === first)!;
  return Object.fromEntries(table.columns.map((column, i) => [column, cells[i]!]));
}

describe('the mean over seeds', () => {
  it('has the deviation between seeds, and an error of what they share and what they do not', () => {
    // Deviations -3, 1 and 2 from 97: a variance of (9 + 1 + 4) / 2 = 7; the errors' mean is 2.
    const mean = meanOverSeeds([row(94, 1), row(98, 2), row(99, 3)])!;
    expect(mean.value).toBeCloseTo(97, 12);
    expect(mean.deviation).toBeCloseTo(Math.sqrt(7), 12);
    expect(mean.standardError).toBeCloseTo(Math.sqrt(2 ** 2 + 7 / 3), 12);
  });

  it('has an error that many seeds do not bring below that of the sentences', () => {
    const rows = Array.from({ length: 400 }, (_, i) => row(100 + (i % 2), 3));
    const { standardError } = meanOverSeeds(rows)!;
    expect(standardError).toBeGreaterThan(3);
    expect(standardError).toBeCloseTo(3, 3);
  });

  it('is the number itself of a single seed', () => {
    expect(meanOverSeeds([row(94, 1), null])).toMatchObject({ value: 94, standardError: 1, deviation: null });
    expect(meanOverSeeds([null, null])).toBeNull();
  });

  it('keeps numbers by different estimators apart', () => {
    const mean = meanOverSeeds([row(80, 1, 'jacobian'), row(94, 1), row(96, 1)])!;
    expect(mean).toMatchObject({ value: 95, estimator: 'fitted' });
    expect(mean.rows).toHaveLength(2);
  });

  it('claims nothing where a seed has no finite number, and no error where one has none', () => {
    expect(meanOverSeeds([row(null, 1), row(94, 1)])).toMatchObject({ value: null, deviation: null });
    expect(meanOverSeeds([row(92, null), row(94, 1)])).toMatchObject({ value: 93, standardError: null });
  });
});

describe('tables of several seeds', () => {
  beforeAll(async () => {
    const of = (ppl: number, au: number) => [
      { metric: 'ppl', estimator: 'fitted', value: ppl, standardError: 2 } as const,
      { metric: 'au', estimator: 'short-run', value: au, standardError: null } as const,
    ];
    const noisy = (value: number) =>
      ({ metric: 'noisy-recon', variant: 'swaps-1', estimator: 'short-run', value, standardError: 0.5 }) as const;
    await makeRun(root, 'ptb', 'sri', undefined, [...of(94, 31), noisy(27)], 1);
    await makeRun(root, 'ptb', 'sri', undefined, [...of(98, 32), noisy(29)], 2);
    await makeRun(root, 'ptb', 'sri', undefined, of(99, 32), 10);
    await makeRun(root, 'ptb', 'sri', 'algorithm-1', of(90, 30), 1);
    await makeRun(root, 'ptb', 'lstm-lm', undefined, [{ metric: 'ppl', estimator: 'exact', value: 101.5 }], 1);
    // The same name with other weights: what was set by hand makes it another experiment.
    const odd = await makeRun(root, 'ptb', 'lstm-lm', undefined, [], 2);
    const run = odd.config();
    await odd.settleConfig({ ...run, training: { ...run.training, epochs: 3 } });
    await odd.writeRow({
      ...row(300, 1, 'exact'),
      split: 'test',
      sentences: 9,
      draws: 0,
      seed: 2,
      seconds: 1,
      epoch: 5,
      backend: 'native',
      threads: 2,
      commit: null,
      weights: 'cafe2',
      dataHash: 'f00d',
      settings: {},
      warnings: [],
    });
  });
  const read = () => findRuns(root, 'ptb').map(readRun);

  it('group runs that differ in nothing else, by ascending seed', () => {
    expect(bySeeds(read()).map((runs) => runs.map(({ run }) => `${run.name} ${run.seed}`))).toEqual([
      ['lstm-lm 1'],
      ['lstm-lm 2'],
      ['sri 1', 'sri 2', 'sri 10'],
      ['sri@algorithm-1 1'],
    ]);
    const [one, two] = read().filter(({ run }) => run.name === 'sri');
    const other = { ...two!, manifest: { ...manifest, dataHash: 'beef' } };
    expect(bySeeds([one!, other])).toHaveLength(2);
    // The same text in another folder is the same experiment.
    const moved = { ...two!, run: { ...two!.run, data: { ...two!.run.data, directory: 'elsewhere' } } };
    expect(bySeeds([one!, moved])).toHaveLength(1);
  });

  it('show the mean, how many seeds it is of, and how far they are apart', () => {
    expect(line(table1(read()), 'SRI')).toMatchObject({
      PPL: '97.00',
      'PPL standard error': 2.5,
      'PPL sd': 2.6,
      AU: 31.67,
      'AU standard error': '',
      'AU sd': 0.58,
      Seeds: 3,
      Seed: '1; 2; 10',
      'Weights of epoch': 5,
      Commit: 'abc123',
    });
    expect(line(table1(read()), 'SRI (algorithm-1)')).toMatchObject({ PPL: '90.00', Seeds: 1, 'PPL sd': '', Seed: 1 });
    expect(table1(read()).rows.map(([label]) => label)).toEqual([
      'LSTM-LM',
      'LSTM-LM',
      'Anneal-VAE',
      'Cyclical-VAE',
      'Lagging-VAE',
      'SA-VAE',
      'FBP-VAE',
      'FB-VAE',
      'SRI',
      'SRI (algorithm-1)',
    ]);
  });

  it('say where some seeds were not measured', () => {
    expect(line(table4(read()), 'SRI')).toMatchObject({ 'k = 1': '28.00', 'k = 1 sd': 1.4, Seeds: 2 });
    const [first, ...rest] = read().filter(({ run }) => run.name === 'sri');
    const withoutAu = { ...first!, rows: first!.rows.filter(({ metric }) => metric !== 'au') };
    expect(line(table1([withoutAu, ...rest]), 'SRI').Seeds).toBe('2-3');
  });

  it('print the number of seeds where it is not one', () => {
    const printed = layOut(readingTable1(table1(read())));
    expect(printed[0]).toMatch(/epochs {2}seeds$/);
    expect(printed.find((text) => text.startsWith('SRI '))).toMatch(/97\.0 ± 2\.5 .* 3$/);
  });

  it('keep each seed’s own number in the list of measurements', () => {
    const all = measurements(read());
    const values = all.rows
      .filter((cells) => cells[0] === 'SRI' && cells.includes('ppl'))
      .map((cells) => cells[all.columns.indexOf('Value')]);
    expect(values).toEqual([94, 98, 99]);
  });
});

describe('the ablation of steps', () => {
  beforeAll(async () => {
    const of = (ppl: number, estimator = 'fitted') => [{ metric: 'ppl', estimator, value: ppl } as const];
    await makeRun(root, 'yelp', 'sri', 'released', of(50), 1);
    await makeRun(root, 'yelp', 'sri', 'released-steps-10', of(61), 1);
    await makeRun(root, 'yelp', 'sri', 'released-steps-10', of(63), 2);
    await makeRun(root, 'yelp', 'sri', 'released-steps-20', of(55, 'jacobian'), 1);
    await makeRun(root, 'yelp', 'sri', 'released-steps-60', [], 1);
    await makeRun(root, 'yelp', 'sri', 'algorithm-1', of(70), 1);
    await makeRun(root, 'yelp', 'fb-vae', undefined, of(80), 1);
  });
  const lines = () => stepsLines(findRuns(root, 'yelp').map(readRun), 'test');

  it('compares short runs that differ in K alone, the plain run among them, and takes the mean over seeds', () => {
    const table = stepsTable(lines());
    expect(table.rows.map(([steps]) => steps)).toEqual([10, 20, 40]);
    expect(line(table, 10)).toMatchObject({ PPL: '62.00', Seeds: 2, Setting: 'released' });
    expect(line(table, 40)).toMatchObject({ PPL: '50.00', Seeds: 1 });
    const printed = layOut(readingSteps(table));
    expect(printed[0]).toMatch(/^K +PPL +Recon +AU +KL +PPL by/);
    expect(printed[1]).toMatch(/^10 +62\.0 ± 1\.0 .* 2$/);
  });

  it('does not take steps that share gradients for another kind of run', () => {
    const runs = findRuns(root, 'yelp').map(readRun);
    const sharing = runs.map((measured) => {
      if (measured.run.name !== 'sri@released') return measured;
      const run = measured.run as RunConfig<SriKeys>;
      return { ...measured, run: { ...run, langevin: { ...run.langevin, gradients: [1, run.langevin.steps - 1] } } };
    });
    expect(stepsTable(stepsLines(sharing, 'test'))).toEqual(stepsTable(lines()));
  });

  it('is of one text', () => {
    const runs = findRuns(root, 'yelp').map(readRun);
    const other = runs.map((one) => (one.run.name === 'sri@released' ? onCorpus(one, 'beef') : one));
    expect(stepsLines(other, 'test').map(({ steps }) => steps)).toEqual([10, 20]);
  });

  it('draws no curve through numbers by different estimators', () => {
    expect(stepsPoints(lines()).map(({ steps, ppl }) => [steps, ppl?.value])).toEqual([
      [10, 62],
      [20, undefined],
      [40, 50],
    ]);
  });

  it('is of nothing where there is one number of steps', () => {
    const plain = findRuns(root, 'yelp')
      .map(readRun)
      .filter(({ run }) => !run.name.includes('steps'));
    expect(stepsLines(plain, 'test')).toEqual([]);
  });
});
