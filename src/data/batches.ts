// Sentences of one length travel together, so that no batch holds padding and no step needs a mask.
// The last batch of each length is smaller. Tensors are time-major: a step of all sentences is contiguous.

import { RandomStream } from '../random/philox.js';
import type { Split } from './corpus.js';
import { END, START } from './vocabulary.js';

export interface Batch {
  /** Place in the epoch's order, from 0. */
  index: number;
  /** Which sentences of the split; [size]. */
  indices: Int32Array;
  /** `<s>`, w1 .. wn; [tokens, size], time-major. */
  inputs: Int32Array;
  /** w1 .. wn, `</s>`; [tokens, size], time-major. */
  targets: Int32Array;
  /** B, sentences. */
  size: number;
  /** T, words of each sentence and `</s>`. */
  tokens: number;
}

export interface BatchOptions {
  /** Shuffles sentences within their length, then the batches; the same key gives the same order after a resume. */
  key?: { seed: number; epoch: number } | undefined;
  /** The sentences to take, each once; all of the split where absent. */
  indices?: Int32Array | undefined;
}

/** The batches of an epoch, each made when it is asked for: together they may be more than memory holds. */
export class Batches implements Iterable<Batch> {
  /** @param groups the sentences of each batch, in the order of the epoch. */
  constructor(
    private readonly split: Split,
    private readonly groups: readonly Int32Array[],
  ) {}

  get length(): number {
    return this.groups.length;
  }

  /** Throws RangeError for a place outside [0, length). */
  at(index: number): Batch {
    const group = this.groups[index];
    if (group === undefined) throw new RangeError(`batch ${index} of ${this.length}`);
    return makeBatch(this.split, group, index);
  }

  [Symbol.iterator](): Iterator<Batch> {
    return this.from(0);
  }

  /** Size and tokens of each batch, without its words. */
  shapes(): Pick<Batch, 'size' | 'tokens'>[] {
    return this.groups.map((group) => ({ size: group.length, tokens: this.split.lengthOf(group[0]!) + 1 }));
  }

  /** The batches from a place on. */
  *from(first: number): Generator<Batch> {
    for (let index = first; index < this.length; index++) yield this.at(index);
  }
}

/**
 * Words of batches, `</s>` among them. What goes over sentences by increasing length tells by these how far it is: the
 * last sentences take many times as long as the first.
 */
export function wordsIn(batches: readonly Pick<Batch, 'size' | 'tokens'>[]): number {
  return batches.reduce((sum, { size, tokens }) => sum + size * tokens, 0);
}

/**
 * Batches of at most `batchSize` sentences of equal length that cover the chosen sentences once each. Without a key
 * they come by increasing length, and within a length in the split's order.
 * Throws RangeError for a batch size that is not a positive whole number, or an index outside the split.
 */
export function equalLengthBatches(split: Split, batchSize: number, { key, indices }: BatchOptions = {}): Batches {
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new RangeError(`a batch size is a positive whole number, not ${batchSize}`);
  }
  const random = key && new RandomStream({ seed: key.seed, purpose: 'shuffle', epoch: key.epoch });
  const groups: Int32Array[] = [];
  for (const members of byLength(split, indices)) {
    const order = random ? random.permutation(members.length).map((at) => members[at]!) : members;
    for (let from = 0; from < order.length; from += batchSize) groups.push(order.subarray(from, from + batchSize));
  }
  return new Batches(split, random ? Array.from(random.permutation(groups.length), (at) => groups[at]!) : groups);
}

/** The batch of the given sentences, which must all have one length; throws RangeError where they do not. */
export function makeBatch(split: Split, indices: Int32Array, index: number): Batch {
  const size = indices.length;
  const tokens = split.sentence(indices[0]!).length + 1;
  const inputs = new Int32Array(tokens * size).fill(START, 0, size);
  const targets = new Int32Array(tokens * size).fill(END, (tokens - 1) * size);
  indices.forEach((which, column) => {
    const words = split.sentence(which);
    if (words.length + 1 !== tokens) {
      throw new RangeError(`a batch of length ${tokens - 1} was given sentence ${which} of length ${words.length}`);
    }
    for (let t = 0; t < words.length; t++) {
      targets[t * size + column] = words[t]!;
      inputs[(t + 1) * size + column] = words[t]!;
    }
  });
  return { index, indices, inputs, targets, size, tokens };
}

/**
 * `count` different sentences of the split, drawn uniformly by `seed`, in increasing order; all of them where the
 * split has no more. Throws RangeError for a count that is not a positive whole number.
 */
export function drawSubset(split: Split, count: number, seed: number): Int32Array {
  if (!(Number.isInteger(count) && count > 0)) {
    throw new RangeError(`a subset has a positive whole number of sentences, not ${count}`);
  }
  return new RandomStream({ seed, purpose: 'evaluation-subset' }).permutation(split.length).slice(0, count).sort();
}

/**
 * The sentences that a quantity is measured on where not all are: the same for runs of every seed and method, so that what
 * seeds differ by is no matter of sentences, and rows of a table can be compared. A smaller subset lies within a larger.
 */
export function evaluationSubset(split: Split, count: number): Int32Array {
  return drawSubset(split, count, 0);
}

/** The chosen sentences, a group for each length, by increasing length. */
function byLength(split: Split, indices?: Int32Array): Int32Array[] {
  const count = indices?.length ?? split.length;
  const sizes = new Map<number, number>();
  for (let at = 0; at < count; at++) {
    const length = split.lengthOf(indices?.[at] ?? at);
    sizes.set(length, (sizes.get(length) ?? 0) + 1);
  }
  const groups = new Map(
    [...sizes].sort(([a], [b]) => a - b).map(([length, size]) => [length, { members: new Int32Array(size), have: 0 }]),
  );
  for (let at = 0; at < count; at++) {
    const which = indices?.[at] ?? at;
    const group = groups.get(split.lengthOf(which))!;
    group.members[group.have++] = which;
  }
  return Array.from(groups.values(), ({ members }) => members);
}
