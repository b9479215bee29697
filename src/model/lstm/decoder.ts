// p(x | z), the generator that every method shares: a one-layer LSTM whose first hidden state is an affine function of z
// and which reads z beside every word; with no latent dimensions it is the LSTM language model.

import * as tf from '@tensorflow/tfjs-core';
import { lstm, lstmCell } from '../../ops/lstm.js';
import { product } from '../../ops/product.js';
import type { ContextGradient, SentenceContext } from '../../ops/sentence-context.js';
import type { Purpose, StreamKey } from '../../random/philox.js';
import { type DropoutMasks, drawMasks, NO_DROPOUT } from '../dropout-masks.js';
import type { DecoderFlops, DecoderShape, LatentDecoder, LikelihoodOptions, TokenBatch } from '../latent-decoder.js';
import type { BatchLikelihood } from '../likelihood.js';
import { OutputLayer } from '../output-layer.js';
import type { Parameters } from '../parameters.js';
import type { SampledVocabulary } from '../sampled-vocabulary.js';
import { embedWords } from '../word-vectors.js';
import { LstmLikelihood } from './likelihood.js';

/** The LSTM between two words, a row for each sentence that is being written. */
export type LstmState = {
  /** What z and the bias add to the gates at every word, `[rows, 4 hidden]`. */
  latentGates: tf.Tensor2D;
  /** h, `[rows, hidden]`. */
  hidden: tf.Tensor2D;
  /** c, `[rows, hidden]`. */
  cell: tf.Tensor2D;
};

export class LstmDecoder implements LatentDecoder<LstmState> {
  readonly latentSize: number;
  readonly wordVectors: tf.Variable<tf.Rank.R2>;
  private readonly wordKernel: tf.Variable<tf.Rank.R2>;
  private readonly recurrentKernel: tf.Variable<tf.Rank.R2>;
  private readonly gateBias: tf.Variable<tf.Rank.R1>;
  private readonly latent: {
    kernel: tf.Variable<tf.Rank.R2>;
    initialKernel: tf.Variable<tf.Rank.R2>;
    initialBias: tf.Variable<tf.Rank.R1>;
  } | null;
  protected readonly output: OutputLayer;

  /**
   * Adds the decoder's weights to `parameters`.
   * @param weightRange every weight but the word vectors starts from U(-weightRange, weightRange).
   * @param prefix what the names of its weights begin with.
   */
  constructor(
    parameters: Parameters,
    readonly shape: DecoderShape,
    weightRange: number,
    wordVectorRange: number,
    prefix = 'decoder.',
  ) {
    const { vocabularySize: V, wordVectorSize: E, hiddenSize: H, latentSize: Z } = shape;
    this.latentSize = Z;
    this.wordVectors = parameters.add<tf.Rank.R2>(`${prefix}wordVectors`, [V, E], wordVectorRange);
    this.wordKernel = parameters.add<tf.Rank.R2>(`${prefix}wordKernel`, [E, 4 * H], weightRange);
    this.recurrentKernel = parameters.add<tf.Rank.R2>(`${prefix}recurrentKernel`, [H, 4 * H], weightRange);
    this.gateBias = parameters.add<tf.Rank.R1>(`${prefix}gateBias`, [4 * H], weightRange);
    this.latent =
      Z === 0
        ? null
        : {
            kernel: parameters.add<tf.Rank.R2>(`${prefix}latentKernel`, [Z, 4 * H], weightRange),
            initialKernel: parameters.add<tf.Rank.R2>(`${prefix}initialKernel`, [Z, H], weightRange),
            initialBias: parameters.add<tf.Rank.R1>(`${prefix}initialBias`, [H], weightRange),
          };
    this.output = new OutputLayer(parameters, prefix, [V, H], weightRange);
  }

  masks(batch: TokenBatch, words: Purpose, outputs: Purpose, key: Omit<StreamKey, 'purpose'>): DropoutMasks {
    return drawMasks(this.shape, batch, words, outputs, key);
  }

  sentenceNll(batch: TokenBatch, z: tf.Tensor2D | null, masks: DropoutMasks = NO_DROPOUT): tf.Tensor1D {
    return tf.tidy(() => tf.sum(this.output.tokenNll(this.outputs(batch, z, masks), batch, masks.outputs), 0));
  }

  likelihood(
    batch: TokenBatch,
    masks: DropoutMasks = NO_DROPOUT,
    { precision = 'f32', vocabulary = null }: LikelihoodOptions = {},
  ): BatchLikelihood {
    // What the chain's gradients are in the weights is known for the whole vocabulary alone.
    const ofWeights =
      vocabulary === null ? (gradient: ContextGradient) => this.gradientOfWeights(batch, masks.words, gradient) : null;
    return new LstmLikelihood(this.context(batch, masks, vocabulary), precision, masks.words, ofWeights);
  }

  start(z: tf.Tensor2D | null, rows: number): LstmState {
    return tf.tidy(() => {
      const [latentGates, hidden] = this.initialState(z, rows);
      return { latentGates, hidden, cell: tf.zerosLike(hidden) };
    });
  }

