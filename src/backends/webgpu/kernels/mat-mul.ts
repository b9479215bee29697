// Matrix products.

import * as tf from '@tensorflow/tfjs-core';
import type { WebgpuBackend } from '../backend.js';
import { Float, type GpuBuffer } from '../gpu.js';
import { kernel, type PlainKernel } from '../kernel.js';

/** Rows and columns of a workgroup. */
const TILE = 64;

export interface Product {
  m: number;
  n: number;
  k: number;
  transposeA?: boolean;
  transposeB?: boolean;
  /** How many products, and the numbers from one operand to the next; 0 where all share it. */
  stacks?: number;
  aStack?: number;
  bStack?: number;
  /** Where in the buffer `a` begins. */
  aStart?: number;
  /** Multiplied onto the product. */
  factor?: number;
  /** Adds the product to what `out` holds. */
  accumulate?: boolean;
}

/** out = factor a b, or out += factor a b, `[m, k]` by `[k, n]`, either as it lies or transposed, for one or a stack of them. */
export function multiply(backend: WebgpuBackend, a: GpuBuffer, b: GpuBuffer, out: GpuBuffer, product: Product): void {
  const { m, n, k, transposeA = false, transposeB = false, stacks = 1, aStack = 0, bStack = 0 } = product;
  const { aStart = 0, factor = 1, accumulate = false } = product;
  if (m * n * stacks === 0) return;
  const { maxWorkgroups } = backend.gpu.facts;
  for (let firstStack = 0; firstStack < stacks; firstStack += maxWorkgroups) {
    backend.gpu.run({
      shader: 'mat-mul',
      constants: { ROWS: TILE },
      parameters: [
        m,
        n,
        k,
        transposeA ? 1 : 0,
        transposeB ? 1 : 0,
        aStack,
        bStack,
        aStart,
        accumulate ? 1 : 0,
        new Float(factor),
        firstStack,
      ],
      buffers: [a, b, out],
      workgroups: [Math.ceil(m / TILE), Math.ceil(n / TILE), Math.min(stacks - firstStack, maxWorkgroups)],
    });
  }
}

const batchMatMul = kernel<{ transposeA: boolean; transposeB: boolean }>((backend, { a, b }, attributes) => {
  if (a!.dtype !== 'float32' || b!.dtype !== 'float32') return null;
  const { transposeA, transposeB } = attributes;
  const [aOuter, bOuter] = [a!.shape.slice(0, -2), b!.shape.slice(0, -2)];
  const [aStacks, bStacks] = [tf.util.sizeFromShape(aOuter), tf.util.sizeFromShape(bOuter)];
  // Other stacks tfjs's own kernel broadcasts, and what does not go together it refuses.
  if (Math.min(aStacks, bStacks) !== 1 && !tf.util.arraysEqual(aOuter, bOuter)) return null;
  const [aRows, aColumns] = a!.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b!.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (inner !== k) return null;
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(aOuter, bOuter);
  const { info, buffer } = backend.make([...outer, m, n]);
  multiply(backend, backend.buffer(a!), backend.buffer(b!), buffer, {
    m,
    n,
    k,
    transposeA,
    transposeB,
    stacks: Math.max(aStacks, bStacks),
    aStack: aStacks === 1 ? 0 : m * k,
    bStack: bStacks === 1 ? 0 : k * n,
  });
  return info;
});

export const PRODUCTS: Record<string, PlainKernel> = { BatchMatMul: batchMatMul };
