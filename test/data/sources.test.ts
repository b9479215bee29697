// Where the raw files of the known sets are looked for, and what the data scripts call them.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRawFiles, isKnownSet, KNOWN_SETS, type KnownSetName, rawFiles } from '../../src/data/sources.js';
import { InputError } from '../../src/errors.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-sources-'));
});
afterEach(() => rm(directory, { recursive: true }));

const names = Object.keys(KNOWN_SETS) as KnownSetName[];

async function put(folder: string, files: string[]): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const file of files) await writeFile(join(directory, folder, file), 'a\n');
}

describe('raw files of a known set', () => {
  it.each(names)('are found for %s in the folder itself, a folder of its name, or its archive', async (name) => {
    const { files, folders } = KNOWN_SETS[name];
    for (const folder of ['here', ...folders.map((inner) => join('parent', inner))]) {
      await put(folder, Object.values(files));
      const found = await findRawFiles(name, join(directory, folder.split('/')[0]!));
      expect(found.train).toBe(join(directory, folder, files.train));
      await rm(join(directory, folder), { recursive: true });
    }
  });

  it('are named in the message where there are none', async () => {
    const missing = rawFiles('ptb', { from: directory, rawDirectory: 'unused' });
    await expect(missing).rejects.toThrow(InputError);
    await expect(missing).rejects.toThrow(/ptb\.train\.txt.*data-scripts\/ptb\.mjs.*--from/);
  });

  it('are not pieced together from an incomplete folder', async () => {
    await put('yelp', ['short_yelp.train.txt', 'short_yelp.test.txt']);
    await expect(findRawFiles('yelp', directory)).rejects.toThrow(/short_yelp\.valid\.txt: missing/);
  });

  it('come from the place of the data scripts where no other is given', async () => {
    await put('raw', Object.values(KNOWN_SETS.snli.files));
    const found = await rawFiles('snli', { rawDirectory: join(directory, 'raw') });
    expect(found.test).toBe(join(directory, 'raw', 'snli.test.txt'));
  });
});

describe('data-scripts', () => {
  it.each(names)('%s.mjs describes the same files', async (name) => {
    const { set } = await import(`../../data-scripts/${name}.mjs`);
    expect(set.name).toBe(name);
    expect(Object.keys(set.files)).toEqual(Object.values(KNOWN_SETS[name].files));
    expect(set.folders).toEqual(KNOWN_SETS[name].folders);
  });
});

describe('isKnownSet', () => {
  it('knows its own names only', () => {
    expect(['ptb', 'sotu', 'toString', 'PTB', ''].map(isKnownSet)).toEqual([true, true, false, false, false]);
  });
});
