// The seam between an operation and what computes it. A backend that has something faster registers a tfjs kernel under
// the operation's name; everywhere else the portable version, composed of plain tfjs ops, runs. The portable version is
// also what every kernel is tested against. `Kernels` says what goes in and what comes out, to callers and to backends.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/choices.js';
import type { StreamWords } from '../random/philox.js';
import type { AdamSettings, ShortRunSchedule } from './settings.js';

/** A batch's SentenceContext as named inputs. */
export type ContextInputs = {
  wordGates: tf.Tensor3D;
  outputMask?: tf.Tensor3D;
  targets: tf.Tensor2D;
  latentKernel: tf.Tensor2D;
  initialKernel: tf.Tensor2D;
  initialBias: tf.Tensor1D;
  recurrentKernel: tf.Tensor2D;
  outputKernel: tf.Tensor2D;
  outputBias: tf.Tensor1D;
};

/** Of each kernel: its inputs, its attributes (null for none; they travel as they are), and the tensor or tensors it gives. */
export interface Kernels {
  /** See `lstm`. Every h_t and c_t, `[tokens, rows, hidden]`, and the gates after their functions, `[tokens, rows, 4 hidden]`. */
  Lstm: {
    inputs: {
      wordGates: tf.Tensor3D;
      latentGates: tf.Tensor2D;
      initialHidden: tf.Tensor2D;
      recurrentKernel: tf.Tensor2D;
    };
    attributes: { precision: Precision };
    outputs: [hidden: tf.Tensor3D, cells: tf.Tensor3D, activations: tf.Tensor3D];
  };
  /** The adjoints of Lstm's inputs; `batch` is that of its word gates. The order of an activation's gates is the backend's own. */
  LstmGradient: {
    inputs: {
      dHidden: tf.Tensor3D;
      initialHidden: tf.Tensor2D;
      recurrentKernel: tf.Tensor2D;
      hidden: tf.Tensor3D;
      cells: tf.Tensor3D;
      activations: tf.Tensor3D;
    };
    attributes: { batch: number; precision: Precision };
    outputs: [
      dWordGates: tf.Tensor3D,
      dLatentGates: tf.Tensor2D,
      dInitialHidden: tf.Tensor2D,
      dRecurrentKernel: tf.Tensor2D,
    ];
  };
  /**
   * See `tokenNll`; and the logarithm of each token's partition function, `[tokens]`. A backend that is asked for the
   * gradients of the sum of `nll` and has them cheaper in the same pass gives them as well, all three or none.
   */
  TokenNll: {
    inputs: { hidden: tf.Tensor2D; outputKernel: tf.Tensor2D; outputBias: tf.Tensor1D; targets: tf.Tensor1D };
    attributes: { precision: Precision; withGradients: boolean };
    outputs: [
      nll: tf.Tensor1D,
      logNormalizer: tf.Tensor1D,
      dHidden?: tf.Tensor2D,
      dOutputKernel?: tf.Tensor2D,
      dOutputBias?: tf.Tensor1D,
    ];
  };
  /** The adjoints of TokenNll's inputs but the targets. */
  TokenNllGradient: {
    inputs: {
      dNll: tf.Tensor1D;
      hidden: tf.Tensor2D;
      outputKernel: tf.Tensor2D;
      outputBias: tf.Tensor1D;
      targets: tf.Tensor1D;
      logNormalizer: tf.Tensor1D;
    };
    attributes: { precision: Precision };
    outputs: [dHidden: tf.Tensor2D, dOutputKernel: tf.Tensor2D, dOutputBias: tf.Tensor1D];
  };
  /** See `product`: of a backend that has products in another precision than f32. */
  Product: {
    inputs: { a: tf.Tensor2D; b: tf.Tensor2D };
    attributes: { precision: Precision; transposeA: boolean; transposeB: boolean };
    outputs: tf.Tensor2D;
  };
  /** See `latentNll`. */
  LatentNll: { inputs: ContextInputs & { z: tf.Tensor2D }; attributes: null; outputs: tf.Tensor1D };
  /** See `latentGradient`. */
  LatentGradient: {
    inputs: ContextInputs & { z: tf.Tensor2D };
    attributes: { precision: Precision };
    outputs: [nll: tf.Tensor1D, gradient: tf.Tensor2D];
  };
  /** See `posteriorHessian`. */
  PosteriorHessian: {
    inputs: ContextInputs & { z: tf.Tensor2D };
    attributes: null;
    outputs: [nll: tf.Tensor1D, gradient: tf.Tensor2D, hessian: tf.Tensor3D];
  };
  /** See `shortRun`; the path only where it is to be kept. */
  ShortRun: {
    inputs: ContextInputs & { z0: tf.Tensor2D; noise: tf.Tensor3D };
    attributes: ShortRunSchedule & { keepPath: boolean; precision: Precision };
    outputs: [z: tf.Tensor2D, path?: tf.Tensor3D];
  };
  /** See `shortRunWithGradient`. */
  ShortRunWithGradient: {
    inputs: ContextInputs & { z0: tf.Tensor2D; noise: tf.Tensor3D };
    attributes: ShortRunSchedule & { weights: Float32Array; precision: Precision };
    outputs: [
      z: tf.Tensor2D,
      wordGates: tf.Tensor3D,
      latentKernel: tf.Tensor2D,
      initialKernel: tf.Tensor2D,
      initialBias: tf.Tensor1D,
      recurrentKernel: tf.Tensor2D,
      outputKernel: tf.Tensor2D,
      outputBias: tf.Tensor1D,
    ];
  };
  /** See `embedding`. */
  Embedding: { inputs: { table: tf.Tensor2D; ids: tf.Tensor }; attributes: null; outputs: tf.Tensor };
  /** The adjoint of a table of the given shape; a backend may keep its non-zero rows alone. */
  EmbeddingGradient: {
    inputs: { dRows: tf.Tensor; ids: tf.Tensor };
    attributes: { shape: [vocabulary: number, size: number] };
    outputs: tf.Tensor2D;
  };
  /** See `dropoutMask`. */
  DropoutMask: {
    inputs: Record<never, tf.Tensor>;
    attributes: { shape: number[]; rate: number; words: StreamWords };
    outputs: tf.Tensor;
  };
  /** The sum of squares, a scalar. */
  SquaredNorm: { inputs: { x: tf.Tensor }; attributes: null; outputs: tf.Scalar };
  /** See `adam`: changes all but the gradient in place. */
  Adam: {
    inputs: { parameter: tf.Tensor; gradient: tf.Tensor; firstMoment: tf.Tensor; secondMoment: tf.Tensor };
    attributes: AdamSettings & { step: number; scale: number };
    outputs: [];
  };
  /** See `sgd`: changes the parameter in place. */
  Sgd: {
    inputs: { parameter: tf.Tensor; gradient: tf.Tensor };
    attributes: { learningRate: number; scale: number };
    outputs: [];
  };
}

