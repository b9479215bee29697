// Operations on numbers one by one. The functions' codes are those of unary.wgsl and binary.wgsl.

import * as tf from '@tensorflow/tfjs-core';
import type { WebgpuBackend } from '../backend.js';
import { Float } from '../gpu.js';
import { type Info, type Inputs, kernel, type PlainKernel } from '../kernel.js';
import { axes, copyNumbers, fillBuffer } from './arrange.js';

const UNARY = {
  Neg: 0,
  Exp: 1,
  Log: 2,
  Tanh: 3,
  Sigmoid: 4,
  Square: 5,
  Sqrt: 6,
  Rsqrt: 7,
  Abs: 8,
  Reciprocal: 9,
  Relu: 10,
  Softplus: 11,
  Sign: 12,
} as const;
const CLIP = 13;
const STEP = 14;
const FLOAT_TO_INTEGER = 100;
const INTEGER_TO_FLOAT = 101;
const FLOAT_TO_TRUTH = 102;
const INTEGER_TO_TRUTH = 103;
const NOT = 104;
const NEGATE_INTEGER = 105;

const BINARY = {
  Add: 0,
  Sub: 1,
  Multiply: 2,
  RealDiv: 3,
  Maximum: 4,
  Minimum: 5,
  SquaredDifference: 6,
  Pow: 7,
  Greater: 8,
  GreaterEqual: 9,
  Less: 10,
  LessEqual: 11,
  Equal: 12,
  NotEqual: 13,
  LogicalAnd: 14,
  LogicalOr: 15,
} as const;
type BinaryName = keyof typeof BINARY;
/** Operations that WGSL's integers have no like of. */
const FLOATS_ONLY: readonly BinaryName[] = ['RealDiv', 'Pow'];

function unary(
  backend: WebgpuBackend,
  x: Info,
  operation: number,
  dtype: tf.DataType = x.dtype,
  own: readonly number[] = [0, 0],
): Info {
  const count = tf.util.sizeFromShape(x.shape);
  const { info, buffer } = backend.make(x.shape, dtype);
  if (count > 0) {
    backend.gpu.run({
      shader: 'unary',
      parameters: [count, operation, ...own.map((value) => new Float(value))],
      buffers: [backend.buffer(x), buffer],
      workgroups: backend.gpu.workgroups(count, 256),
    });
  }
  return info;
}

/** `a` and `b` of one dtype, repeated to a common shape. */
function binary(backend: WebgpuBackend, name: BinaryName, a: Info, b: Info): Info | null {
  const integers = a.dtype !== 'float32';
  if (a.dtype !== b.dtype || (integers && FLOATS_ONLY.includes(name))) return null;
  const operation = BINARY[name];
  const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  const { info, buffer } = backend.make(shape, operation >= BINARY.Greater ? 'bool' : a.dtype);
  const count = tf.util.sizeFromShape(shape);
  if (count === 0) return info;
  const strides = (x: Info) => {
    const own = tf.util.computeStrides(x.shape);
    const full = [...own, 1].slice(0, x.shape.length);
    return shape.map((_, i) => {
      const axis = i - (shape.length - x.shape.length);
      return axis < 0 || x.shape[axis] === 1 ? 0 : full[axis]!;
    });
  };
  const space = axes(shape, [strides(a), strides(b)]);
  backend.gpu.run({
    shader: 'binary',
    parameters: [count, operation, space.rank, integers ? 1 : 0, ...space.words],
    buffers: [backend.buffer(a), backend.buffer(b), buffer],
    workgroups: backend.gpu.workgroups(count, 256),
  });
  return info;
}

export function add(backend: WebgpuBackend, a: Info, b: Info): Info {
  return binary(backend, 'Add', a, b)!;
}

function filled(backend: WebgpuBackend, shape: readonly number[], value: number, dtype: tf.DataType): Info {
  const { info, buffer } = backend.make(shape, dtype);
  const bits = dtype === 'float32' ? new Float(value) : value >>> 0;
  fillBuffer(backend, buffer, tf.util.sizeFromShape(info.shape), bits);
  return info;
}

