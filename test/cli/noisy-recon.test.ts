// Noisy reconstruction from text to rows, in one process.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/random/philox.js';
import { sri } from './in-process.js';

const CONFIG = `
dataSet: swapped
backend: cpu
data: { vocabularySize: 20, maxLength: 8 }
model: { latentSize: 3, wordVectorSize: 6, hiddenSize: 8 }
training: { batchSize: 8, epochs: 1 }
evaluation: { inferenceChains: 4, draws: { fitted: 20 }, chains: 2, metropolisSteps: 4 }
methods: { sri: { langevin: { steps: 3 } }, lstm-lm: {} }
`;

const root = mkdtempSync(path.join(tmpdir(), 'sri-noisy-'));
const before = process.cwd();

/** Sentences of one to four words, the first of a single one. */
function lines(count: number): string {
  const stream = new RandomStream({ seed: count, purpose: 'shuffle' });
  const sentence = (words: number) => Array.from({ length: words }, () => `w${stream.integer(15)}`).join(' ');
  return `${Array.from({ length: count }, (_, i) => sentence(i === 0 ? 1 : 2 + stream.integer(3))).join('\n')}\n`;
}

const rowsOf = (run: string) =>
  readdirSync(`${run}/rows`)
    .filter((name) => name.startsWith('noisy-recon') && name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(`${run}/rows/${name}`, 'utf8')));

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('swapped.yaml', CONFIG);
  writeFileSync('swapped.train.txt', lines(40));
  writeFileSync('swapped.valid.txt', lines(6));
  writeFileSync('swapped.test.txt', lines(16));
  await sri('prepare', '--config', 'swapped.yaml', '--from', '.');
  for (const method of ['sri', 'lstm-lm']) {
    const { code, error } = await sri('train', '--config', 'swapped.yaml', '--method', method);
    expect(code, error).toBe(0);
  }
}, 60_000);

afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri noisy-recon', () => {
  const sentences = (method: string, ...more: string[]) =>
    sri('noisy-recon', '--config', 'swapped.yaml', '--method', method, ...more);

  it('prints and keeps a row for each number of swaps, those of Table 4 unless told', async () => {
    const { code, out, error } = await sentences('sri');
    expect(code, error).toBe(0);
    for (const swaps of [1, 2, 3, 4]) {
      const line = new RegExp(
        `^noisy-recon swaps-${swaps} .* nats .*by short-run; 15 sentences of test, 4 draws each`,
        'm',
      );
      expect(out).toMatch(line);
    }
    expect(out).toMatch(/warning: 1 of 16 sentences/);
    const rows = rowsOf('runs/swapped/sri/seed-0');
    expect(rows.map(({ facts }) => facts.swaps)).toEqual([1, 2, 3, 4]);
    for (const row of rows) {
      expect(row).toMatchObject({ sentences: 15, epoch: 1, backend: 'cpu', facts: { noiseDraws: 3, skipped: 1 } });
    }
  });

  it('takes other numbers of swaps and copies, and says rows to a program', async () => {
    const { code, out, error } = await sentences(
      'sri',
      '--swaps',
      '0, 2,0',
      '--noise-draws',
      '2',
      '--limit',
      '9',
      '--json',
    );
    expect(code, error).toBe(0);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'row');
    expect(rows.map(({ variant, facts }) => [variant, facts.noiseDraws])).toEqual([
      ['swaps-0', 1],
      ['swaps-2', 2],
    ]);
    expect(rows.every(({ sentences, facts }) => sentences + facts.skipped === 9)).toBe(true);
  });

  it('refuses a method without a code, and swaps that are no numbers', async () => {
    const withoutCode = await sentences('lstm-lm');
    expect(withoutCode.code).toBe(2);
    expect(withoutCode.error).toMatch(/lstm-lm has no latent code/);
    for (const swaps of ['', '1,,2', '-1', 'two', '1,1000000000']) {
      const { code, error } = await sentences('sri', '--swaps', swaps);
      expect(code).toBe(2);
      expect(error).toMatch(/whole numbers from 0/);
    }
  });
});