  step(state: LstmState, words: Int32Array): { state: LstmState; logProbabilities: Float32Array } {
    // Not returned through tidy, which would look for tensors among the numbers.
    let logProbabilities: Float32Array = new Float32Array();
    const next = tf.tidy(() => {
      const after = this.advance(state, words);
      logProbabilities = this.output.logProbabilities(after.hidden);
      return after;
    });
    return { state: { latentGates: state.latentGates, ...next }, logProbabilities };
  }

  select({ latentGates, hidden, cell }: LstmState, rows: readonly number[]): LstmState {
    return tf.tidy(() => {
      const kept = tf.tensor1d([...rows], 'int32');
      const select = (tensor: tf.Tensor2D): tf.Tensor2D => tf.gather(tensor, kept);
      return { latentGates: select(latentGates), hidden: select(hidden), cell: select(cell) };
    });
  }

  /** The recurrence, the vocabulary and the words' projections, which are nearly all of it. */
  flops({ size, tokens }: Pick<TokenBatch, 'size' | 'tokens'>, V = this.shape.vocabularySize): DecoderFlops {
    const { hiddenSize: H, wordVectorSize: E } = this.shape;
    return { words: size * tokens * (2 * E * 4 * H), latent: size * tokens * (2 * H * 4 * H + 2 * V * H) };
  }

  /**
   * What inference needs of a batch (see SentenceContext). Its wordGates and targets are new tensors, and so is the output
   * layer of a few words; the weights are the decoder's own.
   */
  private context(batch: TokenBatch, masks: DropoutMasks, vocabulary: SampledVocabulary | null): SentenceContext {
    if (this.latent === null) throw new Error('a decoder without latent dimensions has nothing to infer');
    const { kernel, bias, targets } = this.output.among(batch.targets, vocabulary);
    return {
      wordGates: tf.tidy(() => tf.add(this.wordGates(batch, masks.words), this.gateBias) as tf.Tensor3D),
      outputMask: masks.outputs,
      targets: tf.tensor2d(targets, [batch.tokens, batch.size], 'int32'),
      latentKernel: this.latent.kernel,
      initialKernel: this.latent.initialKernel,
      initialBias: this.latent.initialBias,
      recurrentKernel: this.recurrentKernel,
      outputKernel: kernel,
      outputBias: bias,
    };
  }

  /** What a gradient in a batch's context is in the weights behind it. */
  private gradientOfWeights(
    batch: TokenBatch,
    words: DropoutMasks['words'],
    gradient: ContextGradient,
  ): Map<tf.Variable, tf.Tensor> {
    const { wordGates, latentKernel, initialKernel, initialBias, recurrentKernel, outputKernel, outputBias } = gradient;
    const [tokens, size, width] = wordGates.shape;
    // Back from the gates themselves, and the bias by a product: through tfjs's sums it would take as long as two steps of
    // a chain.
    const { grads } = tf
      .engine()
      .gradients(() => this.wordGates(batch, words), [this.wordVectors, this.wordKernel], wordGates);
    const gateBias = tf.matMul(tf.ones([1, tokens * size]), tf.reshape(wordGates, [tokens * size, width]));
    return new Map<tf.Variable, tf.Tensor>([
      [this.wordVectors, grads[0]!],
      [this.wordKernel, grads[1]!],
      [this.gateBias, tf.reshape(gateBias, [width])],
      [this.latent!.kernel, latentKernel],
      [this.latent!.initialKernel, initialKernel],
      [this.latent!.initialBias, initialBias],
      [this.recurrentKernel, recurrentKernel],
      [this.output.kernel, outputKernel],
      [this.output.bias, outputBias],
    ]);
  }

  /** h_t of every word, `[tokens, draws * batch, hidden]`, differentiable in the weights and in z. */
  protected outputs(batch: TokenBatch, z: tf.Tensor2D | null, masks: DropoutMasks): tf.Tensor3D {
    const rows = z === null ? batch.size : z.shape[0];
    return lstm(this.wordGates(batch, masks.words), ...this.initialState(z, rows), this.recurrentKernel);
  }

  /** h and c once a word is read in each row. */
  protected advance(state: LstmState, words: Int32Array): Pick<LstmState, 'hidden' | 'cell'> {
    const { latentGates } = state;
    const wordGates = this.wordGates({ inputs: words, tokens: 1, size: words.length }, null);
    const gates = tf.add(
      tf.add(tf.reshape(wordGates, latentGates.shape), latentGates),
      tf.matMul(state.hidden, this.recurrentKernel),
    );
    return lstmCell(gates as tf.Tensor2D, state.cell);
  }

  /** The words' projections without the bias, `[tokens, batch, 4 hidden]`. */
  private wordGates(batch: Omit<TokenBatch, 'targets'>, mask: tf.Tensor3D | null): tf.Tensor3D {
    const { tokens, size } = batch;
    const { wordVectorSize: E, hiddenSize: H } = this.shape;
    const vectors = embedWords(this.wordVectors, batch.inputs, [tokens, size], mask);
    return tf.reshape(product(tf.reshape(vectors, [tokens * size, E]), this.wordKernel), [tokens, size, 4 * H]);
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
