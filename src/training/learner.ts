// One update of the weights, guarded: nothing that is not finite ever reaches them.

import * as tf from '@tensorflow/tfjs-core';
import type { Learner, Update } from '../methods/method.js';
import type { Parameters } from '../model/parameters.js';
import { clipByGlobalNorm } from '../ops/clip-by-global-norm.js';
import type { Optimizer } from './optimizer.js';

/** The loss or its gradient stopped being finite; the weights are as they were before the batch. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';

  constructor(
    readonly loss: number,
    readonly gradientNorm: number,
  ) {
    super(`the loss is ${loss} and the gradient's norm ${gradientNorm}`);
  }
}

export class GradientDescent implements Learner {
  /** @param clipNorm the largest gradient norm let through, or null for any. */
  constructor(
    private readonly parameters: Parameters,
    private readonly optimizer: Optimizer,
    private readonly clipNorm: number | null,
  ) {}

  minimize(loss: () => tf.Scalar): Update {
    return tf.tidy(() => {
      const variables = this.parameters.list;
      const { value, grads } = tf.variableGrads(loss, variables);
      const gradients = variables.map((variable) => grads[variable.name]!);
      const lossValue = value.dataSync()[0]!;
      const { norm, scale } = clipByGlobalNorm(gradients, this.clipNorm ?? Number.POSITIVE_INFINITY);
      if (!Number.isFinite(lossValue) || !Number.isFinite(norm)) throw new DivergenceError(lossValue, norm);
      this.optimizer.step(gradients, scale);
      return { loss: lossValue, gradientNorm: norm };
    });
  }
}
