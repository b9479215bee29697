// p(x | z) by gated recurrent units (Cho et al. 2014). As in the LSTM, the first hidden state is an affine function of z
// and z is read beside every word. Plain tfjs ops throughout: this is what a decoder without kernels looks like.

import * as tf from '@tensorflow/tfjs-core';
import { unstackSteps } from '../../ops/lstm.js';
import type { Purpose, StreamKey } from '../../random/philox.js';
import { type DropoutMasks, drawMasks } from '../dropout-masks.js';
import type { DecoderFlops, LatentDecoder, LikelihoodOptions, TokenBatch } from '../latent-decoder.js';
import { OutputLayer } from '../output-layer.js';
import type { Parameters } from '../parameters.js';
import {
  type PortableDecoder,
  type PortableLikelihood,
  type PortableShape,
  portableLikelihood,
  portableNll,
} from '../portable-likelihood.js';
import type { SampledVocabulary } from '../sampled-vocabulary.js';
import { embedWords } from '../word-vectors.js';

/** What the names of its weights begin with. */
const PREFIX = 'decoder.gru.';

/** The GRU between two words, a row for each sentence that is being written. */
export type GruState = {
  /** What z and the bias add to the gates at every word, `[rows, 3 hidden]`. */
  latentGates: tf.Tensor2D;
  /** h, `[rows, hidden]`. */
  hidden: tf.Tensor2D;
};

export class GruDecoder implements LatentDecoder<GruState>, PortableDecoder {
  readonly latentSize: number;
  private readonly wordVectors: tf.Variable<tf.Rank.R2>;
  private readonly wordKernel: tf.Variable<tf.Rank.R2>;
  private readonly gateKernel: tf.Variable<tf.Rank.R2>;
  private readonly candidateKernel: tf.Variable<tf.Rank.R2>;
  private readonly gateBias: tf.Variable<tf.Rank.R1>;
  private readonly latent: {
    kernel: tf.Variable<tf.Rank.R2>;
    initialKernel: tf.Variable<tf.Rank.R2>;
    initialBias: tf.Variable<tf.Rank.R1>;
  } | null;
  private readonly output: OutputLayer;

  /**
   * Adds the decoder's weights to `parameters`.
   * @param weightRange every weight but the word vectors starts from U(-weightRange, weightRange).
   */
  constructor(
    parameters: Parameters,
    readonly shape: PortableShape,
    weightRange: number,
    wordVectorRange: number,
  ) {
    const { vocabularySize: V, wordVectorSize: E, hiddenSize: H, latentSize: Z } = shape;
    const add = <R extends tf.Rank>(name: string, size: tf.ShapeMap[R], range = weightRange) =>
      parameters.add<R>(`${PREFIX}${name}`, size, range);
    this.latentSize = Z;
    this.wordVectors = add<tf.Rank.R2>('wordVectors', [V, E], wordVectorRange);
    this.wordKernel = add<tf.Rank.R2>('wordKernel', [E, 3 * H]);
    this.gateKernel = add<tf.Rank.R2>('gateKernel', [H, 2 * H]);
    this.candidateKernel = add<tf.Rank.R2>('candidateKernel', [H, H]);
    this.gateBias = add<tf.Rank.R1>('gateBias', [3 * H]);
    this.latent =
      Z === 0
        ? null
        : {
            kernel: add<tf.Rank.R2>('latentKernel', [Z, 3 * H]),
            initialKernel: add<tf.Rank.R2>('initialKernel', [Z, H]),
            initialBias: add<tf.Rank.R1>('initialBias', [H]),
          };
    this.output = new OutputLayer(parameters, PREFIX, [V, H], weightRange);
  }

  masks(batch: TokenBatch, words: Purpose, outputs: Purpose, key: Omit<StreamKey, 'purpose'>): DropoutMasks {
    return drawMasks(this.shape, batch, words, outputs, key);
  }

  sentenceNll(batch: TokenBatch, z: tf.Tensor2D | null, masks?: DropoutMasks): tf.Tensor1D {
    return portableNll(this, batch, z, masks);
  }

  likelihood(batch: TokenBatch, masks?: DropoutMasks, options?: LikelihoodOptions): PortableLikelihood {
    return portableLikelihood(this, batch, masks, options);
  }

