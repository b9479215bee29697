// The last layer of every decoder: from a hidden vector to the probabilities of the next word.

import * as tf from '@tensorflow/tfjs-core';
import { tokenNll } from '../ops/token-nll.js';
import type { DropoutMasks } from './dropout-masks.js';
import type { TokenBatch } from './latent-decoder.js';
import type { Parameters } from './parameters.js';

/** Affine to the vocabulary, then softmax. */
export class OutputLayer {
  /** `[vocabulary, hidden]` */
  readonly kernel: tf.Variable<tf.Rank.R2>;
  /** `[vocabulary]` */
  readonly bias: tf.Variable<tf.Rank.R1>;

  /** @param prefix what the names of its weights begin with; @param range both start from U(-range, range). */
  constructor(parameters: Parameters, prefix: string, [V, H]: [vocabulary: number, hidden: number], range: number) {
    this.kernel = parameters.add<tf.Rank.R2>(`${prefix}outputKernel`, [V, H], range);
    this.bias = parameters.add<tf.Rank.R1>(`${prefix}outputBias`, [V], range);
  }

  /**
   * NLL of each token, differentiable.
   * @param hidden `[tokens, draws * batch, hidden]`.
   * @param mask `[tokens, batch, hidden]`, the same for every draw, or null.
   * @returns `[tokens, draws * batch]`, nats.
   */
  tokenNll(
    hidden: tf.Tensor3D,
    batch: Pick<TokenBatch, 'targets' | 'size'>,
    mask: DropoutMasks['outputs'],
  ): tf.Tensor2D {
    const [tokens, rows, H] = hidden.shape;
    const draws = rows / batch.size;
    const masked = mask === null ? hidden : tf.mul(hidden, repeated(mask, draws));
    const targets = tf.tile(tf.tensor2d(batch.targets, [tokens, batch.size], 'int32'), [1, draws]);
    const nll = tokenNll(
      tf.reshape(masked, [tokens * rows, H]),
      this.kernel,
      this.bias,
      tf.reshape(targets, [tokens * rows]),
    );
    return tf.reshape(nll, [tokens, rows]);
  }

  /** log p(next word) of each row, `[rows, hidden]` to `[rows, vocabulary]`. */
  logProbabilities(hidden: tf.Tensor2D): Float32Array {
    return logSoftmax(tf.add(tf.matMul(hidden, this.kernel, false, true), this.bias));
  }
}

/** `[tokens, batch, size]`, the batch once for each draw. */
export function repeated(sequence: tf.Tensor3D, draws: number): tf.Tensor3D {
  // tfjs's CPU kernel of tile goes by single numbers, that of concat by rows.
  return draws === 1 ? sequence : tf.concat(Array<tf.Tensor3D>(draws).fill(sequence), 1);
}

/** Row by row, `[rows, size]`. In a loop: tfjs's takes most of a step's time where the products are fast. */
function logSoftmax(logits: tf.Tensor2D): Float32Array {
  const [rows, size] = logits.shape;
  const values = logits.dataSync<'float32'>();
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const start = row * size;
    const end = start + size;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end; i++) most = Math.max(most, values[i]!);
    let sum = 0;
    for (let i = start; i < end; i++) sum += Math.exp(values[i]! - most);
    const logNormalizer = most + Math.log(sum);
    for (let i = start; i < end; i++) out[i] = values[i]! - logNormalizer;
  }
  return out;
}
