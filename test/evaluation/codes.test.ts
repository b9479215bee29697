// What inference makes of chosen sentences, against the same sentences one by one.

import { describe, expect, it } from 'vitest';
import { type Batch, makeBatch } from '../../src/data/batches.js';
import { EncodedSplit } from '../../src/data/corpus.js';
import { SPLIT_NAMES } from '../../src/data/splits.js';
import { inferCodes, inferModes, keysApart } from '../../src/evaluation/codes.js';
import type { LatentModel } from '../../src/evaluation/evaluated-model.js';
import { GaussianPosterior } from '../../src/inference/amortized.js';
import { posteriorMode } from '../../src/inference/posterior-mode.js';
import { ShortRunPosterior } from '../../src/inference/short-run-posterior.js';
import { constantSchedule, TinyRnn } from '../inference/models.js';

const Z = 2;

/** Ten sentences of one to four of the network's words, of which several are as long as each other. */
const lengths = Array.from({ length: 10 }, (_, i) => 1 + ((i * 7) % 4));
const offsets = [0];
for (const length of lengths) offsets.push(offsets.at(-1)! + length);
const words = Int32Array.from({ length: offsets.at(-1)! }, (_, i) => (3 * i + (i % 7)) % 5);
const split = new EncodedSplit('test', words, Int32Array.from(offsets), null);

/** A network that reads the batch's words. */
function network({ size, tokens, targets }: Batch): TinyRnn {
  const texts = Array.from({ length: size }, (_, column) =>
    Array.from({ length: tokens }, (__, t) => targets[t * size + column]!),
  );
  return new TinyRnn(texts, Z, { scale: 1.5 });
}

const model: LatentModel = {
  hasLatent: true,
  latentSize: Z,
  inference: 'short-run',
  likelihood: (batch) => Object.assign(network(batch), { dispose() {} }),
  posterior: (_, likelihood, keys) => new ShortRunPosterior(likelihood, constantSchedule(0.1, 4), keys),
};

const alone = (sentence: number) => makeBatch(split, Int32Array.of(sentence), 0);

/** Not in the order of the split; two of them share a batch, which the one between them does not. */
const indices = Int32Array.of(5, 2, 9);
const draws = 3;
const chosen = { indices, batchSize: 2, seed: 4, draws };

describe('the codes of sentences', () => {
  it('are in the order that was asked for, draw by draw, with their mean and the unbiased spread', async () => {
    const { mean, z, standardDeviation } = await inferCodes(model, split, {
      ...chosen,
      keepDraws: true,
      keepSpread: true,
    });
    indices.forEach((sentence, place) => {
      const batch = alone(sentence);
      const keys = { seed: 4, sentences: batch.indices };
      const own = model.posterior(batch, model.likelihood(batch), keys).z(draws);
      expect(z!.subarray(place * draws * Z, (place + 1) * draws * Z)).toEqual(own);
      for (let d = 0; d < Z; d++) {
        const values = [0, 1, 2].map((m) => own[m * Z + d]!);
        const center = values.reduce((sum, value) => sum + value, 0) / 3;
        const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
        expect(mean[place * Z + d]).toBeCloseTo(center, 6);
        expect(standardDeviation![place * Z + d]).toBeCloseTo(Math.sqrt(squares / 2), 6);
      }
    });
  });

  it('have the spread of their Gaussian where q is one', async () => {
    const gaussianOf = (sentences: Int32Array) => ({
      mean: new Float32Array(sentences.length * Z),
      logVariance: Float32Array.from({ length: sentences.length * Z }, (_, i) =>
        Math.log(1 + sentences[Math.floor(i / Z)]! + (i % Z)),
      ),
    });
    const encoding: LatentModel = {
      ...model,
      inference: 'gaussian',
      posterior: (_, likelihood, keys) => new GaussianPosterior(likelihood, gaussianOf(keys.sentences), keys),
    };
    const { z, standardDeviation } = await inferCodes(encoding, split, { ...chosen, keepSpread: true });
    expect(z).toBeNull();
    [6, 7, 3, 4, 10, 11].forEach((variance, i) => {
      expect(standardDeviation![i]).toBeCloseTo(Math.sqrt(variance), 5);
    });
  });

  it('are drawn with the noise of their keys, where the split’s places are none', async () => {
    const keys = Int32Array.from({ length: split.length }, (_, i) => 100 - i);
    const { z } = await inferCodes(model, split, { ...chosen, keys, keepDraws: true });
    const batch = alone(2);
    const own = model.posterior(batch, model.likelihood(batch), { seed: 4, sentences: Int32Array.of(98) });
    expect(z!.subarray(draws * Z, 2 * draws * Z)).toEqual(own.z(draws));
  });

  it('have keys that no other split has, nor a given sentence; what is tested has its places', () => {
    const keys = SPLIT_NAMES.flatMap((name) => [...keysApart(split, name)]);
    expect(new Set(keys).size).toBe(3 * split.length);
    expect(Math.min(...keys)).toBe(0);
    expect([...keysApart(split, 'test')]).toEqual(Array.from({ length: split.length }, (_, i) => i));
  });

  it('are modes where these are asked for, with the mean of how steep it still is there', async () => {
    const { mode, slope } = await inferModes(model, split, { indices, batchSize: 2, gradients: 5 });
    const each = Array.from(indices, (sentence) => posteriorMode(network(alone(sentence)), 5));
    expect(Array.from(mode)).toEqual(each.flatMap(({ z }) => Array.from(z)));
    expect(slope).toBeCloseTo(each.reduce((sum, one) => sum + one.slope[0]!, 0) / 3, 10);
    expect(Math.min(...each.map((one) => one.slope[0]!))).toBeGreaterThan(0);
  });
});
