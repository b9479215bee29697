// All that the decoder knows of a batch of sentences apart from z. It is computed once a batch; the operations on z
// (the negative log-likelihood, its gradient, its Hessian, a whole short run) read it again and again.

import * as tf from '@tensorflow/tfjs-core';
import type { ContextInputs } from './kernel.js';
import { lstmPortable } from './lstm.js';

/**
 * `NLL_b(z) = sum_t -log softmax(outputKernel h_t + outputBias)[targets_tb]` with h from `lstm`,
 * h_0 = z initialKernel + initialBias, and gates wordGates_t + z latentKernel.
 * The word gates hold the LSTM's bias already.
 */
export interface SentenceContext {
  /** `[tokens, batch, 4 hidden]`. */
  wordGates: tf.Tensor3D;
  /** `[tokens, batch, hidden]`, multiplied onto the LSTM's outputs (dropout), or null for none. */
  outputMask: tf.Tensor3D | null;
  /** `[tokens, batch]`, int32. */
  targets: tf.Tensor2D;
  /** `[latent, 4 hidden]`. */
  latentKernel: tf.Tensor2D;
  /** `[latent, hidden]`. */
  initialKernel: tf.Tensor2D;
  /** `[hidden]`. */
  initialBias: tf.Tensor1D;
  /** `[hidden, 4 hidden]`. */
  recurrentKernel: tf.Tensor2D;
  /** `[vocabulary, hidden]`. */
  outputKernel: tf.Tensor2D;
  /** `[vocabulary]`. */
  outputBias: tf.Tensor1D;
}

/** A gradient in what of a context has weights behind it. */
export type ContextGradient = Omit<SentenceContext, 'outputMask' | 'targets'>;

/** The context as a kernel's named inputs. */
export function contextInputs(context: SentenceContext): ContextInputs {
  const { outputMask, ...rest } = context;
  return outputMask === null ? rest : { ...rest, outputMask };
}

/**
 * The context with every sentence repeated for each of its draws, so that rows and sentences are the same thing.
 * @param rows draws * batch.
 */
export function repeatContext(context: SentenceContext, rows: number): SentenceContext {
  const draws = rows / context.wordGates.shape[1];
  if (draws === 1) return context;
  return {
    ...context,
    wordGates: tf.tile(context.wordGates, [1, draws, 1]),
    outputMask: context.outputMask && tf.tile(context.outputMask, [1, draws, 1]),
    targets: tf.tile(context.targets, [1, draws]),
  };
}

/** The LSTM's outputs given z, masked: `[tokens, rows, hidden]`. Plain tfjs ops, differentiable once. */
export function hiddenGivenLatent(context: SentenceContext, z: tf.Tensor2D): tf.Tensor3D {
  const { wordGates, outputMask, latentKernel, initialKernel, initialBias, recurrentKernel } = context;
  const latentGates: tf.Tensor2D = tf.matMul(z, latentKernel);
  const initialHidden: tf.Tensor2D = tf.add(tf.matMul(z, initialKernel), initialBias);
  const hidden = lstmPortable(wordGates, latentGates, initialHidden, recurrentKernel);
  return outputMask === null ? hidden : (tf.mul(hidden, outputMask) as tf.Tensor3D);
}
