// A prepared corpus on disk: a folder with vocabulary.txt (a word a line, in id order), a safetensors file for each
// split, and corpus.json, which is written last and holds the content hash. Without a corpus.json that fits the rest,
// a folder is not a corpus.

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../errors.js';
import { syncDirectory, writeFileAtomic } from '../storage/atomic-write.js';
import { makeFolder } from '../storage/folder.js';
import { bytesOf, IntegerWriter, readAll, readIntegers } from '../storage/integer-file.js';
import { Lock, LockedError } from '../storage/lock.js';
import { readSafetensorsLayout, safetensorsHeader, type TensorPlace } from '../storage/safetensors.js';
import { hasSum, NO_SUM, withSum } from '../storage/summed-json.js';
import {
  type CorpusStatistics,
  closeSplits,
  EncodedSplit,
  FileSplit,
  type PreparationSettings,
  type PreparedCorpus,
} from './corpus.js';
import type { SourceReport } from './read-source.js';
import { findDataSet } from './registry.js';
import { SPLIT_NAMES, type SplitName } from './splits.js';
import { PAD, SPECIALS, UNK, Vocabulary } from './vocabulary.js';

/** What is known of a corpus beside its splits. */
export interface CorpusContent {
  name: string;
  settings: PreparationSettings;
  vocabulary: Vocabulary;
  labels: string[] | null;
  statistics: CorpusStatistics;
  sources: SourceReport[];
}

const FORMAT = 1;
const DESCRIPTION = 'corpus.json';
const VOCABULARY = 'vocabulary.txt';

/** A split whose words take more than this stays in its file, in bytes; all three may so take three times as much. */
const MEMORY_LIMIT = 1 << 28;

interface Description {
  format: number;
  name: string;
  hash: string;
  settings: PreparationSettings;
  labels: string[] | null;
  statistics: CorpusStatistics;
  sources: SourceReport[];
  /** Of this file, with noughts in the place of the sum; absent in files written before it was kept. */
  sum?: string;
}

const KEYS: readonly string[] = ['format', 'name', 'hash', 'settings', 'labels', 'statistics', 'sources', 'sum'];

type StoredSplit = EncodedSplit | FileSplit;

interface HashedContent extends Pick<CorpusContent, 'settings' | 'vocabulary' | 'labels'> {
  splits: Record<SplitName, StoredSplit>;
}

/**
 * SHA-256, in hexadecimal, of what a model trains on: vocabulary, labels, encoded splits, and the settings.
 * Where the text came from is not part of it.
 */
function contentHash({ settings, vocabulary, labels, splits }: HashedContent): string {
  const hash = createHash('sha256');
  const part = (bytes: Uint8Array) => hash.update(`${bytes.length}\n`).update(bytes);
  const sorted = Object.fromEntries(Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1)));
  part(Buffer.from(JSON.stringify({ format: FORMAT, settings: sorted, labels })));
  part(Buffer.from(vocabulary.words.join('\n')));
  for (const name of SPLIT_NAMES) {
    const { offsets, labels } = splits[name];
    part(bytesOf(offsets));
    hash.update(`${offsets.at(-1)! * Int32Array.BYTES_PER_ELEMENT}\n`);
    for (const piece of splits[name].pieces()) hash.update(bytesOf(piece));
    part(bytesOf(labels ?? new Int32Array(0)));
  }
  return hash.digest('hex');
}

/** A folder that a preparation works in; one that was killed may leave its own behind. */
const SCRATCH = /^\.preparing-\d+-[0-9a-f]{12}$/;
const LOCK = '.preparing.lock';

/** Another process prepares the corpus. */
export class CorpusInUseError extends InputError {
  constructor(directory: string, { holder }: LockedError) {
    super(`${directory} is being prepared by ${holder}; wait for it, or name another folder with --out`);
  }
}

/**
 * Writes a corpus whose words need not be in memory: the splits are written beside where they will be, and take their
 * places together when all are whole.
 */
export class CorpusWriter {
  private finished = false;

  /** @param made whether the corpus's folder was made for this writer. */
  private constructor(
    private readonly directory: string,
    private readonly work: string,
    private readonly made: boolean,
    private readonly lock: Lock,
  ) {}

