// The LSTM over whole sequences: how rows and units are shared out among workgroups, the two passes, and the tfjs kernels
// made of them.

import { InputError } from '../../../errors.js';
import type { WebgpuBackend } from '../backend.js';
import { Float, type Gpu, type GpuBuffer } from '../gpu.js';
import type { Info, WebgpuKernel } from '../kernel.js';
import { arrange } from './arrange.js';
import { multiply } from './mat-mul.js';

const MOST_THREADS = 256;

/** How the shaders share out `rows` of `hiddenSize` units: their constants H, G, W and U. */
export interface SequenceLayout {
  H: number;
  /** Rows of a workgroup. */
  G: number;
  /** Threads of a workgroup. */
  W: number;
  /** Units of a thread. */
  U: number;
}

/**
 * More rows a workgroup read the recurrent kernel less often, fewer keep more of the GPU at work.
 * @throws InputError where one row is too much for a workgroup's memory.
 */
export function sequenceLayout({ facts }: Pick<Gpu, 'facts'>, hiddenSize: number, rows: number): SequenceLayout {
  // The backward pass keeps the four gates' gradients of each unit, 16 bytes.
  const fit = Math.floor(facts.maxWorkgroupMemory / (16 * hiddenSize));
  if (fit === 0) {
    throw new InputError(
      `model.hiddenSize: ${hiddenSize} is too large for the webgpu backend: ${16 * hiddenSize} bytes of a workgroup's memory ` +
        `are needed, and ${facts.name} has ${facts.maxWorkgroupMemory}; --backend native has no such limit`,
    );
  }
  const wanted = rows >= 512 ? 4 : rows >= 128 ? 2 : 1;
  const W = Math.min(MOST_THREADS, 32 * Math.ceil(hiddenSize / 32));
  return { H: hiddenSize, G: Math.min(wanted, fit), W, U: Math.ceil(hiddenSize / W) };
}

/** The recurrent kernel as a pass reads it, each number in 4 bytes, or in 2. */
export interface RecurrentKernel {
  buffer: GpuBuffer;
  halves: boolean;
}

/** `[hidden, 4 hidden]` as the forward pass reads it: `[from, to, gate]`. */
export function forwardKernel(backend: WebgpuBackend, recurrentKernel: Info, halves = false): RecurrentKernel {
  const H = recurrentKernel.shape[0]!;
  return { buffer: laidOut(backend, recurrentKernel, 'forward', [4 * H, 1, H], halves), halves };
}

/** `[hidden, 4 hidden]` as the backward pass reads it: `[to, from, gate]`. */
export function backwardKernel(backend: WebgpuBackend, recurrentKernel: Info, halves = false): RecurrentKernel {
  const H = recurrentKernel.shape[0]!;
  return { buffer: laidOut(backend, recurrentKernel, 'backward', [1, 4 * H, H], halves), halves };
}

/** @param strides of the kernel as it lies, along the axes that the pass wants: two of units, and the gate. */
function laidOut(
  backend: WebgpuBackend,
  recurrentKernel: Info,
  pass: 'forward' | 'backward',
  strides: number[],
  halves: boolean,
): GpuBuffer {
  const H = recurrentKernel.shape[0]!;
  const lay = (to: GpuBuffer) =>
    arrange(backend, {
      shape: [H, H, 4],
      from: { buffer: backend.buffer(recurrentKernel), strides },
      to: { buffer: to, strides: [4 * H, 4, 1] },
    });
  if (!halves) return backend.packed(recurrentKernel, pass, 16 * H * H, lay);
  return backend.packed(recurrentKernel, `${pass} in halves`, 8 * H * H, (to) => {
    const { gpu } = backend;
    const whole = gpu.take(16 * H * H);
    lay(whole);
    gpu.run({
      shader: 'pack-halves',
      parameters: [H * H],
      buffers: [whole, to],
      workgroups: gpu.workgroups(H * H, 256),
    });
    gpu.give(whole);
  });
}

