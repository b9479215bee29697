// Swaps keep the words, change exactly what they say, and reach every pair of positions.

import { describe, expect, it } from 'vitest';
import { swapWords } from '../../src/data/word-swaps.js';

const sentence = Int32Array.of(10, 11, 12, 13, 14);
const key = { seed: 1, draw: 0, sentence: 0 };

describe('swapWords', () => {
  it('keeps the words and leaves the original alone', () => {
    for (let index = 0; index < 50; index++) {
      const swapped = swapWords(sentence, 4, { ...key, sentence: index });
      expect([...swapped].sort()).toEqual([...sentence]);
    }
    expect([...sentence]).toEqual([10, 11, 12, 13, 14]);
  });

  it('exchanges two different positions at a time, so k swaps are a permutation of parity k', () => {
    for (let index = 0; index < 100; index++) {
      for (const swaps of [0, 1, 2, 3, 4]) {
        const words = [...swapWords(sentence, swaps, { ...key, sentence: index })];
        let inversions = 0;
        for (let i = 0; i < 5; i++) for (let j = i + 1; j < 5; j++) if (words[i]! > words[j]!) inversions++;
        expect(inversions % 2).toBe(swaps % 2);
      }
    }
  });

  it('adds a swap to the ones before it', () => {
    for (let index = 0; index < 50; index++) {
      const levels = [0, 1, 2, 3].map((swaps) => swapWords(sentence, swaps, { ...key, sentence: index }));
      for (let k = 1; k < 4; k++) {
        expect(levels[k]!.filter((word, i) => word !== levels[k - 1]![i])).toHaveLength(2);
      }
    }
  });

  it('takes every pair of positions equally often', () => {
    const pairs = new Map<string, number>();
    const draws = 5000;
    for (let draw = 0; draw < draws; draw++) {
      const swapped = swapWords(sentence, 1, { ...key, draw });
      const moved = [0, 1, 2, 3, 4].filter((i) => swapped[i] !== sentence[i]).join();
      pairs.set(moved, (pairs.get(moved) ?? 0) + 1);
    }
    expect(pairs.size).toBe(10);
    // Binomial(5000, 1/10): five standard deviations are 106.
    for (const count of pairs.values()) expect(Math.abs(count - draws / 10)).toBeLessThan(106);
  });

  it('depends on each part of its key and on nothing else', () => {
    const long = Int32Array.from({ length: 40 }, (_, i) => i);
    const base = swapWords(long, 20, key);
    expect(swapWords(long, 20, { ...key })).toEqual(base);
    for (const other of [{ seed: 2 }, { draw: 1 }, { sentence: 1 }]) {
      expect(swapWords(long, 20, { ...key, ...other })).not.toEqual(base);
    }
  });

  it('cannot change one word, and refuses a share of a swap', () => {
    expect([...swapWords(Int32Array.of(7), 3, key)]).toEqual([7]);
    expect(() => swapWords(sentence, 1.5, key)).toThrow(RangeError);
    expect(() => swapWords(sentence, -1, key)).toThrow(RangeError);
  });
});
