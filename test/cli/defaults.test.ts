// The commands as a person gives them who says no more than they must: the config, the method and the run are found.

import { existsSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
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

  it('sri train says where what a run began with has been trained on since', async () => {
    const quiet = await sri('train', '--set', 'model.hiddenSize=5');
    expect(quiet.error).not.toContain('warning');
    const longer = ['--set', 'model.hiddenSize=5', '--set', 'training.epochs=8'];
    expect((await sri('train', '--method', 'lstm-lm', ...longer)).code).toBe(0);
    const { code, error } = await sri('train', ...longer.slice(0, 2), '--set', 'training.epochs=2');
    expect(code, error).toBe(0);
    expect(error).toMatch(
      /warning: sri began with the decoder of lstm-lm, seed 0, after epoch 1, and \S+lstm-lm\/seed-0 has other weights now, of epoch [2-8]; sri train --restart begins/,
    );
  });

  it('sri eval measures the run that was trained last, and says first which that is', async () => {
    utimesSync('runs/words/lstm-lm/seed-0/manifest.json', 1, 1);
    const newest = await sri('eval', '--metric', 'au,recon');
    expect(newest.code, newest.error).toBe(0);
    expect(newest.error).toMatch(/^runs\/words\/sri\/seed-0: the newest of 2 runs on words in runs\n/);
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

describe('of runs with and without a latent code', () => {
  beforeAll(() => {
    utimesSync('runs/words/lstm-lm/seed-0/manifest.json', 9, 9);
    utimesSync('runs/words/sri/seed-0/manifest.json', 8, 8);
  });

  const chosen = /^runs\/words\/sri\/seed-0: the newest with a latent code of 2 runs on words in runs\n/;

  it.each([
    ['encode', 'words.test.txt'],
    ['neighbours', 'words.test.txt', '--draws', '2'],
    ['generate', '--count', '2'],
    ['interpolate', '--from', 'a b', '--to', 'a d'],
    ['posterior', '--sentences', '3'],
    ['noisy-recon', '--swaps', '0', '--noise-draws', '1', '--limit', '2', '--config', 'words.yaml'],
    ['eval', '--metric', 'recon,au', '--limit', '3'],
    ['eval-ppl', '--draws', '3', '--limit', '3'],
  ])('sri %s takes the newest that has what it needs', async (...args) => {
    const { code, error } = await sri(...args);
    expect(error).toMatch(chosen);
    expect(code, error).toBe(0);
  });

  it('what needs none takes the newest', async () => {
    for (const args of [
      ['eval', '--metric', 'ppl', '--limit', '3'],
      ['generate', '--decode', 'sample', '--count', '2'],
    ]) {
      const { code, error } = await sri(...args);
      expect(code, error).toBe(0);
      expect(error).toMatch(/^runs\/words\/lstm-lm\/seed-0: the newest of 2 runs on words in runs\n/);
    }
    const named = await sri('encode', '--method', 'lstm-lm', 'words.test.txt');
    expect(named.code).toBe(2);
    expect(named.error).toMatch(/lstm-lm has no latent code/);
  });

  it('names the command that trains one, where there is none', async () => {
    renameSync('runs/words/sri', 'hidden');
    const { code, error } = await sri('decode', 'none.csv');
    renameSync('hidden', 'runs/words/sri');
    expect(code).toBe(2);
    expect(error).toBe(
      'sri: runs: sri decode needs a latent code, which no run on words here has (there is words/lstm-lm/seed-0); ' +
        'name one with --run FOLDER, or train one: sri train --config words.yaml --method sri\n',
    );
  });
});

describe('where the run that is asked for was never trained', () => {
  const there = '(there are words/lstm-lm/seed-0, words/sri/seed-0)';

  it.each([
    [['--seed', '7'], 'on words with seed 7', 'study.yaml --seed 7'],
    [['--method', 'sri', '--seed', '7'], 'of sri on words with seed 7', 'study.yaml --method sri --seed 7'],
    [
      ['--method', 'sri', '--setting', 'annealed'],
      'of sri@annealed on words with seed 0',
      'study.yaml --method sri@annealed --seed 0',
    ],
  ])('sri eval %j says which there are, and trains by the config of the folder', async (args, what, train) => {
    renameSync('words.yaml', 'study.yaml');
    try {
      for (const config of [[], ['--config', 'study.yaml']]) {
        const { code, error } = await sri('eval', ...args, ...config);
        expect(code).toBe(2);
        expect(error).toContain(`${there}; name one with --run FOLDER, or train one: sri train --config ${train}\n`);
        expect(error).toContain(`no trained run ${what}`);
      }
    } finally {
      renameSync('study.yaml', 'words.yaml');
    }
  });

  it('nor is there any in a folder that is named', async () => {
    const { code, error } = await sri('eval', '--run', 'my runs/first');
    expect(code).toBe(2);
    expect(error).toBe(
      'sri: my runs/first: no run here (config.json is missing); name another folder, or train one there: ' +
        "sri train --config words.yaml --run 'my runs/first'\n",
    );
  });

  it('of several configs it is the one of the data set', async () => {
    writeFileSync('all.yaml', CONFIG.replace('words', 'other'));
    const { error } = await sri('eval', '--seed', '7');
    rmSync('all.yaml');
    expect(error).toContain('or train one: sri train --config words.yaml --seed 7\n');
  });
});

describe('an option that is given twice', () => {
  it('is all of both, where it takes a list', async () => {
    const { out, code, error } = await sri('eval', '--method', 'sri', '--metric', 'au', '--metric', 'kl,au', '--json');
    expect(code, error).toBe(0);
    const metrics = out
      .trim()
      .split('\n')
      .flatMap((line) => JSON.parse(line).metric ?? []);
    expect([...new Set(metrics)]).toEqual(['au', 'kl']);

    const plan = [
      'reproduce',
      '--methods',
      'lstm-lm',
      '--methods',
      'sri',
      '--seeds',
      '0',
      '--seeds',
      '2..3',
      '--dry-run',
    ];
    const { out: tasks } = await sri(...plan, '--json');
    const trained = tasks
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === 'train');
    expect(trained.map(({ name, seed }) => `${name} ${seed}`).sort()).toEqual(
      [0, 2, 3].flatMap((seed) => [`lstm-lm ${seed}`, `sri ${seed}`]).sort(),
    );
  });

  it.each([
    [
      ['train', '--seed', '0', '--seed', '1'],
      /'--seed <number>' argument '1' is invalid\. It was given as '0' before: give it once/,
    ],
    [['eval', '--config', 'words.yaml', '--config', 'more.yaml'], /It was given as 'words\.yaml' before/],
    [['eval', '--split', 'valid', '--split', 'test'], /It was given as 'valid' before/],
    [['train', '--threads', '1', '--threads=2'], /It was given as '1' before/],
    [['reproduce', '--seed', '0', '--seeds', '1,2'], /--seed and --seeds are one option .*: --seeds 0,1,2/],
    [['reproduce', '--jobs', '2', '--jobs', '3'], /It was given as '2' before/],
  ])('sri %j is refused where only one could be meant', async (args, complaint) => {
    const { code, error } = await sri(...args);
    expect(code).toBe(2);
    expect(error).toMatch(complaint);
  });

  it('may be, with the same value', async () => {
    const { code, error } = await sri('eval', '--metric', 'ppl', '--limit', '3', '--limit', '3', '--method', 'lstm-lm');
    expect(code, error).toBe(0);
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
