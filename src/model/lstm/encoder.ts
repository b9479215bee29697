// q(z | x), the encoder that the amortized methods share: an LSTM reads the sentence, and its last state, or all of them
// pooled, says where in the latent space the sentence lies and how surely. It is an LSTM whatever the decoder is, so that
// decoders are compared behind one and the same encoder.

import * as tf from '@tensorflow/tfjs-core';
import type { Pooling } from '../../config/schema.js';
import { lstm } from '../../ops/lstm.js';
import { product } from '../../ops/product.js';
import type { DecoderShape, TokenBatch } from '../latent-decoder.js';
import type { Parameters } from '../parameters.js';
import { embedWords } from '../word-vectors.js';

/** What the names of the encoder's weights begin with. */
export const ENCODER_PREFIX = 'encoder.';

/** A diagonal Gaussian for each sentence, as tensors `[batch, latent]` that know where they came from. */
export interface EncodedBatch {
  mean: tf.Tensor2D;
  logVariance: tf.Tensor2D;
}

export class Encoder {
  private readonly wordVectors: tf.Variable<tf.Rank.R2>;
  private readonly wordKernel: tf.Variable<tf.Rank.R2>;
  private readonly recurrentKernel: tf.Variable<tf.Rank.R2>;
  private readonly gateBias: tf.Variable<tf.Rank.R1>;
  private readonly outputKernel: tf.Variable<tf.Rank.R2>;
  private readonly outputBias: tf.Variable<tf.Rank.R1>;

  /**
   * Adds the encoder's weights to `parameters`. It is of the decoder's sizes and has word vectors of its own (He et al.
   * 2019, Li et al. 2019).
   * @param weightRange every weight but the word vectors starts from U(-weightRange, weightRange).
   */
  constructor(
    parameters: Parameters,
    private readonly shape: Omit<DecoderShape, 'wordDropout' | 'outputDropout'>,
    weightRange: number,
    wordVectorRange: number,
    private readonly pooling: Pooling = 'last',
  ) {
    const { vocabularySize: V, wordVectorSize: E, hiddenSize: H, latentSize: Z } = shape;
    const add = <R extends tf.Rank>(name: string, size: tf.ShapeMap[R], range = weightRange) =>
      parameters.add<R>(`${ENCODER_PREFIX}${name}`, size, range);
    this.wordVectors = add<tf.Rank.R2>('wordVectors', [V, E], wordVectorRange);
    this.wordKernel = add<tf.Rank.R2>('wordKernel', [E, 4 * H]);
    this.recurrentKernel = add<tf.Rank.R2>('recurrentKernel', [H, 4 * H]);
    this.gateBias = add<tf.Rank.R1>('gateBias', [4 * H]);
    this.outputKernel = add<tf.Rank.R2>('outputKernel', [H, 2 * Z]);
    this.outputBias = add<tf.Rank.R1>('outputBias', [2 * Z]);
  }

  /**
   * Mean and log variance of q(z | x), `[batch, latent]`; differentiable in the weights. It reads the words and `</s>`.
   */
  encode({ targets, tokens, size }: TokenBatch): EncodedBatch {
    const { wordVectorSize: E, hiddenSize: H, latentSize: Z } = this.shape;
    const vectors = embedWords(this.wordVectors, targets, [tokens, size], null);
    const projected = product(tf.reshape(vectors, [tokens * size, E]), this.wordKernel);
    const bias: tf.Tensor2D = tf.tile(tf.reshape(this.gateBias, [1, 4 * H]), [size, 1]);
    const wordGates: tf.Tensor3D = tf.reshape(projected, [tokens, size, 4 * H]);
    const hidden = lstm(wordGates, bias, tf.zeros([size, H]), this.recurrentKernel);
    const output: tf.Tensor2D = tf.add(tf.matMul(pooled(hidden, this.pooling), this.outputKernel), this.outputBias);
    return { mean: tf.slice(output, [0, 0], [size, Z]), logVariance: tf.slice(output, [0, Z], [size, Z]) };
  }

  /** Floating-point operations of one forward pass over a token. */
  get flopsPerToken(): number {
    const { hiddenSize: H, wordVectorSize: E } = this.shape;
    return 2 * (H + E) * 4 * H;
  }
}

/** What the states of a sentence come to, `[tokens, batch, hidden]` to `[batch, hidden]`. */
function pooled(hidden: tf.Tensor3D, pooling: Pooling): tf.Tensor2D {
  if (pooling === 'mean') return tf.mean(hidden, 0);
  if (pooling === 'max') return tf.max(hidden, 0);
  const [tokens, size, H] = hidden.shape;
  return tf.reshape(tf.slice(hidden, [tokens - 1, 0, 0], [1, size, H]), [size, H]);
}
