// tfjs's own CPU backend: plain JavaScript, slow, and believed. The tests measure the others against it.

import * as tf from '@tensorflow/tfjs-core';
import { QuietCpuBackend } from './quiet-cpu.js';

let started = false;

export async function startCpu(): Promise<{ details: string; threads: number }> {
  if (!started) {
    tf.removeBackend('cpu');
    tf.registerBackend('cpu', () => new QuietCpuBackend());
    started = true;
  }
  return { details: `tfjs ${tf.version_core}, plain JavaScript`, threads: 1 };
}
