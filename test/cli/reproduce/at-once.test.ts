// Two reproductions of the same at once: one waits for what the other has in hand, and neither fails.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const SRI = fileURLToPath(new URL('../../../bin/sri.js', import.meta.url));
const root = mkdtempSync(path.join(tmpdir(), 'sri-at-once-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const CONFIG = `
dataSet: words
backend: cpu
data: { vocabularySize: 24, maxLength: 8, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 16, epochs: 2, validationSentences: 4, validation: { draws: 3, chains: 3, metropolisSteps: 1 } }
evaluation: { draws: { fitted: 4 }, chains: 2, metropolisSteps: 1, inferenceChains: 3, sentences: 4, perplexitySentences: 3,
  klChains: { jacobian: 1, gaussian: 4 } }
methods: { lstm-lm: {}, sri: { langevin: { steps: 3 } } }
`;

/** Two processes that are given the same command in the same moment. */
async function atOnce(...args: string[]): Promise<{ code: number | null; text: string }[]> {
  const begin = (): ChildProcess =>
    spawn(process.execPath, [SRI, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  return Promise.all(
    [begin(), begin()].map(async (child) => {
      let text = '';
      for (const stream of [child.stdout!, child.stderr!]) {
        stream.on('data', (chunk) => {
          text += chunk;
        });
      }
      return { code: await new Promise<number | null>((resolve) => child.on('close', resolve)), text };
    }),
  );
}

it('prepares, trains and measures once between them, and gives both the same table', async () => {
  writeFileSync(path.join(root, 'words.yaml'), CONFIG);
  for (const split of ['train', 'valid', 'test']) {
    const lines = Array.from({ length: 48 }, (_, i) => `w${i % 20} w${(7 * i) % 20} w${(3 * i) % 20}\n`);
    writeFileSync(path.join(root, `words.${split}.txt`), lines.join(''));
  }
  const both = await atOnce('reproduce', '--config', 'words.yaml', '--from', '.');
  for (const { code, text } of both) expect(code, text).toBe(0);
  const said = both.map(({ text }) => text);
  for (const name of ['lstm-lm', 'sri']) {
    const epochs = said.join('\n').match(new RegExp(`^${name} epoch \\d/2: `, 'gm')) ?? [];
    expect(epochs.toSorted(), said.join('\n')).toEqual([`${name} epoch 1/2: `, `${name} epoch 2/2: `]);
  }
  // Each number is told by the one that measured it.
  for (const row of [
    'ppl .* by exact',
    'ppl .* by fitted',
    'recon ',
    'au ',
    'kl .* by jacobian',
    'kl .* by gaussian',
  ]) {
    const measured = said.join('\n').match(new RegExp(`^${row}.*$`, 'gm')) ?? [];
    expect(measured, said.join('\n')).toHaveLength(1);
  }
  const lines = (text: string) => text.split('\n').filter((line) => /^(Method|LSTM-LM|SRI) /.test(line));
  expect(lines(said[0]!)).toHaveLength(3);
  expect(lines(said[1]!)).toEqual(lines(said[0]!));
  const again = await atOnce('prepare', '--config', 'words.yaml', '--from', '.', '--out', 'other');
  for (const { code, text } of again) {
    expect([0, 2], text).toContain(code);
    if (code === 2) expect(text).toMatch(/other is being prepared by process \d+; wait for it/);
  }
  expect(again.some(({ code }) => code === 0)).toBe(true);
  expect(JSON.parse(readFileSync(path.join(root, 'other/corpus.json'), 'utf8')).hash).toBe(
    JSON.parse(readFileSync(path.join(root, 'data/words/corpus.json'), 'utf8')).hash,
  );
}, 240_000);
