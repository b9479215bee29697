// Classification from text to rows, in one process.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/random/philox.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-classify-'));
const before = process.cwd();
beforeAll(() => process.chdir(root));
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri classify', () => {
  const CONFIG = `
dataSet: moods
backend: cpu
data: { vocabularySize: 30, maxLength: 12, labelColumn: required }
model: { latentSize: 3, wordVectorSize: 6, hiddenSize: 8 }
training: { batchSize: 8, epochs: 1 }
methods: { ae: {} }
`;

  /** Lines of sentences whose words all come from one of two halves of the vocabulary: the label. */
  function lines(count: number): string {
    const stream = new RandomStream({ seed: count, purpose: 'shuffle' });
    const sentences = Array.from({ length: count }, (_, i) => {
      const words = Array.from({ length: 3 + stream.integer(2) }, () => `w${10 * (i % 2) + stream.integer(10)}`);
      return `${i % 2 ? 'glad' : 'sad'}\t${words.join(' ')}`;
    });
    return `${sentences.join('\n')}\n`;
  }

  beforeAll(async () => {
    writeFileSync('moods.yaml', CONFIG);
    writeFileSync('moods.train.txt', lines(40));
    writeFileSync('moods.valid.txt', lines(8));
    writeFileSync('moods.test.txt', lines(16));
    await sri('prepare', '--config', 'moods.yaml', '--from', '.');
    const { code, error } = await sri('train', '--config', 'moods.yaml', '--method', 'ae');
    expect(code, error).toBe(0);
  }, 60_000);

  it('prints and keeps a row for each number of labels, and says which the text has not', async () => {
    const args = ['--config', 'moods.yaml', '--method', 'ae', '--labels', '0,10,500', '--sets', '2'];
    const { code, out, error } = await sri('classify', ...args);
    expect(code, error).toBe(0);
    expect(out).toMatch(/^accuracy labels-0 .* by gaussian-mixture; 16 sentences of test, [\d.]+ ms a code, epoch 1/m);
    expect(out).toMatch(/^accuracy labels-10 .* by svm; 16 sentences of test/m);
    expect(error).toMatch(/40 training sentences, so no accuracy with 500 labels/);
    const rows = readdirSync('runs/moods/ae/seed-0/rows').filter((name) => name.startsWith('accuracy'));
    expect(rows).toEqual([
      expect.stringMatching(/^accuracy\.labels-0\.gaussian-mixture\.test\.epoch-1\.16-sentences\.[0-9a-f]{12}\.json$/),
      expect.stringMatching(/^accuracy\.labels-10\.svm\.test\.epoch-1\.16-sentences\.[0-9a-f]{12}\.json$/),
    ]);
  });

  it('refuses what is no number of labels', async () => {
    for (const labels of ['many', '', '1']) {
      const { code, error } = await sri('classify', '--config', 'moods.yaml', '--method', 'ae', '--labels', labels);
      expect(code, error).toBe(2);
    }
  });
});
