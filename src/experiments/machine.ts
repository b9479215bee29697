// The machine a command computes on: its backend, started; how fast it can be at most; and what a manifest says of it.

import { totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { type Backend, useBackend } from '../backends/index.js';
import { NativeBackend } from '../backends/native/backend.js';
import { describeBackend } from '../backends/started.js';
import { sourceCommit } from '../commit.js';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import { methodNamed } from '../methods/registry.js';
import { decoderNamed } from '../model/decoders.js';
import type { Manifest } from '../runs/run-folder.js';
import { packageVersion } from '../version.js';
import { plugins } from './plugins.js';

/** What `auto` is where products are of another precision than f32: only one backend has them. */
const BACKEND_OF = { bf16: 'native', f16: 'webgpu' } as const;

/**
 * Starts the backend that a run asks for.
 * @param precision of the products that are wanted of it.
 * @throws {InputError} where it does not work here.
 */
export async function startMachine(
  { backend, threads }: Pick<RunConfig, 'backend' | 'threads'>,
  precision: RunConfig['precision'] = 'f32',
): Promise<Backend> {
  return useBackend(backend === 'auto' && precision !== 'f32' ? BACKEND_OF[precision] : backend, threads);
}

/**
 * Checks, before anything is learned, that the backend in use can compute in the precision that a run asks for.
 * @throws {InputError} where it cannot.
 */
export function checkPrecision({ precision }: Pick<RunConfig, 'precision'>): void {
  if (precision === 'f32') return;
  const backend = tf.backend();
  if (precision === 'f16') {
    if (tf.getBackend() === 'webgpu') return;
    throw new InputError(
      `precision: f16 will not do here: the ${tf.getBackend()} backend stores no weights in halves. It is of the webgpu ` +
        'backend; precision: f32 works everywhere',
    );
  }
  if (backend instanceof NativeBackend && backend.addon.info().bf16) return;
  const lacking = backend instanceof NativeBackend ? 'this processor' : `the ${tf.getBackend()} backend`;
  throw new InputError(
    `precision: bf16 will not do here: ${lacking} has no bf16 products. They need the native backend and a processor ` +
      'with avx512_bf16 or amx_bf16 (see sri doctor); precision: f32 works everywhere',
  );
}

/** The largest array that the runtime makes, in numbers. */
const LARGEST_ARRAY = 2 ** 32;

/**
 * Checks, before anything is made, that what a run cannot do without would fit into this machine's memory: the arrays of
 * weights, with a gradient each and what the optimizer keeps, and the codes of one sentence's chains. It is a lower bound:
 * what passes may still be too much.
 * @param memory bytes; this machine's, or its container's, unless given.
 * @throws {InputError} naming the key whose size is too much.
 */
export function checkMemory(run: Omit<RunConfig, 'name'>, vocabularySize: number, memory = machineMemory()): void {
  const { model, optimizer, training, evaluation } = run;
  const steps = methodNamed(run.method).variations?.steps;
  const { latentSize: z, wordVectorSize: e, hiddenSize: h } = model;
  const copies = optimizer.name === 'adam' ? 4 : 2;
  const { draws, chains, inferenceChains, featureDraws } = evaluation;
  const weights: [key: string, numbers: number][] = [
    ['model.wordVectorSize', copies * vocabularySize * e],
    ['model.latentSize', copies * z * h],
    ...Object.entries(decoderNamed(model.decoder).weights(model, vocabularySize)).map(
      ([key, numbers]): [string, number] => [key, copies * numbers],
    ),
  ];
  const wanted: [key: string, numbers: number][] = [
    ...weights,
    ...(steps === undefined ? [] : [[steps.key(run), steps.of(run) * z] as [string, number]]),
    ['training.validation.chains', training.validation.chains * z],
    ['training.validation.draws', training.validation.draws * z],
    ...Object.entries(draws).map(([name, count]): [string, number] => [`evaluation.draws.${name}`, (count ?? 0) * z]),
    ['evaluation.chains', chains * z],
    ['evaluation.inferenceChains', inferenceChains * z],
    ['evaluation.featureDraws', featureDraws * z],
    ['evaluation.klChains.jacobian', evaluation.klChains.jacobian * z],
    ['evaluation.klChains.gaussian', evaluation.klChains.gaussian === 'auto' ? 0 : evaluation.klChains.gaussian * z],
  ];
  const least = 4 * weights.reduce((sum, [, numbers]) => sum + numbers, 0);
  const largest = weights.reduce((a, b) => (b[1] > a[1] ? b : a));
  const tooLarge = least > memory ? largest : wanted.find(([, n]) => 4 * n > memory || n > copies * LARGEST_ARRAY);
  if (tooLarge === undefined) return;
  const [key, numbers] = tooLarge;
  throw new InputError(
    `${key}: with this size a run needs ${gibibytes(4 * numbers)} for it alone, and there are ${gibibytes(memory)} of ` +
      'memory here; make it smaller',
  );
}

/** Bytes. */
function machineMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

function gibibytes(bytes: number): string {
  const count = bytes / 2 ** 30;
  return `${count < 1e6 ? count.toPrecision(3) : count.toExponential(0)} GiB`;
}

/** What the manifest of a run says of where it was trained. */
export function provenance(
  backend: Backend,
): Pick<Manifest, 'version' | 'commit' | 'node' | 'plugins' | 'backend' | 'backendDetails' | 'threads'> {
  const loaded = plugins().map(({ name, sha256 }) => ({ name, sha256 }));
  return {
    ...(loaded.length === 0 ? {} : { plugins: loaded }),
    version: packageVersion(),
    commit: sourceCommit(),
    node: process.version,
    backend: backend.name,
    backendDetails: describeBackend(backend),
    threads: backend.threads,
  };
}
