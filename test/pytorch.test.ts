// The operations, the models and the optimizers on every backend this machine has, against the numbers that PyTorch gave
// for the same inputs in double precision (fixtures/pytorch.py writes them).

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { availableBackends, useBackend } from '../src/backends/index.js';
import { DEFAULTS } from '../src/config/schema.js';
import { dimensionKl } from '../src/methods/amortized-model.js';
import type { TokenBatch } from '../src/model/latent-decoder.js';
import { LstmDecoder } from '../src/model/lstm/decoder.js';
import { Encoder } from '../src/model/lstm/encoder.js';
import { Parameters } from '../src/model/parameters.js';
import { clipByGlobalNorm } from '../src/ops/clip-by-global-norm.js';
import { lstm } from '../src/ops/lstm.js';
import { tokenNll } from '../src/ops/token-nll.js';
import { createOptimizer } from '../src/training/optimizer.js';

type Nested = number | Nested[];
type Named = Record<string, Nested>;
interface Fixture {
  lstm: Named & { gradients: Named };
  tokenNll: Named & { gradients: Named };
  model: Named & { weights: Named; klWeight: number; droppedGradients: Named; annealVaeGradients: Named };
  optimizers: {
    start: Nested[];
    gradients: Nested[][];
    clipNorm: number;
    sgd: { learningRate: number; norms: number[]; weights: Nested[][] };
    adam: {
      learningRate: number;
      beta1: number;
      beta2: number;
      epsilon: number;
      norms: number[];
      weights: Nested[][];
    };
  };
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('fixtures/pytorch.json', import.meta.url), 'utf8'));

const flat = (value: Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flat));
const tensor = (value: Nested): tf.Tensor => tf.tensor(value as tf.TensorLike, undefined, 'float32');
const tensors = (values: Named, names: string[]): tf.Tensor[] => names.map((name) => tensor(values[name]!));

/** Every number within `tolerance` of the larger of 1 and the largest number wanted. */
function expectClose(actual: tf.Tensor, wanted: Nested, what: string, tolerance = 5e-6): void {
  const numbers = flat(wanted);
  const values = actual.dataSync();
  const scale = Math.max(1, ...numbers.map(Math.abs));
  expect(values.length, what).toBe(numbers.length);
  numbers.forEach((number, i) => {
    expect(Math.abs(values[i]! - number), `${what}[${i}]`).toBeLessThan(tolerance * scale);
  });
}

/** A decoder with `latentSize` dimensions and an encoder, with the fixture's weights. */
function models(latentSize: number) {
  const { weights } = fixture.model;
  const [vocabularySize, wordVectorSize] = tensor(weights['decoder.wordVectors']!).shape as [number, number];
  const hiddenSize = (weights['decoder.recurrentKernel'] as Nested[]).length;
  const sizes = { vocabularySize, wordVectorSize, hiddenSize, latentSize, wordDropout: 0.5, outputDropout: 0.5 };
  const parameters = new Parameters(0);
  const decoder = new LstmDecoder(parameters, sizes, 0.1, 0.1);
  const encoder = latentSize === 0 ? null : new Encoder(parameters, sizes, 0.1, 0.1);
  const stored = Object.entries(weights).map(([name, value]) => {
    const { shape } = tensor(value);
    return [name, { shape, data: Float32Array.from(flat(value)) }] as const;
  });
  parameters.restore(new Map(stored), 'pytorch.json');
  const [tokens, size] = tensor(fixture.model.inputs!).shape as [number, number];
  const words = (value: Nested) => Int32Array.from(flat(value));
  const batch: TokenBatch = {
    inputs: words(fixture.model.inputs!),
    targets: words(fixture.model.targets!),
    tokens,
    size,
  };
  return { parameters, decoder, encoder: encoder!, batch };
}

