// The LSTM decoder with a road of its own from z to the words: what the vocabulary sees is h_t + skipKernel z, so that no
// gradient to z need pass through the recurrence (Skip-VAE, Dieng et al. 2019). With no latent dimensions it is the LSTM.

import * as tf from '@tensorflow/tfjs-core';
import type { DropoutMasks } from '../dropout-masks.js';
import type { LikelihoodOptions, TokenBatch } from '../latent-decoder.js';
import type { BatchLikelihood } from '../likelihood.js';
import type { Parameters } from '../parameters.js';
import { type PortableDecoder, type PortableShape, portableLikelihood, portableNll } from '../portable-likelihood.js';
import type { SampledVocabulary } from '../sampled-vocabulary.js';
import { LstmDecoder, type LstmState } from './decoder.js';

/** What the names of its weights begin with: those of the LSTM alone are not taken for a whole decoder's. */
const PREFIX = 'decoder.skip.';
const LSTM_PREFIX = 'decoder.';

/** The LSTM between two words, and what z says to each. */
type SkipLstmState = LstmState & {
  /** What z adds to every hidden vector, `[rows, hidden]`; absent without latent dimensions. */
  skip?: tf.Tensor2D;
};

export class SkipLstmDecoder extends LstmDecoder implements PortableDecoder {
  /** `[latent, hidden]`; null without latent dimensions. */
  private readonly skipKernel: tf.Variable<tf.Rank.R2> | null;
  declare readonly shape: PortableShape;

  constructor(parameters: Parameters, shape: PortableShape, weightRange: number, wordVectorRange: number) {
    super(parameters, shape, weightRange, wordVectorRange, PREFIX);
    const { latentSize: Z, hiddenSize: H } = shape;
    // Last, so that the other weights begin as those of the LSTM do.
    this.skipKernel = Z === 0 ? null : parameters.add<tf.Rank.R2>(`${PREFIX}skipKernel`, [Z, H], weightRange);
  }

  /** It can begin as the LSTM, which it is but for the road. */
  ownName(name: string): string {
    const isOfLstm = name.startsWith(LSTM_PREFIX) && !name.startsWith(PREFIX);
    return isOfLstm ? `${PREFIX}${name.slice(LSTM_PREFIX.length)}` : name;
  }

  override sentenceNll(batch: TokenBatch, z: tf.Tensor2D | null, masks?: DropoutMasks): tf.Tensor1D {
    return portableNll(this, batch, z, masks);
  }

  override likelihood(batch: TokenBatch, masks?: DropoutMasks, options?: LikelihoodOptions): BatchLikelihood {
    return portableLikelihood(this, batch, masks, options);
  }

  override start(z: tf.Tensor2D | null, rows: number): SkipLstmState {
    const state = super.start(z, rows);
    const skip = this.skip(z);
    return skip === null ? state : { ...state, skip };
  }

  override step(state: SkipLstmState, words: Int32Array): { state: SkipLstmState; logProbabilities: Float32Array } {
    const { skip } = state;
    if (skip === undefined) return super.step(state, words);
    // Not returned through tidy, which would look for tensors among the numbers.
    let logProbabilities: Float32Array = new Float32Array();
    const next = tf.tidy(() => {
      const after = this.advance(state, words);
      logProbabilities = this.output.logProbabilities(tf.add(after.hidden, skip));
      return after;
    });
    return { state: { ...state, ...next }, logProbabilities };
  }

  override select({ skip, ...state }: SkipLstmState, rows: readonly number[]): SkipLstmState {
    const selected = super.select(state, rows);
    if (skip === undefined) return selected;
    return { ...selected, skip: tf.tidy(() => tf.gather(skip, tf.tensor1d([...rows], 'int32'))) };
  }

  /** What z adds to the hidden vectors, `[rows, hidden]`; null without latent dimensions. */
  private skip(z: tf.Tensor2D | null): tf.Tensor2D | null {
    return z === null || this.skipKernel === null ? null : tf.matMul(z, this.skipKernel);
  }

  tokenNll(
    batch: TokenBatch,
    z: tf.Tensor2D | null,
    masks: DropoutMasks,
    vocabulary: SampledVocabulary | null = null,
  ): tf.Tensor2D {
    return tf.tidy(() =>
      this.output.tokenNll(this.outputs(batch, z, masks), batch, masks.outputs, vocabulary, this.skip(z)),
    );
  }
}
