// Tensors of the native backend as those of tfjs's own CPU backend: what one says stays what it is, whatever becomes of those
// that it was made of, although their memory is reused.

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';

await useBackend('native', 1);

/** Large enough for its memory to be reused. */
const SIZE = 128;

const OF_ONE: Record<string, (x: tf.Tensor2D) => tf.Tensor> = {
  slice: (x) => tf.slice(x, [1, 0], [64, SIZE]),
  'slice of all': (x) => tf.slice(x, [0, 0]),
  split: (x) => tf.split(x, 2, 0)[1]!,
  unstack: (x) => tf.unstack(x)[3]!,
  'strided slice': (x) => tf.stridedSlice(x, [0, 0], [64, SIZE], [1, 1]),
  reshape: (x) => tf.reshape(x, [SIZE * SIZE]),
  cast: (x) => tf.cast(x, 'float32'),
  concat: (x) => tf.concat([x, tf.zeros([0, SIZE])]),
  stack: (x) => tf.stack([x]),
  pad: (x) =>
    tf.pad(x, [
      [0, 0],
      [0, 0],
    ]),
  complex: (x) => tf.real(tf.complex(x, x)),
  'batches in space': (x) =>
    tf.batchToSpaceND(
      tf.reshape(x, [1, SIZE, SIZE, 1]),
      [1, 1],
      [
        [0, 0],
        [0, 0],
      ],
    ),
  gather: (x) => tf.gather(x, tf.tensor1d([5, 6], 'int32')),
  'greatest of rows': (x) => tf.topk(x, 3).values,
};

describe('a tensor made of another', () => {
  const ones = tf.ones<tf.Rank.R2>([SIZE, SIZE]);

  it.each(Object.entries(OF_ONE))('%s: stays when that is gone and its memory is another’s', (_, of) => {
    const base = tf.matMul(ones, ones) as tf.Tensor2D;
    const made = of(base);
    base.dispose();
    const others = Array.from({ length: 4 }, () => tf.matMul(tf.fill([SIZE, SIZE], 7), ones));
    expect(new Set(made.dataSync())).toEqual(new Set([SIZE]));
    tf.dispose([made, ...others]);
  });

  it('is not changed with it in place', () => {
    const weights = tf.variable(tf.ones([SIZE, SIZE]));
    const before = tf.slice(weights, [0, 0]);
    tf.train.sgd(1).applyGradients({ [weights.name]: tf.ones([SIZE, SIZE]) });
    expect(before.dataSync()[0]).toBe(1);
    tf.dispose([weights, before]);
  });

  it('the gradients of joined weights', () => {
    const [a, b] = [tf.variable(tf.ones([64, SIZE])), tf.variable(tf.ones([64, SIZE]))];
    const { value, grads } = tf.variableGrads(() => tf.sum(tf.matMul(ones, tf.concat([a, b], 0))), [a, b]);
    const other = tf.matMul(tf.fill([SIZE, SIZE], 7), ones);
    for (const gradient of Object.values(grads)) expect(new Set(gradient.dataSync())).toEqual(new Set([SIZE]));
    tf.dispose([a, b, value, other, ...Object.values(grads)]);
  });
});

describe('a product', () => {
  const numbers = (shape: number[]) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => ((7 * i) % 11) - 5),
      shape,
    );

  it.each([
    { a: [2, 3], b: [3, 5] },
    { a: [3, 2], b: [3, 5], transposeA: true },
    { a: [4, 2, 3], b: [3, 5] },
    { a: [2, 3], b: [4, 5, 3], transposeB: true },
    { a: [1, 3, 2, 2], b: [4, 1, 2, 3] },
    { a: [2, 1, 3, 2], b: [3, 2, 4] },
    { a: [0, 3], b: [3, 2] },
    { a: [2, 0], b: [0, 2] },
  ])('of $a and $b is what sums over the common axis give', ({ a, b, transposeA = false, transposeB = false }) => {
    const [x, y] = [numbers(a), numbers(b)];
    const product = tf.matMul(x, y, transposeA, transposeB);
    const flip = (tensor: tf.Tensor, flipped: boolean) =>
      flipped ? tf.transpose(tensor, [...Array(tensor.rank - 2).keys(), tensor.rank - 1, tensor.rank - 2]) : tensor;
    const plain = tf.sum(tf.mul(tf.expandDims(flip(x, transposeA), -1), tf.expandDims(flip(y, transposeB), -3)), -2);
    expect(product.shape).toEqual(plain.shape);
    expect(Array.from(product.dataSync())).toEqual(Array.from(plain.dataSync()));
  });

  it('of shapes that do not fit is refused', () => {
    expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([4, 5]))).toThrow(/inner shapes \(3\) and \(4\)/);
    expect(() => tf.matMul(tf.ones([4, 2, 3]), tf.ones([2, 3, 5]))).toThrow(/broadcast/);
  });
});
