// tfjs kernels of the native backend: what a tensor operation means to the addon. Everything that is not here runs on
// the kernels of tfjs's CPU backend, which share the same memory.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../../config/choices.js';
import {
  type Kernel,
  type KernelInputs,
  type KernelName,
  type KernelTable,
  registerKernels,
} from '../../ops/kernel.js';
import type { ContextGradient, LatentContext } from './addon.js';
import type { NativeBackend } from './backend.js';

/** A tensor as kernels see it: shape, dtype and a handle on the data. */
type Info = tf.TensorInfo;
type NativeKernel<Name extends KernelName> = Kernel<Name, NativeBackend>;

/** Attributes of tfjs's GatherV2. */
type GatherAxes = { axis: number; batchDims: number };

/** In place of tfjs's product of (stacks of) matrices. */
const batchMatMul = (
  backend: NativeBackend,
  { a, b }: { a: Info; b: Info },
  { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean },
): Info => {
  // The models multiply matrices; products of stacks of them, if anyone wants them, go one by one.
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, n] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  tf.util.assert(
    k === inner,
    () =>
      `Error in matMul: inner shapes (${k}) and (${inner}) of Tensors with shapes ${a.shape} and ${b.shape} and ` +
      `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const [aOuter, bOuter] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(aOuter, bOuter);
  const { info, values } = backend.make([...outer, m, n]);
  if (k === 0) values.fill(0);
  if (values.length === 0 || k === 0) return info;
  const [left, right] = [backend.floats(a), backend.floats(b)];
  for (let i = 0; i * m * n < values.length; i++) {
    const [x, y] = [m * k * placeIn(aOuter, i, outer), k * n * placeIn(bOuter, i, outer)];
    const out = values.subarray(i * m * n, (i + 1) * m * n);
    const parts = [left.subarray(x, x + m * k), right.subarray(y, y + k * n)] as const;
    backend.addon.matMul(...parts, out, m, n, k, transposeA, transposeB);
  }
  return info;
};

/** Which matrix of a stack meets the i-th of the stack that it is broadcast to. */
function placeIn(stack: readonly number[], i: number, outer: readonly number[]): number {
  let [place, stride, left] = [0, 1, i];
  for (let axis = 1; axis <= stack.length; axis++) {
    const [size, whole] = [stack.at(-axis)!, outer.at(-axis)!];
    if (size > 1) place += (left % whole) * stride;
    stride *= size;
    left = Math.floor(left / whole);
  }
  return place;
}

/** Elementwise float products and sums, where one shape but for leading ones is the other or its last axes; else null. */
function elementwise(backend: NativeBackend, { a, b }: { a: Info; b: Info }, multiply: boolean): Info | null {
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return null;
  const [large, small] = tf.util.sizeFromShape(a.shape) >= tf.util.sizeFromShape(b.shape) ? [a, b] : [b, a];
  const axes = large.shape.slice(large.shape.length - small.shape.length);
  const first = small.shape.findIndex((size) => size !== 1);
  const same =
    axes.length === small.shape.length &&
    (first < 0 || tf.util.arraysEqual(axes.slice(first), small.shape.slice(first)));
  if (!same) return null;
  const x = backend.floats(large);
  const y = backend.floats(small);
  const { info, values } = backend.make(large.shape);
  const width = y.length;
  if (width === 1) {
    // A loop of its own: rows of one number would cost more than their arithmetic.
    const number = y[0]!;
    if (multiply) backend.addon.scale(x, number, values);
    else for (let i = 0; i < x.length; i++) values[i] = x[i]! + number;
    return info;
  }
  for (let start = 0; start < x.length; start += width) {
    if (multiply) for (let i = 0; i < width; i++) values[start + i] = x[start + i]! * y[i]!;
    else for (let i = 0; i < width; i++) values[start + i] = x[start + i]! + y[i]!;
  }
  return info;
}

/** Of two matrices, in a precision of the caller's. */
const product: NativeKernel<'Product'> = (backend, { a, b }, { precision, transposeA, transposeB }) => {
  const [rows, columns] = a.shape as [number, number];
  const [m, k] = transposeA ? [columns, rows] : [rows, columns];
  const n = b.shape[transposeB ? 0 : 1]!;
  const { info, values } = backend.make([m, n]);
  const [left, right] = [backend.floats(a), backend.floats(b)];
  backend.addon.matMul(left, right, values, m, n, k, transposeA, transposeB, false, precision);
  return info;
};

const lstm: NativeKernel<'Lstm'> = (
  backend,
  { wordGates, latentGates, initialHidden, recurrentKernel },
  { precision },
) => {
  const [tokens, batch] = wordGates.shape as [number, number];
  const [rows, size] = initialHidden.shape as [number, number];
  const hidden = backend.make([tokens, rows, size]);
  const cells = backend.make([tokens, rows, size]);
  const activations = backend.make([tokens, rows, 4 * size]);
  backend.addon.lstmForward(backend.recurrent(recurrentKernel, precision), {
    tokens,
    batch,
    rows,
    wordGates: backend.floats(wordGates),
    latentGates: backend.floats(latentGates),
    initial: backend.floats(initialHidden),
    hidden: hidden.values,
    cells: cells.values,
    activations: activations.values,
  });
  return [hidden.info, cells.info, activations.info];
};

const lstmGradient: NativeKernel<'LstmGradient'> = (backend, inputs, { batch, precision }) => {
  const { dHidden, initialHidden, recurrentKernel, hidden, cells, activations } = inputs;
  const [tokens, rows, size] = hidden.shape as [number, number, number];
  const dGates = backend.make([tokens, rows, 4 * size]);
  const dLatentGates = backend.make([rows, 4 * size]);
  const dInitial = backend.make([rows, size]);
  const dRecurrentKernel = backend.make([size, 4 * size]);
  backend.addon.lstmBackward(backend.recurrent(recurrentKernel, precision), {
    tokens,
    rows,
    initial: backend.floats(initialHidden),
    hidden: backend.floats(hidden),
    cells: backend.floats(cells),
    activations: backend.floats(activations),
    dHidden: backend.floats(dHidden),
    dGates: dGates.values,
    dLatentGates: dLatentGates.values,
    dInitial: dInitial.values,
    dRecurrentKernel: dRecurrentKernel.values,
  });
  const dWordGates = sumOverDraws(backend, dGates, tokens, batch);
  return [dWordGates, dLatentGates.info, dInitial.info, dRecurrentKernel.info];
};

/** `[tokens, draws * batch, size]` to `[tokens, batch, size]`. */
function sumOverDraws(
  backend: NativeBackend,
  rows: ReturnType<NativeBackend['make']>,
  tokens: number,
  batch: number,
): Info {
  const [, count, size] = rows.info.shape as [number, number, number];
  if (count === batch) return rows.info;
  const sum = backend.make([tokens, batch, size]);
  const width = batch * size;
  for (let t = 0; t < tokens; t++) {
    const out = sum.values.subarray(t * width, (t + 1) * width);
    const first = t * count * size;
    out.set(rows.values.subarray(first, first + width));
    for (let start = first + width; start < first + count * size; start += width) {
      for (let i = 0; i < width; i++) out[i]! += rows.values[start + i]!;
    }
  }
  backend.disposeData(rows.info.dataId);
  return sum.info;
}

const tokenNll: NativeKernel<'TokenNll'> = (backend, inputs, { precision, withGradients }) => {
  const { hidden, outputKernel, outputBias, targets } = inputs;
  const count = hidden.shape[0]!;
  const nll = backend.make([count]);
  const logNormalizer = backend.make([count]);
  const gradients = withGradients
    ? ([backend.make(hidden.shape), backend.make(outputKernel.shape), backend.make(outputBias.shape)] as const)
    : null;
  backend.addon.tokenNllForward(backend.vocabulary(outputKernel, precision), {
    count,
    hidden: backend.floats(hidden),
    bias: backend.floats(outputBias),
    targets: backend.integers(targets),
    nll: nll.values,
    logNormalizer: logNormalizer.values,
    gradients: gradients && {
      kernel: backend.floats(outputKernel),
      dHidden: gradients[0].values,
      dKernel: gradients[1].values,
      dBias: gradients[2].values,
    },
  });
  if (gradients === null) return [nll.info, logNormalizer.info];
  return [nll.info, logNormalizer.info, gradients[0].info, gradients[1].info, gradients[2].info];
};

const tokenNllGradient: NativeKernel<'TokenNllGradient'> = (backend, inputs, { precision }) => {
  const { dNll, hidden, outputKernel, outputBias, targets, logNormalizer } = inputs;
  const dHidden = backend.make(hidden.shape);
  const dKernel = backend.make(outputKernel.shape);
  const dBias = backend.make(outputBias.shape);
  backend.addon.tokenNllBackward(backend.vocabulary(outputKernel, precision), {
    count: hidden.shape[0]!,
    hidden: backend.floats(hidden),
    bias: backend.floats(outputBias),
    targets: backend.integers(targets),
    logNormalizer: backend.floats(logNormalizer),
    dNll: backend.floats(dNll),
    dHidden: dHidden.values,
    dKernel: dKernel.values,
    dBias: dBias.values,
  });
  return [dHidden.info, dKernel.info, dBias.info];
};

/** A batch's context, whatever else is with it. */
type ContextInfos = KernelInputs<'LatentNll'> | KernelInputs<'ShortRun'>;

/** The batch as the addon wants it; see SentenceContext. */
function latentContext(backend: NativeBackend, inputs: ContextInfos): LatentContext {
  const [tokens, batch] = inputs.wordGates.shape as [number, number];
  const { wordGates, outputMask, targets, latentKernel, initialKernel, initialBias, outputKernel, outputBias } = inputs;
  return {
    tokens,
    batch,
    latentSize: latentKernel.shape[0]!,
    wordGates: backend.floats(wordGates),
    outputMask: outputMask === undefined ? null : backend.floats(outputMask),
    targets: backend.integers(targets),
    latentKernel: backend.floats(latentKernel),
    initialKernel: backend.floats(initialKernel),
    initialBias: backend.floats(initialBias),
    outputKernel: backend.floats(outputKernel),
    outputBias: backend.floats(outputBias),
  };
}

function packedKernels(backend: NativeBackend, inputs: ContextInfos, precision: Precision) {
  return [
    backend.recurrent(inputs.recurrentKernel, precision),
    backend.vocabulary(inputs.outputKernel, precision),
    latentContext(backend, inputs),
  ] as const;
}

const latentNll: NativeKernel<'LatentNll'> = (backend, inputs) => {
  const [rows] = inputs.z.shape as [number];
  const nll = backend.make([rows]);
  const z = backend.floats(inputs.z);
  backend.addon.latentNll(...packedKernels(backend, inputs, 'f32'), { rows, z, nll: nll.values });
  return nll.info;
};

const latentGradient: NativeKernel<'LatentGradient'> = (backend, inputs, { precision }) => {
  const [rows] = inputs.z.shape as [number];
  const nll = backend.make([rows]);
  const gradient = backend.make(inputs.z.shape);
  const z = backend.floats(inputs.z);
  const out = { nll: nll.values, gradient: gradient.values };
  backend.addon.latentGradient(...packedKernels(backend, inputs, precision), { rows, z, ...out });
  return [nll.info, gradient.info];
};

const posteriorHessian: NativeKernel<'PosteriorHessian'> = (backend, inputs) => {
  const [rows, size] = inputs.z.shape as [number, number];
  const nll = backend.make([rows]);
  const gradient = backend.make([rows, size]);
  const hessian = backend.make([rows, size, size]);
  const z = backend.floats(inputs.z);
  const out = { nll: nll.values, gradient: gradient.values, hessian: hessian.values };
  backend.addon.posteriorHessian(...packedKernels(backend, inputs, 'f32'), { rows, z, ...out });
  return [nll.info, gradient.info, hessian.info];
};

const shortRun: NativeKernel<'ShortRun'> = (
  backend,
  inputs,
  { stepSizes, temperature, priorWeight, keepPath, precision },
) => {
  const [rows, size] = inputs.z0.shape as [number, number];
  const z = backend.make([rows, size]);
  const path = keepPath ? backend.make([stepSizes.length + 1, rows, size]) : null;
  backend.addon.shortRun(...packedKernels(backend, inputs, precision), {
    rows,
    z0: backend.floats(inputs.z0),
    noise: backend.floats(inputs.noise),
    stepSizes,
    temperature,
    priorWeight,
    z: z.values,
    path: path?.values ?? null,
  });
  return path === null ? [z.info] : [z.info, path.info];
};

/** What of a context has weights behind it, in the order in which its gradients are returned. */
const CONTEXT_WEIGHTS = [
  'wordGates',
  'latentKernel',
  'initialKernel',
  'initialBias',
  'recurrentKernel',
  'outputKernel',
  'outputBias',
] as const;

const shortRunWithGradient: NativeKernel<'ShortRunWithGradient'> = (
  backend,
  inputs,
  { stepSizes, temperature, priorWeight, weights, precision },
) => {
  const [rows, size] = inputs.z0.shape as [number, number];
  const z = backend.make([rows, size]);
  const sums = CONTEXT_WEIGHTS.map((name) => backend.make(inputs[name].shape));
  for (const { values } of sums) values.fill(0);
  const byName = CONTEXT_WEIGHTS.map((name, i) => [name, sums[i]!.values]);
  backend.addon.shortRun(...packedKernels(backend, inputs, precision), {
    rows,
    z0: backend.floats(inputs.z0),
    noise: backend.floats(inputs.noise),
    stepSizes,
    temperature,
    priorWeight,
    z: z.values,
    path: null,
    weights,
    gradient: Object.fromEntries(byName) as ContextGradient,
  });
  return [z.info, ...sums.map(({ info }) => info)] as [Info, Info, Info, Info, Info, Info, Info, Info];
};

const embedding: NativeKernel<'Embedding'> = (backend, { table, ids }) => {
  const row = table.shape.slice(1);
  const { info, values } = backend.make([...ids.shape, ...row]);
  backend.addon.embeddingForward(backend.floats(table), backend.integers(ids), values, tf.util.sizeFromShape(row));
  return info;
};

/** In place of tfjs's gather along the first axis, which goes number by number; null along others. */
function gatherRows(backend: NativeBackend, { x, indices }: { x: Info; indices: Info }, axes: GatherAxes): Info | null {
  if (axes.axis !== 0 || axes.batchDims !== 0 || x.dtype !== 'float32' || indices.dtype !== 'int32') return null;
  return embedding(backend, { table: x, ids: indices }, null) as Info;
}

const embeddingGradient: NativeKernel<'EmbeddingGradient'> = (backend, { dRows, ids }, { shape }) =>
  backend.makeSparse(shape, backend.addon.embeddingGradient(backend.integers(ids), backend.floats(dRows), shape[1]));

const dropoutMask: NativeKernel<'DropoutMask'> = (backend, _, attributes) => {
  const { info, values } = backend.make(attributes.shape);
  backend.addon.dropoutMask(values, ...attributes.words, attributes.rate);
  return info;
};

const squaredNorm: NativeKernel<'SquaredNorm'> = (backend, { x }) => {
  const values = backend.sparseRows(x)?.values ?? backend.floats(x);
  return backend.makeTensorInfo([], 'float32', Float32Array.of(backend.addon.squaredNorm(values)));
};

/** A gradient for the optimizers: its rows where it is stored so. */
function gradientOf(backend: NativeBackend, { parameter, gradient }: KernelInputs<'Sgd'>) {
  const sparse = backend.sparseRows(gradient);
  return sparse === null
    ? { gradient: backend.floats(gradient) }
    : { gradient: sparse, rowSize: parameter.shape.at(-1)! };
}

const adam: NativeKernel<'Adam'> = (backend, inputs, attributes) => {
  const { learningRate, beta1, beta2, epsilon, step, scale } = attributes;
  backend.addon.adam({
    parameter: backend.floats(inputs.parameter),
    firstMoment: backend.floats(inputs.firstMoment),
    secondMoment: backend.floats(inputs.secondMoment),
    ...gradientOf(backend, inputs),
    learningRate,
    beta1,
    beta2,
    epsilon,
    step,
    gradientScale: scale,
  });
  backend.changed(inputs.parameter);
  return [];
};

const sgd: NativeKernel<'Sgd'> = (backend, inputs, { learningRate, scale }) => {
  backend.addon.sgd({
    parameter: backend.floats(inputs.parameter),
    ...gradientOf(backend, inputs),
    learningRate,
    gradientScale: scale,
  });
  backend.changed(inputs.parameter);
  return [];
};

const KERNELS: KernelTable<NativeBackend> = {
  Product: product,
  Lstm: lstm,
  LstmGradient: lstmGradient,
  TokenNll: tokenNll,
  TokenNllGradient: tokenNllGradient,
  LatentNll: latentNll,
  LatentGradient: latentGradient,
  PosteriorHessian: posteriorHessian,
  ShortRun: shortRun,
  ShortRunWithGradient: shortRunWithGradient,
  Embedding: embedding,
  EmbeddingGradient: embeddingGradient,
  DropoutMask: dropoutMask,
  SquaredNorm: squaredNorm,
  Adam: adam,
  Sgd: sgd,
};

/** Of kernels of tfjs's CPU backend, what is done faster here: null where it is not, and theirs is to do it. */
const FASTER: Record<string, (backend: NativeBackend, inputs: unknown, attributes: unknown) => Info | null> = {
  Add: (backend, inputs) => elementwise(backend, inputs as { a: Info; b: Info }, false),
  Multiply: (backend, inputs) => elementwise(backend, inputs as { a: Info; b: Info }, true),
  GatherV2: (backend, inputs, axes) => gatherRows(backend, inputs as { x: Info; indices: Info }, axes as GatherAxes),
};

/**
 * Kernels of tfjs's CPU backend whose results may lie in the very array of what they are given. There that array stays as it is;
 * here it is reused once its tensor is gone, and an optimizer changes it in place.
 */
const SHARING: readonly string[] = ['Slice', 'SplitV', 'StridedSlice', 'Unpack', 'BatchToSpaceND', 'Complex'];

function kernelOf({ kernelName, kernelFunc }: tf.KernelConfig): tf.KernelFunc {
  const faster = FASTER[kernelName];
  if (faster !== undefined) {
    return (params) => faster(params.backend as NativeBackend, params.inputs, params.attrs) ?? kernelFunc(params);
  }
  if (!SHARING.includes(kernelName)) return kernelFunc;
  return (params) => {
    const results = kernelFunc(params);
    for (const { dataId } of [results].flat()) (params.backend as NativeBackend).own(dataId);
    return results;
  };
}

/** Registers every kernel of tfjs's CPU backend under this one's name, then ours in place of theirs. */
export function registerNativeKernels(): void {
  for (const config of tf.getKernelsForBackend('cpu')) {
    if (config.kernelName === 'BatchMatMul') continue;
    tf.registerKernel({ ...config, backendName: 'native', kernelFunc: kernelOf(config) });
  }
  tf.registerKernel({
    kernelName: 'BatchMatMul',
    backendName: 'native',
    kernelFunc: ({ backend, inputs, attrs }) =>
      batchMatMul(
        backend as NativeBackend,
        inputs as unknown as { a: Info; b: Info },
        attrs as unknown as { transposeA: boolean; transposeB: boolean },
      ),
  });
  registerKernels<NativeBackend>('native', KERNELS, (compute, backend) => compute(backend as NativeBackend));
}
