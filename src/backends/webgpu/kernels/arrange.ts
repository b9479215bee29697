// Operations that move numbers and compute none: every one is a walk over an index space in which source and destination
// have strides of their own (arrange.wgsl), or nothing at all.

import * as tf from '@tensorflow/tfjs-core';
import type { WebgpuBackend } from '../backend.js';
import { Float, type GpuBuffer } from '../gpu.js';
import { type Info, type Inputs, kernel, type PlainKernel } from '../kernel.js';

/** Axes that a walk may have. */
const MOST_AXES = 8;

/**
 * An index space with the strides of what is walked along with it, with neighbouring axes made one where all strides
 * allow it, as the shaders want it: the shape, then each set of strides, in eight words.
 */
export function axes(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): { rank: number; words: number[] } {
  const sizes: number[] = [];
  const kept: number[][] = strides.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const joins = last >= 0 && strides.every((own, i) => kept[i]![last] === size * own[axis]!);
    if (joins) {
      sizes[last]! *= size;
      for (const [i, own] of strides.entries()) kept[i]![last] = own[axis]!;
    } else {
      sizes.push(size);
      for (const [i, own] of strides.entries()) kept[i]!.push(own[axis]!);
    }
  });
  if (sizes.length > MOST_AXES) throw new Error(`a walk over ${sizes.length} axes; the kernels have ${MOST_AXES}`);
  const padded = (list: number[]) => Array.from({ length: MOST_AXES }, (_, i) => list[i] ?? 0);
  return { rank: sizes.length, words: [...padded(sizes), ...kept.flatMap(padded)] };
}

export interface Walk {
  shape: readonly number[];
  from: { buffer: GpuBuffer; offset?: number; strides: readonly number[] };
  to: { buffer: GpuBuffer; offset?: number; strides: readonly number[] };
}

export function arrange(backend: WebgpuBackend, { shape, from, to }: Walk): void {
  const count = tf.util.sizeFromShape([...shape]);
  if (count === 0) return;
  const space = axes(shape, [from.strides, to.strides]);
  backend.gpu.run({
    shader: 'arrange',
    parameters: [count, space.rank, from.offset ?? 0, to.offset ?? 0, ...space.words],
    buffers: [from.buffer, to.buffer],
    workgroups: backend.gpu.workgroups(count, 256),
  });
}

/** Row-major strides, one an axis. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => tf.util.sizeFromShape(shape.slice(axis + 1)));
}

/** Fills `count` places with the 32 bits of a number. */
export function fillBuffer(backend: WebgpuBackend, buffer: GpuBuffer, count: number, value: number | Float): void {
  if (count === 0) return;
  backend.gpu.run({
    shader: 'fill',
    parameters: [count, value],
    buffers: [buffer],
    workgroups: backend.gpu.workgroups(count, 256),
  });
}

/** `count` numbers from one place to another. */
export function copyNumbers(
  backend: WebgpuBackend,
  count: number,
  from: { buffer: GpuBuffer; offset?: number },
  to: { buffer: GpuBuffer; offset?: number },
): void {
  arrange(backend, { shape: [count], from: { ...from, strides: [1] }, to: { ...to, strides: [1] } });
}

function sliced(backend: WebgpuBackend, x: Info, begin: readonly number[], size: readonly number[]): Info {
  const strides = stridesOf(x.shape);
  const { info, buffer } = backend.make(size, x.dtype);
  const offset = begin.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
  arrange(backend, {
    shape: size,
    from: { buffer: backend.buffer(x), offset, strides },
    to: { buffer, strides: stridesOf(size) },
  });
  return info;
}

