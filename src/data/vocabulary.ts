// The words a model knows, each with its number. The first four numbers are not words of the text: padding, any
// unknown word, the start of a sentence and its end. The others follow from the most frequent down.

import { InputError } from '../errors.js';

export const PAD = 0;
export const UNK = 1;
export const START = 2;
export const END = 3;

/** How the special ids are written, in id order. */
export const SPECIALS = ['<pad>', '<unk>', '<s>', '</s>'] as const;

/** Of the specials, those a sentence can hold as targets, and so a language model predicts: `<unk>` and `</s>`. */
const PREDICTED_SPECIALS = 2;

export class Vocabulary {
  /** Every word in id order, the specials first. */
  readonly words: readonly string[];
  private readonly ids: Map<string, number>;

  /**
   * `words` in id order, beginning with {@link SPECIALS}; `source` is the file they come from, a word a line.
   * Throws InputError, with the line, where they begin otherwise or a word comes twice.
   */
  constructor(words: readonly string[], source = 'vocabulary') {
    SPECIALS.forEach((special, id) => {
      if (words[id] !== special) {
        throw new InputError(`${source}:${id + 1}: '${words[id] ?? ''}' where the special '${special}' must be`);
      }
    });
    this.words = words;
    this.ids = new Map(words.map((word, id) => [word, id]));
    if (this.ids.size !== words.length) {
      const first = words.findIndex((word, id) => this.ids.get(word) !== id);
      const again = words.indexOf(words[first]!, first + 1);
      throw new InputError(
        `${source}:${again + 1}: '${words[first]}' is on line ${first + 1} already; list a word once`,
      );
    }
  }

  /**
   * The most frequent words of `counts`, ties in the order of their UTF-16 code units. Names of specials among the
   * counts are passed over.
   *
   * `limit` is the size as papers state it: the types that are predicted, that is the words, `<unk>` and `</s>`.
   * The Penn Treebank's training text has 9,998 words beside `<unk>`, so it fits whole into its customary 10,000.
   * {@link size} is two more, for the ids of padding and the sentence's start, which are inputs alone.
   */
  static build(counts: ReadonlyMap<string, number>, limit: number): Vocabulary {
    return Vocabulary.ofCounts([...counts.keys()], Float64Array.from(counts.values()), limit);
  }

  /** {@link build} for words that are too many for a map of counts; a count of 0 is a word that is not there. */
  static ofCounts(words: readonly string[], counts: Float64Array, limit: number): Vocabulary {
    if (!Number.isInteger(limit) || limit <= PREDICTED_SPECIALS) {
      throw new InputError(`vocabularySize is ${limit}; it must be a whole number above ${PREDICTED_SPECIALS}`);
    }
    const most = limit - PREDICTED_SPECIALS + SPECIALS.length;
    // Of many millions of words only those are put in order that are frequent enough to have a chance.
    const least = counts.length > most ? counts.toSorted()[counts.length - most]! : 1;
    const specials = new Set<string>(SPECIALS);
    const chosen: number[] = [];
    for (let i = 0; i < counts.length; i++) {
      if (counts[i]! >= Math.max(1, least) && !specials.has(words[i]!)) chosen.push(i);
    }
    chosen.sort((a, b) => counts[b]! - counts[a]! || (words[a]! < words[b]! ? -1 : 1));
    return new Vocabulary([...SPECIALS, ...chosen.slice(0, limit - PREDICTED_SPECIALS).map((i) => words[i]!)]);
  }

  /** Number of ids, specials included: the V of the model's matrices. */
  get size(): number {
    return this.words.length;
  }

  /** The id of a word of the text; {@link UNK} for one that is not known, and for one spelled like a special. */
  encode(token: string): number {
    const id = this.ids.get(token);
    return id === undefined || id < SPECIALS.length ? UNK : id;
  }

  /** Throws RangeError for an id outside [0, size). */
  word(id: number): string {
    const word = this.words[id];
    if (word === undefined) throw new RangeError(`id ${id} is outside the vocabulary of ${this.size}`);
    return word;
  }
}
