// Sentences to vectors and back, on runs trained for a moment: files, pipes, and what is refused.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nearestRows } from '../../src/experiments/neighbours.js';
import { decodeNpy } from '../../src/storage/npy.js';
import { decodeSafetensors } from '../../src/storage/safetensors.js';
import { sriGiven } from './in-process.js';
import { trainOnWords } from './words.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-encode-'));
const before = process.cwd();

/** The first of the events of a kind; progress has lines of its own. */
const event = (out: Buffer, kind: string) =>
  out
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find((line) => line.event === kind);
const run = (method: string) => ['--run', `runs/words/${method}/seed-0`];

beforeAll(async () => {
  process.chdir(root);
  await trainOnWords(['lstm-lm', 'ae', 'anneal-vae', 'sri']);
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri encode', () => {
  const SENTENCES = 'a b0 c\nA b1 d zebra\r\na b0 c\n';

  it('writes means, spreads and the sentences as they were read, in three formats that agree', async () => {
    const { code, out, error } = await sriGiven(['encode', ...run('sri')], SENTENCES);
    expect(code, error).toBe(0);
    expect(error).toContain('not in the vocabulary of words, so read as <unk>: zebra');
    const [head, ...rows] = out
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    expect(head).toEqual(['z0', 'z1', 'sd0', 'sd1', 'text']);
    expect(rows.map((row) => row[4])).toEqual(['a b0 c', 'a b1 d <unk>', 'a b0 c']);
    const means = rows.flatMap((row) => row.slice(0, 2).map(Number));
    const spreads = rows.flatMap((row) => row.slice(2, 4).map(Number));
    for (const spread of spreads) expect(spread).toBeGreaterThan(0);

    writeFileSync('given.txt', SENTENCES);
    for (const name of ['codes.npy', 'deep/codes.safetensors']) {
      const written = await sriGiven(['encode', 'given.txt', ...run('sri'), '--out', name]);
      expect(written.code, written.error).toBe(0);
      expect(written.out).toHaveLength(0);
      expect(written.error).toContain(`3 codes of 2 dimensions written to ${name}`);
    }
    // What would take the place of weights, of the corpus, or of what is read.
    const folder = 'runs/words/sri/seed-0';
    for (const out of [`${folder}/best.safetensors`, 'data/words/train.safetensors', './given.csv']) {
      if (out === './given.csv') writeFileSync('given.csv', SENTENCES);
      const { code, error } = await sriGiven(['encode', 'given.csv', ...run('sri'), '--out', out]);
      expect([code, error]).toEqual([2, expect.stringMatching(/--out .*: .*; name (another file|a file elsewhere)/)]);
    }
    const npy = decodeNpy(readFileSync('codes.npy'), 'codes.npy');
    expect(npy).toEqual({ shape: [3, 2], data: Float32Array.from(means) });
    const { tensors } = decodeSafetensors(readFileSync('deep/codes.safetensors'), 'x');
    expect(tensors.get('mean')!.data).toEqual(Float32Array.from(means));
    expect(tensors.get('standardDeviation')!.data).toEqual(Float32Array.from(spreads));
  });

  it('takes more draws, and the spread of a Gaussian as it is, whatever the draws', async () => {
    const spread = async (method: string, draws: string) => {
      const { out } = await sriGiven(['encode', ...run(method), '--draws', draws, '--json'], SENTENCES);
      return event(out, 'encoding').standardDeviation;
    };
    expect(await spread('sri', '4')).not.toEqual(await spread('sri', '8'));
    expect(await spread('anneal-vae', '4')).toEqual(await spread('anneal-vae', '8'));
    expect(await spread('ae', '4')).toEqual([0, 0]);
  });

  it('refuses lines without words, files that are not there, and a model without a code', async () => {
    expect(await sriGiven(['encode', ...run('sri')], 'a\n\nb\n')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/standard input:2: no words/),
    });
    expect(await sriGiven(['encode', ...run('sri')], '')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/no sentences/),
    });
    expect(await sriGiven(['encode', 'nowhere.txt', ...run('sri')])).toMatchObject({
      code: 2,
      error: expect.stringMatching(/nowhere\.txt: no such file/),
    });
    expect(await sriGiven(['encode', ...run('lstm-lm')], 'a')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/lstm-lm has no latent code/),
    });
    expect(await sriGiven(['encode', ...run('sri'), '--out', 'codes.txt'], 'a')).toMatchObject({
      code: 2,
      error: expect.stringMatching(/\.csv, \.npy or \.safetensors/),
    });
    // A text that has lost its ends of lines; a sentence may well be longer than any that was learned from.
    expect(await sriGiven(['encode', ...run('sri')], `a\n${'w '.repeat(20_000)}\n`)).toMatchObject({
      code: 2,
      error: expect.stringMatching(/standard input:2: 20000 words, where the model learned from \d+ at most/),
    });
    expect((await sriGiven(['encode', ...run('sri')], 'w '.repeat(40))).code).toBe(0);
    expect(await sriGiven(['encode', ...run('sri')], Uint8Array.of(0xff, 0x0a))).toMatchObject({
      code: 2,
      error: expect.stringMatching(/not UTF-8/),
    });
  });
});

