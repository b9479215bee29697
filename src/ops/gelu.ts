// The Gaussian error linear unit, as decoders and priors of plain tfjs ops use it.

import * as tf from '@tensorflow/tfjs-core';

/** Of the tanh's argument, FACTOR (x + CUBIC x^3). */
const FACTOR = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** x Phi(x), with the error function by its tanh (Hendrycks and Gimpel 2016), which every backend has. Any shape. */
export function gelu<T extends tf.Tensor>(x: T): T {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), CUBIC)), FACTOR);
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

/** {@link gelu} and its derivative at x, in a third of the ops that automatic differentiation takes. Both of the shape of x. */
export function geluWithSlope<T extends tf.Tensor>(x: T): { value: T; slope: T } {
  const square = tf.square(x);
  const tanh = tf.tanh(tf.mul(x, tf.add(tf.mul(square, FACTOR * CUBIC), FACTOR)));
  const half = tf.mul(tf.add(tanh, 1), 0.5);
  const value = tf.mul<T>(x, half);
  const slopeOfInner = tf.add(tf.mul(square, 3 * FACTOR * CUBIC), FACTOR);
  return { value, slope: tf.add<T>(half, tf.mul(tf.mul(value, tf.sub(1, tanh)), slopeOfInner)) };
}
