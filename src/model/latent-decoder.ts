// What the rest of the program knows of p(x | z): how probable a batch is, how to learn from it, and how to write a
// sentence word by word. Which network is inside is the decoder's own affair; each is a folder or a file beside this one.

import type * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/choices.js';
import type { Purpose, StreamKey } from '../random/philox.js';
import type { DropoutMasks } from './dropout-masks.js';
import type { BatchLikelihood } from './likelihood.js';
import type { SampledVocabulary } from './sampled-vocabulary.js';

/** The sizes and rates that every decoder has. */
export interface DecoderShape {
  vocabularySize: number;
  wordVectorSize: number;
  hiddenSize: number;
  /** 0 for a language model without z. */
  latentSize: number;
  /** The probability of a zero in the mask on word vectors. */
  wordDropout: number;
  /** The probability of a zero in the mask on the hidden vectors that the vocabulary sees. */
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

/**
 * What a decoder remembers between two words, a row of each tensor for each sentence that is being written. Opaque: only
 * the decoder that made it knows the parts; `tf.dispose` frees them.
 */
export type DecoderState = Readonly<Record<string, tf.Tensor | tf.Tensor[]>>;

/** Floating-point operations of one forward pass over a batch. */
export interface DecoderFlops {
  /** What depends on the words alone and is done once a batch, however many codes are tried. */
  words: number;
  /** What every new z costs. A backward pass to z alone takes as many again, one to the weights too twice as many. */
  latent: number;
}

/** How exactly a likelihood is computed where inference asks for it again and again. */
export interface LikelihoodOptions {
  /** Of the products inside a short run; f32 unless given, and where a decoder has no other. */
  precision?: Precision;
  /** The words that the softmax sums over; the whole vocabulary unless given. */
  vocabulary?: SampledVocabulary | null;
}

/** p(x | z), or p(x) where `latentSize` is 0. */
export interface LatentDecoder<State extends DecoderState = DecoderState> {
  readonly latentSize: number;

  /**
   * What this decoder calls a weight of another kind of decoder that it can begin as; any other name as it is. Absent where it can
   * begin as its own kind alone.
   */
  ownName?(name: string): string;

  /** Masks for one pass, keyed by where in the run it happens; the caller's to dispose or to hand to `likelihood`. */
  masks(batch: TokenBatch, words: Purpose, outputs: Purpose, key: Omit<StreamKey, 'purpose'>): DropoutMasks;

  /**
   * NLL of each sentence, differentiable in the weights and in z.
   * @param z `[draws * batch, latent]`, or null for a decoder without latent dimensions; row r belongs to sentence
   *   r % batch.
   * @param masks the same for every draw of a sentence; none unless given.
   * @returns `[draws * batch]`, nats, summed over words and `</s>`.
   */
  sentenceNll(batch: TokenBatch, z: tf.Tensor2D | null, masks?: DropoutMasks): tf.Tensor1D;

  /**
   * log p(x | z) of one equal-length batch as a function of z, the weights held.
   * @param masks the dropout that inference sees, none unless given; the likelihood owns them and frees them with itself.
   * @throws Error for a decoder without latent dimensions.
   */
  likelihood(batch: TokenBatch, masks?: DropoutMasks, options?: LikelihoodOptions): BatchLikelihood;

  /**
   * The state before `<s>` is read; the caller's to dispose.
   * @param z `[rows, latent]`, or null for a decoder without latent dimensions.
   */
  start(z: tf.Tensor2D | null, rows: number): State;

  /**
   * Reads one word in each row and predicts the next, without dropout: what `sentenceNll` does for known sentences, for
   * one whose next word depends on the prediction.
   * @param words `[rows]`, `<s>` at first.
   * @returns a new state, which may share tensors with the old, and log p(next word | z, words so far),
   *   `[rows, vocabulary]`.
   */
  step(state: State, words: Int32Array): { state: State; logProbabilities: Float32Array };

  /** The state of some rows, in the order given, each as often as it is named; nothing is shared with the old one. */
  select(state: State, rows: readonly number[]): State;

  /** @param vocabularySize words that the softmax sums over; all unless given. */
  flops(batch: Pick<TokenBatch, 'size' | 'tokens'>, vocabularySize?: number): DecoderFlops;
}
