// Starting the webgpu backend: the GPU is opened, and the kernels are registered, when it is first asked for.

import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { noticeOfOrigin } from '../origin.js';
import type { StartedBackend } from '../started.js';
import { BUILD, openAdapter, SETUP } from './addon.js';
import { WebgpuBackend } from './backend.js';
import { Gpu } from './gpu.js';
import { registerWebgpuKernels } from './register.js';

let backend: WebgpuBackend | undefined;
let origin: ReturnType<typeof noticeOfOrigin>;

const SOURCES = fileURLToPath(new URL('../../../native/webgpu', import.meta.url));

/** @throws Error where there is no GPU, or it is not set up, saying what would help. */
export async function startWebgpu(): Promise<StartedBackend> {
  if (backend === undefined) {
    const { addon, facts } = openAdapter();
    const created = new WebgpuBackend(new Gpu(addon, facts));
    registerWebgpuKernels();
    tf.registerBackend('webgpu', () => created);
    backend = created;
    origin = noticeOfOrigin('webgpu', { build: BUILD, sources: SOURCES, remedy: SETUP });
  }
  const { facts } = backend.gpu;
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  return {
    ...origin,
    version: `wgpu-native ${facts.libraryVersion} on ${facts.interface}, ${facts.driver}`,
    devices: [facts.software ? `${facts.name}, which the processor emulates: for tests, not for speed` : facts.name],
    instructionSets: [],
    threads: 1,
    emulated: facts.software,
    limits: [
      `tensors to ${mebibytes(facts.maxBindingSize)}, buffers to ${mebibytes(facts.maxBufferSize)}, workgroups of ` +
        `${facts.maxInvocations} threads with ${facts.maxWorkgroupMemory / 1024} KiB`,
    ],
  };
}