/** The file that reads it. */
function readerOf({ halves }: RecurrentKernel): string[] {
  return [halves ? 'recurrent-kernel-halves' : 'recurrent-kernel'];
}

/** A pass over some rows of a batch: row r reads sentence (firstRow + r) % batch. */
export interface Sequence {
  tokens: number;
  batch: number;
  rows: number;
  firstRow: number;
  /** `[tokens, batch, hidden]`, multiplied onto the outputs; null for none. */
  mask: GpuBuffer | null;
}

export interface ForwardBuffers {
  wordGates: GpuBuffer;
  latentGates: GpuBuffer;
  initial: GpuBuffer;
  kernel: RecurrentKernel;
  outputs: GpuBuffer;
  cells: GpuBuffer;
  activations: GpuBuffer;
}

export function runForward(
  { gpu }: WebgpuBackend,
  layout: SequenceLayout,
  sequence: Sequence,
  b: ForwardBuffers,
): void {
  const { tokens, batch, rows, firstRow, mask } = sequence;
  const { H, G, W } = layout;
  gpu.run({
    shader: 'lstm-forward',
    beside: readerOf(b.kernel),
    constants: { H, G, W },
    parameters: [tokens, batch, rows, firstRow, mask === null ? 0 : 1],
    buffers: [
      b.wordGates,
      b.latentGates,
      b.initial,
      b.kernel.buffer,
      mask ?? gpu.nothing,
      b.outputs,
      b.cells,
      b.activations,
    ],
    workgroups: [Math.ceil(rows / G)],
  });
}

export interface BackwardBuffers {
  kernel: RecurrentKernel;
  cells: GpuBuffer;
  activations: GpuBuffer;
  dOutputs: GpuBuffer;
  /** Null where only their sums are wanted. */
  dGates: GpuBuffer | null;
  dLatentGates: GpuBuffer;
  dInitial: GpuBuffer;
  /** dL/dh_t and dL/dc_t side by side, `[tokens, rows, hidden, 2]`; null where they are not wanted. */
  adjoints: GpuBuffer | null;
}

export function runBackward(
  { gpu }: WebgpuBackend,
  layout: SequenceLayout,
  sequence: Sequence,
  b: BackwardBuffers,
): void {
  const { tokens, batch, rows, firstRow, mask } = sequence;
  const { H, G, W, U } = layout;
  gpu.run({
    shader: 'lstm-backward',
    beside: readerOf(b.kernel),
    constants: { H, G, W, U },
    parameters: [
      tokens,
      batch,
      rows,
      firstRow,
      mask === null ? 0 : 1,
      b.dGates === null ? 0 : 1,
      b.adjoints === null ? 0 : 1,
    ],
    buffers: [
      b.cells,
      b.activations,
      b.dOutputs,
      b.kernel.buffer,
      mask ?? gpu.nothing,
      b.dGates ?? gpu.nowhere,
      b.dLatentGates,
      b.dInitial,
      b.adjoints ?? gpu.elsewhere,
    ],
    workgroups: [Math.ceil(rows / G)],
  });
}

export const lstm: WebgpuKernel<'Lstm'> = (backend, { wordGates, latentGates, initialHidden, recurrentKernel }) => {
  const [tokens, batch] = wordGates.shape as [number, number];
  const [rows, size] = initialHidden.shape as [number, number];
  const hidden = backend.make([tokens, rows, size]);
  const cells = backend.make([tokens, rows, size]);
  // Unit by unit, its four gates side by side; only the gradient reads them.
  const activations = backend.make([tokens, rows, 4 * size]);
  const sequence = { tokens, batch, rows, firstRow: 0, mask: null };
  runForward(backend, sequenceLayout(backend.gpu, size, rows), sequence, {
    wordGates: backend.buffer(wordGates),
    latentGates: backend.buffer(latentGates),
    initial: backend.buffer(initialHidden),
    kernel: forwardKernel(backend, recurrentKernel),
    outputs: hidden.buffer,
    cells: cells.buffer,
    activations: activations.buffer,
  });
  return [hidden.info, cells.info, activations.info];
};