/** Tensors one after the other along an axis. */
function concatenated(backend: WebgpuBackend, list: readonly Info[], axis: number): Info {
  const [first] = list as [Info, ...Info[]];
  const shape = [...first.shape];
  shape[axis] = list.reduce((sum, x) => sum + x.shape[axis]!, 0);
  const { info, buffer } = backend.make(shape, first.dtype);
  const strides = stridesOf(shape);
  let at = 0;
  for (const x of list) {
    arrange(backend, {
      shape: x.shape,
      from: { buffer: backend.buffer(x), strides: stridesOf(x.shape) },
      to: { buffer, offset: at * strides[axis]!, strides },
    });
    at += x.shape[axis]!;
  }
  return info;
}

const listed = (inputs: Inputs): Info[] => Object.values(inputs);

const reshape = kernel<{ shape: number[] }>((backend, { x }, { shape }) => {
  const size = tf.util.sizeFromShape(x!.shape);
  return backend.alias(x!, tf.util.inferFromImplicitShape(shape, size));
});

const expandDims = kernel<{ dim: number }>((backend, { input }, { dim }) => {
  const shape = [...input!.shape];
  shape.splice(dim < 0 ? shape.length + dim + 1 : dim, 0, 1);
  return backend.alias(input!, shape);
});

const transpose = kernel<{ perm: number[] }>((backend, { x }, { perm }) => {
  const own = stridesOf(x!.shape);
  const shape = perm.map((axis) => x!.shape[axis]!);
  const { info, buffer } = backend.make(shape, x!.dtype);
  arrange(backend, {
    shape,
    from: { buffer: backend.buffer(x!), strides: perm.map((axis) => own[axis]!) },
    to: { buffer, strides: stridesOf(shape) },
  });
  return info;
});

const slice = kernel<{ begin: number | number[]; size: number | number[] }>((backend, { x }, { begin, size }) => {
  const [starts, sizes] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size) as [number[], number[]];
  return sliced(backend, x!, starts, sizes);
});

const concat = kernel<{ axis: number }>((backend, inputs, { axis }) => {
  const list = listed(inputs);
  const [along] = tf.util.parseAxisParam(axis, list[0]!.shape) as [number];
  const filled = list.filter((x) => tf.util.sizeFromShape(x.shape) > 0);
  return concatenated(backend, filled.length === 0 ? list : filled, along);
});

const pack = kernel<{ axis: number }>((backend, inputs, { axis }) => {
  const list = listed(inputs).map((x) => {
    const shape = [...x.shape];
    shape.splice(axis, 0, 1);
    return { ...x, shape };
  });
  return concatenated(backend, list, axis);
});

const unpack = kernel<{ axis: number }>((backend, { value }, { axis }) => {
  const [along] = tf.util.parseAxisParam(axis, value!.shape) as [number];
  const shape = value!.shape.filter((_, i) => i !== along);
  return Array.from({ length: value!.shape[along]! }, (_, at) => {
    const begin = value!.shape.map((_, i) => (i === along ? at : 0));
    const part = sliced(
      backend,
      value!,
      begin,
      value!.shape.map((size, i) => (i === along ? 1 : size)),
    );
    return { ...part, shape };
  });
});

const splitV = kernel<{ numOrSizeSplits: number | number[]; axis: number }>((backend, { x }, attributes) => {
  const [axis] = tf.util.parseAxisParam(attributes.axis, x!.shape) as [number];
  let at = 0;
  return tf.backend_util.prepareSplitSize(x as tf.Tensor, attributes.numOrSizeSplits, axis).map((size) => {
    const begin = x!.shape.map((_, i) => (i === axis ? at : 0));
    at += size;
    return sliced(
      backend,
      x!,
      begin,
      x!.shape.map((own, i) => (i === axis ? size : own)),
    );
  });
});

/** Each axis as the repeats and the axis itself, the source standing still along the repeats. */
function repeated(backend: WebgpuBackend, x: Info, repeats: readonly number[]): Info {
  const own = stridesOf(x.shape);
  const { info, buffer } = backend.make(
    x.shape.map((size, axis) => size * repeats[axis]!),
    x.dtype,
  );
  const shape = x.shape.flatMap((size, axis) => [repeats[axis]!, size]);
  arrange(backend, {
    shape,
    from: { buffer: backend.buffer(x), strides: own.flatMap((stride) => [0, stride]) },
    to: { buffer, strides: stridesOf(shape) },
  });
  return info;
}

