// Where the raw files of the known sets are looked for, and what the data scripts call them.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { knownSet } from '../../data-scripts/fetch.mjs';
import { defineDataSet, rawNames } from '../../src/data/define-data-set.js';
import { dataSets, findDataSet, registerDataSet } from '../../src/data/registry.js';
import { ptb } from '../../src/data/sets/ptb.js';
import { snli } from '../../src/data/sets/snli.js';
import { yelp } from '../../src/data/sets/yelp.js';
import { findOwnFiles, findRawFiles, rawFiles } from '../../src/data/sources.js';
import { InputError } from '../../src/errors.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-sources-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function put(folder: string, files: string[]): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const file of files) await writeFile(join(directory, folder, file), 'a\n');
}

describe('raw files of a known set', () => {
  it.each(dataSets())('are found for $name in the folder itself, a folder of its name, or its archive', async (set) => {
    const { files, folders } = set;
    for (const folder of ['here', ...folders.map((inner) => join('parent', inner))]) {
      await put(folder, Object.values(files));
      const found = await findRawFiles(set, join(directory, folder.split('/')[0]!));
      expect(found.train).toBe(join(directory, folder, files.train));
      await rm(join(directory, folder), { recursive: true });
    }
  });

  it('are named in the message where there are none', async () => {
    const missing = rawFiles(ptb, { from: directory, rawDirectory: 'unused' });
    await expect(missing).rejects.toThrow(InputError);
    await expect(missing).rejects.toThrow(/ptb\.train\.txt.*data-scripts\/ptb\.mjs.*--from/);
  });

  it('are not pieced together from an incomplete folder', async () => {
    await put('yelp', ['short_yelp.train.txt', 'short_yelp.test.txt']);
    await expect(findRawFiles(yelp, directory)).rejects.toThrow(/short_yelp\.valid\.txt: missing/);
  });

  it('come from the place of the data scripts where no other is given', async () => {
    await put('raw', Object.values(snli.files));
    const found = await rawFiles(snli, { rawDirectory: join(directory, 'raw') });
    expect(found.test).toBe(join(directory, 'raw', 'snli.test.txt'));
  });
});

describe('the files of a text of one’s own', () => {
  it('are those named after it, else those called as splits usually are', async () => {
    expect(await findOwnFiles('reviews', directory)).toBeNull();
    await put('', ['train.txt', 'dev.txt', 'test.txt', 'other.train.txt']);
    expect(await findOwnFiles('reviews', directory)).toEqual({
      train: join(directory, 'train.txt'),
      valid: join(directory, 'dev.txt'),
      test: join(directory, 'test.txt'),
    });
    await put('', Object.values(rawNames('reviews')));
    expect((await findOwnFiles('reviews', directory))!.valid).toBe(join(directory, 'reviews.valid.txt'));
  });

  it('are not pieced together', async () => {
    await put('', ['train.txt', 'test.txt']);
    await expect(findOwnFiles('reviews', directory)).rejects.toThrow(/valid\.txt: missing beside .*train\.txt/);
    await put('', ['dev.txt', 'reviews.test.txt']);
    await expect(findOwnFiles('reviews', directory)).rejects.toThrow(
      /reviews\.train\.txt, .*reviews\.valid\.txt: missing/,
    );
  });
});

describe('data-scripts', () => {
  it.each(dataSets())('$name.mjs fetches what its definition names', async ({ name, files, sums }) => {
    const set = await knownSet(name);
    expect(Object.keys(set.files)).toEqual(Object.values(files));
    expect(Object.values(set.files)).toEqual([sums.train, sums.valid, sums.test]);
    for (const source of set.sources) if (source.files) expect(Object.keys(source.files)).toEqual(Object.values(files));
    expect(typeof set.make === 'function').toBe(set.sources.length === 0);
  });
});

describe('a set of its own', () => {
  const haiku = defineDataSet({ name: 'haiku', title: 'Haiku', files: rawNames('haiku') });

  it('is known once it is registered, and by its own name only', () => {
    expect(['ptb', 'sotu', 'toString', 'PTB', ''].map((name) => findDataSet(name)?.name)).toEqual([
      ...['ptb', 'sotu'],
      ...[undefined, undefined, undefined],
    ]);
    expect(findDataSet('haiku')).toBeUndefined();
    registerDataSet(haiku);
    expect(findDataSet('haiku')).toBe(haiku);
    expect(() => registerDataSet({ ...haiku, name: 'ptb' })).toThrow(/there is a data set ptb already/);
  });

  it('has no script that fetches it', async () => {
    await expect(findRawFiles(haiku, directory)).rejects.toThrow(
      /no raw files of haiku \(haiku\.train\.txt.*; give the/,
    );
  });
});
