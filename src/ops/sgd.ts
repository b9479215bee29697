// Stochastic gradient descent, one parameter at a time, in place.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';

/**
 * parameter <- parameter - learningRate * scale * gradient.
 * @param scale the clipping factor.
 */
export function sgd(parameter: tf.Variable, gradient: tf.Tensor, learningRate: number, scale: number): void {
  if (hasKernel('Sgd')) {
    runKernel('Sgd', { parameter, gradient }, { learningRate, scale });
    return;
  }
  tf.tidy(() => parameter.assign(tf.sub(parameter, tf.mul(gradient, learningRate * scale))));
}
