// How fast the backend in use can be at most: what progress lines are a share of, and what `auto` goes by.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../config/choices.js';
import { NativeBackend } from './native/backend.js';

/** Seconds that measuring takes, about. */
const MEASURING = 0.3;

/** What was found, by backend, threads and precision: a study trains many runs in one process. */
const found = new Map<string, number | null>();

/**
 * The most floating-point operations a second that matrix products reach on the backend in use; measured once.
 * @returns null for bf16 where the backend or the processor has no such products.
 */
export function measurePeak(precision: Precision): number | null {
  const backend = tf.backend();
  const threads = backend instanceof NativeBackend ? backend.addon.info().threads : 1;
  const key = `${tf.getBackend()}, ${threads} threads, ${precision}`;
  if (!found.has(key)) found.set(key, measure(backend, precision));
  return found.get(key)!;
}

function measure(backend: tf.KernelBackend, precision: Precision): number | null {
  if (backend instanceof NativeBackend) {
    const { addon } = backend;
    return precision === 'f32' || addon.info().bf16 ? addon.measurePeak(precision) * 1e9 : null;
  }
  return precision === 'f32' ? timeProducts() : null;
}

/** The best of several products of square matrices, doubled in size until one takes long enough to be timed. */
function timeProducts(): number {
  // What compiles its kernels when they are first used is not to be timed while it does.
  tf.tidy(() => tf.matMul(tf.ones([8, 8]), tf.ones([8, 8])).dataSync());
  let best = 0;
  let size = 256;
  const end = performance.now() + MEASURING * 1000;
  do {
    const [a, b] = [tf.randomUniform([size, size]), tf.randomUniform([size, size])];
    const began = performance.now();
    const product = tf.matMul(a, b);
    product.dataSync();
    const seconds = (performance.now() - began) / 1000;
    tf.dispose([a, b, product]);
    best = Math.max(best, (2 * size ** 3) / seconds);
    if (seconds < 0.01 && size < 2048) size *= 2;
  } while (performance.now() < end);
  return best;
}
