// A reader beside a writer sees whole files only, and a failed write leaves nothing.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTemporaryName, writeFileAtomic } from '../../src/storage/atomic-write.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-atomic-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('writeFileAtomic', () => {
  it('replaces a file and leaves no other', async () => {
    const path = join(directory, 'a.bin');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(directory)).toEqual(['a.bin']);
  });

  it('never shows a reader anything but one whole version', async () => {
    const path = join(directory, 'a.txt');
    const versions = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(50_000 + i));
    await writeFileAtomic(path, versions[0]!);
    let writing = true;
    const writer = (async () => {
      for (const version of versions) await writeFileAtomic(path, version);
      writing = false;
    })();
    let reads = 0;
    while (writing) {
      const text = await readFile(path, 'utf8');
      expect(versions).toContain(text);
      reads++;
    }
    await writer;
    expect(reads).toBeGreaterThan(0);
    expect(await readFile(path, 'utf8')).toBe(versions.at(-1));
  });

  it('leaves the old file and no temporary one when it cannot write', async () => {
    const path = join(directory, 'folder');
    await writeFileAtomic(join(directory, 'kept'), 'kept');
    await expect(writeFileAtomic(join(path, 'missing', 'a'), 'x')).rejects.toThrow(/ENOENT/);
    await mkdir(path);
    await writeFile(join(path, 'inside'), '');
    // The rename onto a folder that is not empty is the last step, and it fails.
    await expect(writeFileAtomic(path, 'x')).rejects.toThrow();
    expect((await readdir(directory)).sort()).toEqual(['folder', 'kept']);
  });

  it('tells its unfinished files from others by their name', async () => {
    const seen = new Set<string>();
    const path = join(directory, 'big');
    let writing = true;
    const writer = writeFileAtomic(path, new Uint8Array(1 << 25)).then(() => {
      writing = false;
    });
    while (writing) for (const name of await readdir(directory)) seen.add(name);
    await writer;
    for (const name of await readdir(directory)) seen.add(name);
    const temporary = [...seen].filter(isTemporaryName);
    expect(temporary).toHaveLength(1);
    expect([...seen].filter((name) => !isTemporaryName(name))).toEqual(['big']);
  });
});
