// The commands under a page, by what they say: how they group runs, and what of them a plan would not do.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { loadConfig, overrideRun, resolveRun } from '../../src/config/load.js';
import { commandsOf } from '../../src/experiments/commands.js';
import { methods } from '../../src/methods/registry.js';
import { tablesOf } from '../../src/report/tables.js';
import { type MeasuredRun, readRun } from '../../src/runs/measured-run.js';
import { type GivenRow, makeRun } from '../report/runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-commands-'));
afterAll(() => rmSync(root, { recursive: true }));

const { inferenceChains } = resolveRun(loadConfig('ptb', methods()), { method: 'sri' }).evaluation;
/** As the configuration has it: over the whole test split, with the draws that it names. */
const planned: GivenRow = {
  metric: 'au',
  estimator: 'short-run',
  value: 3,
  draws: inferenceChains,
  sentences: 3761,
};
let runs = '';
beforeEach(() => {
  runs = mkdtempSync(path.join(root, 'runs-'));
});
const run = async (method: string, setting: string | undefined, rows: GivenRow[], overrides: string[] = []) => {
  const measured = readRun(await makeRun(runs, 'ptb', method, setting, rows));
  return { ...measured, run: overrideRun(measured.run, overrides, methods()) };
};
const said = async (some: readonly MeasuredRun[], more = {}) => {
  const lines = await commandsOf(some, {
    tables: tablesOf([1, 3]),
    split: 'test',
    config: 'ptb.yaml',
    copies: null,
    ...more,
  });
  return lines.map((line) => line.replaceAll(runs, 'ROOT'));
};

it('is one plan for what a plan makes, whatever the settings, and a training for what was only trained', async () => {
  const some = [
    await run('lstm-lm', undefined, [{ ...planned, metric: 'ppl', estimator: 'exact', draws: 0 }]),
    await run('ae', undefined, []),
    await run('sri', undefined, [planned]),
    await run('sri', 'annealed', [planned]),
    await run('sri', 'steps-40', [planned]),
  ];
  expect(await said(some)).toEqual([
    'sri prepare --config ptb.yaml',
    'sri reproduce --config ptb.yaml --tables 1,3 --methods lstm-lm,sri,sri@annealed,sri@steps-40 --seed 3 --runs ROOT',
    'sri train --config ptb.yaml --method ae --seed 3 --runs ROOT',
    'sri report --config ptb.yaml --runs ROOT --html',
  ]);
});

it('loads the plugins that runs were made with, but for those that the config asks for', async () => {
  const one = await run('sri', undefined, [planned]);
  const plugins = ['./plugins/mine.js', 'of-a-package', './kept.js'].map((name, i) => ({ name, sha256: `f00d${i}` }));
  const made = { ...one, manifest: { ...one.manifest, plugins } };
  const folder = mkdtempSync(path.join(root, 'config-'));
  const config = path.join(folder, 'own.yaml');
  writeFileSync(config, 'dataSet: ptb\nplugins: [./kept.js]\nmethods: { sri: {} }\n');
  const elsewhere = { ...made, directory: path.join(runs, 'elsewhere') };
  const kept = path.relative('', path.join(folder, 'kept.js'));
  const asked = ' --plugin ./plugins/mine.js --plugin of-a-package';
  for (const line of await said([made, elsewhere], { config })) {
    expect(line.endsWith(line.includes(config) ? asked : `${asked} --plugin ${kept}`), line).toBe(true);
  }
  expect((await said([made]))[0]).toBe(`sri prepare --config ptb.yaml${asked} --plugin ./kept.js`);
});

it('says all that was set by hand, and words that a shell would read', async () => {
  const set = ['model.hiddenSize=64', 'langevin.stepSize=[0.3, 0.1]'];
  const one = await run('sri', undefined, [planned], set);
  const [, reproduce] = await said([one]);
  expect(reproduce).toContain(" --set model.hiddenSize=64 --set 'langevin.stepSize=[0.3,0.1]'");
});

it('names every number that a plan would measure otherwise', async () => {
  const rows: GivenRow[] = [
    { metric: 'ppl', estimator: 'jacobian', value: 90, draws: 7, sentences: 30, settings: {} },
    {
      metric: 'ppl',
      estimator: 'fitted',
      value: 90,
      draws: 9,
      sentences: 30,
      settings: { chains: 5, metropolisSteps: 6, studentDegrees: 7 },
    },
    { metric: 'kl', estimator: 'jacobian', value: 90, draws: 5, sentences: 30 },
    { metric: 'mi', estimator: 'short-run', value: 1, draws: 4, sentences: 30, settings: {} },
    {
      metric: 'noisy-recon',
      variant: 'swaps-7',
      estimator: 'short-run',
      value: 1,
      draws: 4,
      sentences: 30,
      facts: { swaps: 7, skipped: 2 },
      settings: { noiseDraws: 9 },
    },
    {
      metric: 'accuracy',
      variant: 'labels-8',
      estimator: 'svm',
      value: 1,
      draws: 3,
      sentences: 30,
      facts: { labels: 8 },
      settings: { sets: 2, limit: 30 },
    },
    { metric: 'recon', estimator: 'short-run', value: 90, draws: 5, sentences: 30, split: 'valid' },
  ];
  const one = await run('sri', undefined, rows, ['evaluation.inferenceChains=16', 'evaluation.sentences=400']);
  const of = ' --run ROOT/ptb/sri/seed-3';
  const lines = (await said([one])).slice(2, -1);
  expect(lines.sort()).toEqual([
    `sri classify${of} --labels 8 --sets 2 --limit 30 --set evaluation.featureDraws=3`,
    `sri eval${of} --metric kl --limit 30 --set evaluation.klChains.jacobian=5`,
    `sri eval${of} --metric mi --limit 30 --set evaluation.inferenceChains=4`,
    `sri eval-ppl${of} --limit 30 --estimator fitted --draws 9 --set evaluation.chains=5 --set evaluation.metropolisSteps=6 --set evaluation.studentDegrees=7`,
    `sri eval-ppl${of} --limit 30 --estimator jacobian --draws 7`,
    `sri noisy-recon${of} --swaps 7 --noise-draws 9 --limit 32 --set evaluation.inferenceChains=4`,
  ]);
});

it('trains by the configuration of its folder a run that no config explains', async () => {
  const one = await run('sri', undefined, [planned]);
  const stranger = { ...one, run: { ...one.run, name: 'sri@of-a-study' }, directory: path.join(runs, 'elsewhere') };
  const lines = await said([stranger], { copies: 'tables/ptb/runs' });
  expect(lines[1]).toBe('sri train --config tables/ptb/runs/sri@of-a-study-seed-3/config.json --run ROOT/elsewhere');
  expect(lines.at(-1)).toBe('sri report ROOT/elsewhere --html');
});
