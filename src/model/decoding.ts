// Turns latent codes into sentences, a word at a time: each word is chosen from the decoder's prediction and read back
// in. All sentences advance side by side, so that a step is one pass of the decoder whatever the number of sentences.

import * as tf from '@tensorflow/tfjs-core';
import { END, PAD, START } from '../data/vocabulary.js';
import { pause } from '../interruption.js';
import { RandomStream } from '../random/philox.js';
import type { LatentDecoder } from './latent-decoder.js';

/** How the next word is chosen. */
export type Decoding =
  /** The most probable next word. */
  | { method: 'greedy' }
  /** A draw from p(word)^(1 / temperature), normalized; 1 draws from the model, towards 0 it becomes greedy. */
  | { method: 'sample'; temperature: number; seed: number }
  /**
   * The `width` most probable beginnings go on together, and the finished sentence of the highest score wins: log p
   * divided by (words and `</s>`)^lengthPower. With 0, the usual, that is log p itself, which favours short sentences;
   * with 1 it is the mean over the words.
   */
  | { method: 'beam'; width: number; lengthPower: number };

export interface DecodedSentence {
  /** Ids, without `</s>`; `<unk>` may be among them, `<pad>` and `<s>` never are. */
  words: Int32Array;
  /** log p(x | z) in nats, of the words and `</s>`, or of the words alone where they were cut; without temperature. */
  logProbability: number;
  /** False where the length limit cut the sentence. */
  ended: boolean;
}

export interface DecodingSettings {
  decoding: Decoding;
  /** Words of the longest sentence, not counting `</s>`. */
  maxLength: number;
}

/** Rows of the decoder's prediction at once; bounds the memory of `[rows, vocabulary]`. */
const ROWS_AT_ONCE = 128;

/**
 * A sentence for each of `count` codes. The noise of a sampled sentence depends on the seed and its place among the
 * codes, and no sentence depends on those beside it.
 *
 * @param codes `[count, latent]`, flat; null for a decoder without latent dimensions.
 * @throws {RangeError} for codes that do not fit the decoder, options out of range, or predictions that are not numbers.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function decodeSentences(
  decoder: LatentDecoder,
  codes: Float32Array | null,
  count: number,
  { decoding, maxLength, signal }: DecodingSettings & { signal?: AbortSignal | undefined },
  onProgress: (done: number, total: number) => void = () => {},
): Promise<DecodedSentence[]> {
  const { latentSize } = decoder;
  if ((codes?.length ?? 0) !== count * latentSize) {
    throw new RangeError(`${count} codes of ${latentSize} dimensions are not ${codes?.length ?? 0} numbers`);
  }
  if (!(Number.isInteger(maxLength) && maxLength > 0)) {
    throw new RangeError(`a sentence has at most a positive whole number of words, not ${maxLength}`);
  }
  const strategy = strategyOf(decoding);
  const itemsAtOnce = Math.max(1, Math.floor(ROWS_AT_ONCE / strategy.rowsPerItem));
  const sentences: DecodedSentence[] = [];
  while (sentences.length < count) {
    const from = sentences.length;
    const to = Math.min(count, from + itemsAtOnce);
    const z = latentSize === 0 ? null : codes!.subarray(from * latentSize, to * latentSize);
    sentences.push(...decodeTogether(decoder, z, from, to, maxLength, strategy));
    onProgress(to, count);
    await pause(signal, 'stopped before all sentences were decoded');
  }
  return sentences;
}

/** The beginning of a sentence, or all of it. */
interface Hypothesis {
  /** Which code it is decoded from. */
  item: number;
  words: readonly number[];
  /** log p(words | z), nats. */
  logProbability: number;
}

/** A hypothesis and what follows it. */
interface Extension {
  /** Row of the hypothesis. */
  row: number;
  word: number;
  /** Of the hypothesis with the word. */
  logProbability: number;
}

interface Strategy {
  /** Hypotheses of an item that go on together, at most. */
  rowsPerItem: number;
  /**
   * Of all ways to go on by one word, those to follow.
   * @param logProbabilities `[rows, vocabulary]`, a row for each hypothesis; those of one item are neighbours.
   */
  extend(hypotheses: readonly Hypothesis[], logProbabilities: Float32Array): Extension[];
  /** What decides between the finished sentences of an item; `tokens` counts `</s>`. */
  score(logProbability: number, tokens: number): number;
}

function strategyOf(decoding: Decoding): Strategy {
  switch (decoding.method) {
    case 'greedy':
      return beam(1, 0);
    case 'beam':
      return beam(decoding.width, decoding.lengthPower);
    case 'sample':
      return sampling(decoding.temperature, decoding.seed);
  }
}

/** Beam search; with one hypothesis it is greedy decoding. */
function beam(width: number, lengthPower: number): Strategy {
  if (!(Number.isInteger(width) && width > 0)) throw new RangeError(`a beam's width is a whole number, not ${width}`);
  if (!(lengthPower >= 0)) throw new RangeError(`the length power is 0 or more, not ${lengthPower}`);
  return {
    rowsPerItem: width,
    extend(hypotheses, logProbabilities) {
      const vocabulary = logProbabilities.length / hypotheses.length;
      const chosen: Extension[] = [];
      let best: Extension[] = [];
      hypotheses.forEach(({ item, logProbability: sofar }, row) => {
        if (item !== hypotheses[row - 1]?.item) best = [];
        for (let word = 0; word < vocabulary; word++) {
          const logProbability = sofar + logProbabilities[row * vocabulary + word]!;
          const crowded = best.length === width && logProbability <= best[width - 1]!.logProbability;
          if (crowded || !canFollow(word)) continue;
          const place = best.findIndex((other) => other.logProbability < logProbability);
          best.splice(place === -1 ? best.length : place, 0, { row, word, logProbability });
          if (best.length > width) best.pop();
        }
        if (item !== hypotheses[row + 1]?.item) chosen.push(...best);
      });
      return chosen;
    },
    score: (logProbability, tokens) => logProbability / tokens ** lengthPower,
  };
}

