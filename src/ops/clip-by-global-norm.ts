// Gradient clipping by the norm of all gradients together (Pascanu, Mikolov, Bengio 2013). The factor is handed to the
// optimizer, which applies it in the pass that it makes over the parameters anyway.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';

export interface ClippedNorm {
  /** The gradients' norm before clipping. */
  norm: number;
  /** What to multiply every gradient by: min(1, limit / norm). */
  scale: number;
  /** The values of what was to be read besides. */
  read: Float32Array;
}

/**
 * @param gradients any shapes.
 * @param limit the largest norm that is let through.
 * @param besides what else is to be read: a backend far away is waited for once, for all of it.
 */
export function clipByGlobalNorm(
  gradients: readonly tf.Tensor[],
  limit: number,
  besides: readonly tf.Scalar[] = [],
): ClippedNorm {
  const values = tf.tidy(() => {
    const squares = gradients.map((gradient) =>
      hasKernel('SquaredNorm') ? runKernel('SquaredNorm', { x: gradient }) : tf.sum(tf.square(gradient)),
    );
    const all = [...besides, ...squares];
    return all.length === 0 ? new Float32Array() : tf.stack(all).dataSync<'float32'>();
  });
  const norm = Math.sqrt(values.subarray(besides.length).reduce((sum, value) => sum + value, 0));
  return { norm, scale: norm > limit ? limit / norm : 1, read: values.subarray(0, besides.length) };
}
