// All kernels of the webgpu backend under tfjs's names, and the processor for what none of them does.

import * as tf from '@tensorflow/tfjs-core';
import { QuietCpuBackend } from '../quiet-cpu.js';
import type { WebgpuBackend } from './backend.js';
import type { Info, Inputs, Kernel } from './kernel.js';
import { ARRANGING } from './kernels/arrange.js';
import { ELEMENTWISE } from './kernels/elementwise.js';
import { LATENT } from './kernels/latent.js';
import { LSTM } from './kernels/lstm.js';
import { PRODUCTS } from './kernels/mat-mul.js';
import { REDUCING } from './kernels/reduce.js';
import { TOKEN_NLL } from './kernels/token-nll.js';
import { UPDATES } from './kernels/updates.js';

const KERNELS: Record<string, Kernel> = {
  ...ELEMENTWISE,
  ...ARRANGING,
  ...REDUCING,
  ...PRODUCTS,
  ...LSTM,
  ...TOKEN_NLL,
  ...LATENT,
  ...UPDATES,
};

export function registerWebgpuKernels(): void {
  const onProcessor = new Map(tf.getKernelsForBackend('cpu').map((config) => [config.kernelName, config.kernelFunc]));
  for (const kernelName of new Set([...onProcessor.keys(), ...Object.keys(KERNELS)])) {
    const run = KERNELS[kernelName];
    const slow = onProcessor.get(kernelName);
    tf.registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: ({ backend, inputs, attrs }) => {
        const done = run?.(backend as WebgpuBackend, inputs as Inputs, attrs as never) ?? null;
        if (done !== null) return done;
        if (slow === undefined) throw new Error(`the webgpu backend's ${kernelName} does not take these tensors`);
        return fallBack(backend as WebgpuBackend, kernelName, slow, inputs as Inputs, attrs);
      },
    });
  }
}

/** tfjs's own kernel on the processor, between a read and an upload. */
function fallBack(
  backend: WebgpuBackend,
  kernelName: string,
  kernelFunc: tf.KernelFunc,
  inputs: Inputs,
  attrs: tf.NamedAttrMap | undefined,
): Info | Info[] {
  backend.fallbacks.set(kernelName, (backend.fallbacks.get(kernelName) ?? 0) + 1);
  const processor = new QuietCpuBackend();
  const brought = Object.fromEntries(
    Object.entries(inputs).map(([name, { dataId, shape, dtype }]) => [
      name,
      processor.makeTensorInfo(shape, dtype, backend.readSync(dataId) as Float32Array),
    ]),
  );
  const made = kernelFunc({ inputs: brought, backend: processor, attrs });
  const taken = (info: Info): Info => {
    const values = processor.readSync(info.dataId);
    return { ...info, dataId: backend.write(values, info.shape, info.dtype) };
  };
  return Array.isArray(made) ? made.map(taken) : taken(made);
}