  start(z: tf.Tensor2D | null, rows: number): GruState {
    return tf.tidy(() => this.initialState(z, rows));
  }

  step({ latentGates, hidden }: GruState, words: Int32Array): { state: GruState; logProbabilities: Float32Array } {
    // Not returned through tidy, which would look for tensors among the numbers.
    let logProbabilities: Float32Array = new Float32Array();
    const next = tf.tidy(() => {
      const wordGates = this.wordGates({ inputs: words, tokens: 1, size: words.length }, null);
      const after = this.cell(tf.add(tf.reshape(wordGates, latentGates.shape), latentGates), hidden);
      logProbabilities = this.output.logProbabilities(after);
      return after;
    });
    return { state: { latentGates, hidden: next }, logProbabilities };
  }

  select({ latentGates, hidden }: GruState, rows: readonly number[]): GruState {
    return tf.tidy(() => {
      const kept = tf.tensor1d([...rows], 'int32');
      return { latentGates: tf.gather(latentGates, kept), hidden: tf.gather(hidden, kept) };
    });
  }

  /** All of it at every new z, the words' projections too: no kernel keeps them. */
  flops({ size, tokens }: Pick<TokenBatch, 'size' | 'tokens'>, V = this.shape.vocabularySize): DecoderFlops {
    const { hiddenSize: H, wordVectorSize: E } = this.shape;
    return { words: 0, latent: size * tokens * (2 * (E + H) * 3 * H + 2 * V * H) };
  }

  tokenNll(
    batch: TokenBatch,
    z: tf.Tensor2D | null,
    masks: DropoutMasks,
    vocabulary: SampledVocabulary | null = null,
  ): tf.Tensor2D {
    return tf.tidy(() => {
      const rows = z === null ? batch.size : z.shape[0];
      const state = this.initialState(z, rows);
      let hidden = state.hidden;
      const outputs = unstackSteps(this.wordGates(batch, masks.words)).map((step) => {
        const words = rows === batch.size ? step : tf.tile(step, [rows / batch.size, 1]);
        hidden = this.cell(tf.add(words, state.latentGates), hidden);
        return hidden;
      });
      return this.output.tokenNll(tf.stack(outputs) as tf.Tensor3D, batch, masks.outputs, vocabulary);
    });
  }

  /**
   * h_t of h_{t-1}: r and u of the gates, n = tanh(a_n + (r h) candidateKernel), h_t = u h + (1 - u) n.
   * @param gates what words, z and bias say, in the order reset, update, candidate; `[rows, 3 hidden]`.
   */
  private cell(gates: tf.Tensor2D, hidden: tf.Tensor2D): tf.Tensor2D {
    const { hiddenSize: H } = this.shape;
    const [both, candidate] = tf.split(gates, [2 * H, H], 1) as [tf.Tensor2D, tf.Tensor2D];
    const [reset, update] = tf.split(tf.sigmoid(tf.add(both, tf.matMul(hidden, this.gateKernel))), 2, 1) as [
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const proposed = tf.tanh(tf.add(candidate, tf.matMul(tf.mul(reset, hidden), this.candidateKernel)));
    return tf.add(tf.mul(update, hidden), tf.mul(tf.sub(1, update), proposed));
  }

  /** The words' projections without the bias, `[tokens, batch, 3 hidden]`. */
  private wordGates({ inputs, tokens, size }: Omit<TokenBatch, 'targets'>, mask: tf.Tensor3D | null): tf.Tensor3D {
    const { wordVectorSize: E, hiddenSize: H } = this.shape;
    const vectors = embedWords(this.wordVectors, inputs, [tokens, size], mask);
    return tf.reshape(tf.matMul(tf.reshape(vectors, [tokens * size, E]), this.wordKernel), [tokens, size, 3 * H]);
  }

  private initialState(z: tf.Tensor2D | null, rows: number): GruState {
    const { hiddenSize: H } = this.shape;
    if (this.latent === null || z === null) {
      return { latentGates: tf.tile(tf.reshape(this.gateBias, [1, 3 * H]), [rows, 1]), hidden: tf.zeros([rows, H]) };
    }
    return {
      latentGates: tf.add(tf.matMul(z, this.latent.kernel), this.gateBias),
      hidden: tf.add(tf.matMul(z, this.latent.initialKernel), this.latent.initialBias),
    };
  }
}
