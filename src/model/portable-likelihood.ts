// log p(x | z) of any decoder whose NLL is differentiable: the gradient by automatic differentiation, the Hessian by
// differences of it, and no short run of its own, so that inference takes a gradient a step. Slower than a likelihood with
// kernels, and all that a new decoder needs.

import * as tf from '@tensorflow/tfjs-core';
import { numbersOf } from '../ops/numbers.js';
import { type DropoutMasks, disposeMasks, NO_DROPOUT } from './dropout-masks.js';
import type { DecoderShape, LikelihoodOptions, TokenBatch } from './latent-decoder.js';
import type { BatchLikelihood, LatentGradient, LatentHessian, LatentNll } from './likelihood.js';
import type { SampledVocabulary } from './sampled-vocabulary.js';

/** Rows of z that are differentiated at once, at most; bounds what the forward pass keeps for the way back. */
const ROWS_AT_ONCE = 256;

/** What a decoder is made of whose likelihood is this one. */
export interface PortableShape extends DecoderShape {
  /** See `difference` of {@link PortableLikelihood}. */
  hessianDifference: number;
}

/** A decoder whose likelihood is this one. */
export interface PortableDecoder {
  readonly latentSize: number;
  readonly shape: Pick<PortableShape, 'hessianDifference'>;
  /** `[tokens, draws * batch]`, nats, of plain tfjs ops, differentiable in the weights and in z. */
  tokenNll(
    batch: TokenBatch,
    z: tf.Tensor2D | null,
    masks: DropoutMasks,
    vocabulary?: SampledVocabulary | null,
  ): tf.Tensor2D;
}

/** Its `LatentDecoder.sentenceNll`. */
export function portableNll(
  decoder: PortableDecoder,
  batch: TokenBatch,
  z: tf.Tensor2D | null,
  masks: DropoutMasks = NO_DROPOUT,
): tf.Tensor1D {
  return tf.tidy(() => tf.sum(decoder.tokenNll(batch, z, masks), 0));
}

/** Its `LatentDecoder.likelihood`. @throws {Error} without latent dimensions. */
export function portableLikelihood(
  decoder: PortableDecoder,
  batch: TokenBatch,
  masks: DropoutMasks = NO_DROPOUT,
  { vocabulary = null }: LikelihoodOptions = {},
): PortableLikelihood {
  const { latentSize, shape } = decoder;
  if (latentSize === 0) throw new Error('a decoder without latent dimensions has nothing to infer');
  const nll = (z: tf.Tensor2D) => decoder.tokenNll(batch, z, masks, vocabulary);
  return new PortableLikelihood(batch, latentSize, nll, masks, shape.hessianDifference);
}

/** Each row's NLL and its gradient. @param nll of each token, `[tokens, rows]`. */
function differentiated(nll: (z: tf.Tensor2D) => tf.Tensor2D, z: tf.Tensor2D): LatentGradient {
  let ofRows = new Float32Array();
  const { grad } = tf.valueAndGrad((codes: tf.Tensor) => {
    const rows = tf.sum(nll(codes as tf.Tensor2D), 0);
    ofRows = rows.dataSync<'float32'>() as Float32Array<ArrayBuffer>;
    return tf.sum(rows);
  })(z);
  return { nll: ofRows, gradient: grad.dataSync<'float32'>() };
}

export class PortableLikelihood implements BatchLikelihood {
  readonly sentences: number;
  readonly words: Int32Array;

