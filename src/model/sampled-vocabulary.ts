// A softmax over a few of the words in place of all: those that matter most exactly, the rest through a random sample that
// stands for it. Its gradient costs as much less as the words are fewer, and is right but for the error of the sample.

import { RandomStream, type StreamKey } from '../random/philox.js';

/** How many words a softmax keeps. */
export interface VocabularySample {
  /** The most frequent words, which are always there. */
  frequent: number;
  /** Draws from the others, with replacement. */
  sampled: number;
}

/** Words, and what is added to their logits so that a sum over them stands for one over the whole vocabulary. */
export interface SampledVocabulary {
  /** Ids, each once; the exact ones first. */
  ids: Int32Array;
  /** 0 for an exact word; log(times drawn / (draws x its probability)) for the others, `NEVER` where that is log 0. */
  corrections: Float32Array;
  /** The targets, as places in `ids`. */
  targets: Int32Array;
}

/** For log 0: so far down that no sum feels it, and finite, so that no difference of two is NaN. */
export const NEVER = -1e30;

/** Of what `inWholeTiles` makes a multiple. */
const TILE = 64;

/**
 * The most frequent words and the batch's targets exactly, and of the others draws with probabilities proportional to
 * 1 / rank: importance sampling of the softmax's normalizer (Bengio and Senecal 2003; Jean, Cho, Memisevic, Bengio, ACL
 * 2015), whose estimate is unbiased. Ids are ranks: a vocabulary lists its words from the most frequent down.
 *
 * @param targets ids; every one is among the words.
 * @param vocabularySize V. Where the words asked for are no fewer, all are taken, exactly.
 */
export function sampleVocabulary(
  targets: Int32Array,
  vocabularySize: number,
  { frequent, sampled }: VocabularySample,
  key: StreamKey,
): SampledVocabulary {
  const place = new Int32Array(vocabularySize).fill(-1);
  const ids: number[] = [];
  const take = (id: number): void => {
    if (place[id] !== -1) return;
    place[id] = ids.length;
    ids.push(id);
  };
  for (let id = 0; id < Math.min(frequent, vocabularySize); id++) take(id);
  for (const id of targets) take(id);
  const exact = ids.length;
  const others: number[] = [];
  for (let id = 0; id < vocabularySize; id++) if (place[id] === -1) others.push(id);
  const corrections: number[] = Array<number>(exact).fill(0);
  if (sampled >= others.length) {
    for (const id of others) take(id);
    corrections.push(...others.map(() => 0));
  } else {
    const cumulative = new Float64Array(others.length);
    let total = 0;
    others.forEach((id, i) => {
      total += 1 / (id + 1);
      cumulative[i] = total;
    });
    const random = new RandomStream(key);
    const times = new Map<number, number>();
    for (let draw = 0; draw < sampled; draw++) {
      const id = others[firstAbove(cumulative, random.uniform() * total)]!;
      times.set(id, (times.get(id) ?? 0) + 1);
    }
    for (const [id, count] of times) {
      take(id);
      corrections.push(Math.log((count * total * (id + 1)) / sampled));
    }
  }
  return {
    ids: Int32Array.from(ids),
    corrections: Float32Array.from(corrections),
    targets: targets.map((id) => place[id]!),
  };
}

/**
 * The same sum over more words: filled up, by words that were never drawn, to a multiple of 64, or to the whole vocabulary.
 * oneDNN compiles a program for every shape of product it meets. Where each batch brought a number of words of its own, that
 * took an eighth of SRI's training on AVX2, and left 1 % of the peak in bf16 on a processor with AMX.
 */
export function inWholeTiles(sample: SampledVocabulary, vocabularySize: number): SampledVocabulary {
  const { ids, corrections, targets } = sample;
  const wanted = Math.min(Math.ceil(ids.length / TILE) * TILE, vocabularySize);
  const drawn = new Set(ids);
  const added: number[] = [];
  for (let id = 0; ids.length + added.length < wanted; id++) if (!drawn.has(id)) added.push(id);
  return {
    ids: Int32Array.from([...ids, ...added]),
    corrections: Float32Array.from([...corrections, ...added.map(() => NEVER)]),
    targets,
  };
}

/** The first index whose number is above `value`; the last where none is. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
