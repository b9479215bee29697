// One short-run chain on the webgpu backend beside the native one, from the same weights, start and noise: how many dispatches
// and submissions it took, and how far apart the two ends are. At sizes at which a software driver takes minutes, so it is run
// by hand; the tests do the same at small ones.
//
//   node scripts/webgpu/compare-chain.mjs [--shape B,T,E,H,Z,V,K]

import * as tf from '@tensorflow/tfjs-core';
import { RELEASED_STEPS, randomBatch } from '../../bench/random.js';
import { useBackend } from '../../dist/backends/index.js';
import { describeBackend } from '../../dist/backends/started.js';
import { LstmDecoder } from '../../dist/model/lstm/decoder.js';
import { Parameters } from '../../dist/model/parameters.js';
import { RandomStream } from '../../dist/random/philox.js';
import { argumentsOf, shapeOf } from '../arguments.mjs';

const { shape } = argumentsOf(import.meta.url, {
  shape: { type: 'string', default: '32,23,256,256,32,10000,20', form: shapeOf('B,T,E,H,Z,V,K') },
});
const [B, T, E, H, Z, V, K] = shape.split(',').map(Number);

const batch = randomBatch({ B, T, V });
const model = { wordDropout: 0.5, outputDropout: 0.5, latentSize: Z, wordVectorSize: E, hiddenSize: H };
const schedule = {
  stepSizes: Float32Array.from({ length: K }, (_, i) => RELEASED_STEPS[Math.min(i, RELEASED_STEPS.length - 1)]),
  temperature: 1,
  priorWeight: 1,
};
const key = { seed: 0, epoch: 1, batch: 0 };

async function end(name) {
  const started = await useBackend(name, 'auto');
  const decoder = new LstmDecoder(new Parameters(0), { ...model, vocabularySize: V }, 0.1, 0.1);
  const masks = decoder.masks(batch, 'chain-word-dropout', 'chain-output-dropout', key);
  const likelihood = decoder.likelihood(batch, masks);
  const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(B * Z);
  const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(K * B * Z);
  const gpu = name === 'webgpu' ? tf.backend().gpu : null;
  const before = gpu?.counts();
  const began = performance.now();
  const { z } = likelihood.shortRun(z0, noise, schedule, false);
  const seconds = (performance.now() - began) / 1000;
  const after = gpu?.counts();
  process.stdout.write(`${describeBackend(started)}: ${seconds.toFixed(1)} s\n`);
  if (after) {
    const [dispatches, submissions] = ['dispatches', 'submissions'].map((what) => after[what] - before[what]);
    process.stdout.write(`${dispatches} dispatches in ${submissions} submissions, the read of its end among them\n`);
  }
  likelihood.dispose();
  return z;
}

const [gpu, native] = [await end('webgpu'), await end('native')];
const scale = Math.max(...native.map(Math.abs));
const apart = Math.max(...gpu.map((value, i) => Math.abs(value - native[i])));
process.stdout.write(`z_K: at most ${apart.toExponential(1)} apart, of at most ${scale.toFixed(2)}\n`);
