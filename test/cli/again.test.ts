// What a run depends on, and how it is made again: its corpus, its configuration, the machine that it was computed on.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadCorpus } from '../../src/data/corpus-files.js';
import { RandomStream } from '../../src/random/philox.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { sri } from './in-process.js';

vi.mock('../../src/backends/native/start.js', () => ({
  startNative: () => Promise.reject(new Error('the addon is not built')),
}));
vi.mock('../../src/backends/tensorflow/start.js', () => ({
  startTensorFlow: () => Promise.reject(new Error('it is not set up')),
}));
vi.mock('../../src/backends/webgpu/addon.js', () => ({ isSetUp: () => false }));

const CONFIG = `
dataSet: said
backend: cpu
data: { vocabularySize: 20, maxLength: 8, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 16, epochs: 1, validationSentences: 4, validation: { draws: 4, chains: 3, metropolisSteps: 2 } }
evaluation: { inferenceChains: 3, sentences: 6 }
methods:
  lstm-lm: {}
  sri: { startFrom: { decoder: lstm-lm }, langevin: { steps: 2 } }
`;
const root = mkdtempSync(path.join(tmpdir(), 'sri-again-'));
const before = process.cwd();
const weights = (run: string) => readFileSync(`${run}/best.safetensors`);

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('said.yaml', CONFIG);
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = () => Array.from({ length: 2 + stream.integer(5) }, () => `w${stream.integer(15)}`).join(' ');
  writeFileSync('said.txt', Array.from({ length: 120 }, () => `${sentence()}\n`).join(''));
  const prepared = await sri('prepare', '--config', 'said.yaml', '--text', 'said.txt');
  expect(prepared.code, prepared.error).toBe(0);
  const set = ['--set', 'model.hiddenSize=5', '--set', 'optimizer.learningRate=0.02', '--set', 'langevin.steps=3'];
  const trained = await sri('train', '--config', 'said.yaml', '--seed', '4', ...set);
  expect(trained.code, trained.error).toBe(0);
}, 60_000);
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri train --config RUN/config.json', () => {
  const RUN = 'runs/said/sri/seed-4';

  it('restores a run, and first what it started from, with all that was set by hand', async () => {
    const { code, error } = await sri('train', '--config', `${RUN}/config.json`, '--runs', 'again');
    expect(code, error).toBe(0);
    expect(error).toMatch(/first trained: lstm-lm/);
    for (const name of ['sri', 'lstm-lm']) {
      const [one, other] = ['runs', 'again'].map((runs) => `${runs}/said/${name}/seed-4`);
      expect(weights(other!).equals(weights(one!))).toBe(true);
      expect(new RunFolder(other!).config()).toEqual(new RunFolder(one!).config());
    }
    expect(new RunFolder(RUN).config()).toMatchObject({ model: { hiddenSize: 5 }, langevin: { steps: 3 } });
  });

  it('restores it from the copies that lie beside a table', async () => {
    for (const name of ['sri', 'lstm-lm']) {
      cpSync(`runs/said/${name}/seed-4/config.json`, `tables/said/runs/${name}-seed-4/config.json`);
    }
    const config = 'tables/said/runs/sri-seed-4/config.json';
    const { code, error } = await sri('train', '--config', config, '--runs', 'copied', '--seed', '5');
    expect(code, error).toBe(0);
    expect(weights('copied/said/sri/seed-5').equals(weights(RUN))).toBe(false);
    rmSync('tables/said/runs/lstm-lm-seed-4', { recursive: true });
    const bereft = await sri('train', '--config', config, '--runs', 'bereft');
    expect(bereft.error).toMatch(/sri starts from lstm-lm, and .*lstm-lm\/seed-4\/config\.json is not there/);
    expect(bereft.code).toBe(2);
  });

  it('is of one run, and no config file', async () => {
    const other = await sri('train', '--config', `${RUN}/config.json`, '--method', 'lstm-lm');
    expect(other.error).toMatch(/configuration of one run; leave out --method/);
    expect(other.code).toBe(2);
    const plan = await sri('reproduce', '--config', `${RUN}/config.json`);
    expect(plan.error).toMatch(/config\.json:1: the configuration of one run; sri train/);
    expect(plan.code).toBe(2);
    const measured = await sri('eval', '--config', `${RUN}/config.json`, '--metric', 'recon');
    expect(measured.code, measured.error).toBe(0);
  });
});

describe('sri prepare over a corpus that a run learned from', () => {
  const again = (...more: string[]) => sri('prepare', '--config', 'said.yaml', '--text', 'said.txt', ...more);

  it('says so, keeps it, and replaces it by force alone', async () => {
    const { hash } = await loadCorpus('data/said');
    const { code, error } = await again('--seed', '1');
    expect(error).toMatch(/data\/said: the corpus that is there would be another.*runs\/said\/sri\/seed-4.*--force/);
    expect(code).toBe(2);
    expect((await loadCorpus('data/said')).hash).toBe(hash);
    expect((await again()).code).toBe(0);
    expect((await again('--seed', '1', '--runs', 'none')).code).toBe(0);
    expect((await loadCorpus('data/said')).hash).not.toBe(hash);
    expect((await again('--force')).code).toBe(0);
    expect((await loadCorpus('data/said')).hash).toBe(hash);
  });
});

describe('--backend auto that falls back', () => {
  it('is told at the start and in the row', async () => {
    const asked = ['--config', 'said.yaml', '--method', 'lstm-lm', '--backend', 'auto'];
    const { code, error } = await sri('train', ...asked);
    expect(code, error).toBe(0);
    expect(error).toMatch(/^warning: computed on wasm, since the native backend does not work here: the addon is not/m);
    const measured = await sri('eval', ...asked, '--metric', 'ppl');
    expect(measured.code, measured.error).toBe(0);
    expect(measured.error).toMatch(/^warning: computed on wasm/m);
    const row = new RunFolder('runs/said/lstm-lm/seed-0').rows()[0]!;
    expect(row.backend).toBe('wasm');
    expect(row.warnings.join()).toMatch(/computed on wasm, since the native backend does not work here/);
  });
});
