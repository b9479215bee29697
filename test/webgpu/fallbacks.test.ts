// What no kernel of the webgpu backend computes: done by the processor, counted, and told.

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { clearFallbacks, countFallback, fallbacks } from '../../src/backends/fallbacks.js';
import { useBackend } from '../../src/backends/index.js';
import { sri } from '../cli/in-process.js';

beforeAll(async () => {
  await useBackend('webgpu', 1);
});
beforeEach(clearFallbacks);

it('is computed all the same, one output or several, and counted', () => {
  tf.tidy(() => {
    const x = tf.mul(tf.tensor2d([3, 1, 2, 6, 5, 4], [2, 3]), 2);
    expect([...tf.cumsum(x, 1).dataSync()]).toEqual([6, 8, 12, 12, 22, 30]);
    const { values, indices } = tf.topk(x, 2);
    expect([...values.dataSync()]).toEqual([6, 4, 12, 10]);
    expect([...indices.dataSync()]).toEqual([0, 2, 0, 1]);
    // What comes of it is a tensor like any other.
    expect([...tf.add(tf.cumsum(x, 1), 1).dataSync()]).toEqual([7, 9, 13, 13, 23, 31]);
  });
  expect(fallbacks()).toEqual({ Cumsum: 2, TopK: 1 });
});

it('a dtype that a kernel does not take goes the same way', () => {
  expect(tf.tidy(() => tf.sum(tf.tensor1d([1, 2, 3], 'int32')).dataSync()[0])).toBe(6);
  expect(fallbacks()).toEqual({ Sum: 1 });
});

it('is told after a command, to a person and to a program', async () => {
  countFallback('Cumsum');
  const { out, error } = await sri('reproduce', '--config', 'sotu.yaml', '--table', '1', '--dry-run', '--json');
  expect(error).toMatch(/let the processor compute, which is slow: Cumsum 1 time$/m);
  expect(JSON.parse(out.trimEnd().split('\n').at(-1)!)).toEqual({ event: 'fallbacks', kernels: { Cumsum: 1 } });
});
