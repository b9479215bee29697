// What a kernel of the webgpu backend is: a function of tensors on the GPU. Those of tfjs's operations are below; those of
// our own are typed by the seam, src/ops/kernel.ts.

import type * as tf from '@tensorflow/tfjs-core';
import type { KernelName, Kernel as KernelOf } from '../../ops/kernel.js';
import type { WebgpuBackend } from './backend.js';

/** A tensor as kernels see it: shape, dtype and a handle on the data. */
export type Info = tf.TensorInfo;
export type Inputs = Readonly<Record<string, Info>>;

/** A kernel of one of our own operations. */
export type WebgpuKernel<Name extends KernelName> = KernelOf<Name, WebgpuBackend>;

/**
 * A kernel of one of tfjs's operations. It returns null where it cannot do what is asked, as for a dtype that the models
 * do not use; the processor then does it, and it is counted.
 */
export type PlainKernel = (backend: WebgpuBackend, inputs: Inputs, attributes: never) => Info | Info[] | null;

/** A kernel with the attributes that the operation of its name hands over. */
export function kernel<Attributes>(
  run: (backend: WebgpuBackend, inputs: Inputs, attributes: Attributes) => Info | Info[] | null,
): PlainKernel {
  return run as PlainKernel;
}
