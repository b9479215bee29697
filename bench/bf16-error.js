// What `precision: bf16` costs: the relative error of the gradient in z, and of where a chain ends, against f32 from the
// same z and the same noise. Weights are drawn as training starts with them, or those of a trained run are taken.
//
//   node bench/bf16-error.js [--shape B,T,E,H,Z,V,K] [--weights FILE.safetensors]

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { useBackend } from '../dist/backends/index.js';
import { shortRun } from '../dist/inference/short-run.js';
import { NO_DROPOUT } from '../dist/model/dropout-masks.js';
import { LstmDecoder } from '../dist/model/lstm/decoder.js';
import { Parameters } from '../dist/model/parameters.js';
import { RandomStream } from '../dist/random/philox.js';
import { decodeSafetensors } from '../dist/storage/safetensors.js';
import { argumentsOf, orEnd, shapeOf } from '../scripts/arguments.mjs';

const values = argumentsOf(import.meta.url, {
  shape: { type: 'string', default: '32,23,256,256,32,10002,20', form: shapeOf('B,T,E,H,Z,V,K') },
  weights: { type: 'string' },
});
const [B, T, E, H, Z, V, K] = values.shape.split(',').map(Number);
await orEnd(useBackend('native', 'auto'));
const parameters = new Parameters(0);
const sizes = { vocabularySize: V, wordVectorSize: E, hiddenSize: H, latentSize: Z, wordDropout: 0, outputDropout: 0 };
const decoder = new LstmDecoder(parameters, sizes, 0.1, 0.1);
if (values.weights) {
  parameters.restore(decodeSafetensors(readFileSync(values.weights), values.weights).tensors, values.weights);
}
const stream = new RandomStream({ seed: 0, purpose: 'shuffle' });
const tokens = () => Int32Array.from({ length: T * B }, () => 4 + stream.integer(V - 4));
const batch = { inputs: tokens(), targets: tokens(), size: B, tokens: T };
const z = stream.normals(B * Z);
const noise = stream.normals(K * B * Z);
const schedule = { stepSizes: new Float32Array(K).fill(0.00125), temperature: 1, priorWeight: 1 };

const [exact, rounded] = /** @type {const} */ (['f32', 'bf16']).map((precision) => {
  const likelihood = decoder.likelihood(batch, NO_DROPOUT, { precision });
  return { ...likelihood.gradient(z), end: shortRun(likelihood, z, noise, schedule).z };
});
const norm = (x) => Math.hypot(...x);
const error = (name) => norm(exact[name].map((value, i) => value - rounded[name][i])) / norm(exact[name]);
for (const [what, name] of [
  ['gradient in z', 'gradient'],
  ['NLL of a sentence', 'nll'],
  [`z after ${K} steps of 0.00125`, 'end'],
]) {
  process.stdout.write(`relative error of bf16, ${what}: ${error(name).toExponential(1)}\n`);
}
