// The data sets the program knows by name: what their raw files are called, how they write labels and unknown words,
// and where to look for them.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../errors.js';
import { type PreparationSettings, SPLIT_NAMES, type SplitName } from './corpus.js';
import { writeSotu } from './sotu.js';

export interface KnownSet {
  /** File names of the raw splits. */
  files: Record<SplitName, string>;
  /** Folders of the original archives in which the files may lie. */
  folders: string[];
  unknownToken: string;
  labelColumn: PreparationSettings['labelColumn'];
  /** All of these come in lower case already. */
  lowercase: false;
  /** Sentences in the published set; null where the set is this program's own. */
  published: Record<SplitName, number> | null;
}

function rawNames(stem: string): Record<SplitName, string> {
  return { train: `${stem}.train.txt`, valid: `${stem}.valid.txt`, test: `${stem}.test.txt` };
}

/**
 * Penn Treebank: Mikolov et al. 2010, with 10,000 types. SNLI, Yahoo and short Yelp: the preparations of Li et al. 2019
 * and He et al. 2019. `sotu` is cut from an installed package (sotu.ts).
 */
export const KNOWN_SETS = {
  ptb: {
    files: rawNames('ptb'),
    folders: ['ptb', 'simple-examples/data', 'ptb_data'],
    unknownToken: '<unk>',
    labelColumn: 'none',
    lowercase: false,
    published: { train: 42_068, valid: 3_370, test: 3_761 },
  },
  snli: {
    files: rawNames('snli'),
    folders: ['snli', 'snli_data'],
    unknownToken: '<unk>',
    labelColumn: 'none',
    lowercase: false,
    published: { train: 100_000, valid: 10_000, test: 10_000 },
  },
  yahoo: {
    files: rawNames('yahoo'),
    folders: ['yahoo', 'yahoo_data'],
    unknownToken: '_UNK',
    labelColumn: 'none',
    lowercase: false,
    published: { train: 100_000, valid: 10_000, test: 10_000 },
  },
  yelp: {
    files: rawNames('short_yelp'),
    folders: ['yelp', 'short_yelp_data'],
    unknownToken: '<unk>',
    labelColumn: 'required',
    lowercase: false,
    published: { train: 100_000, valid: 10_000, test: 10_000 },
  },
  sotu: {
    files: rawNames('sotu'),
    folders: ['sotu'],
    unknownToken: '<unk>',
    labelColumn: 'required',
    lowercase: false,
    published: null,
  },
} satisfies Record<string, KnownSet>;

export type KnownSetName = keyof typeof KNOWN_SETS;

/** Whether a data set of this name comes with its sources, sizes and layout. */
export function isKnownSet(name: string): name is KnownSetName {
  return Object.hasOwn(KNOWN_SETS, name);
}

/**
 * Paths of a known set's three raw files in `directory`: in itself, in a folder named after the set, or in a folder
 * of the original archive. Throws InputError, listing what was looked for, where no place has all three.
 */
export async function findRawFiles(name: KnownSetName, directory: string): Promise<Record<SplitName, string>> {
  const { files, folders } = KNOWN_SETS[name];
  for (const folder of [directory, ...folders.map((inner) => join(directory, inner))]) {
    const paths = SPLIT_NAMES.map((split) => join(folder, files[split]));
    const found = await Promise.all(paths.map(exists));
    if (found.every(Boolean))
      return Object.fromEntries(SPLIT_NAMES.map((split, i) => [split, paths[i]!])) as typeof files;
    if (found.some(Boolean)) {
      const missing = paths.filter((_, i) => !found[i]);
      throw new InputError(`${missing.join(', ')}: missing beside the other files of ${name}; all three are needed`);
    }
  }
  throw new InputError(
    `${directory}: no raw files of ${name} (${Object.values(files).join(', ')}, here or in ${folders.join(', ')}); ` +
      `fetch them with 'node data-scripts/${name}.mjs', or give the folder that has them with --from`,
  );
}

/**
 * Raw files of a known set for prepareCorpus. `from` is where a person says they are; without it they are looked for
 * in `rawDirectory`, the place where the data scripts put them, and `sotu` is written there from the package.
 */
export async function rawFiles(
  name: KnownSetName,
  { from, rawDirectory }: { from?: string; rawDirectory: string },
): Promise<Record<SplitName, string>> {
  if (name === 'sotu' && from === undefined) return writeSotu(rawDirectory);
  return findRawFiles(name, from ?? rawDirectory);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
