// How long a short run takes on the backend in use, on random weights and words: what `sri doctor` tells of a GPU.

import * as tf from '@tensorflow/tfjs-core';
import type { SentenceContext } from '../ops/sentence-context.js';
import { shortRun } from '../ops/short-run.js';
import { RandomStream } from '../random/philox.js';

export interface ChainShape {
  batch: number;
  tokens: number;
  hidden: number;
  latent: number;
  vocabulary: number;
  steps: number;
}

/** Seconds of one short run, the second of two: the first also compiles. */
export function timeChain({ batch: B, tokens: T, hidden: H, latent: Z, vocabulary: V, steps: K }: ChainShape): number {
  const stream = new RandomStream({ seed: 0, purpose: 'initialization' });
  const weights = <R extends tf.Rank>(shape: tf.ShapeMap[R]) =>
    tf.tensor<R>(stream.uniforms(tf.util.sizeFromShape(shape), -0.1, 0.1), shape);
  return tf.tidy(() => {
    const words = Int32Array.from({ length: T * B }, () => stream.integer(V));
    const context: SentenceContext = {
      wordGates: weights([T, B, 4 * H]),
      outputMask: null,
      targets: tf.tensor2d(words, [T, B], 'int32'),
      latentKernel: weights([Z, 4 * H]),
      initialKernel: weights([Z, H]),
      initialBias: weights([H]),
      recurrentKernel: weights([H, 4 * H]),
      outputKernel: weights([V, H]),
      outputBias: weights([V]),
    };
    const z0: tf.Tensor2D = weights([B, Z]);
    const noise: tf.Tensor3D = weights([K, B, Z]);
    const schedule = { stepSizes: new Float32Array(K).fill(0.1), temperature: 1, priorWeight: 1 };
    const run = () => {
      const began = performance.now();
      shortRun(context, z0, noise, schedule).z.dataSync();
      return (performance.now() - began) / 1000;
    };
    run();
    return run();
  });
}
