// Where dropout falls in a decoder: on the word vectors that go in and on the hidden vectors that the vocabulary sees.
// One pair of masks serves a whole pass over a batch, or a whole chain of them.

import type * as tf from '@tensorflow/tfjs-core';
import { dropoutMask } from '../ops/dropout-mask.js';
import type { Purpose, StreamKey } from '../random/philox.js';

/** The two dropout masks of one pass over a batch; null where the rate is 0. */
export interface DropoutMasks {
  /** `[tokens, batch, wordVector]`. */
  words: tf.Tensor3D | null;
  /** `[tokens, batch, hidden]`. */
  outputs: tf.Tensor3D | null;
}

export const NO_DROPOUT: DropoutMasks = { words: null, outputs: null };

/** Masks for one pass of a decoder of some shape over a batch, keyed by where in the run it happens; the caller's to dispose. */
export function drawMasks(
  shape: { wordVectorSize: number; hiddenSize: number; wordDropout: number; outputDropout: number },
  batch: { tokens: number; size: number },
  words: Purpose,
  outputs: Purpose,
  key: Omit<StreamKey, 'purpose'>,
): DropoutMasks {
  const mask = (size: number, rate: number, purpose: Purpose) =>
    rate === 0 ? null : dropoutMask<tf.Rank.R3>([batch.tokens, batch.size, size], rate, { ...key, purpose });
  return {
    words: mask(shape.wordVectorSize, shape.wordDropout, words),
    outputs: mask(shape.hiddenSize, shape.outputDropout, outputs),
  };
}

/** Gives the masks of a batch back; those of a decoder without dropout are null. */
export function disposeMasks({ words, outputs }: DropoutMasks): void {
  words?.dispose();
  outputs?.dispose();
}
