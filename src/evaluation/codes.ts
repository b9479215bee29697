// What inference makes of chosen sentences, as plain numbers: the features of classification, the samples of Figure 1,
// the ends of an interpolation.

import { type Batch, equalLengthBatches, wordsIn } from '../data/batches.js';
import type { Split } from '../data/corpus.js';
import type { SplitName } from '../data/splits.js';
import { meanCode, type Posterior } from '../inference/posterior.js';
import { posteriorMode } from '../inference/posterior-mode.js';
import { pause } from '../interruption.js';
import type { BatchLikelihood } from '../model/likelihood.js';
import type { LatentModel } from './evaluated-model.js';

export interface CodeOptions {
  /** Sentences of the split, each once; the result is in their order. */
  indices: Int32Array;
  batchSize: number;
  seed: number;
  /** What each sentence's noise is keyed by, in the order of the split; its place there where absent. */
  keys?: Int32Array | undefined;
  /** Of q(z | x) a sentence; `mean` is theirs where it is not known exactly. */
  draws: number;
  /** Whether the draws themselves are wanted. */
  keepDraws?: boolean | undefined;
  /** Whether their spread is wanted. */
  keepSpread?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** The first key of each split; a split has fewer sentences than lie between. */
const FIRST_KEY: Readonly<Record<SplitName, number>> = { test: 0, valid: 2 ** 29, train: 2 ** 30 };

/**
 * Keys of sentences whose codes are held against those of other splits. Sentences of one key share all noise, and by it alone
 * their codes would be near, so each split has keys of its own. Those of what is tested are its places, so that its codes are
 * those of every other measurement; given sentences have negative ones.
 * @param part that the split has in what is measured.
 */
export function keysApart({ length }: Pick<Split, 'length'>, part: SplitName): Int32Array {
  return Int32Array.from({ length }, (_, place) => FIRST_KEY[part] + place);
}

export interface Codes {
  /** E_q[z], `[sentences, latentSize]`. */
  mean: Float32Array;
  /** `[sentences, draws, latentSize]`; null unless asked for. */
  z: Float32Array | null;
  /**
   * sqrt(Var_q[z]), `[sentences, latentSize]`: of the Gaussian where q is one, else of the draws, two or more (unbiased
   * variance); null unless asked for.
   */
  standardDeviation: Float32Array | null;
}

/**
 * Infers the codes of sentences.
 * @param onProgress told of words of theirs, `</s>` among them.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function inferCodes(
  model: LatentModel,
  split: Split,
  { indices, batchSize, seed, keys, draws, keepDraws = false, keepSpread = false, signal }: CodeOptions,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Codes> {
  const { latentSize } = model;
  const mean = new Float32Array(indices.length * latentSize);
  const z = keepDraws ? new Float32Array(indices.length * draws * latentSize) : null;
  const standardDeviation = keepSpread ? new Float32Array(indices.length * latentSize) : null;
  await overBatches(model, split, { indices, batchSize, signal }, onProgress, (batch, likelihood, places) => {
    const sentences = keys === undefined ? batch.indices : batch.indices.map((sentence) => keys[sentence]!);
    const posterior = model.posterior(batch, likelihood, { seed, sentences });
    const means = posterior.mean(draws);
    const codes = z === null ? null : posterior.z(draws);
    const spread = keepSpread ? spreadOf(posterior, draws) : null;
    places.forEach((place, column) => {
      const own = [column * latentSize, (column + 1) * latentSize] as const;
      mean.set(means.subarray(...own), place * latentSize);
      if (spread !== null) standardDeviation!.set(spread.subarray(...own), place * latentSize);
      for (let m = 0; codes !== null && m < draws; m++) {
        const at = (m * batch.size + column) * latentSize;
        z!.set(codes.subarray(at, at + latentSize), (place * draws + m) * latentSize);
      }
    });
  });
  return { mean, z, standardDeviation };
}

export interface ModeOptions extends Pick<CodeOptions, 'indices' | 'batchSize' | 'signal'> {
  /** Of log p(x, z), for each sentence. */
  gradients: number;
}

/**
 * The modes of p(z | x) of sentences, without any sampling (see {@link posteriorMode}).
 * @param onProgress told of words of theirs, `</s>` among them.
 * @returns `[sentences, latentSize]`, and the mean over sentences of how steep log p(x, z) still is there.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function inferModes(
  model: LatentModel,
  split: Split,
  { indices, batchSize, gradients, signal }: ModeOptions,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<{ mode: Float32Array; slope: number }> {
  const { latentSize } = model;
  const mode = new Float32Array(indices.length * latentSize);
  let slopes = 0;
  await overBatches(model, split, { indices, batchSize, signal }, onProgress, (_, likelihood, places) => {
    const { z, slope } = posteriorMode(likelihood, gradients);
    places.forEach((place, column) => {
      mode.set(z.subarray(column * latentSize, (column + 1) * latentSize), place * latentSize);
      slopes += slope[column]!;
    });
  });
  return { mode, slope: indices.length === 0 ? 0 : slopes / indices.length };
}

/** Goes over sentences batch by batch. @param use is told the place in `indices` of each of a batch's sentences. */
async function overBatches(
  model: LatentModel,
  split: Split,
  { indices, batchSize, signal }: Pick<CodeOptions, 'indices' | 'batchSize' | 'signal'>,
  onProgress: (done: number, total: number) => void,
  use: (batch: Batch, likelihood: BatchLikelihood, places: readonly number[]) => void,
): Promise<void> {
  const places = new Map(Array.from(indices, (sentence, place) => [sentence, place]));
  const batches = equalLengthBatches(split, batchSize, { indices });
  const total = wordsIn(batches.shapes());
  let done = 0;
  for (const batch of batches) {
    const likelihood = model.likelihood(batch);
    try {
      use(
        batch,
        likelihood,
        Array.from(batch.indices, (sentence) => places.get(sentence)!),
      );
    } finally {
      likelihood.dispose();
    }
    done += wordsIn([batch]);
    onProgress(done, total);
    await pause(signal, 'stopped before all codes were inferred');
  }
}

/** sqrt(Var_q[z]) of a batch, `[sentences, latentSize]`. */
function spreadOf(posterior: Posterior, draws: number): Float32Array {
  if (posterior.gaussian !== null)
    return posterior.gaussian.logVariance.map((logVariance) => Math.exp(logVariance / 2));
  const z = posterior.z(draws);
  const mean = meanCode(z, draws);
  return mean.map((center, i) => {
    let squares = 0;
    for (let m = 0; m < draws; m++) squares += (z[m * mean.length + i]! - center) ** 2;
    return Math.sqrt(squares / (draws - 1));
  });
}
