// A decoder below two layers of codes (latent-layers.ts) as a decoder of their noise u, whose prior is N(0, I): what the
// estimators, the tables and the commands need know of it.

import * as tf from '@tensorflow/tfjs-core';
import type { Purpose, StreamKey } from '../random/philox.js';
import type { DropoutMasks } from './dropout-masks.js';
import type { DecoderFlops, DecoderState, LatentDecoder, LikelihoodOptions, TokenBatch } from './latent-decoder.js';
import { codesOf, type LatentLayers, type LayerNetwork, oneLayer } from './latent-layers.js';
import type { BatchLikelihood, ConditionalLikelihood, LatentGradient, LatentHessian, LatentNll } from './likelihood.js';

/** log p(x | z1(u)) of a batch as a function of u. */
export class LayeredLikelihood implements BatchLikelihood {
  readonly sentences: number;
  readonly latentSize: number;
  readonly words: Int32Array;

  /**
   * @param inner of z1; this one owns it.
   * @param layers above it.
   */
  constructor(
    readonly inner: ConditionalLikelihood & Partial<Pick<BatchLikelihood, 'dispose'>>,
    readonly layers: LatentLayers,
  ) {
    this.sentences = inner.sentences;
    this.words = inner.words;
    this.latentSize = layers.lower + layers.upper;
  }

  nll(u: Float32Array): LatentNll {
    return this.inner.nll(this.lowerCodes(u));
  }

  tokenNll(u: Float32Array): Float32Array {
    return this.inner.tokenNll(this.lowerCodes(u));
  }

  /** By the chain rule: deviation g for the noise of z1, J'g for z2. */
  gradient(u: Float32Array): LatentGradient {
    const { nll, gradient: inner } = this.inner.gradient(this.lowerCodes(u));
    const { lower, upper, deviation } = this.layers;
    const size = lower + upper;
    const gradient = new Float32Array(u.length);
    for (let row = 0; row < nll.length; row++) {
      const at = row * size;
      for (let i = 0; i < lower; i++) gradient[at + i] = deviation * inner[row * lower + i]!;
      if (upper === 0) continue;
      const { jacobian } = this.layers.meanAt(u, at + lower);
      for (let j = 0; j < upper; j++) {
        let sum = 0;
        for (let i = 0; i < lower; i++) sum += jacobian[i * upper + j]! * inner[row * lower + i]!;
        gradient[at + lower + j] = sum;
      }
    }
    return { nll, gradient };
  }

  /** D'HD with D = [deviation I, J], and what the mean's own curvature adds for z2. */
  hessian(u: Float32Array): LatentHessian {
    const { nll, gradient: inner, hessian: ofLower } = this.inner.hessian(this.lowerCodes(u));
    const { lower, upper, deviation } = this.layers;
    const size = lower + upper;
    const hessian = new Float32Array(nll.length * size * size);
    for (let row = 0; row < nll.length; row++) {
      const { jacobian, curvature } = this.layers.meanAt(u, row * size + lower);
      // D, `[lower, size]`.
      const map = new Float64Array(lower * size);
      for (let i = 0; i < lower; i++) {
        map[i * size + i] = deviation;
        for (let j = 0; j < upper; j++) map[i * size + lower + j] = jacobian[i * upper + j]!;
      }
      // HD, then D'HD.
      const half = new Float64Array(lower * size);
      for (let i = 0; i < lower; i++) {
        for (let k = 0; k < lower; k++) {
          const entry = ofLower[(row * lower + i) * lower + k]!;
          for (let b = 0; b < size; b++) half[i * size + b]! += entry * map[k * size + b]!;
        }
      }
      const whole = new Float64Array(size * size);
      for (let i = 0; i < lower; i++) {
        for (let a = 0; a < size; a++) {
          const entry = map[i * size + a]!;
          if (entry === 0) continue;
          for (let b = 0; b < size; b++) whole[a * size + b]! += entry * half[i * size + b]!;
        }
      }
      if (upper > 0) {
        const bend = curvature(Float64Array.from(inner.subarray(row * lower, (row + 1) * lower)));
        for (let j = 0; j < upper; j++) {
          for (let k = 0; k < upper; k++) whole[(lower + j) * size + lower + k]! += bend[j * upper + k]!;
        }
      }
      hessian.set(whole, row * size * size);
    }
    return { ...this.gradient(u), hessian };
  }

