// A prepared corpus on disk: a folder with vocabulary.txt (a word a line, in id order), a safetensors file for each
// split, and corpus.json, which is written last and holds the content hash. Without a corpus.json that fits the rest,
// a folder is not a corpus.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../storage/safetensors.js';
import {
  type CorpusStatistics,
  EncodedSplit,
  type PreparationSettings,
  type PreparedCorpus,
  SPLIT_NAMES,
  type SplitName,
} from './corpus.js';
import type { SourceReport } from './read-source.js';
import { Vocabulary } from './vocabulary.js';

/** A corpus before it is on disk. */
export interface EncodedCorpus {
  name: string;
  settings: PreparationSettings;
  vocabulary: Vocabulary;
  labels: string[] | null;
  splits: Record<SplitName, EncodedSplit>;
  statistics: CorpusStatistics;
  sources: SourceReport[];
}

const FORMAT = 1;
const DESCRIPTION = 'corpus.json';
const VOCABULARY = 'vocabulary.txt';

interface Description {
  format: number;
  name: string;
  hash: string;
  settings: PreparationSettings;
  labels: string[] | null;
  statistics: CorpusStatistics;
  sources: SourceReport[];
}

type HashedContent = Pick<EncodedCorpus, 'settings' | 'vocabulary' | 'labels' | 'splits'>;

/**
 * SHA-256, in hexadecimal, of what a model trains on: vocabulary, labels, encoded splits, and the settings.
 * Where the text came from is not part of it.
 */
export function contentHash({ settings, vocabulary, labels, splits }: HashedContent): string {
  const hash = createHash('sha256');
  const part = (bytes: Uint8Array) => hash.update(`${bytes.length}\n`).update(bytes);
  const sorted = Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
  part(Buffer.from(JSON.stringify({ format: FORMAT, settings: sorted, labels })));
  part(Buffer.from(vocabulary.words.join('\n')));
  for (const name of SPLIT_NAMES) {
    const { offsets, ids, labels } = splits[name];
    for (const numbers of [offsets, ids, labels ?? new Int32Array(0)]) {
      part(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    }
  }
  return hash.digest('hex');
}

/**
 * Writes a corpus to `directory`, which is made where it is missing. Where the same content is there already, only
 * corpus.json is written again, so that programs reading the rest are not disturbed.
 */
export async function writeCorpus(directory: string, corpus: EncodedCorpus): Promise<PreparedCorpus> {
  const { name, settings, labels, statistics, sources, splits, vocabulary } = corpus;
  const hash = contentHash(corpus);
  const at = (file: string) => join(directory, file);
  await mkdir(directory, { recursive: true });
  if (!(await holds(directory, hash))) {
    await rm(at(DESCRIPTION), { force: true });
    await writeFileAtomic(at(VOCABULARY), `${vocabulary.words.join('\n')}\n`);
    for (const split of SPLIT_NAMES) {
      await writeFileAtomic(at(splitFile(split)), encodeSafetensors(splitTensors(splits[split])));
    }
  }
  const description: Description = { format: FORMAT, name, hash, settings, labels, statistics, sources };
  await writeFileAtomic(at(DESCRIPTION), `${JSON.stringify(description, null, 2)}\n`);
  return { name, directory, hash, settings, vocabulary, labels, splits, statistics };
}

/**
 * Reads a prepared corpus and checks it against its hash. Throws InputError where the folder is not there, is not
 * whole or was changed, saying which command makes it.
 */
export async function loadCorpus(directory: string): Promise<PreparedCorpus> {
  const description = await readDescription(directory);
  const { name, hash, settings, labels, statistics } = description;
  const vocabularyPath = join(directory, VOCABULARY);
  const words = (await readPart(directory, VOCABULARY)).toString('utf8').replace(/\n$/, '').split('\n');
  const vocabulary = new Vocabulary(words, vocabularyPath);
  const splits = {} as Record<SplitName, EncodedSplit>;
  for (const split of SPLIT_NAMES) {
    const path = join(directory, splitFile(split));
    const { tensors } = decodeSafetensors(await readPart(directory, splitFile(split)), path);
    splits[split] = new EncodedSplit(
      split,
      integers(tensors, 'ids', path),
      integers(tensors, 'offsets', path),
      labels === null ? null : integers(tensors, 'labels', path),
    );
  }
  if (contentHash({ settings, vocabulary, labels, splits }) !== hash) {
    throw new InputError(
      `${directory}: the files do not fit the hash in ${DESCRIPTION}: one of them was changed; ${prepareHint(directory)}`,
    );
  }
  return { name, directory, hash, settings, vocabulary, labels, splits, statistics };
}

const splitFile = (split: SplitName) => `${split}.safetensors`;

function splitTensors({ ids, offsets, labels }: EncodedSplit): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>([
    ['ids', { shape: [ids.length], data: ids }],
    ['offsets', { shape: [offsets.length], data: offsets }],
  ]);
  if (labels) tensors.set('labels', { shape: [labels.length], data: labels });
  return tensors;
}

function integers(tensors: Map<string, StoredTensor>, name: string, path: string): Int32Array {
  const data = tensors.get(name)?.data;
  if (!(data instanceof Int32Array)) throw new InputError(`${path}: no I32 tensor '${name}'; prepare the corpus again`);
  return data;
}

/** True where `directory` is a whole corpus of this content. */
async function holds(directory: string, hash: string): Promise<boolean> {
  try {
    return (await loadCorpus(directory)).hash === hash;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

async function readDescription(directory: string): Promise<Description> {
  const path = join(directory, DESCRIPTION);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new InputError(`${directory}: no prepared corpus (there is no ${DESCRIPTION}); ${prepareHint(directory)}`);
  }
  let description: Partial<Description>;
  try {
    description = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: not JSON (${(error as Error).message}); ${prepareHint(directory)}`);
  }
  if (description?.format !== FORMAT) {
    throw new InputError(
      `${path}: format ${description?.format} where this version reads ${FORMAT}; ${prepareHint(directory)}`,
    );
  }
  if (typeof description.settings !== 'object' || typeof description.statistics !== 'object') {
    throw new InputError(`${path}: settings or statistics are missing; ${prepareHint(directory)}`);
  }
  return description as Description;
}

async function readPart(directory: string, file: string): Promise<Buffer> {
  try {
    return await readFile(join(directory, file));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new InputError(`${join(directory, file)}: missing from the corpus; ${prepareHint(directory)}`);
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function prepareHint(directory: string): string {
  return (
    `run 'sri prepare --config ${basename(directory)}.yaml', or for a text of your own ` +
    `'sri prepare --text FILE --out ${directory}'`
  );
}
