// Which of a quantity's estimators stand side by side: those of the tables.

import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { compareRuns } from '../../src/experiments/compare.js';
import { newestRun } from '../../src/experiments/default-run.js';
import { metricTable } from '../../src/report/metric-table.js';
import { readKnownRuns, readRun } from '../../src/runs/measured-run.js';
import { type GivenRow, makeRun, manifest } from '../report/runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-compared-'));
afterAll(() => rmSync(root, { recursive: true }));

const kl = (estimator: string, value: number, draws: number, more: Partial<GivenRow> = {}): GivenRow => ({
  ...{ metric: 'kl', estimator, value, draws },
  ...more,
});

it('are of the KL that Table 1 prints, and of all runs the same where one is disowned', async () => {
  const both = (folding: number) => [
    kl('jacobian', 22, 2, { notPositiveDefinite: folding }),
    kl('gaussian', 3, 66),
    { metric: 'ppl', estimator: 'fitted', value: 90 },
    // Of more draws, and no row of the tables.
    { metric: 'ppl', estimator: 'jacobian', value: 200, draws: 1000 },
  ];
  const at = async (folding: number, seed: number) =>
    readRun(await makeRun(root, 'ptb', 'sri', undefined, both(folding), seed));
  const [whole, folded] = [await at(0, 3), await at(0.5, 4)];
  const shown = (...runs: Parameters<typeof compareRuns>[0]) =>
    compareRuns(runs, 'test').map(({ metric, row }) => `${metric} ${row.estimator}`);
  expect(shown(whole, whole)).toEqual(['ppl fitted', 'ppl fitted', 'kl jacobian', 'kl jacobian']);
  expect(shown(whole, folded)).toEqual(['ppl fitted', 'ppl fitted', 'kl gaussian', 'kl gaussian']);
  const table = metricTable(['kl'], [whole], 'test');
  expect(table.rows[0]![table.columns.indexOf('KL (nats)')]).toBe(22);
});

it('leaves out runs of plugins that are not loaded where nobody named them', async () => {
  const folder = await makeRun(root, 'ptb', 'fb-vae', undefined, [{ metric: 'ppl', estimator: 'encoder', value: 90 }]);
  const stranger = await makeRun(root, 'ptb', 'ae', undefined, []);
  const file = path.join(stranger.directory, 'config.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"method": "ae"', '"method": "mine"'));
  expect(() => readKnownRuns([stranger])).toThrow(/"mine" is no method here/);
  await stranger.writeManifest({ ...manifest, plugins: [{ name: './mine.js', sha256: 'f00' }] });
  const { runs, leftOut } = readKnownRuns([folder, stranger]);
  expect(runs.map(({ run }) => run.method)).toEqual(['fb-vae']);
  expect(leftOut).toEqual([`${stranger.directory} is left out: it was trained with --plugin ./mine.js`]);
  expect(() => readRun(stranger)).toThrow(/trained with --plugin \.\/mine\.js/);
  // Nor is one what is meant where nobody names a run, though it be the newest.
  const later = new Date(Date.now() + 60_000);
  utimesSync(path.join(stranger.directory, 'manifest.json'), later, later);
  const { folder: meant, which } = newestRun(root, { dataSet: 'ptb' }, { needsCode: 'sri encode' });
  expect(meant.directory).not.toBe(stranger.directory);
  expect(which).toMatch(/^the newest whose plugins are loaded of 4 runs on ptb in /);
  expect(() => newestRun(root, { name: 'ae' }, { needsCode: null })).toThrow(/trained with --plugin \.\/mine\.js/);
});
