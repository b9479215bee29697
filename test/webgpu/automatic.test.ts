// When `auto` takes the GPU: where there is a real one, and matrix products run faster on it than on the native backend.

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Precision } from '../../src/config/choices.js';

const started = { version: '1.0', devices: ['a GPU'], instructionSets: [], threads: 1 };

/** The backend that `auto` takes, with a GPU and speeds that are made up; none where the addon does not start. */
async function automatic(
  gpu: { emulated: boolean } | null,
  speeds: Record<string, number>,
  precision: Precision = 'f32',
): Promise<string> {
  vi.resetModules();
  const tf = await import('@tensorflow/tfjs-core');
  const { QuietCpuBackend } = await import('../../src/backends/quiet-cpu.js');
  const start = (name: string, more: object) => async () => {
    if (tf.findBackend(name) === null) tf.registerBackend(name, () => new QuietCpuBackend());
    return { ...started, ...more };
  };
  vi.doMock('../../src/backends/webgpu/start.js', () => ({
    startWebgpu: gpu === null ? () => Promise.reject(new Error('no driver')) : start('webgpu', gpu),
  }));
  vi.doMock('../../src/backends/native/start.js', () => ({ startNative: start('native', {}) }));
  vi.doMock('../../src/backends/peak.js', () => ({ measurePeak: () => speeds[tf.getBackend()] }));
  const { startMachine } = await import('../../src/experiments/machine.js');
  return (await startMachine({ backend: 'auto', threads: 1 }, precision)).name;
}

describe('auto', () => {
  afterEach(() => {
    vi.doUnmock('../../src/backends/webgpu/start.js');
    vi.doUnmock('../../src/backends/native/start.js');
    vi.doUnmock('../../src/backends/peak.js');
  });

  it.each([
    ['a GPU that is faster', { emulated: false }, { webgpu: 5e12, native: 3e11 }, 'webgpu'],
    ['a GPU that is slower', { emulated: false }, { webgpu: 1e11, native: 3e11 }, 'native'],
    [
      'a GPU that the processor emulates, whatever it measures',
      { emulated: true },
      { webgpu: 5e12, native: 3e11 },
      'native',
    ],
    ['no driver', null, { native: 3e11 }, 'native'],
  ] as const)('%s', async (_, gpu, speeds, wanted) => {
    expect(await automatic(gpu, speeds)).toBe(wanted);
  });

  it.each([
    ['bf16', 'native'],
    ['f16', 'webgpu'],
  ] as const)('%s: the backend that has its products, whichever is faster', async (precision, wanted) => {
    const speeds = wanted === 'native' ? { webgpu: 5e12, native: 3e11 } : { webgpu: 1e11, native: 3e11 };
    expect(await automatic({ emulated: false }, speeds, precision)).toBe(wanted);
  });
});
