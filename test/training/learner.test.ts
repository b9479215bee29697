import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { DEFAULTS } from '../../src/config/schema.js';
import { Parameters } from '../../src/model/parameters.js';
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
});
