// The Gaussian error linear unit, as decoders and priors of plain tfjs ops use it.

import * as tf from '@tensorflow/tfjs-core';

/** x Phi(x), with the error function by its tanh (Hendrycks and Gimpel 2016), which every backend has. Any shape. */
export function gelu<T extends tf.Tensor>(x: T): T {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}
