// What the rest of the program sees of a text: sentences as ids, in three splits, under one content hash.

import { closeSync, openSync } from 'node:fs';
import { bytesOf, readAll, readIntegers } from '../storage/integer-file.js';
import type { SplitName } from './splits.js';
import type { Tokenizer } from './tokenize.js';
import type { Vocabulary } from './vocabulary.js';

/** Sentences of one split, in the order of their source. */
export interface Split {
  readonly name: string;
  /** Number of sentences. */
  readonly length: number;
  /** Word ids of sentence `i`, no specials but `<unk>`; [words]. A view: not to be written to. */
  sentence(i: number): Int32Array;
  /** Words of sentence `i`, without reading them. */
  lengthOf(i: number): number;
  /** Index into the corpus's labels; null where the corpus has none. */
  label(i: number): number | null;
  /** Lets go of its file, where its words are in one; nothing is read from it after. */
  close?(): void;
}

/** Lets go of the files of splits whose words are in files. */
export function closeSplits(splits: Partial<Record<SplitName, Split>>): void {
  for (const split of Object.values(splits)) split.close?.();
}

/** What the splits of a corpus share: where each sentence begins and which label it has, held in memory. */
abstract class SentenceIndex implements Split {
  constructor(
    readonly name: string,
    /** Sentence i is the words offsets[i] .. offsets[i + 1] - 1 of the split; [sentences + 1]. */
    readonly offsets: Int32Array,
    /** [sentences], or null. */
    readonly labels: Int32Array | null,
  ) {}

  get length(): number {
    return this.offsets.length - 1;
  }

  sentence(i: number): Int32Array {
    this.check(i);
    return this.words(this.offsets[i]!, this.offsets[i + 1]!);
  }

  lengthOf(i: number): number {
    this.check(i);
    return this.offsets[i + 1]! - this.offsets[i]!;
  }

  label(i: number): number | null {
    this.check(i);
    return this.labels === null ? null : this.labels[i]!;
  }

  /** The words of the split in pieces, in their order; a piece is good until the next is asked for. */
  abstract pieces(): Iterable<Int32Array>;

  protected abstract words(from: number, to: number): Int32Array;

  private check(i: number): void {
    if (!(Number.isInteger(i) && i >= 0 && i < this.length)) {
      throw new RangeError(`sentence ${i} of '${this.name}', which has ${this.length}`);
    }
  }
}

/** A split held as one run of ids. */
export class EncodedSplit extends SentenceIndex {
  constructor(
    name: string,
    /** All sentences end to end; [words of the split]. */
    readonly ids: Int32Array,
    offsets: Int32Array,
    labels: Int32Array | null,
  ) {
    super(name, offsets, labels);
  }

  override pieces(): Iterable<Int32Array> {
    return [this.ids];
  }

  protected override words(from: number, to: number): Int32Array {
    return this.ids.subarray(from, to);
  }
}

/** A split whose words stay in their file, since they are more than memory should hold. */
export class FileSplit extends SentenceIndex {
  private readonly file: number;

  /**
   * @param begin of the first word's first byte in the file at `path`; the words lie there end to end, 32 bits each.
   * @throws what the file system throws.
   */
  constructor(
    name: string,
    private readonly path: string,
    private readonly begin: number,
    offsets: Int32Array,
    labels: Int32Array | null,
  ) {
    super(name, offsets, labels);
    // Open until it is closed, so that what replaces the file meanwhile is not mixed in.
    this.file = openSync(path, 'r');
  }

  override pieces(): Iterable<Int32Array> {
    const words = this.offsets.at(-1)!;
    return readIntegers(this.path, this.begin, this.begin + words * Int32Array.BYTES_PER_ELEMENT);
  }

  close(): void {
    closeSync(this.file);
  }

  /** @throws Error where the file has become shorter since it was opened. */
  protected override words(from: number, to: number): Int32Array {
    const ids = new Int32Array(to - from);
    const read = readAll(this.file, bytesOf(ids), this.begin + from * Int32Array.BYTES_PER_ELEMENT);
    if (read !== ids.byteLength) throw new Error(`${this.path}: was cut while it was in use; prepare the corpus again`);
    return ids;
  }
}

/** What makes an encoding of a text what it is; part of the content hash. */
export interface PreparationSettings {
  /** Types that are predicted: words, `<unk>` and `</s>` (see Vocabulary.build). */
  vocabularySize: number;
  /** Words of the longest sentence, `</s>` not counted. */
  maxLength: number;
  /** What happens to a longer one: its end is cut, or it is left out. Both are counted. */
  overLong: 'truncate' | 'drop';
  lowercase: boolean;
  /** How the text writes an unknown word. */
  unknownToken: string;
  /** What a word is; absent for what white space separates. */
  tokenizer?: Tokenizer;
  /** `label<TAB>text`: found out from the first line, never, or always. */
  labelColumn: 'auto' | 'none' | 'required';
  /** Whether the first line of each file was left out, as it named the columns; absent where not. */
  header?: true;
  /**
   * How one text was divided; null where it came in three files. `distinct`: all copies of a sentence went to one split;
   * absent where each copy went its own way.
   */
  division: { train: number; valid: number; test: number; seed: number; distinct?: true } | null;
}

/** What was counted in one split; lengths in words, without `</s>`. */
export interface SplitStatistics {
  sentences: number;
  words: number;
  /** Different words, before the vocabulary's limit; the unknown token is not one. */
  types: number;
  /** Words encoded as `<unk>`, whether the text marked them so or the vocabulary lacks them; and their share. */
  unknown: number;
  unknownRate: number;
  meanLength: number;
  maxLength: number;
  /** Sentences by label name; null where the corpus has no labels. */
  labels: Record<string, number> | null;
}

export interface CorpusStatistics {
  /** Ids, specials included. */
  vocabulary: number;
  splits: Record<SplitName, SplitStatistics>;
}

export interface PreparedCorpus {
  name: string;
  directory: string;
  /** SHA-256, in hexadecimal, of the vocabulary, the encoded splits and the settings that made them. */
  hash: string;
  settings: PreparationSettings;
  vocabulary: Vocabulary;
  /** Label names in the order of their indices; null where the text has no label column. */
  labels: string[] | null;
  splits: Record<SplitName, Split>;
  statistics: CorpusStatistics;
}