describe.each(await availableBackends())('as PyTorch, on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend, 2);
  });

  it('LSTM, forward and backward', () => {
    const names = ['wordGates', 'latentGates', 'initialHidden', 'recurrentKernel'];
    tf.tidy(() => {
      const inputs = tensors(fixture.lstm, names) as [tf.Tensor3D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      expectClose(lstm(...inputs), fixture.lstm.hidden!, 'hidden');
      const gradients = tf.grads((...args) => lstm(...(args as typeof inputs)))(inputs, tensor(fixture.lstm.upstream!));
      names.forEach((name, i) => {
        expectClose(gradients[i]!, fixture.lstm.gradients[name]!, name);
      });
    });
  });

  it('token NLL, forward and backward', () => {
    const names = ['hidden', 'outputKernel', 'outputBias'];
    tf.tidy(() => {
      const targets = tf.tensor1d(flat(fixture.tokenNll.targets!), 'int32');
      const inputs = tensors(fixture.tokenNll, names) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
      expectClose(tokenNll(...inputs, targets), fixture.tokenNll.nll!, 'nll');
      const f = (...args: tf.Tensor[]) => tokenNll(...(args as typeof inputs), targets);
      const gradients = tf.grads(f)(inputs, tensor(fixture.tokenNll.upstream!));
      names.forEach((name, i) => {
        expectClose(gradients[i]!, fixture.tokenNll.gradients[name]!, name);
      });
    });
  });

  it('NLL of the decoder, with z and as a language model', () => {
    const z = tensor(fixture.model.z!) as tf.Tensor2D;
    const latent = models(z.shape[1]);
    expectClose(latent.decoder.sentenceNll(latent.batch, z), fixture.model.nll!, 'nll');
    latent.parameters.dispose();
    const language = models(0);
    expectClose(language.decoder.sentenceNll(language.batch, null), fixture.model.languageModelNll!, 'nll');
    language.parameters.dispose();
  });

  it('gradient of every weight and of z, under dropout', () => {
    const { z, wordMask, outputMask, droppedNll, droppedGradients } = fixture.model;
    const code = tf.variable(tensor(z!)) as tf.Variable<tf.Rank.R2>;
    const { parameters, decoder, batch } = models(code.shape[1]);
    const masks = { words: tensor(wordMask!) as tf.Tensor3D, outputs: tensor(outputMask!) as tf.Tensor3D };
    expectClose(decoder.sentenceNll(batch, code, masks), droppedNll!, 'nll');
    const { grads } = tf.variableGrads(() => tf.mean(decoder.sentenceNll(batch, code, masks)));
    expectClose(grads[code.name]!, droppedGradients.z!, 'z');
    parameters.names.forEach((name, i) => {
      const gradient = grads[parameters.list[i]!.name];
      if (name.startsWith('decoder.')) expectClose(gradient!, droppedGradients[name]!, name);
    });
    code.dispose();
    parameters.dispose();
  });

  it('the encoder, and the gradient of the loss of Anneal-VAE', () => {
    const { noise, klWeight, mean, logVariance, kl, annealVaeLoss, annealVaeGradients } = fixture.model;
    const normals = tensor(noise!) as tf.Tensor2D;
    const { parameters, decoder, encoder, batch } = models(normals.shape[1]);
    const encoded = encoder.encode(batch);
    expectClose(encoded.mean, mean!, 'mean');
    expectClose(encoded.logVariance, logVariance!, 'log variance');
    expectClose(tf.sum(dimensionKl(encoded), 1), kl!, 'KL');
    const { value, grads } = tf.variableGrads(() => {
      const q = encoder.encode(batch);
      const z = tf.add(q.mean, tf.mul(tf.exp(tf.div(q.logVariance, 2)), normals)) as tf.Tensor2D;
      const weighted = tf.mul(tf.sum(dimensionKl(q), 1), klWeight);
      return tf.mean(tf.add(decoder.sentenceNll(batch, z), weighted)) as tf.Scalar;
    });
    expectClose(value, annealVaeLoss!, 'loss');
    parameters.names.forEach((name, i) => {
      expectClose(grads[parameters.list[i]!.name]!, annealVaeGradients[name]!, name);
    });
    parameters.dispose();
  });

  it.each(['sgd', 'adam'] as const)('three clipped updates by %s', (name) => {
    const { start, gradients, clipNorm } = fixture.optimizers;
    const { norms, weights, ...settings } = fixture.optimizers[name];
    const parameters = new Parameters(0);
    start.forEach((value, i) => {
      const given = tensor(value);
      parameters.add(`weight${i}`, given.shape as tf.ShapeMap[tf.Rank], 1).assign(given);
    });
    const optimizer = createOptimizer({ ...DEFAULTS.optimizer, name, ...settings }, parameters);
    gradients.forEach((step, i) => {
      const given = step.map(tensor);
      const { norm, scale } = clipByGlobalNorm(given, clipNorm);
      expect(Math.abs(norm - norms[i]!)).toBeLessThan(1e-6 * norm);
      optimizer.step(given, scale);
      parameters.list.forEach((parameter, j) => {
        expectClose(parameter, weights[i]![j]!, `weight ${j} after update ${i}`, 1e-6);
      });
    });
    optimizer.dispose();
    parameters.dispose();
  });
});
