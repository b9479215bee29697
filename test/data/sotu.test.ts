// Running text of the addresses -> sentences -> words.

import { describe, expect, it } from 'vitest';
import { type Address, addressSplit, sotuLines, splitSentences, tokenize } from '../../src/data/sets/sotu.js';

describe('splitSentences', () => {
  it('ends a sentence at its end, and not at a title, an initial or an abbreviation', () => {
    expect(
      splitSentences(
        'Mr. Speaker, Mr. President, and fellow citizens: We meet. Gen. U. S. Grant of the U.S. Army said "Go now." ' +
          'He left (see No. 5). Did it cost $5.00? Yes!',
      ),
    ).toEqual([
      'Mr. Speaker, Mr. President, and fellow citizens: We meet.',
      'Gen. U. S. Grant of the U.S. Army said "Go now."',
      'He left (see No. 5).',
      'Did it cost $5.00?',
      'Yes!',
    ]);
  });

  it('knows the word no from the abbreviation of number', () => {
    expect(splitSentences('The answer is no. We go on. See Nos. 4 and 5.')).toEqual([
      'The answer is no.',
      'We go on.',
      'See Nos. 4 and 5.',
    ]);
    expect(tokenize('See No. 4: no.').join(' ')).toBe('see no. N : no .');
  });

  it('keeps a last piece without a stop, and one that ends in an abbreviation', () => {
    expect(splitSentences('We meet. And then')).toEqual(['We meet.', 'And then']);
    expect(splitSentences('We thank Mr.')).toEqual(['We thank Mr.']);
    expect(splitSentences('  ')).toEqual([]);
  });
});

describe('tokenize', () => {
  it.each([
    ["America's well-being isn't ours.", "america's well-being isn't ours ."],
    ['In 1850, $1,234,567.89 (4 per cent)', 'in N , $ N ( N per cent )'],
    ['the 19th century, the 1990s, 50-year bonds, B-29s', 'the N century , the N , N - year bonds , b - N'],
    ['The U.S. Army of Mr. Lincoln.', 'the u.s. army of mr. lincoln .'],
    ['peace—with honor -- “always”…', 'peace -- with honor -- " always " …'],
    ['It’s Guaidó, naïve...', "it's guaidó , naïve ..."],
    ['a\u0002b\tc', 'a b c'],
    ['', ''],
  ])('%s', (text, words) => {
    expect(tokenize(text).join(' ')).toBe(words);
  });
});

describe('sotuLines', () => {
  const addresses: Address[] = Array.from({ length: 30 }, (_, i) => ({
    year: 1790 + i,
    name: 'A',
    party: i < 15 ? 'Whig & Democratic' : 'none',
    text: `This is address ${'x'.repeat(i + 1)}. (Applause.) It has two sentences.`,
  }));

  it('puts each address whole into one split, eight of ten into training', () => {
    const lines = sotuLines(addresses);
    expect([lines.train.length, lines.valid.length, lines.test.length]).toEqual([48, 6, 6]);
    for (const [i] of addresses.entries()) {
      const own = Object.entries(lines).filter(([, all]) =>
        all.some((line) => line.includes(` ${'x'.repeat(i + 1)} .`)),
      );
      expect(own.map(([split]) => split)).toEqual([addressSplit(i)]);
    }
  });

  it('writes party, tab and words, without the audience', () => {
    expect(sotuLines(addresses).train.slice(0, 2)).toEqual([
      'Whig & Democratic\tthis is address x .',
      'Whig & Democratic\tit has two sentences .',
    ]);
  });
});
