// Short-run inference as one operation: K Langevin steps from z_0, guided by the decoder (eq. 7 of Pang, Nijkamp, Han
// and Wu, EACL 2021). The words' projections are in the context and computed once; a step needs z's projection,
// the LSTM forward and backward, and the vocabulary twice.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/choices.js';
import { hasKernel, runKernel } from './kernel.js';
import { latentGradient } from './latent-nll.js';
import { type ContextGradient, contextInputs, type SentenceContext } from './sentence-context.js';
import type { ShortRunSchedule } from './settings.js';

/**
 * z_{k+1} = z_k - s_k (priorWeight z_k + dNLL(z_k)/dz) + temperature sqrt(2 s_k) eps_k, for k = 0..K-1.
 *
 * @param z0 `[rows, latent]`, rows = draws * batch.
 * @param noise `[steps, rows, latent]`, eps.
 * @returns z = z_K `[rows, latent]`, and the path z_0..z_K `[steps + 1, rows, latent]` if asked for.
 */
export function shortRun(
  context: SentenceContext,
  z0: tf.Tensor2D,
  noise: tf.Tensor3D,
  schedule: ShortRunSchedule,
  { keepPath = false, precision = 'f32' as Precision } = {},
): { z: tf.Tensor2D; path: tf.Tensor3D | null } {
  if (!hasKernel('ShortRun')) return shortRunPortable(context, z0, noise, schedule, keepPath);
  const inputs = { ...contextInputs(context), z0, noise };
  const [z, path] = runKernel('ShortRun', inputs, { ...schedule, keepPath, precision });
  return { z, path: path ?? null };
}

/**
 * `shortRun`, and along it sum_k weights_k dNLL(z_k)/d(context) for k = 0..K-1, NLL summed over the rows: what the steps
 * have computed on their way to dNLL/dz leaves one more product for each that counts.
 *
 * @param weights `[steps]`.
 * @returns null where the backend has no kernel for it, and a pass of its own for each z_k is as good.
 */
export function shortRunWithGradient(
  context: SentenceContext,
  z0: tf.Tensor2D,
  noise: tf.Tensor3D,
  schedule: ShortRunSchedule,
  weights: Float32Array,
  precision: Precision = 'f32',
): { z: tf.Tensor2D; gradient: ContextGradient } | null {
  if (!hasKernel('ShortRunWithGradient')) return null;
  const inputs = { ...contextInputs(context), z0, noise };
  const [z, wordGates, latentKernel, initialKernel, initialBias, recurrentKernel, outputKernel, outputBias] = runKernel(
    'ShortRunWithGradient',
    inputs,
    { ...schedule, weights, precision },
  );
  const gradient = {
    wordGates,
    latentKernel,
    initialKernel,
    initialBias,
    recurrentKernel,
    outputKernel,
    outputBias,
  };
  return { z, gradient };
}

/** `shortRun` by a `latentGradient` a step. */
export function shortRunPortable(
  context: SentenceContext,
  z0: tf.Tensor2D,
  noise: tf.Tensor3D,
  { stepSizes, temperature, priorWeight }: ShortRunSchedule,
  keepPath = false,
): { z: tf.Tensor2D; path: tf.Tensor3D | null } {
  const path: tf.Tensor2D[] = [];
  let z = tf.clone(z0);
  for (let k = 0; k < stepSizes.length; k++) {
    const step = stepSizes[k]!;
    if (keepPath) path.push(tf.clone(z));
    const next = tf.tidy(() => {
      const { gradient } = latentGradient(context, z);
      const drift = tf.add(tf.mul(z, priorWeight), gradient);
      const eps = tf.reshape(tf.slice(noise, [k, 0, 0], [1, -1, -1]), z0.shape);
      return tf.add(tf.sub(z, tf.mul(drift, step)), tf.mul(eps, temperature * Math.sqrt(2 * step))) as tf.Tensor2D;
    });
    z.dispose();
    z = next;
  }
  if (!keepPath) return { z, path: null };
  const stacked = tf.stack([...path, z]) as tf.Tensor3D;
  tf.dispose(path);
  return { z, path: stacked };
}
