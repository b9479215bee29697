// Random numbers that belong to a sentence rather than to a batch: its chains and draws see the same noise whichever
// sentences happen to be evaluated beside it.

import { type Purpose, RandomStream } from '../random/philox.js';

/** The run's seed, and which sentence of the split stands in each place of the batch. */
export interface SentenceKeys {
  seed: number;
  /** [sentences] */
  sentences: Int32Array;
}

/**
 * N(0, 1) numbers for the draws `from` .. `to` - 1 of every sentence, each draw of each sentence a stream of its own.
 *
 * @returns `[steps, to - from, sentences, size]`, flat: the order in which rows of z travel.
 */
export function drawNormals(
  keys: SentenceKeys,
  purpose: Purpose,
  { from, to, steps = 1, size }: { from: number; to: number; steps?: number; size: number },
): Float32Array {
  const batch = keys.sentences.length;
  const rows = (to - from) * batch;
  const out = new Float32Array(steps * rows * size);
  for (let draw = from; draw < to; draw++) {
    keys.sentences.forEach((sentence, column) => {
      const stream = new RandomStream({ seed: keys.seed, purpose, batch: sentence, step: draw });
      const numbers = stream.normals(steps * size);
      const row = (draw - from) * batch + column;
      for (let k = 0; k < steps; k++) out.set(numbers.subarray(k * size, (k + 1) * size), (k * rows + row) * size);
    });
  }
  return out;
}
