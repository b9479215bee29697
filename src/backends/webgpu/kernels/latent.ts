// What inference does with z: the NLL of rows of codes, its gradient, and whole short runs. Nothing is read back in
// between; a step of a run is five dispatches, and its K steps are one submission. Rows go through in pieces, so that
// memory does not grow with them.

import type { ShortRunSchedule } from '../../../ops/short-run.js';
import type { WebgpuBackend } from '../backend.js';
import { Float, type GpuBuffer } from '../gpu.js';
import { type Inputs, type Kernel, kernel } from '../kernel.js';
import { copyNumbers } from './arrange.js';
import { backwardKernel, forwardKernel, runBackward, runForward, type Sequence, sequenceLayout } from './lstm.js';
import { reduceBuffer } from './reduce.js';
import { runTokenNll } from './token-nll.js';

/** The batch and the decoder's weights on the GPU; see SentenceContext. */
interface Context {
  tokens: number;
  batch: number;
  latentSize: number;
  hiddenSize: number;
  vocabulary: number;
  mask: GpuBuffer | null;
  buffers: Record<
    'wordGates' | 'targets' | 'latentKernel' | 'initialKernel' | 'initialBias' | 'outputKernel' | 'outputBias',
    GpuBuffer
  >;
  forward: GpuBuffer;
  backward: GpuBuffer;
}

function contextOf(backend: WebgpuBackend, inputs: Inputs): Context {
  const [tokens, batch] = inputs.wordGates!.shape as [number, number];
  const [vocabulary, hiddenSize] = inputs.outputKernel!.shape as [number, number];
  const buffer = (name: string) => backend.buffer(inputs[name]!);
  return {
    tokens,
    batch,
    latentSize: inputs.latentKernel!.shape[0]!,
    hiddenSize,
    vocabulary,
    mask: inputs.outputMask === undefined ? null : backend.buffer(inputs.outputMask),
    buffers: {
      wordGates: buffer('wordGates'),
      targets: buffer('targets'),
      latentKernel: buffer('latentKernel'),
      initialKernel: buffer('initialKernel'),
      initialBias: buffer('initialBias'),
      outputKernel: buffer('outputKernel'),
      outputBias: buffer('outputBias'),
    },
    forward: forwardKernel(backend, inputs.recurrentKernel!),
    backward: backwardKernel(backend, inputs.recurrentKernel!),
  };
}

/** z <- keep z + drift gradient + shake noise, from one place in `z` to another. */
interface Move {
  from: number;
  to: number;
  keep: number;
  drift: number;
  shake: number;
  noise?: { buffer: GpuBuffer; at: number };
}

/** Some rows of z with the memory that the decoder needs for them. `free` gives it back. */
class Piece {
  private readonly layout;
  private readonly sequence: Sequence;
  private readonly latentGates: GpuBuffer;
  private readonly initial: GpuBuffer;
  private readonly outputs: GpuBuffer;
  private readonly cells: GpuBuffer;
  private readonly activations: GpuBuffer;
  private readonly dOutputs: GpuBuffer;
  private readonly dLatentGates: GpuBuffer;
  private readonly dInitial: GpuBuffer;

  constructor(
    private readonly backend: WebgpuBackend,
    private readonly context: Context,
    readonly firstRow: number,
    readonly rows: number,
  ) {
    const { tokens, batch, hiddenSize: H, mask } = context;
    const take = (numbers: number) => backend.gpu.take(4 * numbers);
    this.layout = sequenceLayout(backend.gpu, H, rows);
    this.sequence = { tokens, batch, rows, firstRow, mask };
    this.latentGates = take(rows * 4 * H);
    this.initial = take(rows * H);
    this.outputs = take(tokens * rows * H);
    this.cells = take(tokens * rows * H);
    this.activations = take(tokens * rows * 4 * H);
    this.dOutputs = take(tokens * rows * H);
    this.dLatentGates = take(rows * 4 * H);
    this.dInitial = take(rows * H);
  }

  /** z's projections, from the piece's place in `z`. */
  project(z: GpuBuffer, from: number): void {
    this.latentStep(z, { from, to: 0, keep: 1, drift: 0, shake: 0 }, false, true);
  }

  /** Moves z by the gradient that `backward` left, and projects it again where it is to be decoded again. */
  move(z: GpuBuffer, move: Move, projects: boolean): void {
    this.latentStep(z, move, true, projects);
  }

  /** h_1..h_T of the codes projected last. */
  forward(): void {
    runForward(this.backend, this.layout, this.sequence, {
      wordGates: this.context.buffers.wordGates,
      latentGates: this.latentGates,
      initial: this.initial,
      kernel: this.context.forward,
      outputs: this.outputs,
      cells: this.cells,
      activations: this.activations,
    });
  }

  /** The NLL of each token `[tokens, rows]`, where wanted, and the gradient in h, where wanted. */
  decode(nll: GpuBuffer | null, gradient: boolean): void {
    const { tokens, batch, vocabulary, hiddenSize, buffers } = this.context;
    runTokenNll(
      this.backend,
      [vocabulary, hiddenSize],
      { count: tokens * this.rows, rows: this.rows, batch, firstRow: this.firstRow },
      {
        hidden: this.outputs,
        kernel: buffers.outputKernel,
        bias: buffers.outputBias,
        targets: buffers.targets,
        nll,
        logNormalizer: null,
        dHidden: gradient ? this.dOutputs : null,
        dNll: null,
      },
    );
  }

