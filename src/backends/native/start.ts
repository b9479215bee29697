// Starting the native backend: the addon is loaded, and its kernels are registered, when it is first asked for.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../errors.js';
import { noticeOfOrigin } from '../origin.js';
import { processorModel } from '../processor.js';
import type { StartedBackend } from '../started.js';
import { usableThreads } from '../threads.js';
import { ADDON, BUILD, loadAddon } from './addon.js';
import { NativeBackend } from './backend.js';
import { registerNativeKernels } from './kernels.js';

let backend: NativeBackend | undefined;
let origin: ReturnType<typeof noticeOfOrigin>;

const SOURCES = fileURLToPath(new URL('../../../native', import.meta.url));

/**
 * @param threads that compute; `auto` is one for each core this process may use, and no more than a scheduler allows.
 * @throws {InputError} where the environment allows fewer threads.
 * @throws Error where the addon was not built or does not load, saying what would help.
 */
export async function startNative(threads: number | 'auto'): Promise<StartedBackend> {
  if (backend === undefined) {
    const created = new NativeBackend(loadAddon());
    registerNativeKernels();
    tf.registerBackend('native', () => created);
    backend = created;
    origin = noticeOfOrigin('native', { build: path.dirname(ADDON), sources: SOURCES, remedy: BUILD });
  }
  const { addon } = backend;
  addon.setThreads(threads === 'auto' ? usableThreads() : threads);
  const { oneDnn, instructionSets, threads: used } = addon.info();
  if (threads !== 'auto' && used < threads) {
    throw new InputError(
      `threads: the environment's OMP_THREAD_LIMIT allows ${used} where ${threads} are asked for; give ${used}, or unset it`,
    );
  }
  return { ...origin, version: `oneDNN ${oneDnn}`, devices: [processorModel()], instructionSets, threads: used };
}
