// Adam (Kingma and Ba 2015), one parameter at a time, in place.

import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from './kernel.js';
import type { AdamSettings } from './settings.js';

/**
 * m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2,
 * parameter <- parameter - learningRate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon), g = scale * gradient.
 * Rows whose gradient is zero move by their moments, as in a dense update.
 *
 * @param step t, counted from 1.
 * @param scale the clipping factor.
 */
export function adam(
  parameter: tf.Variable,
  firstMoment: tf.Variable,
  secondMoment: tf.Variable,
  gradient: tf.Tensor,
  settings: AdamSettings,
  step: number,
  scale: number,
): void {
  if (hasKernel('Adam')) {
    runKernel('Adam', { parameter, firstMoment, secondMoment, gradient }, { ...settings, step, scale });
    return;
  }
  const { learningRate, beta1, beta2, epsilon } = settings;
  tf.tidy(() => {
    const g = tf.mul(gradient, scale);
    firstMoment.assign(tf.add(tf.mul(firstMoment, beta1), tf.mul(g, 1 - beta1)));
    secondMoment.assign(tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(g), 1 - beta2)));
    const first = tf.div(firstMoment, 1 - beta1 ** step);
    const second = tf.add(tf.sqrt(tf.div(secondMoment, 1 - beta2 ** step)), epsilon);
    parameter.assign(tf.sub(parameter, tf.mul(tf.div(first, second), learningRate)));
  });
}
