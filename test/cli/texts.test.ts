// Generation and interpolation on runs trained for a moment: what is printed, kept and written, and what is refused.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addGenerate } from '../../src/cli/generate.js';
import { addInterpolate } from '../../src/cli/interpolate.js';
import type { Io } from '../../src/cli/io.js';
import { makeBatch } from '../../src/data/batches.js';
import type { LatentModel } from '../../src/evaluation/evaluated-model.js';
import { splitOf } from '../../src/experiments/given-sentences.js';
import { openRun } from '../../src/experiments/open-run.js';
import { decodeSentences } from '../../src/model/decoding.js';
import { RandomStream } from '../../src/random/philox.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import type { Generations, Interpolations } from '../../src/runs/texts.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-texts-'));
const before = process.cwd();

const CONFIG = `
dataSet: words
backend: cpu
data: { vocabularySize: 40, maxLength: 12, labelColumn: none, lowercase: true }
model: { latentSize: 2, wordVectorSize: 6, hiddenSize: 8, weightRange: 0.8 }
optimizer: { name: adam, learningRate: 0.05 }
training: { batchSize: 8, epochs: 2, validationSentences: 2, keepEpochs: [1, 2] }
evaluation: { inferenceChains: 4 }
methods: { lstm-lm: {}, sri: { langevin: { steps: 3, stepSize: 0.3, temperature: 0.1 } } }
`;

/** Runs one command alone; a wrong use of it is thrown. */
async function run(
  add: (program: Command, io: Io) => void,
  ...args: string[]
): Promise<{ out: string; error: string }> {
  const io = { out: new PassThrough(), error: new PassThrough(), stop: new AbortController().signal };
  const program = new Command('sri').exitOverride().configureOutput({ writeErr: () => {} });
  add(program, io);
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(args, { from: 'user' });
  const read = (stream: PassThrough) => String(stream.read() ?? '');
  return { out: read(io.out), error: read(io.error) };
}

