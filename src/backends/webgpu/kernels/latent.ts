// What inference does with z: the NLL of rows of codes, its gradient, and whole short runs. Nothing is read back in
// between; a step of a run is five dispatches, and its K steps are one submission. Rows go through in pieces, so that
// memory does not grow with them.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../../../config/choices.js';
import type { KernelInputs } from '../../../ops/kernel.js';
import type { ShortRunSchedule } from '../../../ops/settings.js';
import type { WebgpuBackend } from '../backend.js';
import { Float, type GpuBuffer } from '../gpu.js';
import type { Info, WebgpuKernel } from '../kernel.js';
import { copyNumbers, fillBuffer } from './arrange.js';
import { runRecurrentGradient, runSumDraws } from './lstm.js';
import { multiply } from './mat-mul.js';
import { type Context, contextOf, inPieces, type Piece } from './piece.js';
import { reduceBuffer } from './reduce.js';
import { runKernelGradient } from './token-nll.js';

/** The NLL of every row, and its gradient where there is a place for it. */
function likelihood(
  backend: WebgpuBackend,
  inputs: KernelInputs<'LatentNll'>,
  nll: GpuBuffer,
  gradient: GpuBuffer | null,
  precision: Precision = 'f32',
): void {
  const [rows, size] = inputs.z.shape as [number, number];
  const context = contextOf(backend, inputs, precision === 'f16');
  // The gradient takes the place of a copy of z.
  const z = gradient ?? backend.buffer(inputs.z);
  if (gradient !== null) copyNumbers(backend, rows * size, { buffer: backend.buffer(inputs.z) }, { buffer: gradient });
  inPieces(backend, context, rows, (piece) => {
    const at = piece.firstRow * size;
    const perToken = backend.gpu.take(4 * context.tokens * piece.rows);
    piece.project(z, at);
    piece.forward();
    piece.decode(perToken, gradient !== null);
    piece.sumTokens(perToken, nll);
    if (gradient !== null) {
      piece.backward();
      piece.move(z, { from: at, to: at, keep: 0, drift: 1, shake: 0 }, false);
    }
    backend.gpu.give(perToken);
  });
}

export const latentNll: WebgpuKernel<'LatentNll'> = (backend, inputs) => {
  const nll = backend.make([inputs.z.shape[0]!]);
  likelihood(backend, inputs, nll.buffer, null);
  return nll.info;
};

export const latentGradient: WebgpuKernel<'LatentGradient'> = (backend, inputs, { precision }) => {
  const nll = backend.make([inputs.z.shape[0]!]);
  const gradient = backend.make(inputs.z.shape);
  likelihood(backend, inputs, nll.buffer, gradient.buffer, precision);
  return [nll.info, gradient.info];
};

/** A row's place in the numbers of z. */
interface Place {
  buffer: GpuBuffer;
  at: number;
}

/**
 * The steps of a chain over all rows.
 * @param gradient takes a piece, whose h_1..h_T are there, to the gradient in z_k.
 */
function runChain(
  backend: WebgpuBackend,
  context: Context,
  inputs: KernelInputs<'ShortRun'>,
  { stepSizes, temperature, priorWeight }: ShortRunSchedule,
  keepPath: boolean,
  gradient: (piece: Piece, k: number, z: Place) => void,
): { z: Info; path: Info | null } {
  const [rows, size] = inputs.z0.shape as [number, number];
  const noise = backend.buffer(inputs.noise);
  const numbers = rows * size;
  const z = backend.make([rows, size]);
  const path = keepPath ? backend.make([stepSizes.length + 1, rows, size]) : null;
  const places = (path ?? z).buffer;
  const placeOf = (k: number) => (keepPath ? k * numbers : 0);
  copyNumbers(backend, numbers, { buffer: backend.buffer(inputs.z0) }, { buffer: places });
  inPieces(backend, context, rows, (piece) => {
    const at = piece.firstRow * size;
    piece.project(places, at);
    for (const [k, step] of stepSizes.entries()) {
      piece.forward();
      gradient(piece, k, { buffer: places, at: placeOf(k) + at });
      const move = {
        from: placeOf(k) + at,
        to: placeOf(k + 1) + at,
        keep: 1 - step * priorWeight,
        drift: -step,
        shake: temperature * Math.sqrt(2 * step),
        noise: { buffer: noise, at: k * numbers + at },
      };
      piece.move(places, move, k + 1 < stepSizes.length);
    }
  });
  if (path !== null) {
    copyNumbers(backend, numbers, { buffer: places, offset: placeOf(stepSizes.length) }, { buffer: z.buffer });
  }
  return { z: z.info, path: path?.info ?? null };
}

