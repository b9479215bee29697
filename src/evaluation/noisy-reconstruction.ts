// Noisy reconstruction (Table 4): inference reads a sentence whose words were shuffled a little, and the model says the
// sentence as it was. Where near codes mean near sentences, as in a smooth latent space, that costs little.

import { equalLengthBatches, evaluationSubset, makeBatch, wordsIn } from '../data/batches.js';
import type { Split } from '../data/corpus.js';
import { swapWords } from '../data/word-swaps.js';
import { InputError } from '../errors.js';
import { nllInPieces } from '../inference/posterior.js';
import { pause } from '../interruption.js';
import { can } from '../methods/capability.js';
import { RandomStream } from '../random/philox.js';
import type { Result } from '../runs/row.js';
import { defineMetric } from './define-metric.js';
import type { LatentModel } from './evaluated-model.js';
import { countNotFinite, divergenceWarnings, meanRow } from './measurement.js';
import { meanOverDraws, SentenceMean } from './statistics.js';

export interface NoisyReconstructionOptions {
  /** k, swaps of two random positions; each a whole number from 0 and given once. */
  swaps: readonly number[];
  /** Noisy copies of each sentence; a whole number from 1. Without a swap there is one, the sentence itself. */
  noiseDraws: number;
  /** Draws from q(z | x') for each copy x'; a code that is a point is taken once. */
  draws: number;
  seed: number;
  batchSize: number;
  /** Sentences of the split, drawn at random; null for all. */
  limit: number | null;
  /** Given each result as soon as it is known, and waited for. */
  onResult?: ((result: Result) => void | Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * For each k the mean over sentences x of E[-log p(x | z)], nats, with z ~ q(z | x') and x' a copy of x after k swaps;
 * averaged within a sentence over copies and draws, so that the standard error is that over sentences. For k = 0 it is
 * Recon. A sentence of one word cannot be noised: it is left out of every k, and counted in `facts.skipped`.
 *
 * @param onProgress told of words, `</s>` among them, of every k.
 * @throws {InputError} where the split has no sentence of two words.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function noisyReconstruction(
  model: LatentModel,
  split: Split,
  { swaps, noiseDraws, draws, seed, batchSize, limit, onResult = () => {}, signal }: NoisyReconstructionOptions,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Result[]> {
  if (!(Number.isInteger(noiseDraws) && noiseDraws > 0)) {
    throw new RangeError(`noisy copies of a sentence are a whole number from 1, not ${noiseDraws}`);
  }
  const chosen = split.length === 0 ? new Int32Array(0) : evaluationSubset(split, limit ?? split.length);
  const indices = chosen.filter((sentence) => split.lengthOf(sentence) >= 2);
  if (indices.length === 0) {
    throw new InputError(`split '${split.name}' has no sentence of two words or more whose words could be swapped`);
  }

  // All draws of a point are one.
  const codes = can(model.inference, 'distribution') ? draws : 1;
  const skipped = chosen.length - indices.length;
  const results: Result[] = [];
  const batches = equalLengthBatches(split, batchSize, { indices });
  const total = swaps.length * wordsIn(batches.shapes());
  let done = 0;
  // One number of swaps after the other, so that a number is known, and kept, before the next is begun.
  for (const k of swaps) {
    const start = performance.now();
    const copies = k === 0 ? 1 : noiseDraws;
    const mean = new SentenceMean();
    let notFinite = 0;
    let inference = '';
    for (const batch of batches) {
      const original = model.likelihood(batch);
      try {
        const nll = new Float32Array(copies * codes * batch.size);
        for (let draw = 0; draw < copies; draw++) {
          const read = makeBatch(swappedSplit(split, k, seed, draw), batch.indices, batch.index);
          const likelihood = model.likelihood(read);
          try {
            const keys = { seed: inferenceSeed(seed, draw), sentences: batch.indices };
            const posterior = model.posterior(read, likelihood, keys);
            inference = posterior.name;
            nll.set(nllInPieces(original, posterior.z(codes)), draw * codes * batch.size);
          } finally {
            likelihood.dispose();
          }
        }
        mean.add(meanOverDraws(nll, batch.size), batch.indices);
        notFinite += countNotFinite(nll);
      } finally {
        original.dispose();
      }
      done += wordsIn([batch]);
      onProgress(done, total);
      await pause(signal, 'stopped before all was measured; rows that were shown are kept');
    }
    const result = {
      metric: 'noisy-recon',
      variant: `swaps-${k}`,
      estimator: inference,
      split: split.name,
      ...meanRow(mean),
      draws: codes,
      facts: { swaps: k, noiseDraws: copies, skipped },
      seed,
      seconds: (performance.now() - start) / 1000,
      warnings: [
        ...(skipped === 0 ? [] : [`${skipped} of ${chosen.length} sentences have one word or none and were left out`]),
        ...divergenceWarnings(notFinite),
      ],
    };
    results.push(result);
    await onResult(result);
  }
  return results;
}

/** The split as one of its noisy copies: the words of each sentence swapped, all else as it is. */
function swappedSplit(split: Split, swaps: number, seed: number, draw: number): Split {
  return {
    name: split.name,
    length: split.length,
    lengthOf: (i) => split.lengthOf(i),
    sentence: (i) => swapWords(split.sentence(i), swaps, { seed, draw, sentence: i }),
    label: (i) => split.label(i),
  };
}

/**
 * What keys inference's own noise for a noisy copy. The first copy has the run's seed, so that no swaps at all is Recon
 * to the digit, and all numbers of swaps share a copy's noise, so that their difference is the swaps' doing.
 */
function inferenceSeed(seed: number, draw: number): number {
  return draw === 0 ? seed : new RandomStream({ seed, purpose: 'noisy-inference', step: draw }).next();
}

export const noisyRecon = defineMetric({
  name: 'noisy-recon',
  label: 'Noisy recon',
  description: 'reconstruction from a copy whose words were swapped',
  unit: 'nats',
  direction: 'lower',
  command: 'sri noisy-recon',
  // Of a code that is a point there is one.
  wanted: ({ evaluation, inference }) => [
    { estimator: null, draws: can(inference, 'distribution') ? evaluation.inferenceChains : 1, settings: {} },
  ],
});
