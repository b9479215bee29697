// Gradient clipping by the norm of all gradients together (Pascanu, Mikolov, Bengio 2013). The factor is handed to the
// optimizer, which applies it in the pass that it makes over the parameters anyway.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';

export interface ClippedNorm {
  /** The gradients' norm before clipping. */
  norm: number;
  /** What to multiply every gradient by: min(1, limit / norm). */
  scale: number;
}

/**
 * @param gradients any shapes.
 * @param limit the largest norm that is let through.
 */
export function clipByGlobalNorm(gradients: tf.Tensor[], limit: number): ClippedNorm {
  if (gradients.length === 0) return { norm: 0, scale: 1 };
  // All of them are asked for before the first is read: a backend far away is waited for once.
  const square = tf.tidy(() => {
    const squares = gradients.map((gradient) =>
      hasKernel('SquaredNorm') ? runKernel('SquaredNorm', { x: gradient }) : tf.sum(tf.square(gradient)),
    );
    return tf
      .stack(squares)
      .dataSync<'float32'>()
      .reduce((sum, value) => sum + value, 0);
  });
  const norm = Math.sqrt(square);
  return { norm, scale: norm > limit ? limit / norm : 1 };
}
