// The C++ addon as TypeScript sees it: a handful of functions on plain typed arrays. It knows nothing of tensors,
// shapes are numbers that come along, and every output is an array that the caller made. Lengths are checked against
// the shapes; what does not fit is a JavaScript Error that names the argument.
//
// Letters in the shapes: T tokens, B sentences of a batch, R rows (draws * B; row r belongs to sentence r % B),
// N any number of tokens, E word vector, H hidden, Z latent, V vocabulary, K steps. Gates stand in the order input,
// forget, candidate, output. Everything is row-major. Calls are synchronous; they use `setThreads` threads inside.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Precision } from '../../config/choices.js';

export interface AddonInfo {
  /** Version of the oneDNN library in use, e.g. `2.6.3`. */
  oneDnn: string;
  /** What the processor has of the instruction sets that matter here, e.g. `avx2`, `avx512f`, `avx512bf16`. */
  instructionSets: string[];
  /** Threads that a call uses. */
  threads: number;
  /** Whether handles of precision `bf16` can be made on this processor. */
  bf16: boolean;
}

/** Weights in the layout that the products want. Made once; `pack` again after every update of the parameter. */
export interface PackedWeights {
  readonly precision: Precision;
  /** Copies `kernel` into the packed layout, on all threads, into the buffers of the last time. */
  pack(kernel: Float32Array): void;
}

/** The LSTM's recurrent kernel, `pack([H, 4H])`. */
export interface RecurrentWeights extends PackedWeights {
  readonly hiddenSize: number;
}

/** The output layer's kernel, `pack([V, H])`. */
export interface VocabularyWeights extends PackedWeights {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
}

export interface LstmForwardArguments {
  tokens: number;
  batch: number;
  rows: number;
  /** `[T, B, 4H]`. */
  wordGates: Float32Array;
  /** `[R, 4H]`, added at every step; null for none. */
  latentGates: Float32Array | null;
  /** h_0 `[R, H]`; null for zeros. */
  initial: Float32Array | null;
  /** Out: h_1..h_T `[T, R, H]`. */
  hidden: Float32Array;
  /** Out: c_1..c_T `[T, R, H]`. */
  cells: Float32Array;
  /** Out: the gates after their nonlinearities `[T, R, 4H]`. */
  activations: Float32Array;
}

export interface LstmBackwardArguments {
  tokens: number;
  rows: number;
  /** As given to `lstmForward`. */
  initial: Float32Array | null;
  /** As `lstmForward` left them. */
  hidden: Float32Array;
  cells: Float32Array;
  activations: Float32Array;
  /** dL/dh_t from above, `[T, R, H]`. */
  dHidden: Float32Array;
  /** Out: dL/da_t `[T, R, 4H]`. */
  dGates: Float32Array;
  /** Out: dGates summed over time, `[R, 4H]`. */
  dLatentGates: Float32Array | null;
  /** Out: dL/dh_0 `[R, H]`. */
  dInitial: Float32Array | null;
  /** Out: `[H, 4H]`. */
  dRecurrentKernel: Float32Array | null;
}

export interface TokenNllForwardArguments {
  count: number;
  /** `[N, H]`. */
  hidden: Float32Array;
  /** `[V]`. */
  bias: Float32Array;
  /** `[N]`, each in [0, V). */
  targets: Int32Array;
  /** Out: -log softmax(kernel h_n + bias)[target_n], nats, `[N]`. */
  nll: Float32Array;
  /** Out: log sum_v exp(logit_nv) `[N]`. */
  logNormalizer: Float32Array;
  /** The gradient of the sum of `nll`, in the same pass, which computes no logit twice; null for none. */
  gradients: {
    /** `[V, H]`, as it was packed. */
    kernel: Float32Array;
    /** Out: `[N, H]`. */
    dHidden: Float32Array;
    /** Out: `[V, H]`. */
    dKernel: Float32Array;
    /** Out: `[V]`. */
    dBias: Float32Array;
  } | null;
}

export interface TokenNllBackwardArguments {
  count: number;
  /** As given to `tokenNllForward`. */
  hidden: Float32Array;
  bias: Float32Array;
  targets: Int32Array;
  /** As `tokenNllForward` left it. */
  logNormalizer: Float32Array;
  /** dL/dnll `[N]`. */
  dNll: Float32Array;
  /** Out: `[N, H]`. */
  dHidden: Float32Array | null;
  /** Out: `[V, H]`. */
  dKernel: Float32Array | null;
  /** Out: `[V]`. */
  dBias: Float32Array | null;
}

