// Where the raw files of a known set are found.

import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireParts } from '../definition-parts.js';
import { InputError } from '../errors.js';
import { shellWord } from '../shell-words.js';
import { makeFolder } from '../storage/folder.js';
import { type DataSetDefinition, ONE_OF_EACH, rawNames } from './define-data-set.js';
import { SPLIT_NAMES, type SplitName } from './splits.js';

/**
 * Paths of a known set's three raw files in `directory`: in itself, in a folder named after the set, or in a folder
 * of the original archive. Throws InputError, listing what was looked for, where no place has all three.
 */
export async function findRawFiles(
  { name, files, folders, sources }: DataSetDefinition,
  directory: string,
): Promise<Record<SplitName, string>> {
  for (const folder of [directory, ...folders.map((inner) => join(directory, inner))]) {
    const paths = SPLIT_NAMES.map((split) => join(folder, files[split]));
    const found = await Promise.all(paths.map(exists));
    if (found.every(Boolean))
      return Object.fromEntries(SPLIT_NAMES.map((split, i) => [split, paths[i]!])) as Record<SplitName, string>;
    if (found.some(Boolean)) {
      const missing = paths.filter((_, i) => !found[i]);
      throw new InputError(`${missing.join(', ')}: missing beside the other files of ${name}; all three are needed`);
    }
  }
  const script = fileURLToPath(new URL(`../../data-scripts/${name}.mjs`, import.meta.url));
  const fetch =
    sources.length > 0 && existsSync(script) ? `fetch them with 'node ${shellWord(relative('', script))}', or ` : '';
  throw new InputError(
    `${directory}: no raw files of ${name} (${Object.values(files).join(', ')}, here or in ${folders.join(', ')}); ` +
      `${fetch}give the folder that has them with --from`,
  );
}

/** What the splits of a text of one's own are called where its name is not in theirs. */
const USUAL_NAMES: Readonly<Record<SplitName, readonly string[]>> = {
  train: ['train.txt'],
  valid: ['valid.txt', 'validation.txt', 'val.txt', 'dev.txt'],
  test: ['test.txt'],
};

/**
 * The three files of a text of one's own in a folder: named after it, `reviews.train.txt`, or as splits are usually called.
 * @returns null where none of them is there.
 * @throws {InputError} where some are there and others not.
 */
export async function findOwnFiles(name: string, folder: string): Promise<Record<SplitName, string> | null> {
  const named = rawNames(name);
  const own = Object.fromEntries(SPLIT_NAMES.map((split) => [split, [named[split]]])) as Record<SplitName, string[]>;
  for (const names of [own, USUAL_NAMES]) {
    const found: Partial<Record<SplitName, string>> = {};
    for (const split of SPLIT_NAMES) {
      const there = await Promise.all(names[split].map((file) => exists(join(folder, file))));
      const at = there.indexOf(true);
      if (at !== -1) found[split] = join(folder, names[split][at]!);
    }
    const missing = SPLIT_NAMES.filter((split) => found[split] === undefined);
    if (missing.length === 0) return found as Record<SplitName, string>;
    if (missing.length < SPLIT_NAMES.length) {
      const files = missing.map((split) => join(folder, names[split][0]!)).join(', ');
      throw new InputError(`${files}: missing beside ${Object.values(found).join(', ')}; all three splits are needed`);
    }
  }
  return null;
}

/**
 * Raw files of a known set for prepareCorpus. `from` is where a person says they are; without it they are looked for
 * in `rawDirectory`, the place where the data scripts put them, or written there by a set that can make them itself.
 */
export async function rawFiles(
  set: DataSetDefinition,
  { from, rawDirectory }: { from?: string | undefined; rawDirectory: string },
): Promise<Record<SplitName, string>> {
  if (set.write !== null && from === undefined) {
    makeFolder(rawDirectory);
    const files = await set.write(rawDirectory);
    requireParts(`what write of the data set ${set.name} gave`, files ?? {}, ONE_OF_EACH);
    return files;
  }
  return findRawFiles(set, from ?? rawDirectory);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