export type KernelName = keyof Kernels;

/** True where the active backend has a kernel of its own for the operation. */
export function hasKernel(name: KernelName): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/** Runs the active backend's kernel. */
export function runKernel<Name extends KernelName>(
  name: Name,
  inputs: Kernels[Name]['inputs'],
  ...[attributes]: Kernels[Name]['attributes'] extends null ? [] : [attributes: Kernels[Name]['attributes']]
): Kernels[Name]['outputs'] {
  // tfjs's own types of inputs and attributes are wider and narrower than what it does with them.
  return tf
    .engine()
    .runKernel(
      name,
      inputs as unknown as tf.NamedTensorMap,
      (attributes ?? {}) as unknown as tf.NamedAttrMap,
    ) as unknown as Kernels[Name]['outputs'];
}

/** What a kernel is handed: of each tensor its shape, its dtype and a handle on the data. */
export type KernelInputs<Name extends KernelName> = {
  readonly [Input in keyof Kernels[Name]['inputs']]: tf.TensorInfo;
};

type InfoOf<Outputs> = Outputs extends tf.Tensor ? tf.TensorInfo : { [Place in keyof Outputs]: tf.TensorInfo };

/** A backend's way to compute an operation. @param Context what it computes with. */
export type Kernel<Name extends KernelName, Context> = (
  context: Context,
  inputs: KernelInputs<Name>,
  attributes: Kernels[Name]['attributes'],
) => InfoOf<Kernels[Name]['outputs']>;

/** A backend's kernels by name. */
export type KernelTable<Context> = { readonly [Name in KernelName]: Kernel<Name, Context> };

/**
 * Registers a backend's kernels.
 * @param run calls one with the backend's context and does what is to be done around it.
 */
export function registerKernels<Context>(
  backendName: string,
  kernels: Partial<KernelTable<Context>>,
  run: (
    compute: (context: Context) => tf.TensorInfo | tf.TensorInfo[],
    backend: unknown,
  ) => tf.TensorInfo | tf.TensorInfo[],
): void {
  type Untyped = (context: Context, inputs: unknown, attributes: unknown) => tf.TensorInfo | tf.TensorInfo[];
  for (const [kernelName, kernel] of Object.entries(kernels) as [KernelName, Untyped][]) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ backend, inputs, attrs }) => run((context) => kernel(context, inputs, attrs), backend),
    });
  }
}