  /**
   * @param differentiableNll the NLL of each token, nats, `[rows, latent]` to `[tokens, rows]`, of plain tfjs ops; row r is
   *   a draw of sentence r % batch.
   * @param masks what it multiplies with; the likelihood owns and frees them.
   * @param difference half the distance of the Hessian's difference quotients. Their error goes with its square, that of
   *   single precision with its inverse: at 0.01 both are about 1e-4 of a gradient.
   * @param nllAndGradient each row's NLL and its gradient, where that is known in closed form.
   */
  constructor(
    batch: Pick<TokenBatch, 'size' | 'tokens'>,
    readonly latentSize: number,
    private readonly differentiableNll: (z: tf.Tensor2D) => tf.Tensor2D,
    private readonly masks: DropoutMasks,
    private readonly difference: number,
    private readonly nllAndGradient = (z: tf.Tensor2D) => differentiated(differentiableNll, z),
  ) {
    this.sentences = batch.size;
    this.words = new Int32Array(batch.size).fill(batch.tokens);
  }

  nll(z: Float32Array): LatentNll {
    const nll = new Float32Array(z.length / this.latentSize);
    this.inPieces(z, (piece, start) => {
      nll.set(
        numbersOf(() => tf.sum(this.differentiableNll(this.codes(piece)), 0).dataSync<'float32'>()),
        start,
      );
    });
    return { nll };
  }

  tokenNll(z: Float32Array): Float32Array {
    const rows = z.length / this.latentSize;
    const tokens = this.words[0]!;
    const nll = new Float32Array(tokens * rows);
    this.inPieces(z, (piece, start) => {
      const part = numbersOf(() => this.differentiableNll(this.codes(piece)).dataSync<'float32'>());
      const width = piece.length / this.latentSize;
      for (let t = 0; t < tokens; t++) nll.set(part.subarray(t * width, (t + 1) * width), t * rows + start);
    });
    return nll;
  }

  gradient(z: Float32Array): LatentGradient {
    const nll = new Float32Array(z.length / this.latentSize);
    const gradient = new Float32Array(z.length);
    this.inPieces(z, (piece, start) => {
      tf.tidy(() => {
        const of = this.nllAndGradient(this.codes(piece));
        nll.set(of.nll, start);
        gradient.set(of.gradient, start * this.latentSize);
      });
    });
    return { nll, gradient };
  }

  /** Column d is (gradient(z + h e_d) - gradient(z - h e_d)) / 2h; the mean with its transpose is returned. */
  hessian(z: Float32Array): LatentHessian {
    const { latentSize } = this;
    const rows = z.length / latentSize;
    const hessian = new Float32Array(rows * latentSize * latentSize);
    for (let d = 0; d < latentSize; d++) {
      const moved = new Float32Array(2 * z.length);
      moved.set(z);
      moved.set(z, z.length);
      for (let at = d; at < z.length; at += latentSize) {
        moved[at]! += this.difference;
        moved[z.length + at]! -= this.difference;
      }
      // Both sides are two draws of the same sentences, and share a call.
      const { gradient } = this.gradient(moved);
      for (let row = 0; row < rows; row++) {
        const first = row * latentSize;
        // Not twice the difference: what single precision made of it.
        const distance = moved[first + d]! - moved[z.length + first + d]!;
        for (let i = 0; i < latentSize; i++) {
          const slope = (gradient[first + i]! - gradient[z.length + first + i]!) / distance / 2;
          hessian[(first + i) * latentSize + d]! += slope;
          hessian[(first + d) * latentSize + i]! += slope;
        }
      }
    }
    return { ...this.gradient(z), hessian };
  }

  dispose(): void {
    disposeMasks(this.masks);
  }

  private codes(z: Float32Array): tf.Tensor2D {
    return tf.tensor2d(z, [z.length / this.latentSize, this.latentSize]);
  }

  /** Whole draws at a time, so that a piece's rows meet the sentences in their order. @param work is told the first row. */
  private inPieces(z: Float32Array, work: (piece: Float32Array, start: number) => void): void {
    const rows = z.length / this.latentSize;
    const atOnce = this.sentences * Math.max(1, Math.floor(ROWS_AT_ONCE / this.sentences));
    for (let start = 0; start < rows; start += atOnce) {
      const end = Math.min(rows, start + atOnce);
      work(z.subarray(start * this.latentSize, end * this.latentSize), start);
    }
  }
}