describe('the noise of a sentence', () => {
  const codesOf = async (...sentences: string[]) => {
    const { out } = await sriGiven(['encode', ...run('sri'), '--format', 'csv'], `${sentences.join('\n')}\n`);
    const rows = out.toString().trimEnd().split('\n').slice(1);
    return rows.map((row) => row.split(',').slice(0, 2).map(Number));
  };

  it('is of its words, so that its code is the same wherever it stands', async () => {
    const [first, second, again] = await codesOf('a b0 c', 'a b1 c', 'a b0 c');
    expect(again).toEqual(first);
    expect(second).not.toEqual(first);
    expect(await codesOf('a b1 c', 'a b0 d e', 'a b0 c')).toEqual([second, expect.anything(), first]);
  });

  it('is not that of a sentence of the corpus', async () => {
    // The very sentence on the very line: with its noise, too, it would be at no distance.
    const { out } = await sriGiven(['neighbours', ...run('sri'), '--count', '9', '--json'], 'a b0 d e\n');
    const { neighbours } = event(out, 'neighbours');
    const same = neighbours.find(({ sentence }: { sentence: number }) => sentence === 0);
    expect(same.text).toBe('a b0 d e');
    expect(same.distance).toBeGreaterThan(1e-4);
  });
});

describe('sri decode', () => {
  it('gives a pipe the texts alone, and says beside them what was cut', async () => {
    const given = ['decode', ...run('sri'), '--max-length', '1'];
    const { out, error } = await sriGiven([...given, '--out', 'texts.txt'], '0.5,-1\n2,0\n');
    expect(out.toString()).not.toContain('[');
    expect(readFileSync('texts.txt', 'utf8')).toBe(out.toString());
    expect(error).toMatch(/of 2 texts \d cut at the longest length/);
    expect((await sriGiven(['encode', ...run('sri')], out)).code).toBe(0);
  });

  it('reads what encode writes, in every format, from a pipe', async () => {
    const decoded: string[] = [];
    for (const format of ['csv', 'npy', 'safetensors']) {
      const { out } = await sriGiven(['encode', ...run('sri'), '--format', format], 'a b0 c\na b1 d e\n');
      const { code, out: texts, error } = await sriGiven(['decode', ...run('sri')], out);
      expect(code, error).toBe(0);
      decoded.push(texts.toString());
    }
    expect(decoded[0]!.trimEnd().split('\n')).toHaveLength(2);
    expect(decoded[1]).toBe(decoded[0]);
    expect(decoded[2]).toBe(decoded[0]);
  });

  it('reads bare numbers; samples are of --sample-seed', async () => {
    const sample = async (seed: string) =>
      (
        await sriGiven(
          ['decode', ...run('sri'), '--decode', 'sample', '--sample-seed', seed],
          '0.5,-1\n2,0\n0,0\n1,1\n',
        )
      ).out.toString();
    const once = await sample('1');
    expect(once.trimEnd().split('\n')).toHaveLength(4);
    expect(await sample('1')).toBe(once);
    expect(await sample('2')).not.toBe(once);
  });

  it.each([
    ['1,2,3\n', /vectors of 3 numbers, where runs\/words\/sri\/seed-0 has codes of 2/],
    ['1,2\n1\n', /standard input:2: 1 numbers, where the first line has 2/],
    ['z0,z1\n1,two\n', /standard input:2: two is no number/],
    ['z0,z1\n', /no vectors/],
    ['', /no vectors/],
  ])('refuses %j', async (text, expected) => {
    const { code, error } = await sriGiven(['decode', ...run('sri')], text);
    expect(error).toMatch(expected);
    expect(code).toBe(2);
  });
});