export const shortRun: WebgpuKernel<'ShortRun'> = (backend, inputs, attributes) => {
  const context = contextOf(backend, inputs, attributes.precision === 'f16');
  const { z, path } = runChain(backend, context, inputs, attributes, attributes.keepPath, (piece) => {
    piece.decode(null, true);
    piece.backward();
  });
  return path === null ? [z] : [z, path];
};

/** The weights that a chain's steps leave gradients of, in the order of the kernel's outputs. */
const TAUGHT = [
  'wordGates',
  'latentKernel',
  'initialKernel',
  'initialBias',
  'recurrentKernel',
  'outputKernel',
  'outputBias',
] as const;
type Taught = Record<(typeof TAUGHT)[number], GpuBuffer>;

export const shortRunWithGradient: WebgpuKernel<'ShortRunWithGradient'> = (backend, inputs, attributes) => {
  const context = contextOf(backend, inputs, attributes.precision === 'f16');
  const sums = TAUGHT.map((name) => backend.make(inputs[name].shape));
  for (const { info, buffer } of sums) {
    fillBuffer(backend, buffer, tf.util.sizeFromShape(info.shape), new Float(0));
  }
  const taught = Object.fromEntries(TAUGHT.map((name, i) => [name, sums[i]!.buffer])) as Taught;
  const { z } = runChain(backend, context, inputs, attributes, false, (piece, k, place) => {
    const weight = attributes.weights[k]!;
    if (weight === 0) {
      piece.decode(null, true);
      piece.backward();
    } else teach(backend, context, piece, place, weight, taught);
  });
  return [z, ...sums.map(({ info }) => info)] as [Info, Info, Info, Info, Info, Info, Info, Info];
};

/** The gradient in z_k as ever, and those in the weights, times `weight`, onto their sums. */
function teach(
  backend: WebgpuBackend,
  { tokens, batch, latentSize: Z, hiddenSize: H, vocabulary, buffers }: Context,
  piece: Piece,
  z: Place,
  weight: number,
  taught: Taught,
): void {
  const { gpu } = backend;
  const { rows, firstRow, initial, cells, activations, dLatentGates, dInitial } = piece;
  const count = tokens * rows;
  const [logNormalizer, dNll, dGates] = [gpu.take(4 * count), gpu.take(4 * count), gpu.take(16 * count * H)];
  piece.decode(null, true, logNormalizer);
  piece.backward({ dGates });

  fillBuffer(backend, dNll, count, new Float(weight));
  runKernelGradient(
    backend,
    [vocabulary, H],
    { count, rows, batch, firstRow },
    {
      hidden: piece.outputs,
      kernel: buffers.outputKernel,
      bias: buffers.outputBias,
      targets: buffers.targets,
      logNormalizer,
      dNll,
      dKernel: taught.outputKernel,
      dBias: taught.outputBias,
    },
    true,
  );
  const recurrent = { initial, cells, activations, dGates, dKernel: taught.recurrentKernel };
  runRecurrentGradient(backend, [tokens, rows, H], recurrent, weight, true);
  const ofCodes = { m: Z, k: rows, transposeA: true, aStart: z.at, factor: weight, accumulate: true };
  multiply(backend, z.buffer, dLatentGates, taught.latentKernel, { ...ofCodes, n: 4 * H });
  multiply(backend, z.buffer, dInitial, taught.initialKernel, { ...ofCodes, n: H });
  reduceBuffer(backend, 'sum', dInitial, taught.initialBias, [1, rows, H], weight, true);
  runSumDraws(backend, dGates, taught.wordGates, { tokens, batch, rows, firstRow, width: 4 * H }, weight, true);
  for (const buffer of [logNormalizer, dNll, dGates]) gpu.give(buffer);
}
