// Every command on every backend that this machine has, from the command line: what it measures is what cpu measures.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { availableBackends } from '../../src/backends/index.js';
import { RandomStream } from '../../src/random/philox.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-backends-'));
const before = process.cwd();
const backends = (await availableBackends()).filter((name) => name !== 'cpu');

const CONFIG = `
dataSet: words
data: { vocabularySize: 40, maxLength: 12, labelColumn: required }
model: { latentSize: 4, wordVectorSize: 6, hiddenSize: 8, weightRange: 0.5 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 8, epochs: 1, validationSentences: 6 }
evaluation: { draws: { fitted: 20, jacobian: 4, encoder: 20, ais: 2 }, chains: 3, metropolisSteps: 5, temperatures: 20, klChains: { gaussian: 10 } }
methods: { lstm-lm: {}, ae: {}, fb-vae: {}, sri: { langevin: { steps: 3, stepSize: 0.3, temperature: 0.1 } } }
`;
const METHODS = ['lstm-lm', 'ae', 'fb-vae', 'sri'];

/** Sentences of two kinds, in each of which a word says much about the next. */
function sentences(count: number): string[] {
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  return Array.from({ length: count }, (_, i) => {
    let word = stream.integer(20);
    const words = Array.from({ length: 3 + stream.integer(5) }, () => {
      word = (word + 1 + (i % 2) + stream.integer(2)) % 20;
      return `w${word}`;
    });
    return `${i % 2 === 0 ? 'low' : 'high'}\t${words.join(' ')}`;
  });
}

/** What a command says to a program, but for its progress. */
async function expectSuccess(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, error } = await sri(...args, '--json');
  expect(code, error).toBe(0);
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event !== 'progress');
}

const of = (method: string) => ['--config', 'words.yaml', '--method', method];
const train = (method: string, backend: string, runs = 'runs') =>
  expectSuccess('train', ...of(method), '--backend', backend, '--runs', runs);

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('words.yaml', CONFIG);
  for (const [split, count] of [
    ['train', 48],
    ['valid', 12],
    ['test', 12],
  ] as const) {
    writeFileSync(`words.${split}.txt`, `${sentences(count).join('\n')}\n`);
  }
  await expectSuccess('prepare', '--config', 'words.yaml', '--from', '.');
  for (const method of METHODS) await train(method, 'cpu');
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe.each(backends)('on %s', (backend) => {
  it.each([
    ['eval of LSTM-LM', ['eval', ...of('lstm-lm')]],
    ['eval of AE', ['eval', ...of('ae')]],
    ['eval of FB-VAE', ['eval', ...of('fb-vae'), '--metric', 'ppl,recon,au,kl,mi,gain']],
    ['eval of SRI', ['eval', ...of('sri'), '--metric', 'ppl,recon,au,kl,gain']],
    ['eval-ppl by the Jacobian', ['eval-ppl', ...of('sri'), '--estimator', 'jacobian']],
    ['eval-ppl by annealed importance sampling', ['eval-ppl', ...of('fb-vae'), '--estimator', 'ais', '--limit', '4']],
    ['noisy-recon', ['noisy-recon', ...of('sri'), '--swaps', '0,2', '--noise-draws', '1']],
    ['classify', ['classify', ...of('fb-vae'), '--labels', '20', '--sets', '2']],
  ])('%s measures what it does on cpu', async (_, args) => {
    const wanted = await expectSuccess(...args, '--backend', 'cpu');
    const rows = await expectSuccess(...args, '--backend', backend);
    expect(rows.map(({ metric }) => metric)).toEqual(wanted.map(({ metric }) => metric));
    for (const [i, row] of rows.entries()) {
      expect(row.backend).toBe(backend);
      const [value, other] = [row.value as number, wanted[i]!.value as number];
      expect(Math.abs(value - other), `${row.metric}: ${value}, on cpu ${other}`).toBeLessThan(
        0.01 * Math.abs(other) + 1e-3,
      );
    }
  });

  it('generates and interpolates the sentences that cpu does', async () => {
    for (const command of ['generate', 'interpolate']) {
      const texts = async (on: string) =>
        (await expectSuccess(command, ...of('sri'), '--backend', on)).map(({ text }) => text);
      expect(await texts(backend)).toEqual(await texts('cpu'));
    }
  });

  it('draws the posterior', async () => {
    const [summary] = await expectSuccess('posterior', ...of('sri'), '--sentences', '10', '--backend', backend);
    expect(summary).toMatchObject({ event: 'posterior', backend, sentences: 10 });
  });

  it.each(METHODS)('trains %s to the validation loss that cpu reaches', async (method) => {
    await train(method, backend, `runs-${backend}`);
    const validation = (runs: string) => {
      const lines = readFileSync(`${runs}/words/${method}/seed-0/metrics.csv`, 'utf8').trimEnd().split('\n');
      return Number(lines.at(-1)!.split(',')[lines[0]!.split(',').indexOf('validationLoss')]);
    };
    expect(Math.abs(validation(`runs-${backend}`) / validation('runs') - 1)).toBeLessThan(0.01);
  });
});
