// What every decoder owes, whichever network is inside: one probability by whatever road, right derivatives, a past that
// knows nothing of the future, and nothing left behind.

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { availableBackends, useBackend } from '../../src/backends/index.js';
import { DECODER_NAMES } from '../../src/config/decoder-keys.js';
import { DEFAULTS, type RunConfig } from '../../src/config/schema.js';
import { END, START } from '../../src/data/vocabulary.js';
import { InputError } from '../../src/errors.js';
import { plainShortRun, shortRun } from '../../src/inference/short-run.js';
import { methodNamed } from '../../src/methods/registry.js';
import { createDecoder, languageModelLabel } from '../../src/model/decoders.js';
import { NO_DROPOUT } from '../../src/model/dropout-masks.js';
import type { LatentDecoder, TokenBatch } from '../../src/model/latent-decoder.js';
import { Parameters } from '../../src/model/parameters.js';
import { PortableLikelihood } from '../../src/model/portable-likelihood.js';
import { inWholeTiles, type SampledVocabulary, sampleVocabulary } from '../../src/model/sampled-vocabulary.js';
import { RandomStream } from '../../src/random/philox.js';
import { constantSchedule } from '../inference/models.js';
import { toyCorpus, toyRun } from '../training/toy.js';

const V = 9;
const Z = 3;
const SENTENCES = [
  [4, 5, 4, 1, 8],
  [5, 7, 1, 6, 4],
];

type Name = (typeof DECODER_NAMES)[number];

function runOf(decoder: Name, changes: Partial<RunConfig['model']> = {}): Pick<RunConfig, 'model' | 'precision'> {
  const sizes = { latentSize: Z, wordVectorSize: 5, hiddenSize: 6, transformer: { layers: 2, heads: 3 } };
  return {
    precision: 'f32',
    model: { ...DEFAULTS.model, decoder, ...sizes, weightRange: 0.8, wordVectorRange: 1, ...changes },
  };
}

/** A decoder whose random weights are large enough that words and z matter. */
function make(name: Name, { latentSize = Z, seed = 14 } = {}): { decoder: LatentDecoder; parameters: Parameters } {
  const parameters = new Parameters(seed);
  return { decoder: createDecoder(parameters, runOf(name), V, latentSize), parameters };
}

function batchOf(sentences: readonly (readonly number[])[]): TokenBatch {
  const size = sentences.length;
  const tokens = sentences[0]!.length + 1;
  const position = (words: (sentence: readonly number[]) => readonly number[]) =>
    Int32Array.from({ length: size * tokens }, (_, i) => words(sentences[i % size]!)[Math.floor(i / size)]!);
  return {
    inputs: position((words) => [START, ...words]),
    targets: position((words) => [...words, END]),
    size,
    tokens,
  };
}

const normals = (count: number, seed = 3) => new RandomStream({ seed, purpose: 'chain-start' }).normals(count);

function masksOf(decoder: LatentDecoder, batch: TokenBatch) {
  return decoder.masks(batch, 'word-dropout', 'output-dropout', { seed: 5 });
}

beforeAll(async () => {
  await useBackend('cpu', 1);
});

const backends = await availableBackends();

