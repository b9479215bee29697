// Which split each sentence of one text goes to.

import { RandomStream } from '../random/philox.js';
import type { PreparationSettings } from './corpus.js';
import { SPLIT_NAMES } from './splits.js';

/**
 * Divides sentences at random by the division's seed.
 *
 * @param keys of all sentences, equal where sentences are, in their order; where they are given, the shares are of
 *   distinct sentences, and all copies of one go the same way.
 * @returns the place of its split in {@link SPLIT_NAMES}, for each sentence; [count].
 */
export function divide(
  count: number,
  division: NonNullable<PreparationSettings['division']>,
  keys: Float64Array | null,
): Uint8Array {
  if (keys === null) return assigned(count, division);
  const distinct = sortedDistinct(keys);
  const byKey = assigned(distinct.length, division);
  return Uint8Array.from(keys, (key) => byKey[placeOf(distinct, key)]!);
}

function assigned(count: number, { valid, test, seed }: NonNullable<PreparationSettings['division']>): Uint8Array {
  const order = new RandomStream({ seed, purpose: 'text-split' }).permutation(count);
  const inValid = Math.round(count * valid);
  const inTest = Math.round(count * test);
  const out = new Uint8Array(count).fill(SPLIT_NAMES.indexOf('train'));
  for (const sentence of order.subarray(0, inValid)) out[sentence] = SPLIT_NAMES.indexOf('valid');
  for (const sentence of order.subarray(inValid, inValid + inTest)) out[sentence] = SPLIT_NAMES.indexOf('test');
  return out;
}

/** Of each sentence's words, a number of 53 bits that two different sentences share once in 10^16 times. */
export function sentenceKey(words: Int32Array): number {
  // Two FNV-1a hashes of the words as 32-bit units, from different starts.
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (const word of words) {
    high = Math.imul(high ^ word, 0x01000193);
    high ^= high >>> 15;
    low = Math.imul(low ^ word, 0x85ebca6b);
    low ^= low >>> 13;
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}

/** Each value once, increasing. */
export function sortedDistinct(values: Float64Array): Float64Array {
  const sorted = values.slice().sort();
  let have = 0;
  for (const value of sorted) if (have === 0 || value !== sorted[have - 1]) sorted[have++] = value;
  return sorted.subarray(0, have);
}

/** Where a value is among increasing ones; -1 where it is not. */
export function placeOf(sorted: Float64Array, value: number): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (sorted[middle]! < value) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === value ? from : -1;
}