const SRI = ['--config', 'words.yaml', '--method', 'sri'];
const LSTM = ['--config', 'words.yaml', '--method', 'lstm-lm'];
const generate = (...args: string[]) => run(addGenerate, 'generate', ...args);
const interpolate = (...args: string[]) => run(addInterpolate, 'interpolate', ...args);
const lines = (text: string) => text.trimEnd().split('\n');
const artifact = <Texts>(name: string): Texts =>
  JSON.parse(readFileSync(`runs/words/sri/seed-0/artifacts/${name}.json`, 'utf8'));

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('words.yaml', CONFIG);
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = () => {
    let word = stream.integer(20);
    return Array.from({ length: 3 + stream.integer(5) }, () => {
      word = (word + 1 + stream.integer(2)) % 20;
      return `w${word}`;
    }).join(' ');
  };
  for (const [split, count] of Object.entries({ train: 40, valid: 6, test: 6 })) {
    writeFileSync(`words.${split}.txt`, `${Array.from({ length: count }, sentence).join('\n')}\n`);
  }
  await sri('prepare', '--config', 'words.yaml', '--from', '.');
  for (const method of [SRI, LSTM]) {
    const { code, error } = await sri('train', ...method);
    expect(code, error).toBe(0);
  }
}, 60_000);
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri generate', () => {
  it('prints greedy decodings of samples of the prior, and keeps them for Table 3', async () => {
    const { out } = await generate(...SRI, '--count', '6');
    expect(lines(out)).toHaveLength(6);
    const kept = artifact<Generations>('generations');
    expect(kept).toMatchObject({ seed: 0, decode: { method: 'greedy' }, backend: 'cpu' });
    const best = new RunFolder('runs/words/sri/seed-0').manifest()!.bestEpoch;
    expect(kept.epoch).toBe(best);
    expect(kept.items.map(({ sample }) => sample)).toEqual([1, 2, 3, 4, 5, 6]);
    // The longest training sentence has seven words.
    for (const { text, ended } of kept.items) {
      expect(text).toMatch(/^((w\d+|<unk>)( |$))*$/);
      expect(text.split(' ').length).toBeLessThanOrEqual(7);
      if (!ended) expect(text.split(' ')).toHaveLength(7);
    }
    kept.items.forEach(({ text }, i) => {
      expect(lines(out)[i]).toContain(text);
    });
    for (const other of [
      ['--decode', 'sample'],
      ['--decode', 'beam'],
      ['--max-length', '3'],
    ]) {
      await generate(...SRI, ...other);
      expect(artifact<Generations>('generations')).toEqual(kept);
    }
    const more = await generate(...SRI, '--count', '9');
    expect(lines(more.out).slice(0, 6)).toEqual(lines(out));
  });

  it('writes CSV, JSON and text, by the name of the file', async () => {
    for (const kind of ['csv', 'json', 'txt']) await generate(...SRI, '--count', '3', '--out', `out/three.${kind}`);
    const { items } = JSON.parse(readFileSync('out/three.json', 'utf8')) as Generations;
    expect(items).toHaveLength(3);
    const csv = lines(readFileSync('out/three.csv', 'utf8'));
    expect(csv[0]).toBe('Sample,Text,Ended,Log probability');
    expect(csv[2]).toBe(`2,${items[1]!.text},${items[1]!.ended ? 'yes' : 'no'},${items[1]!.logProbability}`);
    expect(lines(readFileSync('out/three.txt', 'utf8'))).toEqual(lines((await generate(...SRI, '--count', '3')).out));
    await expect(generate(...SRI, '--out', 'three.doc')).rejects.toThrow(/must end in \.csv, \.json or \.txt/);
  });

  it('gives a program one object a sentence', async () => {
    const { out } = await generate(...SRI, '--count', '2', '--max-length', '4', '--json');
    const events = lines(out)
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'generation');
    expect(events.map(({ sample }) => sample)).toEqual([1, 2]);
    for (const { text } of events) expect(text.split(' ').length).toBeLessThanOrEqual(4);
  });

  it('keeps nothing of weights that are not the best', async () => {
    await generate(...SRI, '--count', '2');
    const kept = artifact<Generations>('generations');
    const other = kept.epoch === 1 ? 2 : 1;
    const { out } = await generate(...SRI, '--count', '5', '--weights', `epoch-${other}`);
    expect(lines(out)).toHaveLength(5);
    expect(artifact<Generations>('generations')).toEqual(kept);
  });

  it('samples from a language model without a code, for which greedy decoding has one sentence alone', async () => {
    for (const decode of ['greedy', 'beam']) {
      await expect(generate(...LSTM, '--decode', decode)).rejects.toThrow(/give --decode sample/);
    }
    const { out } = await generate(...LSTM, '--decode', 'sample', '--count', '20');
    expect(new Set(lines(out)).size).toBeGreaterThan(10);
    const again = await generate(...LSTM, '--decode', 'sample', '--count', '20');
    expect(again.out).toBe(out);
    const cold = await generate(...LSTM, '--decode', 'sample', '--temperature', '0.001', '--count', '20');
    expect(new Set(lines(cold.out)).size).toBe(1);
  });

  it('refuses options of another way to decode', async () => {
    await expect(generate(...SRI, '--temperature', '2')).rejects.toThrow(/--temperature goes with --decode sample/);
    const wide = ['--decode', 'sample', '--beam-width', '3'];
    await expect(generate(...SRI, ...wide)).rejects.toThrow(/--beam-width goes with --decode beam/);
    const frozen = ['--decode', 'sample', '--temperature', '0'];
    await expect(generate(...SRI, ...frozen)).rejects.toThrow(/must be a number above 0/);
  });
});