function sampling(temperature: number, seed: number): Strategy {
  if (!(temperature > 0)) throw new RangeError(`the temperature is a number above 0, not ${temperature}`);
  return {
    rowsPerItem: 1,
    extend(hypotheses, logProbabilities) {
      const vocabulary = logProbabilities.length / hypotheses.length;
      return hypotheses.map(({ item, words, logProbability }, row) => {
        const next = logProbabilities.subarray(row * vocabulary, (row + 1) * vocabulary);
        const stream = new RandomStream({ seed, purpose: 'generation', batch: item, step: words.length });
        const word = draw(next, temperature, stream.uniform());
        return { row, word, logProbability: logProbability + next[word]! };
      });
    },
    score: (logProbability) => logProbability,
  };
}

/** The word at which the cumulative probability passes `uniform`. */
function draw(logProbabilities: Float32Array, temperature: number, uniform: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let word = 0; word < logProbabilities.length; word++) {
    if (canFollow(word)) most = Math.max(most, logProbabilities[word]!);
  }
  const cumulative = new Float64Array(logProbabilities.length);
  let total = 0;
  for (let word = 0; word < logProbabilities.length; word++) {
    if (canFollow(word)) total += Math.exp((logProbabilities[word]! - most) / temperature);
    cumulative[word] = total;
  }
  return cumulative.findIndex((sum) => sum > uniform * total);
}

/** Padding and the sentence's start are never targets, so what probability a model leaves them means nothing. */
function canFollow(word: number): boolean {
  return word !== PAD && word !== START;
}

/** A sentence that goes on no further. */
interface Candidate extends DecodedSentence {
  score: number;
}

/** Decodes the items `from` .. `to` - 1, whose codes `z` holds, to their ends. */
function decodeTogether(
  decoder: LatentDecoder,
  z: Float32Array | null,
  from: number,
  to: number,
  maxLength: number,
  { extend, score }: Strategy,
): DecodedSentence[] {
  const found = new Map<number, Candidate>();
  const keep = (item: number, candidate: Candidate) => {
    const best = found.get(item);
    if (best === undefined || isBetter(candidate, best)) found.set(item, candidate);
  };
  // What a hypothesis may still become: log p only falls from here on, and nothing is longer than the limit.
  const canWin = ({ item, logProbability }: Hypothesis) =>
    !found.get(item)?.ended || score(logProbability, maxLength + 1) > found.get(item)!.score;

  tf.tidy(() => {
    const rows = to - from;
    let state = decoder.start(z === null ? null : tf.tensor2d(z, [rows, decoder.latentSize]), rows);
    let hypotheses = Array.from(
      { length: rows },
      (_, i): Hypothesis => ({ item: from + i, words: [], logProbability: 0 }),
    );
    for (let length = 0; ; length++) {
      const lastWords = Int32Array.from(hypotheses, ({ words }) => words.at(-1) ?? START);
      const { state: read, logProbabilities } = decoder.step(state, lastWords);
      const open: { row: number; hypothesis: Hypothesis }[] = [];
      checkNumbers(logProbabilities, hypotheses.length);
      for (const { row, word, logProbability } of extend(hypotheses, logProbabilities)) {
        const { item, words, logProbability: sofar } = hypotheses[row]!;
        const sentence = { words: Int32Array.from(words) };
        if (word === END) {
          keep(item, { ...sentence, logProbability, ended: true, score: score(logProbability, length + 1) });
        } else if (length === maxLength) {
          keep(item, { ...sentence, logProbability: sofar, ended: false, score: score(sofar, length) });
        } else {
          open.push({ row, hypothesis: { item, words: [...words, word], logProbability } });
        }
      }
      const going = open.filter(({ hypothesis }) => canWin(hypothesis));
      if (going.length === 0) return;
      hypotheses = going.map(({ hypothesis }) => hypothesis);
      const next = decoder.select(
        read,
        going.map(({ row }) => row),
      );
      // Freed now and not when the tidy ends: a long sentence has many states.
      tf.dispose([state, read]);
      state = next;
    }
  });
  return Array.from({ length: to - from }, (_, i) => {
    const { words, logProbability, ended } = found.get(from + i)!;
    return { words, logProbability, ended };
  });
}

/** A finished sentence is better than a cut one, whose log p lacks the price of its end. */
function isBetter(a: Candidate, b: Candidate): boolean {
  return a.ended === b.ended ? a.score > b.score : a.ended;
}

/** What is not a number in a code or a weight is in every word's probability, so a row's first tells. */
function checkNumbers(logProbabilities: Float32Array, rows: number): void {
  for (let row = 0; row < rows; row++) {
    if (Number.isNaN(logProbabilities[(row * logProbabilities.length) / rows])) {
      throw new RangeError('the predicted probabilities are not numbers: a code or a weight is not finite');
    }
  }
}
