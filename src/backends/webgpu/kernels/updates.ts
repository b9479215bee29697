// What an update of the weights needs besides the decoder: word vectors and their gradient, dropout masks, norms, and the
// optimizers.

import * as tf from '@tensorflow/tfjs-core';
import { Float } from '../gpu.js';
import type { WebgpuKernel } from '../kernel.js';
import { fillBuffer, gatherRows } from './arrange.js';
import { reduceBuffer } from './reduce.js';

export const embedding: WebgpuKernel<'Embedding'> = (backend, { table, ids }) => {
  const [rows, inner] = table.shape as [number, number];
  const count = tf.util.sizeFromShape(ids.shape);
  return gatherRows(backend, table, ids, { shape: [...ids.shape, inner], rows, count, inner });
};

export const embeddingGradient: WebgpuKernel<'EmbeddingGradient'> = (backend, { dRows, ids }, { shape }) => {
  const { info, buffer } = backend.make(shape);
  const count = tf.util.sizeFromShape(ids.shape);
  fillBuffer(backend, buffer, shape[0] * shape[1], new Float(0));
  backend.gpu.run({
    shader: 'embedding-gradient',
    parameters: [count, shape[1]],
    buffers: [backend.buffer(ids), backend.buffer(dRows), buffer],
    workgroups: backend.gpu.workgroups(count),
  });
  return info;
};

export const dropoutMask: WebgpuKernel<'DropoutMask'> = (backend, _, { shape, rate, words }) => {
  const { info, buffer } = backend.make(shape);
  const count = tf.util.sizeFromShape(shape);
  // A word is a zero where word / 2^32 < rate.
  const threshold = Math.min(Math.ceil(rate * 2 ** 32), 2 ** 32 - 1);
  backend.gpu.run({
    shader: 'dropout-mask',
    parameters: [count, ...words, threshold, new Float(1 / (1 - rate))],
    buffers: [buffer],
    workgroups: backend.gpu.workgroups(count, 4 * 256),
  });
  return info;
};

/** Pieces that a norm is added up in. */
const PIECES = 256;

export const squaredNorm: WebgpuKernel<'SquaredNorm'> = (backend, { x }) => {
  const { info, buffer } = backend.make([]);
  const count = tf.util.sizeFromShape(x.shape);
  const piece = Math.max(1024, Math.ceil(count / PIECES));
  const pieces = Math.ceil(count / piece);
  const partial = backend.gpu.take(4 * pieces);
  backend.gpu.run({
    shader: 'squared-norm',
    parameters: [count, piece],
    buffers: [backend.buffer(x), partial],
    workgroups: [pieces],
  });
  reduceBuffer(backend, 'sum', partial, buffer, [1, pieces, 1]);
  backend.gpu.give(partial);
  return info;
};

export const adam: WebgpuKernel<'Adam'> = (backend, inputs, attributes) => {
  const { learningRate, beta1, beta2, epsilon, step, scale } = attributes;
  const { parameter, firstMoment, secondMoment, gradient } = inputs;
  const count = tf.util.sizeFromShape(parameter.shape);
  const numbers = [
    learningRate / (1 - beta1 ** step),
    beta1,
    beta2,
    epsilon,
    1 / (1 - beta2 ** step),
    scale,
    1 - beta1,
    1 - beta2,
  ];
  backend.gpu.run({
    shader: 'adam',
    parameters: [count, ...numbers.map((value) => new Float(value))],
    buffers: [gradient, parameter, firstMoment, secondMoment].map((x) => backend.buffer(x)),
    workgroups: backend.gpu.workgroups(count, 256),
  });
  backend.changed(parameter);
  return [];
};

export const sgd: WebgpuKernel<'Sgd'> = (backend, inputs, { learningRate, scale }) => {
  const { parameter, gradient } = inputs;
  const count = tf.util.sizeFromShape(parameter.shape);
  backend.gpu.run({
    shader: 'sgd',
    parameters: [count, new Float(learningRate * scale)],
    buffers: [backend.buffer(gradient), backend.buffer(parameter)],
    workgroups: backend.gpu.workgroups(count, 256),
  });
  backend.changed(parameter);
  return [];
};
