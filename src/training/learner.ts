// One update of the weights, guarded: nothing that is not finite ever reaches them.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/choices.js';
import type { Learner, Update } from '../methods/method.js';
import type { Parameters } from '../model/parameters.js';
import { clipByGlobalNorm } from '../ops/clip-by-global-norm.js';
import { inPrecision } from '../ops/precision.js';
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
  /**
   * @param clipNorm the largest gradient norm let through, or null for any.
   * @param precision of the products of the losses and their gradients; all else, norm, moments and weights, is of f32.
   */
  constructor(
    private readonly parameters: Parameters,
    private readonly optimizer: Optimizer,
    private readonly clipNorm: number | null,
    private readonly precision: Precision = 'f32',
  ) {}

  minimize(
    losses: (() => tf.Scalar) | readonly (() => tf.Scalar)[],
    only: (name: string) => boolean = () => true,
    added: ReadonlyMap<string, tf.Tensor> = new Map(),
    clipBy = only,
    clipNorm = this.clipNorm ?? Number.POSITIVE_INFINITY,
  ): Update {
    return tf.tidy(() => {
      const { names, list } = this.parameters;
      const variables = list.filter((_, i) => only(names[i]!) || clipBy(names[i]!));
      const { values, gradients } = inPrecision(this.precision, () =>
        summedGradients(typeof losses === 'function' ? [losses] : losses, variables),
      );
      list.forEach((variable, i) => {
        const known = added.get(names[i]!);
        if (known !== undefined && (only(names[i]!) || clipBy(names[i]!))) addTo(gradients, variable, known);
      });
      const unmeasured = new Set(list.filter((_, i) => !clipBy(names[i]!)));
      const measured = [...gradients].flatMap(([variable, gradient]) => (unmeasured.has(variable) ? [] : [gradient]));
      // What moves and has no part in the norm is to be finite too.
      const others = [...gradients].flatMap(([variable, gradient]) =>
        unmeasured.has(variable) ? [tf.sum<tf.Scalar>(tf.abs(gradient))] : [],
      );
      const { norm, scale, read } = clipByGlobalNorm(measured, clipNorm, [...values, ...others]);
      const loss = read.subarray(0, values.length).reduce((sum, value) => sum + value, 0);
      if (![norm, loss, ...read].every(Number.isFinite)) throw new DivergenceError(loss, norm);
      this.optimizer.step(
        list.map((variable, i) => (only(names[i]!) ? (gradients.get(variable) ?? null) : null)),
        scale,
      );
      return { loss, gradientNorm: norm };
    });
  }
}

/** Each loss, and the gradient of their sum, one loss after the other so that only one's intermediate tensors live at a time. */
function summedGradients(
  losses: readonly (() => tf.Scalar)[],
  variables: tf.Variable[],
): { values: tf.Scalar[]; gradients: Map<tf.Variable, tf.Tensor> } {
  const gradients = new Map<tf.Variable, tf.Tensor>();
  const values: tf.Scalar[] = [];
  for (const term of losses) {
    const { value, grads } = tf.variableGrads(term, variables);
    values.push(value);
    for (const variable of variables) {
      const fresh = grads[variable.name];
      if (fresh !== undefined) addTo(gradients, variable, fresh);
    }
  }
  return { values, gradients };
}

function addTo(gradients: Map<tf.Variable, tf.Tensor>, variable: tf.Variable, gradient: tf.Tensor): void {
  const before = gradients.get(variable);
  gradients.set(variable, before === undefined ? gradient : tf.add(before, gradient));
}