describe.each(DECODER_NAMES)('%s', (name) => {
  const batch = batchOf(SENTENCES);
  const draws = 3;
  const z = normals(draws * 2 * Z);

  /** sentenceNll as plain numbers. */
  function sentenceNll(decoder: LatentDecoder, codes: Float32Array | null, masks = NO_DROPOUT, of = batch): number[] {
    return tf.tidy(() => {
      const tensor = codes && tf.tensor2d(codes, [codes.length / Z, Z]);
      return Array.from(decoder.sentenceNll(of, tensor, masks).dataSync());
    });
  }

  it.each(backends)('writes word by word with the probabilities it is trained by, on %s', async (backend) => {
    await useBackend(backend, 1);
    for (const latentSize of [Z, 0]) {
      const { decoder, parameters } = make(name, { latentSize });
      const codes = latentSize === 0 ? null : z.slice(0, 2 * Z);
      const wanted = sentenceNll(decoder, codes);
      const sums = [0, 0];
      tf.tidy(() => {
        let state = decoder.start(codes && tf.tensor2d(codes, [2, Z]), 2);
        for (let t = 0; t < batch.tokens; t++) {
          const step = decoder.step(state, batch.inputs.subarray(2 * t, 2 * t + 2));
          for (const row of [0, 1]) {
            const next = step.logProbabilities.subarray(row * V, (row + 1) * V);
            expect(next.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
            sums[row]! -= next[batch.targets[2 * t + row]!]!;
          }
          state = step.state;
        }
      });
      sums.forEach((sum, row) => {
        expect(sum).toBeCloseTo(wanted[row]!, 4);
      });
      expect(Math.abs(wanted[0]! - wanted[1]!)).toBeGreaterThan(0.1);
      parameters.dispose();
    }
    await useBackend('cpu', 1);
  });

  it.each(backends)('has no likelihood of a code that is no number, on %s', async (backend) => {
    await useBackend(backend, 1);
    const { decoder, parameters } = make(name);
    const likelihood = decoder.likelihood(batch);
    // The second sentence's code alone.
    const codes = z.slice(0, 2 * Z).fill(Number.NaN, Z + 1, Z + 2);
    const { nll, gradient } = likelihood.gradient(codes);
    expect([...nll].map(Number.isFinite)).toEqual([true, false]);
    expect([...gradient].map(Number.isFinite)).toEqual([...Array(Z).fill(true), ...Array(Z).fill(false)]);
    expect([...likelihood.nll(codes).nll].map(Number.isFinite)).toEqual([true, false]);
    for (const [i, value] of likelihood.tokenNll(codes).entries()) expect(Number.isFinite(value)).toBe(i % 2 === 0);
    expect(sentenceNll(decoder, codes).map(Number.isFinite)).toEqual([true, false]);
    likelihood.dispose();
    parameters.dispose();
    await useBackend('cpu', 1);
  });

  it('goes on from any rows of a state, in any order', () => {
    const { decoder } = make(name);
    tf.tidy(() => {
      const start = decoder.start(tf.tensor2d(z.slice(0, 2 * Z), [2, Z]), 2);
      const { state } = decoder.step(start, Int32Array.of(START, START));
      const before = decoder.step(state, Int32Array.of(4, 5)).logProbabilities;
      const chosen = decoder.select(state, [1, 0, 1]);
      tf.dispose([start, state]);
      const after = decoder.step(chosen, Int32Array.of(5, 4, 5)).logProbabilities;
      [1, 0, 1].forEach((from, row) => {
        for (let word = 0; word < V; word++) expect(after[row * V + word]).toBeCloseTo(before[from * V + word]!, 5);
      });
    });
  });

  it('keeps the draws of a sentence, and the sentences of a batch, apart', () => {
    const { decoder } = make(name);
    const masks = masksOf(decoder, batch);
    const together = sentenceNll(decoder, z, masks);
    for (let row = 0; row < 2 * draws; row++) {
      const only = (tensor: tf.Tensor3D | null) => tensor && tf.slice(tensor, [0, row % 2, 0], [-1, 1, -1]);
      const own = { words: only(masks.words), outputs: only(masks.outputs) };
      const alone = sentenceNll(decoder, z.slice(row * Z, (row + 1) * Z), own, batchOf([SENTENCES[row % 2]!]));
      expect(together[row]).toBeCloseTo(alone[0]!, 4);
    }
    expect(new Set(together.map((value) => value.toFixed(3))).size).toBe(2 * draws);
  });

  it('knows nothing of the words that are still to come', () => {
    const { decoder } = make(name);
    const codes = z.slice(0, Z);
    const nllOf = (sentence: number[]) => {
      const likelihood = decoder.likelihood(batchOf([sentence]));
      const nll = likelihood.tokenNll(codes);
      likelihood.dispose();
      return nll;
    };
    const before = nllOf([4, 5, 4, 1, 8]);
    const after = nllOf([4, 5, 6, 1, 8]);
    // The third word is predicted after the first two, and read before the fourth.
    for (const t of [0, 1]) expect(after[t]).toBeCloseTo(before[t]!, 6);
    for (const t of [3, 4, 5]) expect(Math.abs(after[t]! - before[t]!)).toBeGreaterThan(1e-3);
  });

  it('has the gradient of its NLL in the weights, by finite differences', () => {
    for (const latentSize of [Z, 0]) {
      const { decoder, parameters } = make(name, { latentSize });
      const masks = masksOf(decoder, batch);
      const loss = () =>
        tf.sum(
          decoder.sentenceNll(batch, latentSize === 0 ? null : tf.tensor2d(z, [2 * draws, Z]), masks),
        ) as tf.Scalar;
      const value = () => tf.tidy(() => loss().dataSync()[0]!);
      const { grads } = tf.variableGrads(loss, parameters.list);
      for (const [i, variable] of parameters.list.entries()) {
        const gradient = grads[variable.name]!.dataSync<'float32'>();
        const start = variable.dataSync<'float32'>().slice();
        const along = normals(variable.size, i + 1);
        const slope = gradient.reduce((sum, g, at) => sum + g * along[at]!, 0);
        const at = (distance: number) => {
          variable.assign(
            tf.tensor(
              start.map((w, j) => w + distance * along[j]!),
              variable.shape,
            ),
          );
          return value();
        };
        const quotient = (at(0.005) - at(-0.005)) / 0.01;
        at(0);
        expect(Math.abs(quotient - slope), parameters.names[i]).toBeLessThan(0.03 + 0.005 * Math.abs(slope));
      }
    }
  });

  it('has a likelihood whose derivatives are those of its NLL', () => {
    const { decoder } = make(name);
    const reference = sentenceNll(decoder, z, masksOf(decoder, batch));
    const likelihood = decoder.likelihood(batch, masksOf(decoder, batch));
    expect([likelihood.sentences, likelihood.latentSize, ...likelihood.words]).toEqual([2, Z, 6, 6]);
    const { nll, gradient, hessian } = likelihood.hessian(z);
    const tokens = likelihood.tokenNll(z);
    for (let row = 0; row < 2 * draws; row++) {
      let sum = 0;
      for (let t = 0; t < batch.tokens; t++) sum += tokens[t * 2 * draws + row]!;
      for (const value of [nll[row]!, likelihood.nll(z).nll[row]!, likelihood.gradient(z).nll[row]!, sum]) {
        expect(value).toBeCloseTo(reference[row]!, 4);
      }
    }
    const moved = (d: number, distance: number) => z.map((value, i) => (i % Z === d ? value + distance : value));
    for (let d = 0; d < Z; d++) {
      const [up, down] = [moved(d, 0.02), moved(d, -0.02)];
      const [after, before] = [likelihood.gradient(up), likelihood.gradient(down)];
      for (let row = 0; row < 2 * draws; row++) {
        const quotient = (after.nll[row]! - before.nll[row]!) / 0.04;
        expect(Math.abs(gradient[row * Z + d]! - quotient)).toBeLessThan(2e-3);
        for (let i = 0; i < Z; i++) {
          const slope = (after.gradient[row * Z + i]! - before.gradient[row * Z + i]!) / 0.04;
          expect(Math.abs(hessian[(row * Z + i) * Z + d]! - slope)).toBeLessThan(5e-3);
          expect(hessian[(row * Z + i) * Z + d]).toBeCloseTo(hessian[(row * Z + d) * Z + i]!, 5);
        }
      }
    }
    expect(Math.max(...hessian.map(Math.abs))).toBeGreaterThan(0.05);
    likelihood.dispose();
  });

  it('runs a chain as a gradient call a step does', () => {
    const { decoder } = make(name);
    const likelihood = decoder.likelihood(batch, masksOf(decoder, batch));
    const noise = normals(4 * z.length, 8);
    const schedule = constantSchedule(0.1, 4);
    const run = shortRun(likelihood, z, noise, schedule, true);
    const plain = plainShortRun(likelihood, z, noise, schedule, true);
    plain.path!.forEach((value, i) => {
      expect(run.path![i]).toBeCloseTo(value, 4);
    });
    likelihood.dispose();
  });

  it('sums over the words of a sample alone, with what stands for the others, and teaches nothing along its way', () => {
    const { decoder } = make(name);
    const batch = batchOf([
      [4, 5, 4, 5, 4],
      [5, 4, 4, 5, 5],
    ]);
    const all = decoder.likelihood(batch, masksOf(decoder, batch));
    const key = { seed: 2, purpose: 'chain-vocabulary' } as const;
    const whole = sampleVocabulary(batch.targets, V, { frequent: V, sampled: 1 }, key);
    const few = sampleVocabulary(batch.targets, V, { frequent: 2, sampled: 1 }, key);
    const close = (a: Float32Array, b: Float32Array) => a.every((value, i) => Math.abs(value - b[i]!) < 1e-4);
    const of = (vocabulary: SampledVocabulary) => decoder.likelihood(batch, masksOf(decoder, batch), { vocabulary });
    const [ofWhole, ofFew] = [of(whole), of(few)];
    const wanted = all.gradient(z);
    expect(close(ofWhole.gradient(z).gradient, wanted.gradient)).toBe(true);
    expect(close(ofWhole.nll(z).nll, wanted.nll)).toBe(true);
    // A word that is not there takes its logit's share from the normalizer, so that what is left is likelier.
    const absent = Array.from({ length: V }, (_, id) => id).filter((id) => !few.ids.includes(id));
    expect(absent.length).toBeGreaterThan(0);
    const without = of({ ...few, corrections: few.corrections.map(() => 0) });
    const nll = without.nll(z).nll;
    nll.forEach((value, row) => {
      expect(value).toBeLessThan(wanted.nll[row]!);
    });
    // Its gradient is that of its own NLL, and a chain follows it.
    const { gradient } = ofFew.gradient(z);
    for (let d = 0; d < Z; d++) {
      const moved = (distance: number) => z.map((value, i) => (i % Z === d ? value + distance : value));
      const [up, down] = [ofFew.nll(moved(0.02)).nll, ofFew.nll(moved(-0.02)).nll];
      for (let row = 0; row < 2 * draws; row++) {
        expect(Math.abs(gradient[row * Z + d]! - (up[row]! - down[row]!) / 0.04)).toBeLessThan(2e-3);
      }
    }
    // Words that were never drawn add nothing.
    const filledUp = of(inWholeTiles(few, V));
    expect(close(filledUp.gradient(z).gradient, gradient)).toBe(true);
    expect(close(filledUp.nll(z).nll, ofFew.nll(z).nll)).toBe(true);
    const noise = normals(2 * z.length, 8);
    const schedule = constantSchedule(0.1, 2);
    expect(close(shortRun(ofFew, z, noise, schedule).z, plainShortRun(ofFew, z, noise, schedule).z)).toBe(true);
    expect(ofFew.shortRunWithGradients?.(z, noise, schedule, Float32Array.of(1, 1)) ?? null).toBeNull();
    for (const likelihood of [all, ofWhole, ofFew, without, filledUp]) likelihood.dispose();
  });

  it('leaves no tensors behind, masks and all', () => {
    const { decoder } = make(name);
    const before = tf.memory().numTensors;
    const vocabulary = sampleVocabulary(batch.targets, V, { frequent: 2, sampled: 1 }, { seed: 2, purpose: 'shuffle' });
    for (const options of [{}, { vocabulary }]) {
      const likelihood = decoder.likelihood(batch, masksOf(decoder, batch), options);
      likelihood.hessian(z);
      likelihood.tokenNll(z);
      shortRun(likelihood, z, normals(2 * z.length), constantSchedule(0.1, 2));
      likelihood.dispose();
    }
    const state = decoder.start(null, 2);
    const read = decoder.step(state, Int32Array.of(START, 4)).state;
    const kept = decoder.select(read, [1]);
    tf.dispose([state, read, kept]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('counts operations that grow with the batch and the sentence', () => {
    const { decoder } = make(name);
    const total = (size: number, tokens: number) => {
      const { words, latent } = decoder.flops({ size, tokens });
      return words + latent;
    };
    // The vocabulary and one square product of the hidden units at the very least.
    expect(total(1, 1)).toBeGreaterThan(2 * V * 6 + 2 * 6 * 6);
    expect(total(4, 5)).toBe(4 * total(1, 5));
    expect(total(1, 10)).toBeGreaterThanOrEqual(2 * total(1, 5));
  });

  it('does not take the weights of another decoder', () => {
    const { parameters } = make(name);
    for (const other of DECODER_NAMES) {
      if (other === name) continue;
      const stored = make(other).parameters.store();
      const load = () => parameters.restore(stored, 'best.safetensors');
      expect(load).toThrow(InputError);
      expect(load).toThrow(/best\.safetensors: .*decoder.*another model\.decoder/);
    }
    parameters.restore(make(name, { seed: 15 }).parameters.store(), 'best.safetensors');
  });

  it('has no likelihood of a code where it has no code', () => {
    expect(() => make(name, { latentSize: 0 }).decoder.likelihood(batch)).toThrow(/without latent dimensions/);
  });
});

describe('the portable likelihood', () => {
  it('says of an LSTM what its own says, Hessian and all, in more pieces than one', () => {
    const { decoder } = make('lstm');
    const batch = batchOf(SENTENCES);
    const own = decoder.likelihood(batch, masksOf(decoder, batch));
    const masks = masksOf(decoder, batch);
    const portable = new PortableLikelihood(
      batch,
      Z,
      (codes) => tf.expandDims(decoder.sentenceNll(batch, codes, masks), 0) as tf.Tensor2D,
      masks,
      0.01,
    );
    const z = normals(300 * Z);
    const [wanted, found] = [own.hessian(z), portable.hessian(z)];
    const worst = (a: Float32Array, b: Float32Array) =>
      a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
    expect(worst(wanted.nll, found.nll)).toBeLessThan(1e-4);
    expect(worst(wanted.gradient, found.gradient)).toBeLessThan(1e-4);
    expect(worst(wanted.hessian, found.hessian)).toBeLessThan(2e-3);
    expect(Math.max(...wanted.hessian.map(Math.abs))).toBeGreaterThan(0.5);
    own.dispose();
    portable.dispose();
  });
});

describe('what a run says of its decoder', () => {
  let run: RunConfig;
  beforeEach(() => {
    run = toyRun('lstm-lm');
  });

  it('is in the name of a language model', () => {
    expect(DECODER_NAMES.map((decoder) => languageModelLabel({ decoder }))).toEqual([
      'LSTM-LM',
      'GRU-LM',
      'Transformer-LM',
      'LSTM-LM',
    ]);
    const lm = methodNamed('lstm-lm');
    expect(lm.labelOf!({ model: { ...run.model, decoder: 'gru' } })).toBe('GRU-LM');
    expect(lm.labelOf!(run)).toBe(lm.label);
  });

  it('decides what its weights are', () => {
    const model = methodNamed('lstm-lm').create({ ...run, model: { ...run.model, decoder: 'gru' } }, toyCorpus(8));
    expect(model.parameters.names).toContain('decoder.gru.gateKernel');
    model.dispose();
  });

  it('has no bf16 where the decoder has none', () => {
    const parameters = new Parameters(1);
    expect(() => createDecoder(parameters, { ...runOf('gru'), precision: 'bf16' }, V)).toThrow(
      /bf16 is for model\.decoder: lstm/,
    );
    expect(parameters.names).toEqual([]);
  });
});
