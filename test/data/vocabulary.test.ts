// Order, limits and the special ids of a vocabulary.

import { describe, expect, it } from 'vitest';
import { END, PAD, SPECIALS, START, UNK, Vocabulary } from '../../src/data/vocabulary.js';
import { InputError } from '../../src/errors.js';

const counts = new Map([
  ['pear', 2],
  ['fig', 5],
  ['apple', 2],
  ['Zebra', 2],
  ['once', 1],
]);

describe('Vocabulary', () => {
  it('lists the specials, then words by frequency, ties by code unit', () => {
    expect(Vocabulary.build(counts, 100).words).toEqual([...SPECIALS, 'fig', 'Zebra', 'apple', 'pear', 'once']);
    expect([PAD, UNK, START, END].map((id) => SPECIALS[id])).toEqual(['<pad>', '<unk>', '<s>', '</s>']);
  });

  it('does not depend on the order in which words were met', () => {
    const reversed = new Map([...counts].reverse());
    expect(Vocabulary.build(reversed, 6).words).toEqual(Vocabulary.build(counts, 6).words);
  });

  it('counts in its limit what is predicted: words, <unk> and </s>', () => {
    const vocabulary = Vocabulary.build(counts, 5);
    expect(vocabulary.words.slice(4)).toEqual(['fig', 'Zebra', 'apple']);
    expect(vocabulary.size).toBe(5 + 2);
    expect(vocabulary.encode('pear')).toBe(UNK);
  });

  it('gives each word back from its id, and <unk> for everything else', () => {
    const vocabulary = Vocabulary.build(counts, 100);
    for (const word of counts.keys()) expect(vocabulary.word(vocabulary.encode(word))).toBe(word);
    for (const other of ['plum', '', 'FIG', ...SPECIALS]) expect(vocabulary.encode(other)).toBe(UNK);
    expect(() => vocabulary.word(vocabulary.size)).toThrow(RangeError);
    expect(() => vocabulary.word(-1)).toThrow(RangeError);
  });

  it('takes no special from the text', () => {
    const hostile = new Map<string, number>([...counts, ...SPECIALS.map((special): [string, number] => [special, 99])]);
    expect(Vocabulary.build(hostile, 100).words).toEqual(Vocabulary.build(counts, 100).words);
  });

  it.each([2, 0, -5, 3.5, Number.NaN])('refuses a limit of %d', (limit) => {
    expect(() => Vocabulary.build(counts, limit)).toThrow(InputError);
  });

  it('names file and line of a word list that is not one', () => {
    expect(() => new Vocabulary(['<pad>', '<unk>', 'a', '</s>'], 'v.txt')).toThrow(/^v\.txt:3: 'a'.*'<s>'/);
    expect(() => new Vocabulary([...SPECIALS, 'a', 'b', 'a'], 'v.txt')).toThrow(/^v\.txt:7: 'a' is on line 5/);
    expect(() => new Vocabulary(['<pad>'], 'v.txt')).toThrow(/^v\.txt:2:/);
  });
});