const cast = kernel<{ dtype: tf.DataType }>((backend, { x }, { dtype }) => {
  const from = x!.dtype;
  if (from === dtype) return backend.alias(x!, x!.shape);
  if (from === 'bool' && dtype === 'int32') {
    const { info, buffer } = backend.make(x!.shape, dtype);
    copyNumbers(backend, tf.util.sizeFromShape(x!.shape), { buffer: backend.buffer(x!) }, { buffer });
    return info;
  }
  if (dtype === 'float32' && from !== 'string') return unary(backend, x!, INTEGER_TO_FLOAT, dtype);
  if (dtype === 'int32' && from === 'float32') return unary(backend, x!, FLOAT_TO_INTEGER, dtype);
  if (dtype === 'bool' && from !== 'string') {
    return unary(backend, x!, from === 'float32' ? FLOAT_TO_TRUTH : INTEGER_TO_TRUTH, dtype);
  }
  return null;
});

const select = kernel((backend, { condition, t, e }) => {
  const { info, buffer } = backend.make(t!.shape, t!.dtype);
  const count = tf.util.sizeFromShape(t!.shape);
  const conditions = tf.util.sizeFromShape(condition!.shape);
  if (t!.dtype !== e!.dtype || count === 0) return t!.dtype === e!.dtype ? info : null;
  backend.gpu.run({
    shader: 'select',
    parameters: [count, count / conditions],
    buffers: [backend.buffer(condition!), backend.buffer(t!), backend.buffer(e!), buffer],
    workgroups: backend.gpu.workgroups(count, 256),
  });
  return info;
});

const addN = (backend: WebgpuBackend, inputs: Inputs): Info => {
  const [first, ...rest] = Object.values(inputs) as [Info, ...Info[]];
  let sum = backend.alias(first, first.shape);
  for (const term of rest) {
    const next = add(backend, sum, term);
    backend.disposeData(sum.dataId);
    sum = next;
  }
  return sum;
};

const onFloats =
  (operation: number): PlainKernel =>
  (backend, { x }) =>
    x!.dtype === 'float32' ? unary(backend, x!, operation) : null;

export const ELEMENTWISE: Record<string, PlainKernel> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([name, operation]) => [name, onFloats(operation)])),
  ...Object.fromEntries(
    (Object.keys(BINARY) as BinaryName[]).map((name): [string, PlainKernel] => [
      name,
      (backend, { a, b }) => binary(backend, name, a!, b!),
    ]),
  ),
  Neg: (backend, { x }) => unary(backend, x!, x!.dtype === 'float32' ? UNARY.Neg : NEGATE_INTEGER),
  LogicalNot: (backend, { x }) => unary(backend, x!, NOT),
  ClipByValue: kernel<{ clipValueMin: number; clipValueMax: number }>(
    (backend, { x }, { clipValueMin, clipValueMax }) =>
      x!.dtype === 'float32' ? unary(backend, x!, CLIP, 'float32', [clipValueMin, clipValueMax]) : null,
  ),
  Step: kernel<{ alpha: number }>((backend, { x }, { alpha }) =>
    x!.dtype === 'float32' ? unary(backend, x!, STEP, 'float32', [alpha, 0]) : null,
  ),
  Cast: cast,
  Select: select,
  AddN: addN,
  Fill: kernel<{ shape: number[]; value: number; dtype: tf.DataType }>((backend, _, { shape, value, dtype }) =>
    typeof value === 'string' ? null : filled(backend, shape, Number(value), dtype ?? 'float32'),
  ),
  ZerosLike: (backend, { x }) => (x!.dtype === 'string' ? null : filled(backend, x!.shape, 0, x!.dtype)),
  OnesLike: (backend, { x }) => (x!.dtype === 'string' ? null : filled(backend, x!.shape, 1, x!.dtype)),
};
