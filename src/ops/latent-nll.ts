// NLL(z) of each sentence, and its gradient in z alone: what a Langevin step, a Metropolis test and an importance
// weight are made of. No parameter's gradient is formed.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/choices.js';
import { hasKernel, runKernel } from './kernel.js';
import { lstm } from './lstm.js';
import { contextInputs, hiddenGivenLatent, repeatContext, type SentenceContext } from './sentence-context.js';
import { tokenNll, tokenNllPortable } from './token-nll.js';

/** The portable versions take at most this many rows of z at once, so that the words' gates repeated for them fit in memory. */
const ROWS_AT_ONCE = 256;

/**
 * NLL of each row's sentence under its z.
 *
 * @param z `[rows, latent]`, rows = draws * batch; row r belongs to sentence r % batch.
 * @returns `[rows]`, nats, summed over the sentence's words and `</s>`. Not differentiable: see `latentGradient`.
 */
export function latentNll(context: SentenceContext, z: tf.Tensor2D): tf.Tensor1D {
  if (hasKernel('LatentNll')) return runKernel('LatentNll', { ...contextInputs(context), z });
  return tf.tidy(() => tf.concat(inPieces(context, z, (piece, zPiece) => latentNllPortable(piece, zPiece))));
}

/**
 * NLL of each word of each row's sentence under its z.
 *
 * @param z `[rows, latent]`, rows as in `latentNll`.
 * @returns `[tokens, rows]`, nats. Not differentiable.
 */
export function latentTokenNll(context: SentenceContext, z: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const draws = z.shape[0] / context.wordGates.shape[1];
    const outputMask = context.outputMask && tf.tile(context.outputMask, [1, draws, 1]);
    const targets = tf.tile(context.targets, [1, draws]);
    const latentGates: tf.Tensor2D = tf.matMul(z, context.latentKernel);
    const initialHidden: tf.Tensor2D = tf.add(tf.matMul(z, context.initialKernel), context.initialBias);
    const hidden = lstm(context.wordGates, latentGates, initialHidden, context.recurrentKernel);
    const masked = outputMask === null ? hidden : tf.mul(hidden, outputMask);
    const [tokens, rows, size] = hidden.shape;
    const flat: tf.Tensor2D = tf.reshape(masked, [tokens * rows, size]);
    const nll = tokenNll(flat, context.outputKernel, context.outputBias, tf.reshape(targets, [tokens * rows]));
    return tf.reshape(nll, [tokens, rows]);
  });
}

/**
 * NLL of each row and its gradient with respect to z.
 *
 * @param z `[rows, latent]`, rows as in `latentNll`.
 * @returns nll `[rows]`, gradient `[rows, latent]`.
 */
export function latentGradient(
  context: SentenceContext,
  z: tf.Tensor2D,
  precision: Precision = 'f32',
): { nll: tf.Tensor1D; gradient: tf.Tensor2D } {
  if (hasKernel('LatentGradient')) {
    const [nll, gradient] = runKernel('LatentGradient', { ...contextInputs(context), z }, { precision });
    return { nll, gradient };
  }
  return tf.tidy(() => {
    const pieces = inPieces(context, z, latentGradientPortable);
    return { nll: tf.concat(pieces.map((p) => p.nll)), gradient: tf.concat(pieces.map((p) => p.gradient)) };
  });
}

/** `latentNll` in plain tfjs ops; differentiable once in z. */
export function latentNllPortable(context: SentenceContext, z: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const repeated = repeatContext(context, z.shape[0]);
    const hidden = hiddenGivenLatent(repeated, z);
    const [tokens, rows, size] = hidden.shape;
    const nll = tokenNllPortable(
      tf.reshape(hidden, [tokens * rows, size]),
      context.outputKernel,
      context.outputBias,
      tf.reshape(repeated.targets, [tokens * rows]),
    );
    return tf.sum(tf.reshape(nll, [tokens, rows]), 0);
  });
}

/** `latentGradient` by automatic differentiation of `latentNllPortable`. */
export function latentGradientPortable(
  context: SentenceContext,
  z: tf.Tensor2D,
): { nll: tf.Tensor1D; gradient: tf.Tensor2D } {
  return tf.tidy(() => {
    let nll!: tf.Tensor1D;
    const { grad } = tf.valueAndGrad((latent: tf.Tensor) => {
      nll = tf.keep(latentNllPortable(context, latent as tf.Tensor2D));
      return tf.sum(nll);
    })(z);
    const value = tf.clone(nll);
    nll.dispose();
    return { nll: value, gradient: grad as tf.Tensor2D };
  });
}

function inPieces<Out>(
  context: SentenceContext,
  z: tf.Tensor2D,
  run: (context: SentenceContext, z: tf.Tensor2D) => Out,
): Out[] {
  const [rows] = z.shape;
  const batch = context.wordGates.shape[1];
  // Whole draws, so that a piece's rows meet the sentences in their order.
  const pieceSize = batch * Math.max(1, Math.floor(ROWS_AT_ONCE / batch));
  const pieces: Out[] = [];
  for (let start = 0; start < rows; start += pieceSize) {
    pieces.push(run(context, tf.slice(z, [start, 0], [Math.min(pieceSize, rows - start), -1])));
  }
  return pieces;
}
