// All kernels of the webgpu backend under tfjs's names, and the processor for what none of them does.

import * as tf from '@tensorflow/tfjs-core';
import { type KernelTable, registerKernels } from '../../ops/kernel.js';
import { countFallback } from '../fallbacks.js';
import { QuietCpuBackend } from '../quiet-cpu.js';
import type { WebgpuBackend } from './backend.js';
import type { Info, Inputs, PlainKernel } from './kernel.js';
import { ARRANGING } from './kernels/arrange.js';
import { ELEMENTWISE } from './kernels/elementwise.js';
import { latentGradient, latentNll, shortRun, shortRunWithGradient } from './kernels/latent.js';
import { lstm, lstmGradient } from './kernels/lstm.js';
import { PRODUCTS } from './kernels/mat-mul.js';
import { posteriorHessian } from './kernels/posterior-hessian.js';
import { REDUCING } from './kernels/reduce.js';
import { tokenNll, tokenNllGradient } from './kernels/token-nll.js';
import { adam, dropoutMask, embedding, embeddingGradient, sgd, squaredNorm } from './kernels/updates.js';

/** Of our own operations. */
const OWN: Omit<KernelTable<WebgpuBackend>, 'Product'> = {
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

/** Of tfjs's. */
const PLAIN: Record<string, PlainKernel> = { ...ELEMENTWISE, ...ARRANGING, ...REDUCING, ...PRODUCTS };

export function registerWebgpuKernels(): void {
  registerKernels<WebgpuBackend>('webgpu', OWN, (compute, backend) => compute(backend as WebgpuBackend));
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend('cpu')) {
    const run = PLAIN[kernelName];
    tf.registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: ({ backend, inputs, attrs }) =>
        run?.(backend as WebgpuBackend, inputs as Inputs, attrs as never) ??
        fallBack(backend as WebgpuBackend, kernelName, kernelFunc, inputs as Inputs, attrs),
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
  countFallback(kernelName);
  const processor = new QuietCpuBackend();
  const brought = Object.fromEntries(
    Object.entries(inputs).map(([name, { dataId, shape, dtype }]) => [
      name,
      processor.makeTensorInfo(shape, dtype, backend.readSync(dataId) as Float32Array),
    ]),
  );
  const made = kernelFunc({ inputs: brought, backend: processor, ...(attrs === undefined ? {} : { attrs }) });
  const taken = (info: Info): Info => {
    const values = processor.readSync(info.dataId);
    return { ...info, dataId: backend.write(values, info.shape, info.dtype) };
  };
  return Array.isArray(made) ? made.map(taken) : taken(made);
}
