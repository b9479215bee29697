// Sentences moved from one label to another, on a language of a few words whose two labels have words of their own.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attributeVector } from '../../src/experiments/transfer.js';
import { sri, sriGiven } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-transfer-'));
const before = process.cwd();

const CONFIG = `
dataSet: moods
backend: cpu
data: { vocabularySize: 12, maxLength: 4, labelColumn: required }
model: { latentSize: 2, wordVectorSize: 8, hiddenSize: 12, weightRange: 0.5 }
optimizer: { name: adam, learningRate: 0.03 }
training: { batchSize: 8, epochs: 40, validationSentences: 4 }
evaluation: { inferenceChains: 4, featureDraws: 2 }
methods: { lstm-lm: { training: { epochs: 1 } }, ae: {} }
`;

const transfer = async (args: string[], input: string, method = 'ae') => {
  const run = `runs/moods/${method}/seed-0`;
  const { out, ...rest } = await sriGiven(['transfer', '--run', run, '--labels', '60', ...args], input);
  return { ...rest, out: out.toString() };
};
const GLAD = 'we laugh\nthey laugh\nwe sing\n';

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('moods.yaml', CONFIG);
  const line = (i: number) =>
    i % 2
      ? `glad\t${i % 3 ? 'we' : 'they'} ${i % 4 === 1 ? 'laugh' : 'sing'}`
      : `sad\t${i % 3 ? 'we' : 'they'} ${i % 4 ? 'weep' : 'sigh'}`;
  const lines = (count: number) => `${Array.from({ length: count }, (_, i) => line(i)).join('\n')}\n`;
  for (const [split, count] of [
    ['train', 60],
    ['valid', 12],
    ['test', 12],
  ] as const) {
    writeFileSync(`moods.${split}.txt`, lines(count));
  }
  for (const command of [['prepare', '--from', '.'], ...['ae', 'lstm-lm'].map((name) => ['train', '--method', name])]) {
    const { code, error } = await sri(...command);
    expect(code, error).toBe(0);
  }
}, 240_000);
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri transfer', () => {
  it('writes a sentence for each, and judges what came of it', async () => {
    const { code, out, error } = await transfer(['--to', 'sad', '--json', '--out', 'moved.csv'], GLAD);
    expect(code, error).toBe(0);
    const told = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const items = told.filter(({ event }) => event === 'transferred');
    const { before, after, judge, sentences } = told.find(({ event }) => event === 'transfer');
    expect(items.map(({ given }) => given)).toEqual(GLAD.trimEnd().split('\n'));
    const count = (key: string) => items.filter((item) => item[key] === 'sad').length;
    expect([sentences, before.value, after.value]).toEqual([3, count('classBefore') / 3, count('classAfter') / 3]);
    expect(after.standardError).toBeCloseTo(Math.sqrt((after.value * (1 - after.value)) / 3), 12);
    // The labels have words of their own, which the autoencoder's code must tell apart to write them.
    expect(judge).toMatchObject({ sentences: 12, value: 1 });
    expect(before.value).toBe(0);
    expect(after.value).toBe(1);
    for (const { text } of items) expect(text).toMatch(/weep|sigh/);
    expect(readFileSync('moved.csv', 'utf8').split('\n')[0]).toBe(
      'Sentence,Given,Judged before,Judged after,Text,Ended,Log probability',
    );
    const shown = await transfer(['--to', 'sad', '--from', 'glad'], GLAD);
    expect(shown.out.trimEnd().split('\n')).toEqual(items.map(({ text }) => text));
    expect(shown.error).toContain('judged sad: 100 % of 3 as written');
  });

  it('keeps how many came along as a row, which report prints in every form', async () => {
    await transfer(['--to', 'sad', '--from', 'glad', '--out', 'moved.csv'], GLAD);
    const name = readdirSync('runs/moods/ae/seed-0/rows').find((file) =>
      file.startsWith('transfer.from-glad-to-sad.'),
    )!;
    const row = JSON.parse(readFileSync(`runs/moods/ae/seed-0/rows/${name}`, 'utf8'));
    expect(row).toMatchObject({
      ...{ metric: 'transfer', estimator: 'svm', value: 1, sentences: 3 },
      facts: { before: 0, judge: 1, judged: 12 },
      settings: { to: 'sad', from: 'glad', strength: 1, labels: 60, source: 'standard input' },
    });
    for (const format of ['table', 'csv', 'markdown', 'latex', 'json']) {
      const { code, out, error } = await sri(
        'report',
        '--config',
        'moods.yaml',
        '--table',
        'further',
        '--format',
        format,
      );
      expect(code, error).toBe(0);
      expect(out).toContain('Transfer from-glad-to-sad');
    }
  });

  it('by next to nothing is there and back', async () => {
    const { out } = await transfer(['--to', 'sad', '--strength', '1e-9'], GLAD);
    const run = ['--run', 'runs/moods/ae/seed-0'];
    const { out: codes } = await sriGiven(['encode', ...run], GLAD);
    expect(out).toBe((await sriGiven(['decode', ...run], codes)).out.toString());
  });

  it.each([
    [['--to', 'merry'], 'ae', /--to merry: no label of data\/moods; there are glad, sad/],
    [['--to', 'sad', '--from', 'sad'], 'ae', /--from and --to are both sad/],
    [['--to', 'sad', '--strength', '0'], 'ae', /a number above 0/],
    [['--to', 'sad'], 'lstm-lm', /sri transfer: lstm-lm has no latent code/],
    [[], 'ae', /--to <label>/],
  ] as const)('refuses %j of %s', async (args, method, expected) => {
    const { code, error } = await transfer([...args], GLAD, method);
    expect(error).toMatch(expected);
    expect(code).toBe(2);
  });
});

describe('an attribute vector', () => {
  const known = { codes: Float32Array.of(1, 0, 3, 2, 10, 10, 20, 0), labels: Int32Array.of(0, 0, 1, 2) };
  it('is the difference of two means, from one class or from all others', () => {
    expect(attributeVector(known, 2, 0, 1, 1)).toEqual(Float64Array.of(-8, -9));
    expect(attributeVector(known, 2, 0, null, 2)).toEqual(Float64Array.of(-26, -8));
  });
  it('is none where a class has no sentence', () => {
    expect(attributeVector(known, 2, 3, 0, 1)).toBeNull();
    expect(attributeVector(known, 2, 0, 3, 1)).toBeNull();
  });
});
