// tfjs's own CPU backend: plain JavaScript, slow, and believed. The tests measure the others against it.

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

/** Keeps quiet about being slow: nobody gets this backend without asking for it by name. */
class QuietCpuBackend extends MathBackendCPU {
  private issued = 0;

  override write(values: tf.backend_util.BackendValues, _shape: number[], dtype: tf.DataType): object {
    const dataId = { id: this.issued++ };
    this.data.set(dataId, { values, dtype, refCount: 1 });
    return dataId;
  }
}

let started = false;

export async function startCpu(): Promise<{ details: string; threads: number }> {
  if (!started) {
    tf.removeBackend('cpu');
    tf.registerBackend('cpu', () => new QuietCpuBackend());
    started = true;
  }
  return { details: `tfjs ${tf.version_core}, plain JavaScript`, threads: 1 };
}