describe('sri generate --sample-seed', () => {
  it('draws other codes, and keeps none of them for Table 3', async () => {
    const generate = (...args: string[]) => sriGiven(['generate', ...run('sri'), '--count', '6', ...args]);
    const own = (await generate()).out.toString();
    const kept = readFileSync('runs/words/sri/seed-0/artifacts/generations.json', 'utf8');
    const other = (await generate('--sample-seed', '5')).out.toString();
    expect(other).not.toBe(own);
    expect(readFileSync('runs/words/sri/seed-0/artifacts/generations.json', 'utf8')).toBe(kept);
    expect((await generate('--sample-seed', '0')).out.toString()).toBe(own);
  });
});

describe('sri neighbours', () => {
  it('finds a sentence’s nearest first', async () => {
    const { code, out, error } = await sriGiven(
      ['neighbours', ...run('anneal-vae'), '--count', '3', '--json'],
      'a b1 c\n',
    );
    expect(code, error).toBe(0);
    const { text, neighbours } = event(out, 'neighbours');
    expect(text).toBe('a b1 c');
    expect(neighbours).toHaveLength(3);
    // The encoder is a function of the sentence: the very sentence is at no distance.
    expect(neighbours[0]).toMatchObject({ rank: 1, text: 'a b1 c', label: null });
    expect(neighbours[0].distance).toBeCloseTo(0, 5);
    const shown = (await sriGiven(['neighbours', ...run('anneal-vae')], 'a b1 c\n')).out.toString();
    expect(shown).toMatch(/^a b1 c\n {2}1 {2}0\.000 {2}a b1 c\n/);
  });

  it('by distance or by angle, in order', () => {
    const rows = Float32Array.of(3, 0, 0, 1, 1, 1, 0, -2);
    const order = (distance: 'euclidean' | 'cosine') =>
      nearestRows(Float32Array.of(1, 0), rows, 4, distance).map(({ row }) => row);
    expect(order('euclidean')).toEqual([2, 1, 0, 3]);
    expect(order('cosine')).toEqual([0, 2, 1, 3]);
    const [first] = nearestRows(Float32Array.of(1, 0), rows, 1, 'cosine');
    expect(first).toEqual({ row: 0, distance: 0 });
    expect(nearestRows(Float32Array.of(3, 4), Float32Array.of(0, 0), 1, 'euclidean')[0]!.distance).toBe(5);
  });

  it('refuses NUL bytes, which UTF-16 is full of, by their line', async () => {
    const { code, error } = await sriGiven(['encode', ...run('sri')], 'a b\nt\0h\0e\0\n');
    expect([code, error]).toEqual([2, expect.stringMatching(/standard input:2: NUL bytes, so this is no text/)]);
    const marked = Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('a b', 'utf16le')]);
    expect((await sriGiven(['encode', ...run('sri')], marked)).error).toMatch(/iconv -f utf-16 -t utf-8/);
  });

  it('has a code of zero across all others by angle', () => {
    const rows = Float32Array.of(0, 1, 0, 0, 1, 0, 1, 1);
    const near = nearestRows(Float32Array.of(1, 0), rows, 4, 'cosine');
    expect(near.map(({ row }) => row)).toEqual([2, 3, 0, 1]);
    expect(near[3]!.distance).toBe(1);
    expect(nearestRows(Float32Array.of(0, 0), rows, 1, 'cosine')).toEqual([{ row: 0, distance: 1 }]);
  });
});
