// Some rows of z with the decoder run on them: the passes of a Langevin step, one method each, with the memory that they
// hand to one another. What kernels make of them is in latent.ts and posterior-hessian.ts.

import { InputError } from '../../../errors.js';
import type { KernelInputs } from '../../../ops/kernel.js';
import type { WebgpuBackend } from '../backend.js';
import { Float, type GpuBuffer } from '../gpu.js';
import { copyNumbers } from './arrange.js';
import {
  type BackwardBuffers,
  backwardKernel,
  forwardKernel,
  type RecurrentKernel,
  runBackward,
  runForward,
  type Sequence,
  sequenceLayout,
} from './lstm.js';
import { reduceBuffer } from './reduce.js';
import { runTokenNll } from './token-nll.js';

/** A SentenceContext as kernels are handed it. */
type ContextInfos = Omit<KernelInputs<'LatentNll'>, 'z'>;

/** What `latent-step` keeps in a workgroup's memory: sixteen threads' sums, and z. */
const BYTES_A_DIMENSION = 68;

/** The batch and the decoder's weights on the GPU; see SentenceContext. */
export interface Context {
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
  forward: RecurrentKernel;
  backward: RecurrentKernel;
}

/**
 * @param halves whether the recurrent kernel is read in half precision.
 * @throws InputError where z is too large for a workgroup's memory.
 */
export function contextOf(backend: WebgpuBackend, inputs: ContextInfos, halves = false): Context {
  const [tokens, batch] = inputs.wordGates.shape as [number, number];
  const latentSize = inputs.latentKernel.shape[0]!;
  const { name, maxWorkgroupMemory } = backend.gpu.facts;
  if (BYTES_A_DIMENSION * latentSize > maxWorkgroupMemory) {
    throw new InputError(
      `model.latentSize: ${latentSize} is too large for the webgpu backend: ${BYTES_A_DIMENSION * latentSize} bytes of a ` +
        `workgroup's memory are needed, and ${name} has ${maxWorkgroupMemory}; --backend native has no such limit`,
    );
  }
  const [vocabulary, hiddenSize] = inputs.outputKernel.shape as [number, number];
  const buffer = (name: Exclude<keyof ContextInfos, 'outputMask'>) => backend.buffer(inputs[name]);
  return {
    tokens,
    batch,
    latentSize,
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
    forward: forwardKernel(backend, inputs.recurrentKernel, halves),
    backward: backwardKernel(backend, inputs.recurrentKernel, halves),
  };
}

/** z <- keep z + drift gradient + shake noise, from one place in `z` to another. */
export interface Move {
  from: number;
  to: number;
  keep: number;
  drift: number;
  shake: number;
  noise?: { buffer: GpuBuffer; at: number };
}

/** Some rows of z with the memory that the decoder needs for them. `free` gives it back. */
export class Piece {
  private readonly layout: ReturnType<typeof sequenceLayout>;
  private readonly sequence: Sequence;
  private readonly latentGates: GpuBuffer;
  readonly initial: GpuBuffer;
  readonly outputs: GpuBuffer;
  readonly cells: GpuBuffer;
  readonly activations: GpuBuffer;
  readonly dOutputs: GpuBuffer;
  readonly dLatentGates: GpuBuffer;
  readonly dInitial: GpuBuffer;

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
    this.step(z, { from }, true);
  }

  /** Moves z by the gradient that `backward` left, and projects it again where it is to be decoded again. */
  move(z: GpuBuffer, move: Move, projects: boolean): void {
    this.step(z, move, projects);
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

  /**
   * The NLL of each token `[tokens, rows]`, the logarithm of its partition function, and the gradient in h, each where
   * wanted.
   */
  decode(nll: GpuBuffer | null, gradient: boolean, logNormalizer: GpuBuffer | null = null): void {
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
        logNormalizer,
        dHidden: gradient ? this.dOutputs : null,
        dNll: null,
      },
    );
  }

  /**
   * From the gradient in h to those in the latent gates and in h_0; where wanted, to those in all h_t and c_t (see
   * BackwardBuffers), and in every token's gates.
   */
  backward({ adjoints = null, dGates = null }: Partial<Pick<BackwardBuffers, 'adjoints' | 'dGates'>> = {}): void {
    runBackward(this.backend, this.layout, this.sequence, {
      kernel: this.context.backward,
      cells: this.cells,
      activations: this.activations,
      dOutputs: this.dOutputs,
      dGates,
      dLatentGates: this.dLatentGates,
      dInitial: this.dInitial,
      adjoints,
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

  private step(z: GpuBuffer, move: Move | { from: number }, projects: boolean): void {
    const { latentGates, initial, dLatentGates, dInitial } = this;
    const projections = projects ? { latentGates, initial } : null;
    runLatentStep(this.backend, this.context, this.rows, { z, dLatentGates, dInitial, projections }, move);
  }
}

/** What `latent-step` reads and writes. */
export interface StepBuffers {
  /** Rows of `latentSize`, with the step's places in them. */
  z: GpuBuffer;
  dLatentGates: GpuBuffer;
  dInitial: GpuBuffer;
  /** Null where z is not projected. */
  projections: { latentGates: GpuBuffer; initial: GpuBuffer } | null;
}

/** Moves `rows` of z, where `move` is no mere place, and projects them, where there is room for projections. */
export function runLatentStep(
  { gpu }: WebgpuBackend,
  { latentSize: Z, hiddenSize: H, buffers }: Context,
  rows: number,
  { z, dLatentGates, dInitial, projections }: StepBuffers,
  move: Move | { from: number },
): void {
  const moves = 'to' in move;
  const { from, to = from, keep = 1, drift = 0, shake = 0, noise } = move as Partial<Move> & { from: number };
  gpu.run({
    shader: 'latent-step',
    constants: { H, Z },
    parameters: [
      rows,
      moves ? 1 : 0,
      projections === null ? 0 : 1,
      from,
      to,
      noise?.at ?? 0,
      new Float(keep),
      new Float(drift),
      new Float(shake),
    ],
    buffers: [
      buffers.latentKernel,
      buffers.initialKernel,
      buffers.initialBias,
      dLatentGates,
      dInitial,
      noise?.buffer ?? gpu.nothing,
      z,
      projections?.latentGates ?? gpu.nowhere,
      projections?.initial ?? gpu.elsewhere,
    ],
    workgroups: gpu.workgroups(rows),
  });
}

/**
 * Runs `work` on all rows, a piece at a time.
 * @param directions of each row that the work has gates of.
 */
export function inPieces(
  backend: WebgpuBackend,
  context: Context,
  rows: number,
  work: (piece: Piece) => void,
  directions = 1,
): void {
  const atRow = 16 * context.tokens * context.hiddenSize * directions;
  const atOnce = Math.max(1, Math.floor(backend.gpu.pieceLimit / atRow));
  for (let first = 0; first < rows; first += atOnce) {
    const piece = new Piece(backend, context, first, Math.min(atOnce, rows - first));
    work(piece);
    piece.free();
  }
}
