// How an operation finds its implementation. A backend that has something faster registers a tfjs kernel under the
// operation's name; everywhere else the portable version, composed of plain tfjs ops, runs. The portable version is
// also what every kernel is tested against.

import * as tf from '@tensorflow/tfjs-core';

/** True where the active backend has a kernel of its own for the operation. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/** Runs the active backend's kernel; `attributes` travel as they are (plain numbers, strings and typed arrays). */
export function runKernel<Out extends tf.Tensor | tf.Tensor[]>(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: object = {},
): Out {
  return tf.engine().runKernel(name, inputs, attributes as unknown as tf.NamedAttrMap) as Out;
}
