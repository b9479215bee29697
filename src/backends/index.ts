// Which machine does the arithmetic. tfjs calls it a backend; this is where one is chosen, started and named.

import * as tf from '@tensorflow/tfjs-core';
// tfjs-core's build for Node registers no gradients, and its modules that do cannot be imported from Node by themselves;
// tfjs-layers registers all of them when it loads, which is all that it is here for.
import '@tensorflow/tfjs-layers';
import { InputError } from '../errors.js';
import type { StartedBackend } from './started.js';

/** The backends that exist, the preferred first. */
export const BACKENDS = ['native', 'tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend extends StartedBackend {
  name: BackendName;
}

/** How each backend is started; throws an Error that says why it does not work here and what would make it. */
const STARTERS: Record<BackendName, (threads: number | 'auto') => Promise<StartedBackend>> = {
  native: async (threads) => (await import('./native/start.js')).startNative(threads),
  tensorflow: async (threads) => (await import('./tensorflow/start.js')).startTensorFlow(threads),
  wasm: async () => (await import('./wasm.js')).startWasm(),
  cpu: async () => (await import('./cpu.js')).startCpu(),
};

/**
 * Starts a backend and makes it the one that tfjs computes on.
 *
 * @param choice a name, or `auto`: native where it works, else tensorflow, else wasm.
 * @param threads how many compute, or `auto` for all cores; the wasm and cpu backends have one whatever is asked.
 * @throws InputError where the chosen backend does not work here.
 */
export async function useBackend(choice: BackendName | 'auto', threads: number | 'auto'): Promise<Backend> {
  const candidates: readonly BackendName[] = choice === 'auto' ? ['native', 'tensorflow', 'wasm'] : [choice];
  const reasons: string[] = [];
  for (const name of candidates) {
    try {
      const started = await STARTERS[name](threads);
      await tf.setBackend(name);
      return { name, ...started };
    } catch (error) {
      reasons.push(`the ${name} backend does not work here: ${(error as Error).message}`);
    }
  }
  throw new InputError(reasons.join('\n'));
}

/** The backends that work on this machine. */
export async function availableBackends(): Promise<BackendName[]> {
  const working: BackendName[] = [];
  for (const name of BACKENDS) {
    try {
      await STARTERS[name]('auto');
      working.push(name);
    } catch {
      // `sri doctor` asks each backend for its reason; here only the answer counts.
    }
  }
  return working;
}