export const lstmGradient: WebgpuKernel<'LstmGradient'> = (backend, inputs, { batch }) => {
  const { dHidden, initialHidden, recurrentKernel, hidden, cells, activations } = inputs;
  const [tokens, rows, size] = hidden.shape as [number, number, number];
  const dGates = backend.make([tokens, rows, 4 * size]);
  const dLatentGates = backend.make([rows, 4 * size]);
  const dInitial = backend.make([rows, size]);
  const sequence = { tokens, batch, rows, firstRow: 0, mask: null };
  runBackward(backend, sequenceLayout(backend.gpu, size, rows), sequence, {
    kernel: backwardKernel(backend, recurrentKernel),
    cells: backend.buffer(cells),
    activations: backend.buffer(activations),
    dOutputs: backend.buffer(dHidden),
    dGates: dGates.buffer,
    dLatentGates: dLatentGates.buffer,
    dInitial: dInitial.buffer,
    adjoints: null,
  });
  const dKernel = backend.make([size, 4 * size]);
  runRecurrentGradient(backend, [tokens, rows, size], {
    initial: backend.buffer(initialHidden),
    cells: backend.buffer(cells),
    activations: backend.buffer(activations),
    dGates: dGates.buffer,
    dKernel: dKernel.buffer,
  });
  if (rows === batch) return [dGates.info, dLatentGates.info, dInitial.info, dKernel.info];
  const dWordGates = backend.make([tokens, batch, 4 * size]);
  runSumDraws(backend, dGates.buffer, dWordGates.buffer, { ...sequence, width: 4 * size });
  backend.disposeData(dGates.info.dataId);
  return [dWordGates.info, dLatentGates.info, dInitial.info, dKernel.info];
};

export interface RecurrentGradientBuffers {
  /** As the forward pass read and left them. */
  initial: GpuBuffer;
  cells: GpuBuffer;
  activations: GpuBuffer;
  /** As the backward pass left them. */
  dGates: GpuBuffer;
  /** `[hidden, 4 hidden]`. */
  dKernel: GpuBuffer;
}

/** sum over t of h_{t-1}^T dGates_t, as one product, times `factor`; added to what `dKernel` holds, or in its place. */
export function runRecurrentGradient(
  backend: WebgpuBackend,
  [tokens, rows, H]: readonly [number, number, number],
  b: RecurrentGradientBuffers,
  factor = 1,
  accumulate = false,
): void {
  const { gpu } = backend;
  const count = tokens * rows * H;
  const previous = gpu.take(4 * count);
  gpu.run({
    shader: 'lstm-previous',
    constants: { H },
    parameters: [count, rows],
    buffers: [b.initial, b.cells, b.activations, previous],
    workgroups: gpu.workgroups(count, 256),
  });
  const shape = { m: H, n: 4 * H, k: tokens * rows, transposeA: true };
  multiply(backend, previous, b.dGates, b.dKernel, { ...shape, factor, accumulate });
  gpu.give(previous);
}

/** `[tokens, rows, width]` to `[tokens, batch, width]`, times `factor`; added to what `to` holds, or in its place. */
export function runSumDraws(
  { gpu }: WebgpuBackend,
  from: GpuBuffer,
  to: GpuBuffer,
  { tokens, batch, rows, firstRow, width }: Omit<Sequence, 'mask'> & { width: number },
  factor = 1,
  accumulate = false,
): void {
  const count = tokens * batch * width;
  gpu.run({
    shader: 'sum-draws',
    parameters: [count, batch, rows, firstRow, width, new Float(factor), accumulate ? 1 : 0],
    buffers: [from, to],
    workgroups: gpu.workgroups(count, 256),
  });
}