describe('sri interpolate', () => {
  const ends = ({ items }: Interpolations, last: number) =>
    items.filter(({ point }) => point === 1 || point === last).map(({ text }) => text);

  it('prints five points between pairs of samples of the prior, and keeps them for Table 2', async () => {
    const { out } = await interpolate(...SRI);
    const kept = artifact<Interpolations>('interpolations');
    expect(kept).toMatchObject({ seed: 0, decode: { method: 'greedy' }, path: 'straight', between: null });
    expect(kept.items.map(({ pair, point }) => [pair, point])).toEqual(
      [1, 2, 3].flatMap((pair) => [1, 2, 3, 4, 5].map((point) => [pair, point])),
    );
    expect(kept.items.slice(0, 5).map(({ position }) => position)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(lines(out).filter((line) => /^pair \d$/.test(line))).toHaveLength(3);
    expect(lines(out)).toHaveLength(3 + 15);

    for (const other of [
      ['--path', 'spherical'],
      ['--points', '2'],
      ['--decode', 'sample'],
      ['--max-length', '3'],
    ]) {
      await interpolate(...SRI, ...other);
      expect(artifact<Interpolations>('interpolations')).toEqual(kept);
    }
    await interpolate(...SRI, '--points', '2', '--pairs', '2', '--path', 'spherical', '--out', 'out/two.json');
    const two = JSON.parse(readFileSync('out/two.json', 'utf8')) as Interpolations;
    expect(ends(two, 2)).toEqual(ends(kept, 5).slice(0, 4));
  });

  it('goes between two sentences of the user’s, which are reconstructed at the ends', async () => {
    await interpolate(...SRI);
    const kept = artifact<Interpolations>('interpolations');
    const args = ['--from', 'W3 w5 nowhere w6', '--to', 'w1 w2', '--points', '3', '--out', 'out/between.json'];
    const { out, error } = await interpolate(...SRI, ...args);
    expect(error).toMatch(/--from: not in the vocabulary of words, so read as <unk>: nowhere/);
    expect(lines(out)[0]).toBe('from  w3 w5 <unk> w6');
    expect(lines(out).at(-1)).toBe('to    w1 w2');
    expect(lines(out)).toHaveLength(5);
    expect(artifact<Interpolations>('interpolations')).toEqual(kept);

    // The same ends by hand: the mean of four short runs of each sentence, decoded.
    const folder = new RunFolder('runs/words/sri/seed-0');
    const opened = await openRun(folder.config(), folder);
    const model = opened.model as LatentModel;
    const { vocabulary } = opened.corpus;
    const ids = ['w3 w5 <unk> w6', 'w1 w2'].map((text) =>
      Int32Array.from(text.split(' '), (w) => vocabulary.encode(w)),
    );
    const { split, keys } = splitOf(ids);
    const { items } = JSON.parse(readFileSync('out/between.json', 'utf8')) as Interpolations;
    for (const [at, point] of [
      [0, 0],
      [1, 2],
    ] as const) {
      const batch = makeBatch(split, Int32Array.of(at), 0);
      const likelihood = model.likelihood(batch);
      const code = model.posterior(batch, likelihood, { seed: 0, sentences: keys.slice(at, at + 1) }).mean(4);
      const options = { decoding: { method: 'greedy' } as const, maxLength: 7 };
      const [sentence] = await decodeSentences(opened.decoder, code, 1, options);
      expect(items[point]!.text).toBe(Array.from(sentence!.words, (id) => vocabulary.word(id)).join(' '));
      expect(items[point]!.logProbability).toBeCloseTo(sentence!.logProbability, 4);
      likelihood.dispose();
    }
    opened.dispose();
  });

  it('writes CSV, with a line a point', async () => {
    await interpolate(...SRI, '--pairs', '2', '--out', 'out/pairs.csv');
    const csv = lines(readFileSync('out/pairs.csv', 'utf8'));
    expect(csv[0]).toBe('Pair,Point,Position,Text,Ended,Log probability');
    expect(csv).toHaveLength(11);
    expect(csv[7]).toMatch(/^2,2,0\.25,/);
  });

  it('gives a program an object a point, and a notice of unknown words', async () => {
    const { out } = await interpolate(...SRI, '--from', 'w1 zzz', '--to', 'w2', '--points', '2', '--json');
    const events = lines(out).map((line) => JSON.parse(line));
    expect(events.filter(({ event }) => event === 'interpolation')).toHaveLength(2);
    expect(events.filter(({ event }) => event === 'unknown-words')).toEqual([
      { event: 'unknown-words', option: '--from', words: ['zzz'] },
    ]);
  });

  it('says what it needs', async () => {
    await expect(interpolate(...LSTM)).rejects.toThrow(/sri interpolate: lstm-lm has no latent code/);
    await expect(interpolate(...SRI, '--from', 'w1')).rejects.toThrow(/--from and --to go together/);
    await expect(interpolate(...SRI, '--from', 'w1', '--to', ' ')).rejects.toThrow(/--to " ": no words/);
    const both = ['--from', 'w1', '--to', 'w2', '--pairs', '2'];
    await expect(interpolate(...SRI, ...both)).rejects.toThrow(/leave out --pairs/);
    await expect(interpolate(...SRI, '--points', '1')).rejects.toThrow(/whole number from 2/);
  });
});
