// Dropout as a mask that is multiplied on: 0 with the given rate, else 1 / (1 - rate). The mask depends on its key
// alone, so the chain, the update and a run that resumes can each name the mask they mean.

import * as tf from '@tensorflow/tfjs-core';
import { RandomStream, type StreamKey, streamWords } from '../random/philox.js';
import { hasKernel, runKernel } from './kernel.js';

/**
 * @param rate the probability of a zero, in [0, 1).
 * @returns `shape`, the same bits on every backend.
 */
export function dropoutMask<R extends tf.Rank>(shape: tf.ShapeMap[R], rate: number, key: StreamKey): tf.Tensor<R> {
  if (hasKernel('DropoutMask')) {
    return runKernel('DropoutMask', {}, { shape, rate, words: streamWords(key) }) as tf.Tensor<R>;
  }
  const stream = new RandomStream(key);
  const kept = 1 / (1 - rate);
  const mask = new Float32Array(tf.util.sizeFromShape(shape));
  for (let i = 0; i < mask.length; i++) mask[i] = stream.next() / 4294967296 < rate ? 0 : kept;
  return tf.tensor(mask, shape);
}
