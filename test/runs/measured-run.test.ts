import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseRow, findDataSets, findRuns, readRun, rowsOfSelected, satisfies } from '../../src/runs/measured-run.js';
import { type GivenRow, makeRun } from '../report/runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-measured-'));
afterAll(() => rmSync(root, { recursive: true }));

const made = (rows: GivenRow[]) => makeRun(mkdtempSync(path.join(root, 'runs-')), 'ptb', 'sri', undefined, rows);
const ppl: GivenRow = { metric: 'ppl', estimator: 'fitted', value: 90 };
const ais = (temperatures: number, value: number): GivenRow => ({
  metric: 'ppl',
  estimator: 'ais',
  value,
  settings: { temperatures },
});

it('passes over what lies among the runs and is no folder of them', async () => {
  const folder = await made([ppl]);
  const runs = path.resolve(folder.directory, '../../..');
  writeFileSync(path.join(runs, 'notes.txt'), '');
  for (const at of ['.', 'ptb', 'ptb/sri']) {
    symlinkSync(path.join(runs, 'notes.txt'), path.join(runs, at, 'notes'));
    symlinkSync('/nowhere', path.join(runs, at, 'dangling'));
  }
  mkdirSync(path.join(runs, 'elsewhere'));
  symlinkSync(path.join(runs, 'ptb'), path.join(runs, 'linked'));
  expect(findDataSets(runs)).toEqual(['elsewhere', 'linked', 'ptb']);
  expect(findRuns(runs, 'ptb').map(({ directory }) => directory)).toEqual([folder.directory]);
  expect(findRuns(runs, 'linked')).toHaveLength(1);
});

describe('rows', () => {
  it("are shown only of the run's present weights and corpus, whatever their epoch", async () => {
    const strangers: GivenRow[] = [
      { ...ppl, value: 1, weights: 'beef' },
      { ...ppl, value: 2, dataHash: 'feed' },
      { ...ppl, value: 3, epoch: 4 },
    ];
    expect(rowsOfSelected(readRun(await made(strangers)), 'ppl', 'test')).toEqual([]);
    const measured = readRun(await made([...strangers, ppl]));
    expect(measured.rows).toHaveLength(4);
    expect(rowsOfSelected(measured, 'ppl', 'test').map(({ value }) => value)).toEqual([90]);
  });

  it('lie beside each other where they differ in a setting alone, and the better measured is shown', async () => {
    const folder = await made([ais(400, 93), ais(100, 95), { ...ais(50, 99), draws: 20 }]);
    expect(readdirSync(path.join(folder.directory, 'rows'))).toHaveLength(3);
    expect(chooseRow(readRun(folder), 'ppl', 'test', 'ais')!.value).toBe(93);
  });

  it('replace the same measurement, made again', async () => {
    const folder = await made([ais(400, 93), ais(400, 93.5)]);
    expect(readRun(folder).rows.map(({ value }) => value)).toEqual([93.5]);
  });

  it('do for what is asked for by settings that are the same, or surer', () => {
    const row = { settings: { chains: 8, metropolisSteps: 20, studentDegrees: null } };
    expect(satisfies(row, { chains: 8, metropolisSteps: 20, studentDegrees: null })).toBe(true);
    expect(satisfies(row, { chains: 4, metropolisSteps: 20, studentDegrees: null })).toBe(true);
    expect(satisfies(row, { chains: 9, metropolisSteps: 20, studentDegrees: null })).toBe(false);
    expect(satisfies(row, { chains: 8, metropolisSteps: 20, studentDegrees: 5 })).toBe(false);
    expect(satisfies({ settings: { priorShare: 0.2 } }, { priorShare: 0.1 })).toBe(false);
    expect(satisfies({ settings: {} }, { temperatures: 100 })).toBe(false);
  });
});
