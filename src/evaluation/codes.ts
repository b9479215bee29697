// What inference makes of chosen sentences, as plain numbers: the features of classification, the samples of Figure 1,
// the ends of an interpolation.

import { equalLengthBatches } from '../data/batches.js';
import type { Split } from '../data/corpus.js';
import { InterruptedError } from '../errors.js';
import type { LatentModel } from './evaluate.js';

export interface CodeOptions {
  /** Sentences of the split, each once; the result is in their order. */
  indices: Int32Array;
  batchSize: number;
  seed: number;
  /** Of q(z | x) a sentence; `mean` is theirs where it is not known exactly. */
  draws: number;
  /** Whether the draws themselves are wanted. */
  keepDraws?: boolean;
  signal?: AbortSignal;
}

export interface Codes {
  /** E_q[z], `[sentences, latentSize]`. */
  mean: Float32Array;
  /** `[sentences, draws, latentSize]`; null unless asked for. */
  z: Float32Array | null;
}

/**
 * Infers the codes of sentences.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function inferCodes(
  model: LatentModel,
  split: Split,
  { indices, batchSize, seed, draws, keepDraws = false, signal }: CodeOptions,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Codes> {
  const { latentSize } = model;
  const places = new Map(Array.from(indices, (sentence, place) => [sentence, place]));
  const mean = new Float32Array(indices.length * latentSize);
  const z = keepDraws ? new Float32Array(indices.length * draws * latentSize) : null;
  let done = 0;
  for (const batch of equalLengthBatches(split, batchSize, { indices })) {
    const likelihood = model.likelihood(batch);
    try {
      const posterior = model.posterior(batch, likelihood, { seed, sentences: batch.indices });
      const means = posterior.mean(draws);
      const codes = z === null ? null : posterior.z(draws);
      batch.indices.forEach((sentence, column) => {
        const place = places.get(sentence)!;
        mean.set(means.subarray(column * latentSize, (column + 1) * latentSize), place * latentSize);
        for (let m = 0; codes !== null && m < draws; m++) {
          const at = (m * batch.size + column) * latentSize;
          z!.set(codes.subarray(at, at + latentSize), (place * draws + m) * latentSize);
        }
      });
    } finally {
      likelihood.dispose();
    }
    done += batch.size;
    onProgress(done, indices.length);
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw new InterruptedError('stopped before all codes were inferred');
  }
  return { mean, z };
}
