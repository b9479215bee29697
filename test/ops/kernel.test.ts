// The seam between operations and backends: what does not fit it does not compile, and both sides know the same names.

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { availableBackends, useBackend } from '../../src/backends/index.js';
import {
  hasKernel,
  type Kernel,
  type KernelInputs,
  type KernelName,
  type Kernels,
  runKernel,
} from '../../src/ops/kernel.js';

describe('the kernel seam', async () => {
  const backends = await availableBackends();

  it.runIf(backends.includes('native'))(
    'hands a kernel what its operation says, and gives back what it says',
    async () => {
      await useBackend('native', 1);
      expect(hasKernel('SquaredNorm')).toBe(true);
      const norm = tf.tidy(() => runKernel('SquaredNorm', { x: tf.tensor1d([3, 4]) }).dataSync()[0]);
      expect(norm).toBe(25);
      await useBackend('cpu', 1);
      expect(hasKernel('SquaredNorm')).toBe(false);
    },
  );

  it('refuses a wrong name, input, attribute or output when it is compiled', () => {
    // Never run: what each line is marked with is the assertion.
    const wrong = (tensor: tf.Tensor1D) => [
      // @ts-expect-error no such kernel
      runKernel('SquareNorm', { x: tensor }),
      // @ts-expect-error no such input
      runKernel('SquaredNorm', { y: tensor }),
      // @ts-expect-error an attribute is missing
      runKernel('EmbeddingGradient', { dRows: tensor, ids: tensor }),
      // @ts-expect-error no such attribute
      runKernel('Sgd', { parameter: tensor, gradient: tensor }, { rate: 1, scale: 1 }),
    ];
    expectTypeOf(wrong).toBeFunction();
    const two = (_: null, { x }: KernelInputs<'SquaredNorm'>) => [x, x];
    // @ts-expect-error one tensor is wanted
    const implementation: Kernel<'SquaredNorm', null> = two;
    expectTypeOf(implementation).toBeFunction();
    expectTypeOf<Kernels['ShortRun']['outputs'][0]>().toEqualTypeOf<tf.Tensor2D>();
    expectTypeOf<KernelName>().toExtend<string>();
    expect(wrong).toHaveLength(1);
  });
});
