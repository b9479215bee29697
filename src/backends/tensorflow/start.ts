// Starting the tensorflow backend: tfjs-node, on a GPU or not, as an optional peer that `sri setup --for tensorflow` brings.

import { createRequire } from 'node:module';
import process from 'node:process';
import * as tf from '@tensorflow/tfjs-core';
import { processorInstructionSets, processorModel } from '../processor.js';
import type { StartedBackend } from '../started.js';
import { usableThreads } from '../threads.js';
import { registerTensorFlowKernels } from './kernels.js';
import type { TensorFlowBackend } from './operations.js';

/** The GPU's is tried first: where it is installed, it is meant. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/** What of the package is used here. */
interface TfjsNode {
  version: Record<string, string>;
}

let started: StartedBackend | undefined;

/**
 * @param threads that compute, where there is no GPU; TensorFlow takes them as it loads, so only the first start decides.
 * @throws Error where neither package works, saying what would help.
 */
export async function startTensorFlow(threads: number | 'auto'): Promise<StartedBackend> {
  started ??= load(threads === 'auto' ? usableThreads() : threads);
  return started;
}

function load(threads: number): StartedBackend {
  restoreRemovedUtilities();
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  process.env.TF_NUM_INTEROP_THREADS ??= '1';
  process.env.OMP_NUM_THREADS ??= String(threads);
  // Its notes on instruction sets, a dozen lines on standard error.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const { name, package_ } = requirePackage();
  const backend = tf.findBackend('tensorflow') as TensorFlowBackend & {
    isUsingGpuDevice: boolean;
    binding: { TF_Version?: string };
  };
  registerTensorFlowKernels(backend);
  const version = package_.version['tfjs-node'] ?? tf.version_core;
  const library = backend.binding.TF_Version;
  return {
    version: `${name} ${version}${library ? `, libtensorflow ${library}` : ''}`,
    // tfjs-node says whether there is a GPU, not which.
    devices: [backend.isUsingGpuDevice ? 'GPU' : processorModel()],
    // Its kernels choose among the processor's own as they run.
    instructionSets: backend.isUsingGpuDevice ? [] : processorInstructionSets(),
    threads,
  };
}

/**
 * tfjs-node calls functions of Node's `util` that later versions of Node have no more.
 */
function restoreRemovedUtilities(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

function requirePackage(): { name: string; package_: TfjsNode } {
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const name of PACKAGES) {
    try {
      require.resolve(`${name}/package.json`);
    } catch {
      continue;
    }
    try {
      return { name, package_: require(name) as TfjsNode };
    } catch (error) {
      reasons.push(`${name} is installed, but does not load: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  if (reasons.length > 0) throw new Error(`${reasons.join('; ')}; sri setup --for tensorflow builds it anew`);
  throw new Error('@tensorflow/tfjs-node is not installed; sri setup --for tensorflow [-- --gpu] does that');
}
