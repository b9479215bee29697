import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { DEFAULTS } from '../../src/config/schema.js';
import { Parameters } from '../../src/model/parameters.js';
import { clipByGlobalNorm } from '../../src/ops/clip-by-global-norm.js';
import { Noted } from '../../src/ops/noted.js';
import { DivergenceError, GradientDescent } from '../../src/training/learner.js';
import { createOptimizer } from '../../src/training/optimizer.js';
import { toyRun } from './toy.js';

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe('a gradient that is known already', () => {
  const settings = { ...toyRun('sri').optimizer, name: 'sgd' as const, learningRate: 0.5 };

  /** After one update on a . (3, 0), with `added` to a's gradient and to b's, which the loss does not know. */
  function update(clipNorm: number | null, added: Record<string, number[]>, only?: (name: string) => boolean) {
    const parameters = new Parameters(1);
    const a = parameters.add<tf.Rank.R1>('a', [2], 0);
    parameters.add<tf.Rank.R1>('b', [1], 0);
    const learner = new GradientDescent(parameters, createOptimizer(settings, parameters), clipNorm);
    const gradients = new Map(Object.entries(added).map(([name, values]) => [name, tf.tensor1d(values)]));
    const result = learner.minimize(() => tf.sum(tf.mul(a, [3, 0])), only, gradients);
    const values = parameters.list.map((variable) => Array.from(variable.dataSync()));
    parameters.dispose();
    for (const tensor of gradients.values()) tensor.dispose();
    return { ...result, values };
  }

  it('is added to the loss’s before the clipping and the step', () => {
    const free = update(null, { a: [0, 4], b: [12] });
    expect(free.gradientNorm).toBeCloseTo(13, 5);
    expect(free.values).toEqual([[-1.5, -2], [-6]]);
    const clipped = update(6.5, { a: [0, 4], b: [12] });
    expect(clipped.gradientNorm).toBeCloseTo(13, 5);
    [-0.75, -1, -3].forEach((value, i) => {
      expect(clipped.values.flat()[i]).toBeCloseTo(value, 5);
    });
  });

  it('leaves alone what may not change, and a weight that has none', () => {
    expect(update(null, { a: [0, 4], b: [12] }, (name) => name === 'a')).toMatchObject({
      gradientNorm: 5,
      values: [[-1.5, -2], [0]],
    });
    expect(update(null, {}).values).toEqual([[-1.5, 0], [0]]);
  });

  it('that is not finite touches no weight', () => {
    expect(() => update(5, { b: [Number.NaN] })).toThrow(DivergenceError);
  });
});

describe('clipping', () => {
  /** How far `a` and `b` move on the loss 3 a + 4 b, whose gradient has the norm 5, clipped to 1 at a rate of 1. */
  function moves(only?: (name: string) => boolean, clipBy?: (name: string) => boolean) {
    const parameters = new Parameters(1);
    const a = parameters.add<tf.Rank.R1>('a', [1], 1);
    const b = parameters.add<tf.Rank.R1>('b', [1], 1);
    const before = [a, b].map((variable) => variable.dataSync()[0]!);
    const optimizer = createOptimizer({ ...DEFAULTS.optimizer, name: 'sgd', learningRate: 1 }, parameters);
    const learner = new GradientDescent(parameters, optimizer, 1);
    const { gradientNorm } = learner.minimize(
      () => tf.sum(tf.add(tf.mul(a, 3), tf.mul(b, 4))),
      only,
      undefined,
      clipBy,
    );
    const after = [a, b].map((variable) => variable.dataSync()[0]!);
    parameters.dispose();
    return { gradientNorm, moved: after.map((value, i) => Number((before[i]! - value).toFixed(5))) };
  }

  it('goes by the norm of the weights that may change, or of those it is told', () => {
    expect(moves()).toEqual({ gradientNorm: 5, moved: [0.6, 0.8] });
    expect(moves((name) => name === 'a')).toEqual({ gradientNorm: 3, moved: [1, 0] });
    expect(
      moves(
        (name) => name === 'a',
        () => true,
      ),
    ).toEqual({ gradientNorm: 5, moved: [0.6, 0] });
  });

  it.each([
    ['a weight that has no part in the norm', (a: tf.Variable, b: tf.Variable) => tf.add(a, tf.mul(b, Number.NaN))],
    ['the loss alone', (a: tf.Variable, b: tf.Variable) => tf.add(tf.add(a, b), Number.POSITIVE_INFINITY)],
  ])('lets nothing move where %s is not finite', (_, lossOf) => {
    const parameters = new Parameters(1);
    const [a, b] = ['a', 'b'].map((name) => parameters.add<tf.Rank.R1>(name, [1], 1));
    const before = [a!, b!].map((variable) => variable.dataSync()[0]);
    const optimizer = createOptimizer({ ...DEFAULTS.optimizer, name: 'sgd', learningRate: 1 }, parameters);
    const learner = new GradientDescent(parameters, optimizer, 1);
    const loss = () => tf.sum<tf.Scalar>(lossOf(a!, b!));
    expect(() => learner.minimize(loss, undefined, undefined, (name) => name === 'a')).toThrow(DivergenceError);
    expect([a!, b!].map((variable) => variable.dataSync()[0])).toEqual(before);
    parameters.dispose();
  });
});

describe('what is read in one go', () => {
  it('with the norm is no part of it', () => {
    tf.tidy(() => {
      const besides = [tf.scalar(7), tf.scalar(-2.5)];
      const { norm, scale, read } = clipByGlobalNorm([tf.tensor1d([3, 0]), tf.scalar(4)], 1, besides);
      expect({ norm, scale, read: [...read] }).toEqual({ norm: 5, scale: 0.2, read: [7, -2.5] });
      expect(clipByGlobalNorm([], 1, besides)).toMatchObject({ norm: 0, scale: 1 });
      expect(clipByGlobalNorm([], 1).read).toHaveLength(0);
    });
  });

  it('of a loss is what it was within, of several losses their sum', () => {
    const parameters = new Parameters(1);
    const a = parameters.add<tf.Rank.R1>('a', [1], 1);
    const learner = new GradientDescent(
      parameters,
      createOptimizer({ ...toyRun('sri').optimizer, name: 'sgd', learningRate: 1 }, parameters),
      null,
    );
    const start = a.dataSync()[0]!;
    const noted = new Noted();
    const tensors = tf.memory().numTensors;
    const half = () => {
      const square: tf.Scalar = tf.sum(tf.square(a));
      noted.keep(square, tf.scalar(2));
      return tf.div<tf.Scalar>(square, 2);
    };
    const { loss, gradientNorm } = learner.minimize([half, () => tf.sum<tf.Scalar>(tf.mul(a, 3))]);
    expect(loss).toBeCloseTo(start ** 2 / 2 + 3 * start, 5);
    expect(gradientNorm).toBeCloseTo(Math.abs(start + 3), 5);
    expect(a.dataSync()[0]).toBeCloseTo(-3, 5);
    // The loss as it was, not by the weights that the update has made.
    expect(noted.read()[0]).toBeCloseTo(start ** 2, 5);
    expect(noted.read()).toHaveLength(0);
    expect(tf.memory().numTensors).toBe(tensors);
    parameters.dispose();
  });
});
