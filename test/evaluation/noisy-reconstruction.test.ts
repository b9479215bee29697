import { describe, expect, test } from 'vitest';
import { type Batch, evaluationSubset } from '../../src/data/batches.js';
import { EncodedSplit, type Split } from '../../src/data/corpus.js';
import { InputError, InterruptedError } from '../../src/errors.js';
import { evaluate } from '../../src/evaluation/evaluate.js';
import type { LatentModel } from '../../src/evaluation/evaluated-model.js';
import { type NoisyReconstructionOptions, noisyReconstruction } from '../../src/evaluation/noisy-reconstruction.js';
import { FittedEstimator } from '../../src/evaluation/perplexity/fitted-estimator.js';
import { GaussianPosterior, PointPosterior } from '../../src/inference/amortized.js';
import type { ConditionalLikelihood } from '../../src/model/likelihood.js';

function splitOf(sentences: readonly (readonly number[])[]): Split {
  const offsets = [0];
  for (const { length } of sentences) offsets.push(offsets.at(-1)! + length);
  return new EncodedSplit('test', Int32Array.from(sentences.flat()), Int32Array.from(offsets), null);
}

/** What the toy model knows of a sentence: which word stands how far to the right. */
const codeOf = (words: ArrayLike<number>) => Array.from(words).reduce((sum, word, t) => sum + 0.1 * (t + 1) * word, 0);

/**
 * A model whose NLL is the squared distance of z, in one dimension, from the code of the sentence. Inference reads the
 * code off the words it is shown, and draws from N(code, spread^2); with no spread its code is a point.
 */
function toyModel(spread: number) {
  const counts = { open: 0, batches: 0 };
  const seen = new Set<number>();
  const codes = ({ size, tokens, targets }: Batch) =>
    Float32Array.from({ length: size }, (_, column) =>
      codeOf(Array.from({ length: tokens - 1 }, (__, t) => targets[t * size + column]!)),
    );
  const model: LatentModel = {
    hasLatent: true,
    latentSize: 1,
    inference: spread > 0 ? 'gaussian' : 'point',
    likelihood(batch) {
      const own = codes(batch);
      const nll = (z: Float32Array) => z.map((value, row) => (value - own[row % own.length]!) ** 2);
      counts.open++;
      counts.batches++;
      for (const sentence of batch.indices) seen.add(sentence);
      return {
        sentences: batch.size,
        latentSize: 1,
        words: new Int32Array(batch.size).fill(batch.tokens),
        nll: (z) => ({ nll: nll(z) }),
        tokenNll: nll,
        gradient: () => expect.unreachable(),
        hessian: () => expect.unreachable(),
        dispose: () => {
          counts.open--;
        },
      };
    },
    posterior(batch: Batch, likelihood: ConditionalLikelihood, keys) {
      const mean = codes(batch);
      if (spread === 0) return new PointPosterior(likelihood, mean, keys);
      const logVariance = new Float32Array(batch.size).fill(2 * Math.log(spread));
      return new GaussianPosterior(likelihood, { mean, logVariance }, keys);
    },
  };
  return { model, counts, seen };
}

const options = (changes: Partial<NoisyReconstructionOptions> = {}): NoisyReconstructionOptions => ({
  swaps: [1, 2],
  noiseDraws: 3,
  draws: 4,
  seed: 5,
  batchSize: 8,
  limit: null,
  ...changes,
});

/** Every outcome of `swaps` exchanges of two positions, all equally likely. */
function outcomes(words: readonly number[], swaps: number): number[][] {
  if (swaps === 0) return [[...words]];
  return outcomes(words, swaps - 1).flatMap((before) =>
    before.flatMap((_, i) =>
      before.slice(i + 1).map((__, beyond) => {
        const after = [...before];
        const j = i + 1 + beyond;
        [after[i], after[j]] = [before[j]!, before[i]!];
        return after;
      }),
    ),
  );
}

const MIXED = splitOf(
  Array.from({ length: 30 }, (_, i) => Array.from({ length: 2 + (i % 4) }, (__, t) => (3 * i + 5 * t) % 7)),
);

