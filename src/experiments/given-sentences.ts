// Sentences of somebody's own, as the model reads them.

import { EncodedSplit } from '../data/corpus.js';
import { sentenceKey } from '../data/division.js';
import { encodeSentence } from '../data/encode-sentence.js';
import { InputError } from '../errors.js';
import type { OpenRun } from './open-run.js';

/**
 * How many times as long as the longest sentence of training a given one may be: beyond that it is no sentence but a text without
 * ends of lines, which would take hours, at which a stop is not heard.
 */
const MOST_LENGTHS = 20;

export interface GivenSentences {
  split: EncodedSplit;
  /**
   * What each sentence's noise is keyed by: its words, so that its code is the same on whichever line it stands, and shares no
   * noise with a sentence of the corpus, whose key is its place there. Of shared noise alone two codes would be near.
   */
  keys: Int32Array;
  /** Words that became `<unk>` because the vocabulary has not got them, each once. */
  unknown: string[];
}

/**
 * @param lines a sentence each, prepared as the corpus's own lines are; a label of the corpus before a tab is no part of it.
 * @param source of the lines, for messages: a file's path.
 * @throws {InputError} naming the line that has no words, or far too many, or where there is no line.
 */
export function givenSentences(
  { corpus }: Pick<OpenRun, 'corpus'>,
  lines: readonly string[],
  source: string,
): GivenSentences {
  if (lines.length === 0) throw new InputError(`${source}: no sentences; give one a line`);
  const unknown = new Set<string>();
  const sentences = lines.map((line, i) => {
    const encoded = givenSentence(corpus, line);
    if (encoded.ids.length === 0) throw new InputError(`${source}:${i + 1}: no words; give a sentence a line`);
    const { maxLength } = corpus.settings;
    if (encoded.ids.length > MOST_LENGTHS * maxLength) {
      throw new InputError(
        `${source}:${i + 1}: ${encoded.ids.length} words, where the model learned from ${maxLength} at most (data.maxLength); give a ` +
          'sentence a line',
      );
    }
    for (const word of encoded.unknown) unknown.add(word);
    return encoded.ids;
  });
  return { ...splitOf(sentences), unknown: [...unknown] };
}

/** The words of one line, prepared as the corpus's own are, and those that the vocabulary has not. */
export function givenSentence(corpus: OpenRun['corpus'], line: string): ReturnType<typeof encodeSentence> {
  return encodeSentence(withoutLabel(line, corpus.labels), corpus.settings, corpus.vocabulary);
}

/** @param sentences a word or more each. */
export function splitOf(sentences: readonly Int32Array[]): Pick<GivenSentences, 'split' | 'keys'> {
  const offsets = new Int32Array(sentences.length + 1);
  sentences.forEach((ids, i) => {
    offsets[i + 1] = offsets[i]! + ids.length;
  });
  const ids = new Int32Array(offsets.at(-1)!);
  sentences.forEach((sentence, i) => {
    ids.set(sentence, offsets[i]);
  });
  return { split: new EncodedSplit('given', ids, offsets, null), keys: Int32Array.from(sentences, keyOf) };
}

function withoutLabel(line: string, labels: readonly string[] | null): string {
  const tab = line.indexOf('\t');
  return tab >= 0 && labels?.includes(line.slice(0, tab)) ? line.slice(tab + 1) : line;
}

/** Negative, which no place in a corpus is. */
function keyOf(words: Int32Array): number {
  return -1 - (sentenceKey(words) % 2 ** 31);
}
