// tfjs's WebAssembly backend: needs no compiler, and is what is left where the native addon cannot be built.

import * as tf from '@tensorflow/tfjs-core';

let started: Promise<boolean> | undefined;

export async function startWasm(): Promise<{ details: string; threads: number }> {
  const { version_wasm } = await import('@tensorflow/tfjs-backend-wasm');
  // setBackend waits until the module is compiled, and tells whether that worked.
  started ??= tf.setBackend('wasm');
  if (!(await started)) throw new Error('the WebAssembly module could not be started; Node 20 or later is needed');
  return { details: `tfjs ${version_wasm}, WebAssembly`, threads: 1 };
}
