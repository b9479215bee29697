// A study in one process: variants and seeds as runs with folders, rows and a table of their own.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sri } from '../in-process.js';
import { writeStudy } from './study.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-study-'));
const before = process.cwd();

beforeAll(() => {
  process.chdir(root);
  writeStudy(root);
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

const STUDY = ['--config', 'tiny.yaml', '--sweep', 'model.hiddenSize=6,8', '--seeds', '0..1'];

it('compares variants in a table of its own, seeds averaged', async () => {
  const { code, out, error } = await sri('reproduce', ...STUDY, '--methods', 'lstm-lm,sri', '--from', '.');
  expect(code, error).toBe(0);
  for (const name of ['lstm-lm', 'lstm-lm@hiddenSize-8', 'sri', 'sri@hiddenSize-8']) {
    for (const seed of [0, 1]) expect(existsSync(`runs/tiny/${name}/seed-${seed}/best.safetensors`)).toBe(true);
  }
  const manifest = JSON.parse(readFileSync('runs/tiny/sri@hiddenSize-8/seed-1/manifest.json', 'utf8'));
  expect(manifest.startedFrom.decoder.run).toBe('lstm-lm@hiddenSize-8, seed 1');
  const [columns, ...rows] = readFileSync('tables/tiny/sweep.csv', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const at = (name: string) => rows.map((row) => row[columns!.indexOf(name)]);
  expect(at('Method')).toEqual(['LSTM-LM', 'LSTM-LM (hiddenSize-8)', 'SRI', 'SRI (hiddenSize-8)']);
  expect(at('model.hiddenSize')).toEqual(['6', '8', '6', '8']);
  expect(at('Seeds')).toEqual(['2', '2', '2', '2']);
  expect(out).toMatch(/^Variants\nMethod +PPL .* model\.hiddenSize$/m);
  const page = readFileSync('tables/tiny/report.html', 'utf8');
  expect(page).toContain('Variants');
  expect(page).toContain('--methods sri --sweep model.hiddenSize=8 --seed 1');
}, 180_000);

const refusals: [string[], RegExp][] = [
  [
    ['--methods', 'lstm-lm', '--sweep', 'langevin.steps=2,3'],
    /--sweep langevin\.steps=2: none of lstm-lm depends on it/,
  ],
  [
    ['--sweep', 'model.hiddenSize=6,7', '--set', 'model.hiddenSize=8'],
    /--set model\.hiddenSize=8 goes against --sweep/,
  ],
  [['--sweep', 'model.hidden=6,7'], /model\.hidden: no such key/],
  [['--seeds', '4..0'], /must be whole numbers from 0/],
];
it.each(refusals)('refuses before anything is done: %j', async (args, complaint) => {
  const { code, out, error } = await sri('reproduce', '--config', 'tiny.yaml', ...args);
  expect(error).toMatch(complaint);
  expect(code).toBe(2);
  expect(out).toBe('');
});