  dispose(): void {
    this.inner.dispose?.();
  }

  /** z1 of each row. */
  private lowerCodes(u: Float32Array): Float32Array {
    return lowerLayer(this.layers, codesOf(this.layers, u));
  }
}

/** z1 of codes `[z1, z2]`. */
export function lowerLayer({ lower, upper }: Pick<LatentLayers, 'lower' | 'upper'>, z: Float32Array): Float32Array {
  if (upper === 0) return z;
  const rows = z.length / (lower + upper);
  const out = new Float32Array(rows * lower);
  for (let row = 0; row < rows; row++) {
    const at = row * (lower + upper);
    out.set(z.subarray(at, at + lower), row * lower);
  }
  return out;
}

/** A decoder of z1 as one of u. */
export class LayeredDecoder implements LatentDecoder {
  readonly latentSize: number;

  constructor(
    readonly inner: LatentDecoder,
    /** Null where there is one layer. */
    readonly network: LayerNetwork | null,
    readonly sizes: { readonly lower: number; readonly upper: number; readonly deviation: number },
  ) {
    this.latentSize = sizes.lower + sizes.upper;
  }

  ownName(name: string): string {
    return this.inner.ownName?.(name) ?? name;
  }

  masks(batch: TokenBatch, words: Purpose, outputs: Purpose, key: Omit<StreamKey, 'purpose'>): DropoutMasks {
    return this.inner.masks(batch, words, outputs, key);
  }

  sentenceNll(batch: TokenBatch, u: tf.Tensor2D | null, masks?: DropoutMasks): tf.Tensor1D {
    return tf.tidy(() => this.inner.sentenceNll(batch, this.lowerOf(u), masks));
  }

  likelihood(batch: TokenBatch, masks?: DropoutMasks, options?: LikelihoodOptions): LayeredLikelihood {
    const layers = this.network?.held() ?? oneLayer(this.latentSize);
    return new LayeredLikelihood(this.inner.likelihood(batch, masks, options), layers);
  }

  start(u: tf.Tensor2D | null, rows: number): DecoderState {
    return tf.tidy(() => this.inner.start(this.lowerOf(u), rows));
  }

  step(state: DecoderState, words: Int32Array): { state: DecoderState; logProbabilities: Float32Array } {
    return this.inner.step(state, words);
  }

  select(state: DecoderState, rows: readonly number[]): DecoderState {
    return this.inner.select(state, rows);
  }

  /** The layers above take next to nothing. */
  flops(batch: Pick<TokenBatch, 'size' | 'tokens'>, vocabularySize?: number): DecoderFlops {
    return this.inner.flops(batch, vocabularySize);
  }

  /** Codes by the noise that makes them, `[rows, lower + upper]`, differentiable in the weights and in u. */
  codes(u: tf.Tensor2D): tf.Tensor2D {
    if (this.network === null) return u;
    return tf.concat2d([this.lowerOf(u)!, this.upperOf(u)], 1);
  }

  /** z1 of codes `[rows, lower + upper]`. */
  lowerCodes(codes: tf.Tensor2D): tf.Tensor2D {
    return tf.slice(codes, [0, 0], [codes.shape[0], this.sizes.lower]);
  }

  /** The mean over codes of -log p(z1 | z2) but for its constant, nats, differentiable in the weights; 0 with one layer. */
  meanLayerNll(codes: tf.Tensor2D): tf.Scalar {
    if (this.network === null) return tf.scalar(0);
    const residuals = tf.sub(this.lowerCodes(codes), this.network.mean(this.upperOf(codes)));
    return tf.div(tf.mean(tf.sum(tf.square(residuals), 1)), 2 * this.sizes.deviation ** 2);
  }

  private lowerOf(u: tf.Tensor2D | null): tf.Tensor2D | null {
    if (u === null || this.network === null) return u;
    return tf.add(this.network.mean(this.upperOf(u)), tf.mul(this.lowerCodes(u), this.sizes.deviation));
  }

  /** z2, which is its own noise. */
  private upperOf(codes: tf.Tensor2D): tf.Tensor2D {
    const { lower, upper } = this.sizes;
    return tf.slice(codes, [0, lower], [codes.shape[0], upper]);
  }
}
