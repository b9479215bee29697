// tfjs's WebAssembly backend: needs no compiler, and is what is left where the native addon cannot be built.

import * as tf from '@tensorflow/tfjs-core';
import { processorModel } from './processor.js';
import type { StartedBackend } from './started.js';

let started: Promise<boolean> | undefined;

/** Makes tfjs's WebAssembly backend the one in use. @throws where this Node cannot run it. */
export async function startWasm(): Promise<StartedBackend> {
  const { version_wasm } = await import('@tensorflow/tfjs-backend-wasm');
  started ??= start();
  if (!(await started)) throw new Error('the WebAssembly module could not be started; Node 20 or later is needed');
  const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
  return {
    version: `tfjs ${version_wasm} in WebAssembly`,
    devices: [processorModel()],
    instructionSets: simd ? ['simd128'] : [],
    threads: 1,
  };
}

async function start(): Promise<boolean> {
  transposeBeforeProducts();
  // setBackend waits until the module is compiled, and tells whether that worked.
  return tf.setBackend('wasm');
}

/**
 * The backend's fast matrix product takes operands as they lie; asked to transpose one, it falls back to a plain loop
 * that was eight to thirteen times slower at a decoder's sizes. Transposing first costs a few milliseconds.
 */
function transposeBeforeProducts(): void {
  const config = tf.getKernel('BatchMatMul', 'wasm');
  const product = config.kernelFunc;
  const transpose = tf.getKernel('Transpose', 'wasm').kernelFunc;
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    ...config,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const made: tf.TensorInfo[] = [];
      const straight = (x: tf.TensorInfo, transposed: unknown): tf.TensorInfo => {
        if (!transposed) return x;
        const axes = x.shape.map((_, axis) => axis);
        const perm = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
        const turned = transpose({ inputs: { x }, backend, attrs: { perm } }) as tf.TensorInfo;
        made.push(turned);
        return turned;
      };
      const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const operands = { a: straight(a, attrs?.transposeA), b: straight(b, attrs?.transposeB) };
      const out = product({ inputs: operands, backend, attrs: { transposeA: false, transposeB: false } });
      for (const { dataId } of made) (backend as tf.KernelBackend).disposeData(dataId);
      return out;
    },
  });
}
