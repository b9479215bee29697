// The metric of examples/distinct-2, from its numbers by hand to a table and a page.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerMetric } from '../../src/evaluation/registry.js';
import { RandomStream } from '../../src/random/philox.js';
import { sri } from '../cli/in-process.js';

const plugin = new URL('../../examples/distinct-2/distinct-2.js', import.meta.url).href;
const { default: distinct2, distinctPairs } = await import(plugin);

describe('distinctPairs', () => {
  const share = (sentences: number[][]) => {
    const pairs = sentences.flatMap((words) => words.slice(1).map((word, i) => `${words[i]} ${word}`));
    return (100 * new Set(pairs).size) / pairs.length;
  };

  it('is the share of different pairs, with the error of leaving out one sentence at a time', () => {
    const stream = new RandomStream({ seed: 3, purpose: 'shuffle' });
    const sentences = Array.from({ length: 9 }, () => Array.from({ length: 6 }, () => stream.integer(4)));
    const without = sentences.map((_, i) => share(sentences.filter((__, other) => other !== i)));
    const mean = without.reduce((sum, value) => sum + value) / 9;
    const variance = (8 / 9) * without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const { value, standardError } = distinctPairs(sentences);
    expect(value).toBeCloseTo(share(sentences), 10);
    expect(standardError).toBeCloseTo(Math.sqrt(variance), 10);
  });

  it('goes to zero where one sentence is written again and again', () => {
    expect(distinctPairs(Array.from({ length: 50 }, () => [1, 2, 3]))).toMatchObject({ value: 2 });
  });
});

describe('a run', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-distinct-'));
  const before = process.cwd();
  const config = `
dataSet: words
backend: cpu
data: { vocabularySize: 20, maxLength: 8 }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 8, epochs: 1 }
evaluation: { inferenceChains: 3 }
methods: { ae: {} }
`;
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => `${`a b c d e`.slice(0, 3 + 2 * (i % 4))} f${i % 7}\n`).join('');

  beforeAll(async () => {
    process.chdir(root);
    registerMetric(distinct2);
    writeFileSync('words.yaml', config);
    for (const [split, count] of [
      ['train', 32],
      ['valid', 8],
      ['test', 12],
    ] as const) {
      writeFileSync(`words.${split}.txt`, lines(count));
    }
    await sri('prepare', '--config', 'words.yaml', '--from', '.');
    const { code, error } = await sri('train', '--config', 'words.yaml', '--method', 'ae');
    expect(code, error).toBe(0);
  }, 120_000);
  afterAll(() => {
    process.chdir(before);
    rmSync(root, { recursive: true });
  });

  it('has the metric in its rows, the measurements, a table and the page', async () => {
    const run = ['--config', 'words.yaml', '--method', 'ae'];
    const { code, out, error } = await sri('eval', ...run, '--metric', 'recon,distinct-2,gain');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^distinct-2 \d.* % +by greedy; 12 sentences of test/m);
    const report = await sri('report', '--config', 'words.yaml', '--html');
    expect(report.code, report.error).toBe(0);
    const written = (name: string) => readFileSync(path.join('tables', 'words', name), 'utf8');
    expect(written('measurements.csv')).toMatch(/^AE,.*,distinct-2,,greedy,\d/m);
    const [header, line] = written('further.csv').split('\n');
    expect(header).toMatch(/^Method,Gain over-other-sentence \(nats\),Gain over-prior \(nats\),Distinct-2 \(%\),/);
    expect(line).toMatch(/^AE,-?[\d.e-]+,-?[\d.e-]+,[\d.]+,/);
    expect(header).not.toContain('Recon');
    expect(written('report.html')).toMatch(/Further quantities[\s\S]*Distinct-2 \(%\)/);
  });

  it('is listed in help, and by what else there is to measure', async () => {
    expect((await sri('eval', '--help')).out).toMatch(/distinct-2 +different pairs .* of all, %/);
    const { error } = await sri('eval', '--config', 'words.yaml', '--method', 'ae', '--metric', 'kl');
    expect(error).toMatch(/a code that is a point has no kl; it has ppl, recon, au, gain, distinct-2/);
  });
});
