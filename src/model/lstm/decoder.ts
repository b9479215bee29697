// p(x | z), the generator that every method shares: a one-layer LSTM whose first hidden state is an affine function of z
// and which reads z beside every word; with no latent dimensions it is the LSTM language model.

import * as tf from '@tensorflow/tfjs-core';
import { dropoutMask } from '../../ops/dropout-mask.js';
import { embedding } from '../../ops/embedding.js';
import { lstm, lstmCell } from '../../ops/lstm.js';
import type { SentenceContext } from '../../ops/sentence-context.js';
import { tokenNll } from '../../ops/token-nll.js';
import type { Purpose, StreamKey } from '../../random/philox.js';
import type { Parameters } from '../parameters.js';

export interface DecoderShape {
  vocabularySize: number;
  wordVectorSize: number;
  hiddenSize: number;
  /** 0 for a language model without z. */
  latentSize: number;
  /** The probability of a zero in the mask on word vectors. */
  wordDropout: number;
  /** The same on the LSTM's outputs. */
  outputDropout: number;
}

/** A batch's tokens, time-major: position `t * size + b`. */
export interface TokenBatch {
  /** `<s>` and the words, each in [0, vocabulary). */
  inputs: Int32Array;
  /** The words and `</s>`. */
  targets: Int32Array;
  size: number;
  tokens: number;
}

/** The two dropout masks of one pass over a batch; null where the rate is 0. */
export interface DropoutMasks {
  /** `[tokens, batch, wordVector]`. */
  words: tf.Tensor3D | null;
  /** `[tokens, batch, hidden]`. */
  outputs: tf.Tensor3D | null;
}

export const NO_DROPOUT: DropoutMasks = { words: null, outputs: null };

/** The LSTM between two words, a row for each sentence that is being written. */
export interface DecoderState {
  /** What z and the bias add to the gates at every word, `[rows, 4 hidden]`. */
  latentGates: tf.Tensor2D;
  /** h, `[rows, hidden]`. */
  hidden: tf.Tensor2D;
  /** c, `[rows, hidden]`. */
  cell: tf.Tensor2D;
}

export class Decoder {
  readonly wordVectors: tf.Variable<tf.Rank.R2>;
  private readonly wordKernel: tf.Variable<tf.Rank.R2>;
  private readonly recurrentKernel: tf.Variable<tf.Rank.R2>;
  private readonly gateBias: tf.Variable<tf.Rank.R1>;
  private readonly latent: {
    kernel: tf.Variable<tf.Rank.R2>;
    initialKernel: tf.Variable<tf.Rank.R2>;
    initialBias: tf.Variable<tf.Rank.R1>;
  } | null;
  private readonly outputKernel: tf.Variable<tf.Rank.R2>;
  private readonly outputBias: tf.Variable<tf.Rank.R1>;

  /**
   * Adds the decoder's weights to `parameters`.
   * @param weightRange every weight but the word vectors starts from U(-weightRange, weightRange).
   */
  constructor(
    parameters: Parameters,
    readonly shape: DecoderShape,
    weightRange: number,
    wordVectorRange: number,
  ) {
    const { vocabularySize: V, wordVectorSize: E, hiddenSize: H, latentSize: Z } = shape;
    this.wordVectors = parameters.add<tf.Rank.R2>('decoder.wordVectors', [V, E], wordVectorRange);
    this.wordKernel = parameters.add<tf.Rank.R2>('decoder.wordKernel', [E, 4 * H], weightRange);
    this.recurrentKernel = parameters.add<tf.Rank.R2>('decoder.recurrentKernel', [H, 4 * H], weightRange);
    this.gateBias = parameters.add<tf.Rank.R1>('decoder.gateBias', [4 * H], weightRange);
    this.latent =
      Z === 0
        ? null
        : {
            kernel: parameters.add<tf.Rank.R2>('decoder.latentKernel', [Z, 4 * H], weightRange),
            initialKernel: parameters.add<tf.Rank.R2>('decoder.initialKernel', [Z, H], weightRange),
            initialBias: parameters.add<tf.Rank.R1>('decoder.initialBias', [H], weightRange),
          };
    this.outputKernel = parameters.add<tf.Rank.R2>('decoder.outputKernel', [V, H], weightRange);
    this.outputBias = parameters.add<tf.Rank.R1>('decoder.outputBias', [V], weightRange);
  }

  /** Masks for one pass, keyed by where in the run it happens. */
  masks(batch: TokenBatch, words: Purpose, outputs: Purpose, key: Omit<StreamKey, 'purpose'>): DropoutMasks {
    const { wordVectorSize, hiddenSize, wordDropout, outputDropout } = this.shape;
    const mask = (size: number, rate: number, purpose: Purpose) =>
      rate === 0 ? null : dropoutMask<tf.Rank.R3>([batch.tokens, batch.size, size], rate, { ...key, purpose });
    return { words: mask(wordVectorSize, wordDropout, words), outputs: mask(hiddenSize, outputDropout, outputs) };
  }

  /**
   * NLL of each sentence, differentiable in the weights and in z.
   * @param z `[draws * batch, latent]`, or null for a decoder without latent dimensions.
   * @param masks the same for every draw of a sentence.
   * @returns `[draws * batch]`, nats, summed over words and `</s>`.
   */
  sentenceNll(batch: TokenBatch, z: tf.Tensor2D | null, masks: DropoutMasks = NO_DROPOUT): tf.Tensor1D {
    return tf.tidy(() => {
      const { tokens, size } = batch;
      const rows = z === null ? size : z.shape[0];
      const hidden = lstm(this.wordGates(batch, masks.words), ...this.initialState(z, rows), this.recurrentKernel);
      const masked = masks.outputs === null ? hidden : tf.mul(hidden, repeated(masks.outputs, rows / size));
      const targets = tf.tile(tf.tensor2d(batch.targets, [tokens, size], 'int32'), [1, rows / size]);
      const nll = tokenNll(
        tf.reshape(masked, [tokens * rows, this.shape.hiddenSize]),
        this.outputKernel,
        this.outputBias,
        tf.reshape(targets, [tokens * rows]),
      );
      return tf.sum(tf.reshape(nll, [tokens, rows]), 0);
    });
  }

