// One sentence that a person typed -> ids, by the very rules by which the corpus's own lines became ids.

import type { PreparationSettings } from './corpus.js';
import { tokenize } from './tokenize.js';
import { UNK, type Vocabulary } from './vocabulary.js';

export interface EncodedSentence {
  /** [words] */
  ids: Int32Array;
  /** Words that became `<unk>` because the vocabulary lacks them, each once, in their order. */
  unknown: string[];
}

/**
 * Words are what the corpus's tokenizer finds. No length limit applies: an over-long line is a matter of what is learned from.
 * @returns no ids for a text without words.
 */
export function encodeSentence(
  text: string,
  {
    lowercase,
    unknownToken,
    tokenizer = 'whitespace',
  }: Pick<PreparationSettings, 'lowercase' | 'unknownToken' | 'tokenizer'>,
  vocabulary: Vocabulary,
): EncodedSentence {
  const unknown = new Set<string>();
  const tokens = tokenize(text, tokenizer, unknownToken);
  const ids = Int32Array.from(tokens, (token) => {
    // Before the case is lowered: a corpus may write it in capitals.
    if (token === unknownToken) return UNK;
    const word = lowercase ? token.toLowerCase() : token;
    const id = vocabulary.encode(word);
    if (id === UNK) unknown.add(word);
    return id;
  });
  return { ids, unknown: [...unknown] };
}
