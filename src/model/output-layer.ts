// The last layer of every decoder: from a hidden vector to the probabilities of the next word.

import * as tf from '@tensorflow/tfjs-core';
import { tokenNll } from '../ops/token-nll.js';
import type { DropoutMasks } from './dropout-masks.js';
import type { TokenBatch } from './latent-decoder.js';
import type { Parameters } from './parameters.js';
import type { SampledVocabulary } from './sampled-vocabulary.js';

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
   * @param vocabulary the words that the softmax sums over, drawn for this batch; null for all.
   * @param skip added to every word's hidden vector once it is masked, `[draws * batch, hidden]`; nothing unless given.
   * @returns `[tokens, draws * batch]`, nats.
   */
  tokenNll(
    hidden: tf.Tensor3D,
    batch: Pick<TokenBatch, 'targets' | 'size'>,
    mask: DropoutMasks['outputs'],
    vocabulary: SampledVocabulary | null = null,
    skip: tf.Tensor2D | null = null,
  ): tf.Tensor2D {
    const [tokens, rows, H] = hidden.shape;
    const draws = rows / batch.size;
    const masked = mask === null ? hidden : tf.mul(hidden, repeated(mask, draws));
    const { kernel, bias, targets: places } = this.among(batch.targets, vocabulary);
    const targets = tf.tile(tf.tensor2d(places, [tokens, batch.size], 'int32'), [1, draws]);
    const seen = skip === null ? masked : tf.add(masked, tf.reshape(skip, [1, rows, H]));
    const nll = tokenNll(tf.reshape(seen, [tokens * rows, H]), kernel, bias, tf.reshape(targets, [tokens * rows]));
    return tf.reshape(nll, [tokens, rows]);
  }

  /**
   * The layer of a few words: their rows, what stands for the other words added to the bias, and the targets as rows of
   * it. Of all words, it is the layer itself, whose weights are not to be disposed.
   */
  among(
    targets: Int32Array,
    vocabulary: SampledVocabulary | null,
  ): { kernel: tf.Tensor2D; bias: tf.Tensor1D; targets: Int32Array } {
    if (vocabulary === null) return { kernel: this.kernel, bias: this.bias, targets };
    const { ids, corrections } = vocabulary;
    const { kernel, bias } = tf.tidy(() => {
      const rows = tf.tensor1d(ids, 'int32');
      return {
        kernel: tf.gather<tf.Tensor2D>(this.kernel, rows),
        bias: tf.add<tf.Tensor1D>(tf.gather<tf.Tensor1D>(this.bias, rows), corrections),
      };
    });
    return { kernel, bias, targets: vocabulary.targets };
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