/** Everything that NLL(z) of a batch needs besides the two packed kernels. The word gates hold the LSTM's bias. */
export interface LatentContext {
  tokens: number;
  batch: number;
  latentSize: number;
  /** `[T, B, 4H]`. */
  wordGates: Float32Array;
  /** `[T, B, H]`, multiplied onto the LSTM's outputs; null for none. */
  outputMask: Float32Array | null;
  /** `[T, B]`, each in [0, V). */
  targets: Int32Array;
  /** `[Z, 4H]`. */
  latentKernel: Float32Array;
  /** `[Z, H]`: h_0 = z initialKernel + initialBias. */
  initialKernel: Float32Array;
  /** `[H]`. */
  initialBias: Float32Array;
  /** `[V, H]`, the kernel that was packed. */
  outputKernel: Float32Array;
  /** `[V]`. */
  outputBias: Float32Array;
}

export interface LatentNllArguments {
  rows: number;
  /** `[R, Z]`. */
  z: Float32Array;
  /** Out: NLL of each row's sentence, nats, `[R]`. */
  nll: Float32Array;
}

export interface LatentGradientArguments extends LatentNllArguments {
  /** Out: dNLL/dz `[R, Z]`. */
  gradient: Float32Array;
}

export interface PosteriorHessianArguments extends LatentGradientArguments {
  /** Out: d2NLL/dz2 `[R, Z, Z]`, exactly symmetric. */
  hessian: Float32Array;
}

export interface ShortRunArguments {
  rows: number;
  /** z_0 `[R, Z]`. */
  z0: Float32Array;
  /** eps `[K, R, Z]`. */
  noise: Float32Array;
  /** s_k `[K]`. */
  stepSizes: Float32Array;
  temperature: number;
  priorWeight: number;
  /** Out: z_K `[R, Z]`. */
  z: Float32Array;
  /** Out: z_0..z_K `[K + 1, R, Z]`; null if not wanted. */
  path: Float32Array | null;
  /** w_k `[K]`, for `gradient`; null or left out where that is not wanted. */
  weights?: Float32Array | null;
  /** In and out: sum_k w_k dNLL(z_k) is added, NLL summed over the rows, k = 0..K-1. */
  gradient?: ContextGradient | null;
}

/** A gradient in all of a LatentContext that has weights behind it, and in the packed kernels. */
export interface ContextGradient {
  /** `[T, B, 4H]`. */
  wordGates: Float32Array;
  /** `[Z, 4H]`. */
  latentKernel: Float32Array;
  /** `[Z, H]`. */
  initialKernel: Float32Array;
  /** `[H]`. */
  initialBias: Float32Array;
  /** `[H, 4H]`. */
  recurrentKernel: Float32Array;
  /** `[V, H]`. */
  outputKernel: Float32Array;
  /** `[V]`. */
  outputBias: Float32Array;
}

/** The gradient of a table of which few rows were read: `values[i]` is that of row `rows[i]`, rows ascending. */
export interface RowGradient {
  rows: Int32Array;
  /** `[rows.length, row size]`. */
  values: Float32Array;
}

export interface SgdArguments {
  parameter: Float32Array;
  gradient: Float32Array | RowGradient;
  /** Numbers a row holds; needed with a RowGradient. */
  rowSize?: number;
  learningRate: number;
  /** Multiplied onto the gradient (clipping). */
  gradientScale: number;
}

export interface AdamArguments extends SgdArguments {
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** t, from 1. */
  step: number;
}

export interface NativeAddon {
  info(): AddonInfo;
  /**
   * So many, or as many as `OMP_THREAD_LIMIT` allows: `info` says.
   * @throws Error unless `threads` is a whole number from 1 to 1024.
   */
  setThreads(threads: number): void;
  /** GFLOP/s that matrix products reach on the current threads; takes about 0.3 s. */
  measurePeak(precision: Precision): number;

  /**
   * out = a b, or out += a b with `accumulate`. `a` is `[m, k]` (`[k, m]` if transposed), `b` `[k, n]` (`[n, k]`),
   * out `[m, n]`. In bf16 both are rounded, and sums are of f32; f32 where nothing is said.
   * @throws Error where `precision` is `bf16` and the processor has no bf16 products.
   */
  matMul(
    a: Float32Array,
    b: Float32Array,
    out: Float32Array,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    accumulate?: boolean,
    precision?: Precision,
  ): void;

  /** @throws Error where `precision` is `bf16` and the processor has no bf16 products. */
  RecurrentWeights: new (
    hiddenSize: number,
    precision: Precision,
  ) => RecurrentWeights;
  /** @throws Error where `precision` is `bf16` and the processor has no bf16 products. */
  VocabularyWeights: new (
    vocabularySize: number,
    hiddenSize: number,
    precision: Precision,
  ) => VocabularyWeights;

