// How words enter a network: each as a row of a table, with dropout multiplied on.

import * as tf from '@tensorflow/tfjs-core';
import { embedding } from '../ops/embedding.js';

/**
 * @param table `[vocabulary, wordVector]`.
 * @param ids `[tokens, batch]`, flat.
 * @param mask `[tokens, batch, wordVector]`, or null for none.
 * @returns `[tokens, batch, wordVector]`, differentiable in the table.
 */
export function embedWords(
  table: tf.Tensor2D,
  ids: Int32Array,
  [tokens, batch]: [tokens: number, batch: number],
  mask: tf.Tensor3D | null,
): tf.Tensor3D {
  const vectors = embedding(table, tf.tensor2d(ids, [tokens, batch], 'int32')) as tf.Tensor3D;
  return mask === null ? vectors : tf.mul(vectors, mask);
}
