// What the path of a short run teaches the decoder. The authors' script never zeroes the gradients that the chain's
// backward passes leave behind, so that its update is a sum over the path; to learn from z_K alone, as Algorithm 1 has it,
// and from a few points of the path are the two other ways of weighing the same codes.

import * as tf from '@tensorflow/tfjs-core';
import type { Langevin } from '../inference/langevin-keys.js';
import { stepsPerGradient } from '../inference/schedule.js';
import { shortRun } from '../inference/short-run.js';
import { type DropoutMasks, disposeMasks } from '../model/dropout-masks.js';
import type { LatentDecoder, TokenBatch } from '../model/latent-decoder.js';
import type { BatchLikelihood, LangevinSchedule } from '../model/likelihood.js';
import type { Parameters } from '../model/parameters.js';
import { RandomStream, type StreamKey } from '../random/philox.js';

/** What each code of a chain counts in the update of the decoder. */
export interface CodeWeights {
  /** Of the mean over the batch of NLL(z_K). */
  end: number;
  /** Of the sum over the batch of NLL(z_k), k = 0 .. K-1, one for each gradient of the chain; null where none counts. */
  path: Float32Array | null;
}

/**
 * The weights by `langevin.learnFrom`. Where steps share a gradient, the code it is computed at stands for all of them.
 *
 * - `end`: the mean over the batch of NLL(z_K).
 * - `path`: the authors' script, sum_{k<K} sum_b NLL(z_{k,b}) + mean_b NLL(z_{K,b}).
 * - `{points: n}`: the mean over the batch of (NLL(z_K) + sum of NLL at n of z_0 .. z_{K-1}) / (n + 1). The n are drawn
 *   without replacement, anew for every batch: an unbiased estimate of (NLL(z_K) + n mean_{k<K} NLL(z_k)) / (n + 1), a
 *   mean of means of the same size as NLL(z_K) alone, so that learning rates carry over.
 *
 * @param key which draw: the run's seed, and the epoch and batch.
 */
export function codeWeights(
  langevin: Pick<Langevin, 'steps' | 'gradients' | 'learnFrom'>,
  batchSize: number,
  key: Omit<StreamKey, 'purpose'>,
): CodeWeights {
  const { steps, learnFrom } = langevin;
  if (learnFrom === 'end') return { end: 1, path: null };
  const shares = stepsPerGradient(langevin);
  if (learnFrom === 'path') return { end: 1, path: Float32Array.from(shares) };
  const { points } = learnFrom;
  const end = 1 / (points + 1);
  const path = new Float32Array(shares.length);
  const gradientOfStep = shares.flatMap((count, gradient) => Array<number>(count).fill(gradient));
  const drawn = new RandomStream({ ...key, purpose: 'path-points' }).permutation(steps).subarray(0, points);
  for (const step of drawn) path[gradientOfStep[step]!]! += end / batchSize;
  return { end, path };
}

/** What a chain starts from and how it moves. */
interface Chain {
  /** z_0, `[batch, latent]`. */
  z0: Float32Array;
  /** eps, `[K, batch, latent]`. */
  noise: Float32Array;
  schedule: LangevinSchedule;
}

/**
 * A short run, and what the codes along its path teach: sum_k weights_k dNLL(z_k)/dtheta in every weight of the decoder,
 * NLL summed over the batch.
 *
 * @param likelihood of the batch, under the dropout of the chain.
 * @param weights of z_0 .. z_{K-1}; null where they teach nothing.
 * @param masks that dropout once more, for decoders that take a pass of their own for each code.
 * @returns z_K, and the gradients by the weights' names, which are the caller's to dispose; empty without weights.
 */
export function teachingShortRun(
  { decoder, parameters }: { decoder: LatentDecoder; parameters: Parameters },
  batch: TokenBatch,
  likelihood: BatchLikelihood,
  { z0, noise, schedule }: Chain,
  weights: Float32Array | null,
  masks: () => DropoutMasks,
): { z: Float32Array; gradients: Map<string, tf.Tensor> } {
  if (weights === null) return { z: shortRun(likelihood, z0, noise, schedule).z, gradients: new Map() };
  const together = likelihood.shortRunWithGradients?.(z0, noise, schedule, weights) ?? null;
  if (together !== null) {
    const { names, list } = parameters;
    const byName = [...together.gradients].map(
      ([weight, gradient]) => [names[list.indexOf(weight)]!, gradient] as const,
    );
    return { z: together.z, gradients: new Map(byName) };
  }
  const { z, path } = shortRun(likelihood, z0, noise, schedule, true);
  const dropout = masks();
  const gradients = pathGradients(decoder, parameters, batch, path!, weights, dropout);
  disposeMasks(dropout);
  return { z, gradients };
}

/**
 * sum_k weights_k dNLL(z_k)/dtheta, NLL summed over the batch, in every weight of the decoder: one pass forward and back
 * for each point that counts, which any decoder can do.
 *
 * @param path z_0 .. z_K, `[K + 1, batch, latent]`.
 * @param weights of z_0 .. z_{K-1}.
 * @param masks the dropout of the chain.
 * @returns by the weights' names; the caller disposes the tensors.
 */
export function pathGradients(
  decoder: LatentDecoder,
  parameters: Parameters,
  batch: TokenBatch,
  path: Float32Array,
  weights: Float32Array,
  masks: DropoutMasks,
): Map<string, tf.Tensor> {
  const { names, list } = parameters;
  const size = batch.size * decoder.latentSize;
  const sums = new Map<string, tf.Tensor>();
  weights.forEach((weight, k) => {
    if (weight === 0) return;
    const z = tf.tensor2d(path.subarray(k * size, (k + 1) * size), [batch.size, decoder.latentSize]);
    const { value, grads } = tf.variableGrads(
      () => tf.mul(tf.sum(decoder.sentenceNll(batch, z, masks)), weight) as tf.Scalar,
      list,
    );
    tf.dispose([value, z]);
    list.forEach((variable, i) => {
      const fresh = grads[variable.name];
      if (fresh === undefined) return;
      const before = sums.get(names[i]!);
      sums.set(names[i]!, before === undefined ? fresh : tf.tidy(() => tf.add(before, fresh)));
      if (before !== undefined) tf.dispose([before, fresh]);
    });
  });
  return sums;
}
