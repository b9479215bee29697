// Which machine does the arithmetic. tfjs calls it a backend; this is where one is chosen, started and named.

import * as tf from '@tensorflow/tfjs-core';
// tfjs-core's build for Node registers no gradients, and its modules that do cannot be imported from Node by themselves;
// tfjs-layers registers all of them when it loads, which is all that it is here for.
import '@tensorflow/tfjs-layers';
import { BACKEND_NAMES } from '../config/choices.js';
import { InputError } from '../errors.js';
import type { StartedBackend } from './started.js';

/** The backends that exist, the preferred first. */
export const BACKENDS = BACKEND_NAMES;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend extends Omit<StartedBackend, 'notice'> {
  name: BackendName;
  /** Why a choice of `auto` came to another than the first, and what is to be known of the backend itself; null for neither. */
  caveat: string | null;
}

/** How each backend is started; throws an Error that says why it does not work here and what would make it. */
const STARTERS: Record<BackendName, (threads: number | 'auto') => Promise<StartedBackend>> = {
  native: async (threads) => (await import('./native/start.js')).startNative(threads),
  webgpu: async () => (await import('./webgpu/start.js')).startWebgpu(),
  tensorflow: async (threads) => (await import('./tensorflow/start.js')).startTensorFlow(threads),
  wasm: async () => (await import('./wasm.js')).startWasm(),
  cpu: async () => (await import('./cpu.js')).startCpu(),
};

/**
 * Starts a backend and makes it the one that tfjs computes on.
 *
 * @param choice a name, or `auto`: webgpu where there is a GPU that is faster than native, else native where it works, else
 *   tensorflow, else wasm.
 * @param threads how many compute, or `auto` for all cores; the wasm and cpu backends have one whatever is asked.
 * @throws InputError where the chosen backend does not work here, or has fewer threads.
 */
export async function useBackend(choice: BackendName | 'auto', threads: number | 'auto'): Promise<Backend> {
  const candidates: readonly BackendName[] = choice === 'auto' ? await preferences(threads) : [choice];
  const reasons: string[] = [];
  for (const name of candidates) {
    try {
      const { notice, ...started } = await STARTERS[name](threads);
      await tf.setBackend(name);
      const fallback = reasons.length === 0 ? undefined : `computed on ${name}, since ${reasons.join('; ')}`;
      const caveats = [fallback, notice].filter((caveat) => caveat !== undefined);
      return { name, ...started, caveat: caveats.length === 0 ? null : caveats.join('; ') };
    } catch (error) {
      // Not the machine's fault: `auto` must not turn to a slower one instead.
      if (error instanceof InputError) throw error;
      reasons.push(`the ${name} backend does not work here: ${(error as Error).message}`);
    }
  }
  throw new InputError(reasons.join('\n'));
}

/** The backends that `auto` tries, in this order. */
const AUTOMATIC: readonly BackendName[] = ['native', 'tensorflow', 'wasm'];

/**
 * The backends that `auto` tries on this machine: {@link AUTOMATIC}, webgpu before them where it has a GPU and matrix products
 * run faster there than on the processor.
 */
async function preferences(threads: number | 'auto'): Promise<readonly BackendName[]> {
  if (!(await import('./webgpu/addon.js')).isSetUp()) return AUTOMATIC;
  try {
    const { emulated } = await STARTERS.webgpu(threads);
    if (emulated) return AUTOMATIC;
    return (await peakOn('webgpu', threads)) > (await peakOn('native', threads)) ? ['webgpu', ...AUTOMATIC] : AUTOMATIC;
  } catch {
    // No GPU; one that was asked for by name would say so.
    return AUTOMATIC;
  }
}

/** Floating-point operations a second; 0 where the backend does not work. */
async function peakOn(name: BackendName, threads: number | 'auto'): Promise<number> {
  try {
    await STARTERS[name](threads);
  } catch {
    return 0;
  }
  await tf.setBackend(name);
  const { measurePeak } = await import('./peak.js');
  return measurePeak('f32') ?? 0;
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
