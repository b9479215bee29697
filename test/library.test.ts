// The library, as a program imports it: a corpus, a run, its numbers, its codes and its sentences, and a table.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  decode,
  encode,
  evaluate,
  InputError,
  InterruptedError,
  type OpenRun,
  openRun,
  prepareCorpus,
  reproduce,
  type TrainedRun,
  train,
} from '../src/index.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-library-'));
const before = process.cwd();
const config = `
dataSet: pets
backend: cpu
data: { vocabularySize: 20, maxLength: 12 }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 16, epochs: 1 }
evaluation: { inferenceChains: 3 }
methods: { lstm-lm: {}, ae: {}, fb-vae: { startFrom: { encoder: ae, decoder: null } } }
`;
const text = Array.from(
  { length: 60 },
  (_, i) => `the ${['cat', 'dog', 'bird'][i % 3]} sat ${'so '.repeat(i % 3)}still`,
);

let trained: TrainedRun;
let run: OpenRun;

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('pets.yaml', config);
  writeFileSync('pets.txt', `${text.join('\n')}\n`);
  const report = await prepareCorpus({ config: 'pets.yaml', text: 'pets.txt' });
  expect(report).toMatchObject({ name: 'pets', directory: 'data/pets' });
  trained = await train({ config: 'pets.yaml', method: 'ae', set: { 'training.epochs': 2 } });
  run = await openRun(trained.folder, { set: { 'evaluation.inferenceChains': 4 } });
}, 120_000);
afterAll(() => {
  run.dispose();
  process.chdir(before);
  rmSync(root, { recursive: true });
});

it('trains with keys of its own, tells how far it is, and leaves a run that is done as it is', async () => {
  expect(trained.folder).toBe(path.join('runs', 'pets', 'ae', 'seed-0'));
  expect(trained.manifest).toMatchObject({ epochs: 2, finished: { reason: 'all-epochs', epochs: 2 } });
  const again = await train({ config: 'pets.yaml', method: 'ae', set: { 'training.epochs': 2 } });
  expect(again.manifest).toEqual(trained.manifest);
});

it('trains first what a run starts from, and begins anew when it is told to', async () => {
  const begun: string[] = [];
  const following = {
    onProgress: (event: { kind: string; resumed?: boolean }) => {
      if (event.kind === 'start') begun.push(event.resumed ? 'goes on' : 'starts');
    },
  };
  const request = { config: 'pets.yaml', method: 'fb-vae', runs: 'other' };
  const first = await train(request, following);
  expect(existsSync('other/pets/ae/seed-0/manifest.json')).toBe(true);
  expect(first.manifest.startedFrom.encoder?.run).toBe('ae, seed 0');
  await train(request, { ...following, restart: true });
  expect(begun).toEqual(['starts', 'starts', 'starts']);
});

it('leaves out keys that are undefined, and stops preparing when it is told to', async () => {
  const place = { config: 'pets.yaml', text: 'pets.txt', out: 'stopped' };
  const request = { ...place, set: { 'data.maxLength': undefined } };
  await expect(prepareCorpus(request, { signal: AbortSignal.abort() })).rejects.toThrow(InterruptedError);
  expect(existsSync('stopped')).toBe(false);
  expect((await prepareCorpus(request)).settings.maxLength).toBe(12);
});

it('measures, encodes and decodes a run', async () => {
  const [row] = await evaluate(run, { metrics: ['recon'], split: 'valid' });
  expect(row).toMatchObject({ metric: 'recon', split: 'valid', weights: trained.manifest.weights.best });
  const { mean, latentSize, texts } = await encode(run, ['the cat sat still', 'the dog sat so still']);
  expect([latentSize, mean.length, texts[1]]).toEqual([2, 4, 'the dog sat so still']);
  const written = await decode(run, mean, { maxLength: 5 });
  expect(written.map(({ text }) => text.split(' ').length <= 5)).toEqual([true, true]);
  await expect(decode(run, mean.subarray(1))).rejects.toThrow(/3 numbers are no codes of 2 each/);
});

it('writes tables', async () => {
  const results = await reproduce({ config: 'pets.yaml', tables: [1], methods: ['lstm-lm'] });
  expect(results?.tables.map(({ kind }) => kind.name)).toEqual(['table1']);
  expect(readFileSync('tables/pets/table1.csv', 'utf8')).toMatch(/^LSTM-LM,\d/m);
});

