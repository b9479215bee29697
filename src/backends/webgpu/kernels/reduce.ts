// Sums, means and maxima along axes, and the softmax of rows.

import * as tf from '@tensorflow/tfjs-core';
import type { WebgpuBackend } from '../backend.js';
import { Float, type GpuBuffer } from '../gpu.js';
import { type Info, kernel, type PlainKernel } from '../kernel.js';
import { arrange, stridesOf } from './arrange.js';

/** The codes of reduce.wgsl. */
const OPERATIONS = { sum: 0, max: 1, min: 2, argMax: 3, prod: 4 } as const;
type Operation = keyof typeof OPERATIONS;

/** Neighbouring outputs of a workgroup, where outputs are neighbours in memory. */
const COLUMNS = 32;

/** `[outer, size, inner]` over the middle axis, times `factor`; added to what `to` holds, or in its place. */
export function reduceBuffer(
  backend: WebgpuBackend,
  operation: Operation,
  from: GpuBuffer,
  to: GpuBuffer,
  [outer, size, inner]: readonly [number, number, number],
  factor = 1,
  accumulate = false,
): void {
  const outputs = outer * inner;
  if (outputs === 0) return;
  // Short sums side by side need no help from other threads.
  const columns = size <= 4 ? 256 : inner === 1 ? 1 : COLUMNS;
  backend.gpu.run({
    shader: 'reduce',
    constants: { COLUMNS: columns },
    parameters: [outer, size, inner, OPERATIONS[operation], new Float(factor), accumulate ? 1 : 0],
    buffers: [from, to],
    workgroups: backend.gpu.workgroups(outputs, columns),
  });
}

function reduced(
  backend: WebgpuBackend,
  operation: Operation,
  x: Info,
  axis: number | number[] | undefined,
  keepDims: boolean,
  { mean = false, dtype = 'float32' as tf.DataType } = {},
): Info | null {
  if (x.dtype !== 'float32') return null;
  const over = tf.util.parseAxisParam(axis ?? x.shape.map((_, i) => i), x.shape);
  const shape = x.shape.flatMap((size, i) => (over.includes(i) ? (keepDims ? [1] : []) : [size]));
  const size = over.reduce((product, i) => product * x.shape[i]!, 1);
  const { info, buffer } = backend.make(shape, dtype);
  const factor = mean ? 1 / size : 1;
  const [first, last] = [Math.min(...over, x.shape.length), Math.max(...over, -1)];
  if (last - first + 1 === over.length) {
    const outer = tf.util.sizeFromShape(x.shape.slice(0, first));
    const inner = tf.util.sizeFromShape(x.shape.slice(last + 1));
    reduceBuffer(backend, operation, backend.buffer(x), buffer, [outer, size, inner], factor);
    return info;
  }
  // Axes with others between them are brought to the end first.
  const order = [...x.shape.keys()].sort((a, b) => Number(over.includes(a)) - Number(over.includes(b)) || a - b);
  const turned = order.map((i) => x.shape[i]!);
  const strides = stridesOf(x.shape);
  const scratch = backend.gpu.take(4 * tf.util.sizeFromShape(turned));
  arrange(backend, {
    shape: turned,
    from: { buffer: backend.buffer(x), strides: order.map((i) => strides[i]!) },
    to: { buffer: scratch, strides: stridesOf(turned) },
  });
  reduceBuffer(backend, operation, scratch, buffer, [tf.util.sizeFromShape(shape), size, 1], factor);
  backend.gpu.give(scratch);
  return info;
}

const alongAxis = (operation: Operation, mean = false) =>
  kernel<{ axis: number | number[]; keepDims: boolean }>((backend, { x }, { axis, keepDims }) =>
    reduced(backend, operation, x!, axis, keepDims, { mean }),
  );

const extreme = (operation: Operation) =>
  kernel<{ reductionIndices?: number | number[]; axis?: number | number[]; keepDims: boolean }>(
    (backend, { x }, { reductionIndices, axis, keepDims }) =>
      reduced(backend, operation, x!, reductionIndices ?? axis, keepDims),
  );

function softmaxed(backend: WebgpuBackend, logits: Info, dim: number, logarithm: boolean): Info | null {
  const size = logits.shape.at(-1)!;
  if (logits.dtype !== 'float32' || (dim !== -1 && dim !== logits.shape.length - 1)) return null;
  const { info, buffer } = backend.make(logits.shape);
  const rows = tf.util.sizeFromShape(logits.shape) / size;
  backend.gpu.run({
    shader: 'softmax',
    parameters: [rows, size, logarithm ? 1 : 0],
    buffers: [backend.buffer(logits), buffer],
    workgroups: backend.gpu.workgroups(rows),
  });
  return info;
}

export const REDUCING: Record<string, PlainKernel> = {
  Sum: alongAxis('sum'),
  Mean: alongAxis('sum', true),
  Prod: alongAxis('prod'),
  Max: extreme('max'),
  Min: extreme('min'),
  ArgMax: kernel<{ axis: number }>((backend, { x }, { axis }) =>
    reduced(backend, 'argMax', x!, axis, false, { dtype: 'int32' }),
  ),
  Softmax: kernel<{ dim: number }>((backend, { logits }, { dim }) => softmaxed(backend, logits!, dim, false)),
  LogSoftmax: kernel<{ axis: number }>((backend, { logits }, { axis }) => softmaxed(backend, logits!, axis, true)),
};