  /**
   * The state before `<s>` is read. Its tensors are the caller's to dispose.
   * @param z `[rows, latent]`, or null for a decoder without latent dimensions.
   */
  start(z: tf.Tensor2D | null, rows: number): DecoderState {
    return tf.tidy(() => {
      const [latentGates, hidden] = this.initialState(z, rows);
      return { latentGates, hidden, cell: tf.zerosLike(hidden) };
    });
  }

  /**
   * Reads one word in each row and predicts the next, without dropout: what `sentenceNll` does for known sentences, for
   * one whose next word depends on the prediction.
   * @param words `[rows]`, `<s>` at first.
   * @returns new h and c, beside the same latent gates, and log p(next word | z, words so far), `[rows, vocabulary]`.
   */
  step(state: DecoderState, words: Int32Array): { state: DecoderState; logProbabilities: Float32Array } {
    const { latentGates } = state;
    // Not returned through tidy, which would look for tensors among the numbers.
    let logProbabilities: Float32Array = new Float32Array();
    const { hidden, cell } = tf.tidy(() => {
      const wordGates = this.wordGates({ inputs: words, tokens: 1, size: words.length }, null);
      const gates = tf.add(
        tf.add(tf.reshape(wordGates, latentGates.shape), latentGates),
        tf.matMul(state.hidden, this.recurrentKernel),
      );
      const { hidden, cell } = lstmCell(gates as tf.Tensor2D, state.cell);
      const logits: tf.Tensor2D = tf.add(tf.matMul(hidden, this.outputKernel, false, true), this.outputBias);
      logProbabilities = logSoftmax(logits);
      return { hidden, cell };
    });
    return { state: { latentGates, hidden, cell }, logProbabilities };
  }

  /**
   * What inference needs of a batch (see SentenceContext). Its wordGates and targets are new tensors, to be disposed
   * with `disposeContext`; the weights are the decoder's own.
   * @throws Error for a decoder without latent dimensions.
   */
  context(batch: TokenBatch, masks: DropoutMasks = NO_DROPOUT): SentenceContext {
    if (this.latent === null) throw new Error('a decoder without latent dimensions has nothing to infer');
    return {
      wordGates: tf.tidy(() => tf.add(this.wordGates(batch, masks.words), this.gateBias) as tf.Tensor3D),
      outputMask: masks.outputs,
      targets: tf.tensor2d(batch.targets, [batch.tokens, batch.size], 'int32'),
      latentKernel: this.latent.kernel,
      initialKernel: this.latent.initialKernel,
      initialBias: this.latent.initialBias,
      recurrentKernel: this.recurrentKernel,
      outputKernel: this.outputKernel,
      outputBias: this.outputBias,
    };
  }

  /**
   * Floating-point operations of one forward pass over a token and one of the products that a backward pass to z alone
   * takes as many of; the vocabulary and the recurrence, which are nearly all of it.
   */
  get flopsPerToken(): { recurrence: number; vocabulary: number; words: number } {
    const { vocabularySize: V, hiddenSize: H, wordVectorSize: E } = this.shape;
    return { recurrence: 2 * H * 4 * H, vocabulary: 2 * V * H, words: 2 * E * 4 * H };
  }

  /** The words' projections without the bias, `[tokens, batch, 4 hidden]`. */
  private wordGates(batch: Omit<TokenBatch, 'targets'>, mask: tf.Tensor3D | null): tf.Tensor3D {
    const { tokens, size } = batch;
    const { wordVectorSize: E, hiddenSize: H } = this.shape;
    const vectors = embedding(this.wordVectors, tf.tensor2d(batch.inputs, [tokens, size], 'int32'));
    const masked = mask === null ? vectors : tf.mul(vectors, mask);
    return tf.reshape(tf.matMul(tf.reshape(masked, [tokens * size, E]), this.wordKernel), [tokens, size, 4 * H]);
  }

  /** The gates' part that is the same at every step, and h_0. */
  private initialState(z: tf.Tensor2D | null, rows: number): [latentGates: tf.Tensor2D, initialHidden: tf.Tensor2D] {
    const { hiddenSize: H } = this.shape;
    if (this.latent === null || z === null) {
      return [tf.tile(tf.reshape(this.gateBias, [1, 4 * H]), [rows, 1]), tf.zeros([rows, H])];
    }
    const latentGates: tf.Tensor2D = tf.add(tf.matMul(z, this.latent.kernel), this.gateBias);
    const initialHidden: tf.Tensor2D = tf.add(tf.matMul(z, this.latent.initialKernel), this.latent.initialBias);
    return [latentGates, initialHidden];
  }
}

/** `[tokens, batch, size]`, the batch once for each draw. */
function repeated(sequence: tf.Tensor3D, draws: number): tf.Tensor3D {
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

/** Gives the masks of a batch back; those of a decoder without dropout are null. */
export function disposeMasks({ words, outputs }: DropoutMasks): void {
  words?.dispose();
  outputs?.dispose();
}

/** Frees what `Decoder.context` made, and the masks that went in. */
export function disposeContext(context: SentenceContext): void {
  tf.dispose([context.wordGates, context.targets]);
  context.outputMask?.dispose();
}
