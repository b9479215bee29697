// The output layer and its loss: how tokens and vocabulary are shared out among workgroups, the passes, and the tfjs
// kernels made of them.

import type { WebgpuBackend } from '../backend.js';
import type { Gpu, GpuBuffer } from '../gpu.js';
import type { WebgpuKernel } from '../kernel.js';

/** Words that a workgroup looks at together. */
const WORDS = 64;
/** Workgroups that keep a large GPU at work. */
const WORKGROUPS_WANTED = 256;
/** Tokens, or words, of a workgroup, so that a thread's share of their sums fits in its registers. */
function rowsOf(hiddenSize: number): number {
  return hiddenSize <= 256 ? 64 : hiddenSize <= 512 ? 32 : 16;
}

export interface VocabularyLayout {
  ROWS: number;
  /** Words of a slice, a multiple of 64, and how many slices there are. */
  slice: number;
  slices: number;
}

export function vocabularyLayout(
  { pieceLimit }: Pick<Gpu, 'pieceLimit'>,
  count: number,
  hiddenSize: number,
  vocabulary: number,
): VocabularyLayout {
  const ROWS = rowsOf(hiddenSize);
  const most = Math.max(1, Math.floor(pieceLimit / (4 * count * hiddenSize)));
  const wanted = Math.min(most, Math.ceil(WORKGROUPS_WANTED / Math.ceil(count / ROWS)));
  const slice = WORDS * Math.ceil(vocabulary / wanted / WORDS);
  return { ROWS, slice, slices: Math.ceil(vocabulary / slice) };
}

/** The tokens of some rows of a batch: token t of row r, at t * rows + r, has the target of sentence (firstRow + r) % batch. */
export interface Tokens {
  count: number;
  rows: number;
  batch: number;
  firstRow: number;
}

export interface VocabularyBuffers {
  /** `[count, hidden]`. */
  hidden: GpuBuffer;
  kernel: GpuBuffer;
  bias: GpuBuffer;
  targets: GpuBuffer;
  /** `[count]`; null for none. */
  nll: GpuBuffer | null;
  logNormalizer: GpuBuffer | null;
  /** `[count, hidden]`; null where no gradient is wanted. */
  dHidden: GpuBuffer | null;
  /** `[count]`, multiplied onto the gradient; null for ones. */
  dNll: GpuBuffer | null;
}

/** Two dispatches: the slices, and putting them together. */
export function runTokenNll(
  { gpu }: WebgpuBackend,
  [vocabulary, H]: readonly [number, number],
  { count, rows, batch, firstRow }: Tokens,
  b: VocabularyBuffers,
): void {
  const { ROWS, slice, slices } = vocabularyLayout(gpu, count, H, vocabulary);
  const GRADIENT = b.dHidden !== null;
  const statistics = gpu.take(8 * slices * count);
  const sums = GRADIENT ? gpu.take(4 * slices * count * H) : null;
  gpu.run({
    shader: 'token-nll',
    constants: { H, ROWS, GRADIENT },
    parameters: [count, vocabulary, slice],
    buffers: [b.hidden, b.kernel, b.bias, statistics, sums ?? gpu.nowhere],
    workgroups: [Math.ceil(count / ROWS), slices],
  });
  // The shader always gives both.
  const unwanted = [b.nll, b.logNormalizer].map((buffer) => (buffer === null ? gpu.take(4 * count) : null));
  gpu.run({
    shader: 'token-nll-combine',
    constants: { H, GRADIENT },
    parameters: [count, slices, rows, batch, firstRow, b.dNll === null ? 0 : 1],
    buffers: [
      b.hidden,
      b.kernel,
      b.bias,
      statistics,
      sums ?? gpu.nothing,
      b.targets,
      b.dNll ?? gpu.nothing,
      b.nll ?? unwanted[0]!,
      b.logNormalizer ?? unwanted[1]!,
      b.dHidden ?? gpu.nowhere,
    ],
    workgroups: gpu.workgroups(count),
  });
  for (const buffer of [statistics, sums, ...unwanted]) if (buffer !== null) gpu.give(buffer);
}

export interface KernelGradientBuffers {
  hidden: GpuBuffer;
  kernel: GpuBuffer;
  bias: GpuBuffer;
  targets: GpuBuffer;
  logNormalizer: GpuBuffer;
  /** `[count]`, what each token counts. */
  dNll: GpuBuffer;
  /** `[vocabulary, hidden]`. */
  dKernel: GpuBuffer;
  /** `[vocabulary]`. */
  dBias: GpuBuffer;
}

/** The gradient of the output layer's weights; added to what `dKernel` and `dBias` hold, or in its place. */
export function runKernelGradient(
  { gpu }: WebgpuBackend,
  [vocabulary, H]: readonly [number, number],
  { count, rows, batch, firstRow }: Tokens,
  b: KernelGradientBuffers,
  accumulate = false,
): void {
  const ROWS = rowsOf(H);
  gpu.run({
    shader: 'token-nll-kernel-gradient',
    constants: { H, ROWS },
    parameters: [count, vocabulary, rows, batch, firstRow, accumulate ? 1 : 0],
    buffers: [b.hidden, b.kernel, b.bias, b.targets, b.logNormalizer, b.dNll, b.dKernel, b.dBias],
    workgroups: [Math.ceil(vocabulary / ROWS)],
  });
}

export const tokenNll: WebgpuKernel<'TokenNll'> = (backend, { hidden, outputKernel, outputBias, targets }) => {
  const count = hidden.shape[0]!;
  const nll = backend.make([count]);
  const logNormalizer = backend.make([count]);
  runTokenNll(
    backend,
    outputKernel.shape as [number, number],
    { count, rows: count, batch: count, firstRow: 0 },
    {
      hidden: backend.buffer(hidden),
      kernel: backend.buffer(outputKernel),
      bias: backend.buffer(outputBias),
      targets: backend.buffer(targets),
      nll: nll.buffer,
      logNormalizer: logNormalizer.buffer,
      dHidden: null,
      dNll: null,
    },
  );
  return [nll.info, logNormalizer.info];
};

export const tokenNllGradient: WebgpuKernel<'TokenNllGradient'> = (backend, inputs) => {
  const { dNll, hidden, outputKernel, outputBias, targets, logNormalizer } = inputs;
  const [vocabulary, H] = outputKernel.shape as [number, number];
  const count = hidden.shape[0]!;
  const dHidden = backend.make(hidden.shape);
  const dKernel = backend.make([vocabulary, H]);
  const dBias = backend.make([vocabulary]);
  const common = {
    hidden: backend.buffer(hidden),
    kernel: backend.buffer(outputKernel),
    bias: backend.buffer(outputBias),
    targets: backend.buffer(targets),
    dNll: backend.buffer(dNll),
  };
  runTokenNll(
    backend,
    [vocabulary, H],
    { count, rows: count, batch: count, firstRow: 0 },
    { ...common, nll: null, logNormalizer: null, dHidden: dHidden.buffer },
  );
  runKernelGradient(
    backend,
    [vocabulary, H],
    { count, rows: count, batch: count, firstRow: 0 },
    { ...common, logNormalizer: backend.buffer(logNormalizer), dKernel: dKernel.buffer, dBias: dBias.buffer },
  );
  return [dHidden.info, dKernel.info, dBias.info];
};