it('throws an InputError that says what would be right', async () => {
  await expect(train({ config: 'pets.yaml', method: 'sri' })).rejects.toThrow(InputError);
  await expect(train({ config: 'pets.yaml', method: 'sri' })).rejects.toThrow(/methods has no sri; it has lstm-lm, ae/);
  await expect(train({ config: 'pets.yaml', set: { 'model.hidenSize': 3 }, method: 'ae' })).rejects.toThrow(
    /did you mean hiddenSize/,
  );
  await expect(train({ config: 'pets.yaml', set: { 'optimizer.clipNorm': Infinity }, method: 'ae' })).rejects.toThrow(
    /Infinity is no finite number/,
  );
  await expect(prepareCorpus({})).rejects.toThrow(/give a config, or a text/);
  await expect(prepareCorpus({ config: 'pets.yaml', text: 'pets.txt', from: '.' })).rejects.toThrow(/give one/);
  await expect(encode(run, 'the cat sat' as never)).rejects.toThrow(/sentences: an array with a string each/);
  await expect(decode(run, [0, 0] as never)).rejects.toThrow(/codes: a Float32Array/);
  await expect(encode(run, ['the cat sat'], { draws: 1 })).rejects.toThrow(/draws: 1; a whole number from 2/);
  await expect(decode(run, new Float32Array(2), { maxLength: 0 })).rejects.toThrow(/maxLength: 0; a whole number/);
  const decoding = (one: unknown) => decode(run, new Float32Array(2), { decoding: one as never });
  await expect(decoding({ method: 'sample', temperature: 0, seed: 1 })).rejects.toThrow(InputError);
  await expect(decoding({ method: 'beam', width: 0, lengthPower: 0 })).rejects.toThrow(
    /width: 0; a whole number from 1/,
  );
  await expect(decoding({ method: 'widest' })).rejects.toThrow(/widest: greedy, sample or beam/);
  for (const request of [{ samples: 0 }, { samples: 1.5 }, { limit: 0 }, { limit: Number.NaN }, { split: 'dev' }]) {
    await expect(evaluate(run, { metrics: ['ppl'], ...request } as never)).rejects.toThrow(InputError);
  }
  await expect(reproduce({ config: 'pets.yaml', tables: [] })).rejects.toThrow(/no table and no figure/);
  await expect(openRun('nowhere')).rejects.toThrow(/no run here/);
});

it('says of a request that is none which key is wrong', async () => {
  const refused = async (asked: Promise<unknown>, complaint: RegExp) => {
    await expect(asked).rejects.toThrow(complaint);
    await expect(asked).rejects.toThrow(InputError);
  };
  await refused(train({} as never), /^train: config is missing/);
  await refused(train(undefined as never), /^train: .*expected object/);
  await refused(train({ config: 'pets.yaml', methd: 'ae' } as never), /^train: .*"methd"; it has config, method, seed/);
  await refused(train({ config: 'pets.yaml', method: 5 } as never), /^train: method: .*expected string/);
  await refused(prepareCorpus({ text: { train: 'a', valid: 'b' } } as never), /^prepareCorpus: text/);
  await refused(openRun(undefined as never), /undefined is no folder/);
  await refused(evaluate(run, { metrics: 'kl' } as never), /^evaluate: metrics: .*expected array/);
  await refused(
    decode(run, new Float32Array(2), { decoding: 'beam' as never }),
    /^decode: decoding: .*expected object/,
  );
  await refused(reproduce({ config: 'pets.yaml', tables: '1' } as never), /^reproduce: tables: .*expected array/);
  await refused(reproduce({ config: 'pets.yaml', seeds: [] }), /^reproduce: seeds/);
  await refused(encode({} as never, ['a']), /a run that openRun opened/);
  const other = await openRun(trained.folder);
  // What was asked before ends as it would.
  const wanted = await evaluate(run, { metrics: ['au'], limit: 4 });
  const asked = evaluate(other, { metrics: ['au'], limit: 4 });
  other.dispose();
  other.dispose();
  expect((await asked).map(({ value }) => value)).toEqual(wanted.map(({ value }) => value));
  await refused(encode(other, ['a']), /was disposed of; open it again/);
});
