// What a word is, of a text that does not say it with spaces.

export const TOKENIZERS = ['whitespace', 'words'] as const;
/**
 * `whitespace`: what white space separates, for text that is tokenized already. `words`: the words and punctuation marks that
 * Unicode's rules for word boundaries (UAX #29) find, with dictionaries for writing that has no spaces.
 */
export type Tokenizer = (typeof TOKENIZERS)[number];

// A locale that is always the same: boundaries may not depend on where the program runs.
let segmenter: Intl.Segmenter | undefined;

/**
 * The tokens of a line, none of them empty.
 * @param unknownToken how the text spells an unknown word; it stays one token whatever it is made of.
 */
export function tokenize(text: string, tokenizer: Tokenizer, unknownToken: string): string[] {
  const parts = text.split(/\s+/).filter((part) => part !== '');
  if (tokenizer === 'whitespace') return parts;
  segmenter ??= new Intl.Segmenter('en', { granularity: 'word' });
  const words = segmenter;
  return parts.flatMap((part) =>
    part === unknownToken ? [part] : Array.from(words.segment(part), ({ segment }) => segment),
  );
}
