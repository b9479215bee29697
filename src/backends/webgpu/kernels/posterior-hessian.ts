// The Hessian of each row's NLL in z: the gradient's own two passes, carried along with their derivative in every
// direction of z, Z rows for each row.

import type { WebgpuBackend } from '../backend.js';
import type { GpuBuffer } from '../gpu.js';
import type { WebgpuKernel } from '../kernel.js';
import { copyNumbers } from './arrange.js';
import { sequenceLayout } from './lstm.js';
import { type Context, contextOf, inPieces, type Piece, runLatentStep } from './piece.js';
import { vocabularyLayout } from './token-nll.js';

export const posteriorHessian: WebgpuKernel<'PosteriorHessian'> = (backend, inputs) => {
  const [rows, Z] = inputs.z.shape as [number, number];
  const { gpu } = backend;
  const context = contextOf(backend, inputs);
  const nll = backend.make([rows]);
  const gradient = backend.make([rows, Z]);
  const hessian = backend.make([rows, Z, Z]);
  const products = gpu.take(4 * rows * Z * Z);
  copyNumbers(backend, rows * Z, { buffer: backend.buffer(inputs.z) }, { buffer: gradient.buffer });
  const work = (piece: Piece) => {
    const at = piece.firstRow * Z;
    const tokens = context.tokens * piece.rows;
    const perToken = gpu.take(4 * tokens);
    const logNormalizer = gpu.take(4 * tokens);
    const adjoints = gpu.take(8 * tokens * context.hiddenSize);
    piece.project(gradient.buffer, at);
    piece.forward();
    piece.decode(perToken, true, logNormalizer);
    piece.sumTokens(perToken, nll.buffer);
    piece.backward({ adjoints });
    piece.move(gradient.buffer, { from: at, to: at, keep: 0, drift: 1, shake: 0 }, false);
    differentiate(backend, context, piece, { logNormalizer, adjoints }, products);
    for (const buffer of [perToken, logNormalizer, adjoints]) gpu.give(buffer);
  };
  inPieces(backend, context, rows, work, Z);
  // Of two ways to each number, rounded differently, the mean.
  gpu.run({
    shader: 'symmetric',
    parameters: [rows * Z * Z, Z],
    buffers: [products, hessian.buffer],
    workgroups: gpu.workgroups(rows * Z * Z, 256),
  });
  gpu.give(products);
  return [nll.info, gradient.info, hessian.info];
};

/** The products of a piece's Hessians with the axes, into the rows' places of `products`. */
function differentiate(
  backend: WebgpuBackend,
  context: Context,
  piece: Piece,
  { logNormalizer, adjoints }: { logNormalizer: GpuBuffer; adjoints: GpuBuffer },
  products: GpuBuffer,
): void {
  const { gpu } = backend;
  const { tokens, batch, latentSize: Z, hiddenSize: H, vocabulary, mask, buffers } = context;
  const { rows, firstRow } = piece;
  const directions = rows * Z;
  const count = tokens * directions;
  const layout = sequenceLayout(gpu, H, directions);
  const { G, W, U } = layout;
  const take = (numbers: number) => gpu.take(4 * numbers);
  const [dOutputs, dCells, dActivations] = [take(count * H), take(count * H), take(4 * count * H)];
  gpu.run({
    shader: 'lstm-tangent-forward',
    constants: { H, Z, G, W },
    parameters: [tokens, batch, rows, firstRow, mask === null ? 0 : 1],
    buffers: [
      context.forward.buffer,
      buffers.latentKernel,
      buffers.initialKernel,
      piece.cells,
      piece.activations,
      mask ?? gpu.nothing,
      dOutputs,
      dCells,
      dActivations,
    ],
    workgroups: [Math.ceil(directions / G)],
  });

  const { ROWS, slice, slices } = vocabularyLayout(gpu, count, H, vocabulary);
  const [sums, means] = [take(slices * count * H), take(slices * count)];
  gpu.run({
    shader: 'token-nll-tangent',
    constants: { H, Z, ROWS },
    parameters: [count, vocabulary, slice],
    buffers: [piece.outputs, dOutputs, buffers.outputKernel, buffers.outputBias, logNormalizer, sums, means],
    workgroups: [Math.ceil(count / ROWS), slices],
  });
  const fromAbove = take(count * H);
  gpu.run({
    shader: 'token-nll-tangent-combine',
    constants: { H, Z },
    parameters: [count * H, slices, rows, batch, firstRow, mask === null ? 0 : 1],
    buffers: [sums, means, piece.dOutputs, buffers.outputKernel, buffers.targets, mask ?? gpu.nothing, fromAbove],
    workgroups: gpu.workgroups(count * H, 256),
  });

  const [dLatentGates, dInitial] = [take(4 * directions * H), take(directions * H)];
  gpu.run({
    shader: 'lstm-tangent-backward',
    constants: { H, Z, G, W, U },
    parameters: [tokens, rows],
    buffers: [
      context.backward.buffer,
      piece.cells,
      piece.activations,
      adjoints,
      dCells,
      dActivations,
      fromAbove,
      dLatentGates,
      dInitial,
    ],
    workgroups: [Math.ceil(directions / G)],
  });
  const from = firstRow * Z * Z;
  const step = { z: products, dLatentGates, dInitial, projections: null };
  runLatentStep(backend, context, directions, step, { from, to: from, keep: 0, drift: 1, shake: 0 });
  const made = [dOutputs, dCells, dActivations, sums, means, fromAbove, dLatentGates, dInitial];
  for (const buffer of made) gpu.give(buffer);
}
