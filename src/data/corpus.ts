// What the rest of the program sees of a text: sentences as ids, in three splits, under one content hash.

import type { Vocabulary } from './vocabulary.js';

export const SPLIT_NAMES = ['train', 'valid', 'test'] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];

/** Sentences of one split, in the order of their source. */
export interface Split {
  readonly name: string;
  /** Number of sentences. */
  readonly length: number;
  /** Word ids of sentence `i`, no specials but `<unk>`; [words]. A view: not to be written to. */
  sentence(i: number): Int32Array;
  /** Index into the corpus's labels; null where the corpus has none. */
  label(i: number): number | null;
}

/** A split held as one run of ids. */
export class EncodedSplit implements Split {
  constructor(
    readonly name: string,
    /** All sentences end to end; [words of the split]. */
    readonly ids: Int32Array,
    /** Sentence i is ids[offsets[i]] .. ids[offsets[i + 1] - 1]; [sentences + 1]. */
    readonly offsets: Int32Array,
    /** [sentences], or null. */
    readonly labels: Int32Array | null,
  ) {}

  get length(): number {
    return this.offsets.length - 1;
  }

  sentence(i: number): Int32Array {
    this.check(i);
    return this.ids.subarray(this.offsets[i], this.offsets[i + 1]);
  }

  label(i: number): number | null {
    this.check(i);
    return this.labels === null ? null : this.labels[i]!;
  }

  private check(i: number): void {
    if (!(Number.isInteger(i) && i >= 0 && i < this.length)) {
      throw new RangeError(`sentence ${i} of '${this.name}', which has ${this.length}`);
    }
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
  /** `label<TAB>text`: found out from the first line, never, or always. */
  labelColumn: 'auto' | 'none' | 'required';
  /** How one text was divided; null where it came in three files. */
  division: { train: number; valid: number; test: number; seed: number } | null;
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
