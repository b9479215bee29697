// tfjs's own CPU backend: plain JavaScript, slow, and believed. The tests measure the others against it.

import * as tf from '@tensorflow/tfjs-core';
import { processorModel } from './processor.js';
import { QuietCpuBackend } from './quiet-cpu.js';
import type { StartedBackend } from './started.js';

let started = false;

/** Makes tfjs's plain JavaScript backend the one in use. It has one thread. */
export async function startCpu(): Promise<StartedBackend> {
  if (!started) {
    tf.removeBackend('cpu');
    tf.registerBackend('cpu', () => new QuietCpuBackend());
    started = true;
  }
  const version = `tfjs ${tf.version_core} in plain JavaScript`;
  return { version, devices: [processorModel()], instructionSets: [], threads: 1 };
}