  /**
   * A writer to `directory`, which is made where it is missing. Throws what the file system throws.
   * @throws CorpusInUseError where another process writes to it.
   */
  static async in(directory: string): Promise<CorpusWriter> {
    const made = makeFolder(directory);
    const lock = lockIn(directory);
    const work = join(directory, `.preparing-${process.pid}-${randomBytes(6).toString('hex')}`);
    const writer = new CorpusWriter(directory, work, made, lock);
    try {
      for (const name of await readdir(directory)) {
        // Whoever has the lock is the only one at work.
        if (SCRATCH.test(name)) await rm(join(directory, name), { recursive: true });
      }
      await mkdir(work);
      return writer;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** The path of a file that is gone with the writer. */
  scratch(name: string): string {
    return join(this.work, name);
  }

  /**
   * @param size of the split, which as many sentences must be added to as it says.
   * @throws InputError where its words are more than the format's places count.
   */
  split(name: SplitName, size: { sentences: number; words: number; labelled: boolean }): SplitWriter {
    if (size.words > MOST_WORDS) {
      throw new InputError(
        `the ${name} split has ${size.words.toLocaleString('en-US')} words, and at most ` +
          `${MOST_WORDS.toLocaleString('en-US')} are counted; give less text`,
      );
    }
    return new SplitWriter(this.scratch(splitFile(name)), size);
  }

  /**
   * Puts the corpus in its place. Where the same content is there already, only corpus.json is written again, so that
   * programs reading the rest are not disturbed.
   * @param mayReplace asked before a corpus of other content is replaced, whose hash it is given; throws to keep that one.
   */
  async finish(content: CorpusContent, mayReplace: (hash: string) => void = () => {}): Promise<PreparedCorpus> {
    const { directory, work } = this;
    const { name, settings, labels, statistics, sources, vocabulary } = content;
    const hash = this.hashOf(content);
    if (!(await holds(directory, hash))) {
      const replaced = (await corpusOrigin(directory))?.hash ?? hash;
      if (replaced !== hash) mayReplace(replaced);
      await rm(join(directory, DESCRIPTION), { force: true });
      await writeFileAtomic(join(directory, VOCABULARY), `${vocabulary.words.join('\n')}\n`);
      for (const split of SPLIT_NAMES) await rename(join(work, splitFile(split)), join(directory, splitFile(split)));
      await syncDirectory(directory);
    }
    const description: Description = { format: FORMAT, name, hash, settings, labels, statistics, sources, sum: NO_SUM };
    await writeFileAtomic(join(directory, DESCRIPTION), withSum(`${JSON.stringify(description, null, 2)}\n`));
    this.finished = true;
    const splits = readSplits(directory, vocabulary, labels);
    return { name, directory, hash, settings, vocabulary, labels, splits, statistics };
  }

  /** Of what was written; it is not kept, as the splits that are handed on would be in memory twice. */
  private hashOf({ settings, vocabulary, labels }: CorpusContent): string {
    const splits = readSplits(this.work, vocabulary, labels);
    try {
      return contentHash({ settings, vocabulary, labels, splits });
    } finally {
      closeSplits(splits);
    }
  }

  /** Removes what was not put in its place, and the folder with it where it was made for nothing. */
  async close(): Promise<void> {
    await rm(this.work, { recursive: true, force: true });
    this.lock.release();
    if (this.made && !this.finished) {
      // What went wrong is told by whoever closes; a part of the corpus may be in its place already.
      await rmdir(this.directory).catch(() => {});
    }
  }
}

function lockIn(directory: string): Lock {
  try {
    return Lock.take(join(directory, LOCK));
  } catch (error) {
    throw error instanceof LockedError ? new CorpusInUseError(directory, error) : error;
  }
}

/** What an offset can count. */
const MOST_WORDS = 2 ** 31 - 1;

/** The file of one split, written sentence by sentence. */
export class SplitWriter {
  private readonly file: IntegerWriter;
  private readonly offsets: Int32Array;
  private readonly labels: Int32Array | null;
  private sentences = 0;

  constructor(path: string, { sentences, words, labelled }: { sentences: number; words: number; labelled: boolean }) {
    this.offsets = new Int32Array(sentences + 1);
    this.labels = labelled ? new Int32Array(sentences) : null;
    const shapes = { ids: words, ...(labelled ? { labels: sentences } : {}), offsets: sentences + 1 };
    const tensors = Object.entries(shapes).map(([name, size]) => ({ name, dtype: 'I32' as const, shape: [size] }));
    this.file = new IntegerWriter(path, safetensorsHeader(tensors));
  }

  add(ids: Int32Array, label: number | null): void {
    for (const id of ids) this.file.push(id);
    if (this.labels !== null) this.labels[this.sentences] = label!;
    this.offsets[this.sentences + 1] = this.offsets[this.sentences]! + ids.length;
    this.sentences++;
  }

  /** Makes the file whole. */
  close(): void {
    for (const numbers of [this.labels ?? [], this.offsets]) for (const number of numbers) this.file.push(number);
    this.file.close();
  }
}

/** The files of a prepared corpus. */
export const CORPUS_FILES: readonly string[] = [DESCRIPTION, VOCABULARY, ...SPLIT_NAMES.map(splitFile)];

/**
 * A file by a name of a corpus's that is none: a preparation that was killed may leave some of a corpus without its description.
 * @returns its path, or null.
 */
export async function foreignFile(directory: string): Promise<string | null> {
  if ((await corpusOrigin(directory)) !== null) return null;
  for (const name of CORPUS_FILES) {
    const file = join(directory, name);
    if (existsSync(file) && !isOwn(file)) return file;
  }
  return null;
}

/** Whether a file is one of a corpus, though it be damaged: by how it begins. */
function isOwn(file: string): boolean {
  const handle = openSync(file, 'r');
  try {
    const into = Buffer.alloc(300);
    const text = into.subarray(0, readAll(handle, into, 0)).toString('latin1');
    if (basename(file) === DESCRIPTION) return /^\{\s*"format"/.test(text);
    return basename(file) === VOCABULARY ? text.startsWith(`${SPECIALS[0]}\n`) : text.includes('"offsets"');
  } finally {
    closeSync(handle);
  }
}

/** What a prepared corpus was made of. */
export type CorpusOrigin = Pick<Description, 'hash' | 'settings' | 'sources'>;

/** What the corpus in a folder was made of, by what it says of itself; null where there is none. */
export async function corpusOrigin(directory: string): Promise<CorpusOrigin | null> {
  try {
    return await readDescription(directory);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/**
 * Reads a prepared corpus and checks it against its hash. The words of a split that is larger than memory should hold
 * stay on disk. Throws InputError where the folder is not there, is not whole or was changed, saying which command makes
 * it.
 */
export async function loadCorpus(directory: string): Promise<PreparedCorpus> {
  const description = await readDescription(directory);
  const { name, hash, settings, labels, statistics } = description;
  for (const file of [VOCABULARY, ...SPLIT_NAMES.map(splitFile)]) await demand(directory, file);
  const words = (await readFile(join(directory, VOCABULARY), 'utf8')).replace(/\n$/, '').split('\n');
  const vocabulary = new Vocabulary(words, join(directory, VOCABULARY));
  const splits = readSplits(directory, vocabulary, labels);
  if (contentHash({ settings, vocabulary, labels, splits }) !== hash) {
    closeSplits(splits);
    throw new InputError(
      `${directory}: the files do not fit the hash in ${DESCRIPTION}: one of them was changed; ${prepareHint(directory)}`,
    );
  }
  return { name, directory, hash, settings, vocabulary, labels, splits, statistics };
}

/** As {@link loadCorpus}, for whom its sentences are of no use. */
export async function checkCorpus(directory: string): Promise<Omit<PreparedCorpus, 'splits'>> {
  const { splits, ...corpus } = await loadCorpus(directory);
  closeSplits(splits);
  return corpus;
}

/**
 * The splits of a folder, their numbers checked for sense.
 * @throws InputError naming the file where they have none.
 */
function readSplits(
  directory: string,
  vocabulary: Vocabulary,
  labels: string[] | null,
): Record<SplitName, StoredSplit> {
  const splits: Partial<Record<SplitName, StoredSplit>> = {};
  try {
    for (const split of SPLIT_NAMES) {
      splits[split] = readSplit(join(directory, splitFile(split)), split, vocabulary.size, labels);
    }
  } catch (error) {
    closeSplits(splits);
    throw error;
  }
  return splits as Record<SplitName, StoredSplit>;
}

function readSplit(path: string, name: SplitName, vocabularySize: number, labelNames: string[] | null): StoredSplit {
  const { places } = readSafetensorsLayout(path);
  const place = (tensor: string): TensorPlace => {
    const found = places.find((one) => one.name === tensor);
    if (found?.dtype !== 'I32' || found.shape.length !== 1) {
      throw new InputError(`${path}: no I32 tensor '${tensor}' of one dimension; prepare the corpus again`);
    }
    return found;
  };
  const offsets = integersAt(path, place('offsets'));
  const labels = labelNames === null ? null : integersAt(path, place('labels'));
  const ids = place('ids');
  const wrong = (what: string): never => {
    throw new InputError(`${path}: ${what}; prepare the corpus again`);
  };
  if (offsets[0] !== 0 || offsets.at(-1) !== ids.shape[0]) wrong('its offsets do not cover its words');
  if (offsets.some((offset, i) => i > 0 && offset <= offsets[i - 1]!)) wrong('its offsets do not increase');
  if (labels !== null && labels.length !== offsets.length - 1) wrong('it has not a label for each sentence');
  if (labels?.some((label) => label < 0 || label >= labelNames!.length)) wrong('it has labels that have no name');
  const split =
    ids.end - ids.begin > MEMORY_LIMIT
      ? new FileSplit(name, path, ids.begin, offsets, labels)
      : new EncodedSplit(name, integersAt(path, ids), offsets, labels);
  try {
    for (const piece of split.pieces()) {
      const stranger = piece.find((id) => id === PAD || id < UNK || id >= vocabularySize);
      if (stranger !== undefined) wrong(`word ${stranger} is none of the ${vocabularySize} of its vocabulary`);
    }
  } catch (error) {
    if (split instanceof FileSplit) split.close();
    throw error;
  }
  return split;
}

function integersAt(path: string, { shape, begin, end }: TensorPlace): Int32Array {
  const out = new Int32Array(shape[0]!);
  let have = 0;
  for (const piece of readIntegers(path, begin, end)) {
    out.set(piece, have);
    have += piece.length;
  }
  return out;
}

function splitFile(split: SplitName): string {
  return `${split}.safetensors`;
}

/** True where `directory` is a whole corpus of this content. */
async function holds(directory: string, hash: string): Promise<boolean> {
  try {
    return (await checkCorpus(directory)).hash === hash;
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
  const stranger = Object.keys(description).find((key) => !KEYS.includes(key));
  const { sum } = description;
  if (stranger !== undefined || (sum !== undefined && !hasSum(text, sum))) {
    throw new InputError(`${path}: not as it was written; ${prepareHint(directory)}`);
  }
  if (typeof description.settings !== 'object' || typeof description.statistics !== 'object') {
    throw new InputError(`${path}: settings or statistics are missing; ${prepareHint(directory)}`);
  }
  return description as Description;
}

/** @throws InputError where a corpus lacks a file. */
async function demand(directory: string, file: string): Promise<void> {
  try {
    await stat(join(directory, file));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new InputError(`${join(directory, file)}: missing from the corpus; ${prepareHint(directory)}`);
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The data set of a config, as a line of YAML. */
const DATA_SET = /^dataSet:\s*["']?([^\s"'#]+)/m;

function prepareHint(directory: string): string {
  // The usual folder of a config is called as its data set is.
  const name = basename(directory);
  const isOf = (file: string) => file.endsWith('.yaml') && DATA_SET.exec(readFileSync(file, 'utf8'))?.[1] === name;
  const own = readdirSync('.', { withFileTypes: true }).filter((entry) => entry.isFile() && isOf(entry.name));
  const isKnown = findDataSet(name) !== undefined;
  const config = own.length === 1 ? own[0]!.name : own.length === 0 && isKnown ? `${name}.yaml` : 'CONFIG';
  const hasRaw = [`${name}.`, ''].some((prefix) => SPLIT_NAMES.every((split) => existsSync(`${prefix}${split}.txt`)));
  if (own.length === 1 && !isKnown && !hasRaw) {
    return `run 'sri prepare --config ${config} ${ownText(directory)}'`;
  }
  return `run 'sri prepare --config ${config}', or for a text of your own 'sri prepare --text FILE --out ${directory}'`;
}

/** The text of a corpus that its config does not name, as options of `sri prepare`: what sri init left of columns, where it lies. */
function ownText(directory: string): string {
  const items = `${directory}-items.tsv`;
  const splits = SPLIT_NAMES.map((split) => [split, `${directory}-${split}-items.tsv`] as const);
  if (!existsSync(items) && splits.every(([, file]) => existsSync(file))) {
    return splits.map(([split, file]) => `--${split} ${file}`).join(' ');
  }
  return `--text ${existsSync(items) ? items : 'FILE'}`;
}
