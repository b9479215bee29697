// The commands as a person gives them who says no more than they must: the config, the method and the run are found.

import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-defaults-'));
const before = process.cwd();

const CONFIG = `
dataSet: words
backend: cpu
data: { vocabularySize: 10, maxLength: 6, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 4 }
training: { batchSize: 8, epochs: 1, validationSentences: 3, validation: { draws: 3, chains: 3, metropolisSteps: 1 } }
evaluation: { inferenceChains: 4, sentences: 4 }
methods:
  lstm-lm: {}
  sri: { langevin: { steps: 2 }, settings: { from-lm: { startFrom: { decoder: lstm-lm } }, annealed: {} } }
`;

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('words.yaml', CONFIG);
  writeFileSync('compose.yaml', 'services: {}\n');
  for (const split of ['train', 'valid', 'test']) {
    const lines = Array.from({ length: 8 }, (_, i) => `a b c${i % 3} ${i % 2 ? 'd' : 'e'}`);
    writeFileSync(`words.${split}.txt`, `${lines.join('\n')}\n`);
  }
  expect((await sri('prepare', '--from', '.')).code).toBe(0);
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('with one config in the folder', () => {
  it('sri train trains SRI, and before it what it starts from', async () => {
    const { code, error } = await sri('train', '--set', 'model.hiddenSize=5');
    expect(code, error).toBe(0);
    expect(error).toContain('sri starts from the weights of lstm-lm; first trained: lstm-lm\n');
    expect(error.indexOf('lstm-lm epoch 1/1')).toBeLessThan(error.indexOf('sri on words, seed 0: starts'));
    expect(existsSync('runs/words/lstm-lm/seed-0/manifest.json')).toBe(true);

    const again = await sri('train', '--set', 'model.hiddenSize=5');
    expect(again.code, again.error).toBe(0);
    expect(again.error).not.toContain('first trained');
  });

  it('sri eval measures the run that was trained last, and says first which that is', async () => {
    utimesSync('runs/words/lstm-lm/seed-0/manifest.json', 1, 1);
    const newest = await sri('eval', '--metric', 'au,recon');
    expect(newest.code, newest.error).toBe(0);
    expect(newest.error).toMatch(/^runs\/words\/sri\/seed-0: the newest of 2 runs in runs\n/);
    expect(newest.out).toMatch(/^au .*4 sentences of test/m);

    utimesSync('runs/words/sri/seed-0/manifest.json', 0, 0);
    const other = await sri('eval', '--config', 'words.yaml', '--metric', 'ppl', '--set', 'evaluation.sentences=3');
    expect(other.code, other.error).toBe(0);
    expect(other.error).toMatch(/^runs\/words\/lstm-lm\/seed-0: the newest of 2/);
    expect(other.out).toMatch(/^ppl .*3 sentences of test/m);
  });

  it('a method that is named is not overruled', async () => {
    const { code, error } = await sri('eval', '--method', 'sri', '--metric', 'au');
    expect(code, error).toBe(0);
    expect(error).not.toContain('newest');
  });
});

describe('with several', () => {
  it('asks for one, with the whole command', async () => {
    writeFileSync('more.yaml', CONFIG);
    const { code, error } = await sri('train');
    rmSync('more.yaml');
    expect(code).toBe(2);
    expect(error).toMatch(/this folder has more\.yaml, words\.yaml\. For the first: sri train --config more\.yaml/);
  });
});

describe('with none', () => {
  it('measures the only run by its own configuration', async () => {
    rmSync('words.yaml');
    rmSync('runs/words/lstm-lm', { recursive: true });
    const { code, error, out } = await sri('eval', '--metric', 'au');
    expect(code, error).toBe(0);
    expect(error).toMatch(/^runs\/words\/sri\/seed-0: the only run in runs\n/);
    expect(out).toMatch(/^au /m);
  });
});