describe('noisy reconstruction', () => {
  test('is the mean over every way to swap words, of the NLL of the sentence as it was', async () => {
    const words = [4, 9, 5, 7];
    const sentences = 800;
    const split = splitOf(Array.from({ length: sentences }, () => words));
    const rows = await noisyReconstruction(toyModel(0.5).model, split, options({ swaps: [0, 1, 2, 3], noiseDraws: 2 }));
    rows.forEach(({ value, standardError, ...row }, k) => {
      const distances = outcomes(words, k).map((read) => (codeOf(read) - codeOf(words)) ** 2);
      const exact = distances.reduce((sum, distance) => sum + distance, 0) / distances.length + 0.5 ** 2;
      expect(standardError).toBeLessThan(0.03);
      expect(Math.abs(value! - exact)).toBeLessThan(4 * standardError!);
      expect(row).toMatchObject({
        ...{ metric: 'noisy-recon', variant: `swaps-${k}`, estimator: 'encoder', split: 'test', sentences, draws: 4 },
        facts: { swaps: k, noiseDraws: k === 0 ? 1 : 2, skipped: 0 },
        warnings: [],
      });
    });
  });

  test('without swaps is Recon, to the digit', async () => {
    const { model } = toyModel(0.7);
    const [noisy] = await noisyReconstruction(model, MIXED, options({ swaps: [0] }));
    const estimator = new FittedEstimator();
    const [recon] = await evaluate(model, MIXED, {
      ...{ metrics: ['recon'], estimator, seed: 5, batchSize: 8, limit: null, perplexitySentences: null, draws: 4 },
    });
    expect(noisy!.value).toBe(recon!.value);
    expect(noisy!.standardError).toBe(recon!.standardError);
  });

  test('copies of a sentence see different noise in z, and a standard error over sentences', async () => {
    // Swaps change nothing where all words are the same: what is left is noise, squared and averaged.
    const sentences = 2000;
    const split = splitOf(Array.from({ length: sentences }, () => [6, 6, 6]));
    const [row] = await noisyReconstruction(toyModel(1).model, split, options({ swaps: [1], draws: 2 }));
    const variance = row!.standardError! ** 2 * sentences;
    expect(variance / (2 / 6)).toBeGreaterThan(0.8);
    expect(variance / (2 / 6)).toBeLessThan(1.2);
    expect(Math.abs(row!.value! - 1)).toBeLessThan(4 * row!.standardError!);
  });

  test('a code that is a point is taken once, and its noise is that of the words alone', async () => {
    const words = [4, 9, 5, 7];
    const sentences = 1500;
    const split = splitOf(Array.from({ length: sentences }, () => words));
    const { model, counts } = toyModel(0);
    const [row] = await noisyReconstruction(model, split, options({ swaps: [1], noiseDraws: 2, batchSize: 500 }));
    const distances = outcomes(words, 1).map((read) => (codeOf(read) - codeOf(words)) ** 2);
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / 6;
    const variance = distances.reduce((sum, distance) => sum + (distance - mean) ** 2, 0) / 6 / 2;
    expect(row).toMatchObject({ estimator: 'mean', draws: 1 });
    expect((row!.standardError! ** 2 * sentences) / variance).toBeGreaterThan(0.85);
    expect((row!.standardError! ** 2 * sentences) / variance).toBeLessThan(1.15);
    expect(Math.abs(row!.value! - mean)).toBeLessThan(4 * row!.standardError!);
    // Of each batch the sentences as they are, and two copies.
    expect(counts).toEqual({ open: 0, batches: 3 * 3 });
  });

  test('a sentence has the same number whatever the batches and the other levels of noise', async () => {
    const { model, seen } = toyModel(0.7);
    const together = await noisyReconstruction(model, MIXED, options({ limit: 12, swaps: [4, 2] }));
    const alone = await noisyReconstruction(model, MIXED, options({ limit: 12, swaps: [2], batchSize: 1 }));
    expect(together.map(({ variant }) => variant)).toEqual(['swaps-4', 'swaps-2']);
    expect(together[1]!.sentences).toBe(12);
    expect(alone[0]!.value).toBeCloseTo(together[1]!.value!, 9);
    expect(alone[0]!.standardError).toBeCloseTo(together[1]!.standardError!, 9);
    expect([...seen].sort((a, b) => a - b)).toEqual([...evaluationSubset(MIXED, 12)]);
  });

  test('sentences of one word are left out of every level, and said to be', async () => {
    const { model } = toyModel(0.5);
    const split = splitOf([[3], [1, 2], [5], [2, 6, 4]]);
    const rows = await noisyReconstruction(model, split, options({ swaps: [0, 1] }));
    for (const { sentences, facts, warnings } of rows) {
      expect(sentences).toBe(2);
      expect(facts!.skipped).toBe(2);
      expect(warnings.join()).toMatch(/^2 of 4 sentences/);
    }
    await expect(noisyReconstruction(model, splitOf([[3], [4]]), options())).rejects.toThrow(InputError);
    await expect(noisyReconstruction(model, splitOf([]), options())).rejects.toThrow(/no sentence of two words/);
    await expect(noisyReconstruction(model, split, options({ noiseDraws: 0 }))).rejects.toThrow(/from 1, not 0/);
  });

  test('numbers that are not finite are told, not averaged away', async () => {
    const { model } = toyModel(1e30);
    const [row] = await noisyReconstruction(model, MIXED, options({ swaps: [1] }));
    expect(row!.value).toBeNull();
    expect(row!.warnings.join()).toMatch(/not finite/);
  });

  test('tells how far it is, stops when told to, and lets go of what it held', async () => {
    const { model, counts } = toyModel(0.5);
    const told: number[] = [];
    let words = 0;
    for (let i = 0; i < MIXED.length; i++) if (MIXED.lengthOf(i) >= 2) words += MIXED.lengthOf(i) + 1;
    await noisyReconstruction(model, MIXED, options({ swaps: [0, 2] }), (done, total) => {
      expect(total).toBe(2 * words);
      told.push(done);
    });
    expect(told.at(-1)).toBe(2 * words);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    const stop = new AbortController();
    const running = noisyReconstruction(model, MIXED, options({ signal: stop.signal }), () => stop.abort());
    await expect(running).rejects.toThrow(InterruptedError);
    expect(counts.open).toBe(0);
  });
});