  /** From the gradient in h to those in the latent gates and in h_0. */
  backward(): void {
    runBackward(this.backend, this.layout, this.sequence, {
      kernel: this.context.backward,
      cells: this.cells,
      activations: this.activations,
      dOutputs: this.dOutputs,
      dGates: null,
      dLatentGates: this.dLatentGates,
      dInitial: this.dInitial,
    });
  }

  /** The sum over tokens of `nll`, `[tokens, rows]`, into the rows' places of `to`. */
  sumTokens(nll: GpuBuffer, to: GpuBuffer): void {
    const { gpu } = this.backend;
    const sums = gpu.take(4 * this.rows);
    reduceBuffer(this.backend, 'sum', nll, sums, [1, this.context.tokens, this.rows]);
    copyNumbers(this.backend, this.rows, { buffer: sums }, { buffer: to, offset: this.firstRow });
    gpu.give(sums);
  }

  free(): void {
    const { latentGates, initial, outputs, cells, activations, dOutputs, dLatentGates, dInitial } = this;
    for (const buffer of [latentGates, initial, outputs, cells, activations, dOutputs, dLatentGates, dInitial]) {
      this.backend.gpu.give(buffer);
    }
  }

  private latentStep(z: GpuBuffer, move: Move, moves: boolean, projects: boolean): void {
    const { gpu } = this.backend;
    const { latentSize: Z, hiddenSize: H, buffers } = this.context;
    gpu.run({
      shader: 'latent-step',
      constants: { H, Z },
      parameters: [
        this.rows,
        moves ? 1 : 0,
        projects ? 1 : 0,
        move.from,
        move.to,
        move.noise?.at ?? 0,
        new Float(move.keep),
        new Float(move.drift),
        new Float(move.shake),
      ],
      buffers: [
        buffers.latentKernel,
        buffers.initialKernel,
        buffers.initialBias,
        this.dLatentGates,
        this.dInitial,
        move.noise?.buffer ?? gpu.nothing,
        z,
        this.latentGates,
        this.initial,
      ],
      workgroups: gpu.workgroups(this.rows),
    });
  }
}

/** Runs `work` on all rows, a piece at a time. */
function inPieces(backend: WebgpuBackend, context: Context, rows: number, work: (piece: Piece) => void): void {
  const atOnce = Math.max(1, Math.floor(backend.gpu.pieceLimit / (16 * context.tokens * context.hiddenSize)));
  for (let first = 0; first < rows; first += atOnce) {
    const piece = new Piece(backend, context, first, Math.min(atOnce, rows - first));
    work(piece);
    piece.free();
  }
}

/** The NLL of every row, and its gradient where there is a place for it. */
function likelihood(backend: WebgpuBackend, inputs: Inputs, nll: GpuBuffer, gradient: GpuBuffer | null): void {
  const [rows, size] = inputs.z!.shape as [number, number];
  const context = contextOf(backend, inputs);
  // The gradient takes the place of a copy of z.
  const z = gradient ?? backend.buffer(inputs.z!);
  if (gradient !== null) copyNumbers(backend, rows * size, { buffer: backend.buffer(inputs.z!) }, { buffer: gradient });
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

const latentNll = kernel((backend, inputs) => {
  const nll = backend.make([inputs.z!.shape[0]!]);
  likelihood(backend, inputs, nll.buffer, null);
  return nll.info;
});

const latentGradient = kernel((backend, inputs) => {
  const nll = backend.make([inputs.z!.shape[0]!]);
  const gradient = backend.make(inputs.z!.shape);
  likelihood(backend, inputs, nll.buffer, gradient.buffer);
  return [nll.info, gradient.info];
});

const shortRun = kernel<ShortRunSchedule & { keepPath: boolean }>(
  (backend, inputs, { stepSizes, temperature, priorWeight, keepPath }) => {
    const [rows, size] = inputs.z0!.shape as [number, number];
    const steps = stepSizes.length;
    const context = contextOf(backend, inputs);
    const noise = backend.buffer(inputs.noise!);
    const numbers = rows * size;
    const z = backend.make([rows, size]);
    const path = keepPath ? backend.make([steps + 1, rows, size]) : null;
    const places = (path ?? z).buffer;
    const placeOf = (k: number) => (keepPath ? k * numbers : 0);
    copyNumbers(backend, numbers, { buffer: backend.buffer(inputs.z0!) }, { buffer: places });
    inPieces(backend, context, rows, (piece) => {
      const at = piece.firstRow * size;
      piece.project(places, at);
      for (const [k, step] of stepSizes.entries()) {
        piece.forward();
        piece.decode(null, true);
        piece.backward();
        const move = {
          from: placeOf(k) + at,
          to: placeOf(k + 1) + at,
          keep: 1 - step * priorWeight,
          drift: -step,
          shake: temperature * Math.sqrt(2 * step),
          noise: { buffer: noise, at: k * numbers + at },
        };
        piece.move(places, move, k + 1 < steps);
      }
    });
    if (path === null) return [z.info];
    copyNumbers(backend, numbers, { buffer: places, offset: placeOf(steps) }, { buffer: z.buffer });
    return [z.info, path.info];
  },
);

export const LATENT: Record<string, Kernel> = {
  LatentNll: latentNll,
  LatentGradient: latentGradient,
  ShortRun: shortRun,
};
