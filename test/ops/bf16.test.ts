// The differentiable operations by products of bf16 operands, beside the same in f32: what a training loss is made of.

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import type { Precision } from '../../src/config/choices.js';
import { lstm } from '../../src/ops/lstm.js';
import { currentPrecision, inPrecision } from '../../src/ops/precision.js';
import { product } from '../../src/ops/product.js';
import { tokenNll } from '../../src/ops/token-nll.js';
import { addon, Random } from '../native/fixtures.js';

await useBackend('native', 2);

const random = new Random(1);
const tensor = (shape: number[], range = 1) =>
  tf.tensor(
    random.floats(
      shape.reduce((a, b) => a * b, 1),
      range,
    ),
    shape,
  );

type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

/** Tokens, sentences, rows, word vector, hidden, vocabulary. */
const [T, B, R, E, H, V] = [5, 3, 6, 20, 37, 600];

const targets = tf.tensor1d(random.integers(T * R, V), 'int32');
const OPERATIONS: [name: string, operation: Operation, inputs: tf.Tensor[]][] = [
  [
    'lstm',
    (words, latent, initial, kernel) =>
      lstm(words as tf.Tensor3D, latent as tf.Tensor2D, initial as tf.Tensor2D, kernel as tf.Tensor2D),
    [tensor([T, B, 4 * H]), tensor([R, 4 * H]), tensor([R, H]), tensor([H, 4 * H], 0.3)],
  ],
  [
    'tokenNll',
    (hidden, kernel, bias) => tokenNll(hidden as tf.Tensor2D, kernel as tf.Tensor2D, bias as tf.Tensor1D, targets),
    [tensor([T * R, H]), tensor([V, H], 0.5), tensor([V])],
  ],
  ['product', (a, b) => product(a as tf.Tensor2D, b as tf.Tensor2D), [tensor([T * B, E]), tensor([E, 4 * H])]],
];

const norm = (x: Float32Array) => Math.hypot(...x);
const difference = (x: Float32Array, y: Float32Array) => norm(x.map((value, i) => value - y[i]!)) / norm(x);

describe.runIf(addon.info().bf16)('in bf16', () => {
  it.each(OPERATIONS)('%s and its gradients are those of f32 to eight bits', (_, operation, inputs) => {
    const all = (precision: Precision) =>
      tf.tidy(() => {
        const value = inPrecision(precision, () => operation(...inputs));
        const upstream = tf.reshape(tf.cos(tf.range(0, value.size)), value.shape);
        const gradients = inPrecision(precision, () => tf.grads(operation)(inputs, upstream));
        return [value, ...gradients].map((one) => one.dataSync<'float32'>().slice());
      });
    const exact = all('f32');
    const rounded = all('bf16');
    exact.forEach((values, i) => {
      const error = difference(values, rounded[i]!);
      expect(error, `output ${i}`).toBeLessThan(2 ** -6);
      // If this were zero, the products would not have been bf16.
      expect(error, `output ${i}`).toBeGreaterThan(2 ** -16);
    });
    // The same bits again.
    expect(all('bf16')).toEqual(rounded);
    expect(all('f32')).toEqual(exact);
  });

  it.each(OPERATIONS)(
    'the gradient of %s is of the precision of its value, wherever it is taken',
    (_, operation, inputs) => {
      tf.tidy(() => {
        const sum: Operation = (...x) => tf.sum(operation(...x));
        const inside = inPrecision('bf16', () => tf.grads(sum)(inputs));
        const outside = tf.grads((...x) => inPrecision('bf16', () => sum(...x)))(inputs);
        const single = tf.grads(sum)(inputs);
        inputs.forEach((_, i) => {
          expect(outside[i]!.dataSync()).toEqual(inside[i]!.dataSync());
          expect(single[i]!.dataSync()).not.toEqual(inside[i]!.dataSync());
        });
      });
    },
  );
});

describe('inPrecision', () => {
  it('holds inside alone, whatever happens there', () => {
    expect(currentPrecision()).toBe('f32');
    const seen = inPrecision('bf16', () => [inPrecision('f32', currentPrecision), currentPrecision()]);
    expect(seen).toEqual(['f32', 'bf16']);
    expect(() =>
      inPrecision('bf16', () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(currentPrecision()).toBe('f32');
  });
});
