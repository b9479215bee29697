// The product of a matrix of words or states with weights: tfjs's own, but where the precision of a training loss asks for
// another.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, type Kernels, runKernel } from './kernel.js';
import { currentPrecision } from './precision.js';

/**
 * a b, differentiable in both, in the precision of the innermost `inPrecision`.
 *
 * @param a `[rows, inner]`.
 * @param b `[inner, columns]`.
 * @returns `[rows, columns]`.
 */
export function product(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  const precision = currentPrecision();
  if (precision === 'f32' || !hasKernel('Product')) return tf.matMul(a, b);
  return runKernel('Product', { a, b }, { precision, transposeA: false, transposeB: false });
}

tf.registerGradient({
  kernelName: 'Product',
  inputsToSave: ['a', 'b'],
  gradFunc: (dy, saved, attributes) => {
    const [a, b] = saved as [tf.Tensor2D, tf.Tensor2D];
    const { precision } = attributes as unknown as Kernels['Product']['attributes'];
    const upstream = dy as tf.Tensor2D;
    return {
      a: () => runKernel('Product', { a: upstream, b }, { precision, transposeA: false, transposeB: true }),
      b: () => runKernel('Product', { a, b: upstream }, { precision, transposeA: true, transposeB: false }),
    };
  },
});