const tile = kernel<{ reps: number[] }>((backend, { x }, { reps }) => repeated(backend, x!, reps));

const broadcastTo = kernel<{ shape: number[] }>((backend, { x }, { shape }) => {
  const aligned = [...Array<number>(shape.length - x!.shape.length).fill(1), ...x!.shape];
  return repeated(
    backend,
    { ...x!, shape: aligned },
    shape.map((size, axis) => size / aligned[axis]!),
  );
});

const padV2 = kernel<{ paddings: [number, number][]; constantValue: number }>((backend, { x }, attributes) => {
  if (x!.dtype !== 'float32') return null;
  const shape = x!.shape.map((size, axis) => size + attributes.paddings[axis]![0] + attributes.paddings[axis]![1]);
  const { info, buffer } = backend.make(shape);
  fillBuffer(backend, buffer, tf.util.sizeFromShape(shape), new Float(attributes.constantValue));
  const strides = stridesOf(shape);
  const offset = strides.reduce((sum, stride, axis) => sum + stride * attributes.paddings[axis]![0], 0);
  arrange(backend, {
    shape: x!.shape,
    from: { buffer: backend.buffer(x!), strides: stridesOf(x!.shape) },
    to: { buffer, offset, strides },
  });
  return info;
});

const gather = kernel<{ axis: number; batchDims: number }>((backend, { x, indices }, { axis, batchDims }) => {
  if (batchDims !== 0 || indices!.dtype !== 'int32') return null;
  const [along] = tf.util.parseAxisParam(axis, x!.shape) as [number];
  const inner = tf.util.sizeFromShape(x!.shape.slice(along + 1));
  const count = tf.util.sizeFromShape(indices!.shape);
  const shape = [...x!.shape.slice(0, along), ...indices!.shape, ...x!.shape.slice(along + 1)];
  return gatherRows(backend, x!, indices!, { shape, rows: x!.shape[along]!, count, inner });
});

/** Rows of `table`, `[outer, rows, inner]`, by `count` indices. */
export function gatherRows(
  backend: WebgpuBackend,
  table: Info,
  indices: Info,
  { shape, rows, count, inner }: { shape: number[]; rows: number; count: number; inner: number },
): Info {
  const { info, buffer } = backend.make(shape, table.dtype);
  const total = tf.util.sizeFromShape(shape);
  if (total > 0) {
    backend.gpu.run({
      shader: 'gather',
      parameters: [total, rows, count, inner],
      buffers: [backend.buffer(table), backend.buffer(indices), buffer],
      workgroups: backend.gpu.workgroups(total, 256),
    });
  }
  return info;
}

const oneHot = kernel<{ depth: number; onValue: number; offValue: number; dtype: tf.DataType }>(
  (backend, { indices }, { depth, onValue, offValue, dtype }) => {
    const { info, buffer } = backend.make([...indices!.shape, depth], dtype);
    const total = tf.util.sizeFromShape(info.shape);
    const bits = (value: number) => (dtype === 'float32' ? new Float(value) : value >>> 0);
    if (total > 0) {
      backend.gpu.run({
        shader: 'one-hot',
        parameters: [total, depth, bits(onValue), bits(offValue)],
        buffers: [backend.buffer(indices!), buffer],
        workgroups: backend.gpu.workgroups(total, 256),
      });
    }
    return info;
  },
);

export const ARRANGING: Record<string, PlainKernel> = {
  Identity: (backend, { x }) => backend.alias(x!, x!.shape),
  Reshape: reshape,
  ExpandDims: expandDims,
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Pack: pack,
  Unpack: unpack,
  SplitV: splitV,
  Tile: tile,
  BroadcastTo: broadcastTo,
  PadV2: padV2,
  GatherV2: gather,
  OneHot: oneHot,
};
