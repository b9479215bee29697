// Sentences of somebody's own, as the model reads them.

import { EncodedSplit } from '../data/corpus.js';
import { encodeSentence } from '../data/encode-sentence.js';
import { InputError } from '../errors.js';
import type { OpenRun } from './open-run.js';

export interface GivenSentences {
  split: EncodedSplit;
  /** Words that became `<unk>` because the vocabulary has not got them, each once. */
  unknown: string[];
}

/**
 * @param lines a sentence each, prepared as the corpus's own lines are.
 * @param source of the lines, for messages: a file's path.
 * @throws {InputError} naming the line that has no words, or where there is no line.
 */
export function givenSentences(
  { corpus }: Pick<OpenRun, 'corpus'>,
  lines: readonly string[],
  source: string,
): GivenSentences {
  if (lines.length === 0) throw new InputError(`${source}: no sentences; give one a line`);
  const unknown = new Set<string>();
  const sentences = lines.map((line, i) => {
    const encoded = encodeSentence(line, corpus.settings, corpus.vocabulary);
    if (encoded.ids.length === 0) throw new InputError(`${source}:${i + 1}: no words; give a sentence a line`);
    for (const word of encoded.unknown) unknown.add(word);
    return encoded.ids;
  });
  const offsets = new Int32Array(sentences.length + 1);
  sentences.forEach((ids, i) => {
    offsets[i + 1] = offsets[i]! + ids.length;
  });
  const ids = new Int32Array(offsets.at(-1)!);
  sentences.forEach((sentence, i) => {
    ids.set(sentence, offsets[i]);
  });
  return { split: new EncodedSplit('given', ids, offsets, null), unknown: [...unknown] };
}
