// Noise for a sentence that keeps its words and spoils their order (Table 4 of Pang et al. 2021).

import { RandomStream } from '../random/philox.js';

/** Which noise: one sentence of one noisy copy of the data, under a seed. */
export interface SwapKey {
  seed: number;
  /** Which of several noisy copies, from 0. */
  draw: number;
  /** Index of the sentence in its split. */
  sentence: number;
}

/**
 * A copy of `sentence` after `swaps` exchanges of the words at two different positions, each pair uniform and
 * independent of the others. The first k swaps under a key are the same for every `swaps` >= k, so noise levels are
 * compared on nested noise. A sentence of one word comes back as it is.
 * Throws RangeError where `swaps` is not a whole number, 0 or more.
 */
export function swapWords(sentence: Int32Array, swaps: number, { seed, draw, sentence: index }: SwapKey): Int32Array {
  if (!(Number.isInteger(swaps) && swaps >= 0)) throw new RangeError(`${swaps} swaps; give a whole number, 0 or more`);
  const words = sentence.slice();
  if (words.length < 2) return words;
  const random = new RandomStream({ seed, purpose: 'word-swaps', epoch: draw, batch: index });
  for (let swap = 0; swap < swaps; swap++) {
    const first = random.integer(words.length);
    let second = random.integer(words.length - 1);
    if (second >= first) second++;
    const kept = words[first]!;
    words[first] = words[second]!;
    words[second] = kept;
  }
  return words;
}