  /**
   * a_t = wordGates_t + latentGates + h_{t-1} kernel, c_t = f c_{t-1} + i g, h_t = o tanh(c_t), c_0 = 0. The products are of
   * the handle's precision, here and below; all arrays are of f32.
   */
  lstmForward(recurrent: RecurrentWeights, args: LstmForwardArguments): void;
  /** With a bf16 handle dGates are as the products took them, rounded. */
  lstmBackward(recurrent: RecurrentWeights, args: LstmBackwardArguments): void;

  /** out = factor x, of any length. */
  scale(x: Float32Array, factor: number, out: Float32Array): void;

  tokenNllForward(vocabulary: VocabularyWeights, args: TokenNllForwardArguments): void;
  /** Computes the logits again, a tile at a time, with a handle of the forward pass's precision. */
  tokenNllBackward(vocabulary: VocabularyWeights, args: TokenNllBackwardArguments): void;

  /** Works through the rows in pieces: memory does not grow with R. Both handles of one precision. */
  latentNll(
    recurrent: RecurrentWeights,
    vocabulary: VocabularyWeights,
    context: LatentContext,
    args: LatentNllArguments,
  ): void;
  latentGradient(
    recurrent: RecurrentWeights,
    vocabulary: VocabularyWeights,
    context: LatentContext,
    args: LatentGradientArguments,
  ): void;
  /**
   * z_{k+1} = z_k - s_k (priorWeight z_k + dNLL(z_k)/dz) + temperature sqrt(2 s_k) eps_k, for k = 0..K-1. With `weights`
   * a step whose weight is not 0 takes one product more with the vocabulary, and one with the recurrence.
   */
  shortRun(
    recurrent: RecurrentWeights,
    vocabulary: VocabularyWeights,
    context: LatentContext,
    args: ShortRunArguments,
  ): void;
  /** f32 handles. */
  posteriorHessian(
    recurrent: RecurrentWeights,
    vocabulary: VocabularyWeights,
    context: LatentContext,
    args: PosteriorHessianArguments,
  ): void;

  /** out_i = table row ids_i; `table` `[V, rowSize]`, `out` `[ids.length, rowSize]`. */
  embeddingForward(table: Float32Array, ids: Int32Array, out: Float32Array, rowSize: number): void;
  /** The sum of `dOut`'s rows for each id that occurs; `dOut` `[ids.length, rowSize]`. */
  embeddingGradient(ids: Int32Array, dOut: Float32Array, rowSize: number): RowGradient;

  /**
   * Adam (Kingma and Ba 2015) in place, in one pass. Rows that a RowGradient leaves out have gradient zero: their moments
   * decay and they move, as in a dense update.
   */
  adam(args: AdamArguments): void;
  /** parameter <- parameter - learningRate * gradientScale * gradient, in place. */
  sgd(args: SgdArguments): void;
  /** Sum of squares in double precision; the same bits for a fixed thread count. */
  squaredNorm(values: Float32Array): number;
  /**
   * Element j is 0 where word j of the Philox4x32-10 stream (see random/philox.ts) over 2^32 is below `rate`, else
   * 1 / (1 - rate).
   */
  dropoutMask(
    out: Float32Array,
    key0: number,
    key1: number,
    counter1: number,
    counter2: number,
    counter3: number,
    rate: number,
  ): void;
}

/** SRI_ADDON names another build of it, such as one with sanitizers. */
export const ADDON =
  process.env.SRI_ADDON ?? fileURLToPath(new URL('../../../build/native/sri_native.node', import.meta.url));
/** The command that builds it. */
export const BUILD = 'sri setup';

let loaded: NativeAddon | undefined;

/**
 * The addon, loaded at the first call.
 * @throws Error saying why there is none and what would help.
 */
export function loadAddon(): NativeAddon {
  if (loaded !== undefined) return loaded;
  if (!existsSync(ADDON)) {
    throw new Error(
      `the native addon is not built: there is no ${ADDON}. ` +
        `\`${BUILD}\` builds it; it needs cmake, a C++17 compiler with OpenMP and oneDNN ` +
        '(Debian and Ubuntu: apt-get install cmake g++ libdnnl-dev)',
    );
  }
  // Threads that wait must not burn the cores that another process wants. OpenMP's library reads this once, when the
  // addon brings it in.
  if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= '2000';
  try {
    loaded = createRequire(import.meta.url)(ADDON) as NativeAddon;
  } catch (error) {
    const reason = (error as Error).message;
    const remedy = /libdnnl/.test(reason)
      ? 'install oneDNN (Debian and Ubuntu: apt-get install libdnnl-dev)'
      : `build it again on this machine: remove build/native, then ${BUILD}`;
    throw new Error(`the native addon does not load: ${reason}; ${remedy}`, { cause: error });
  }
  return loaded;
}
