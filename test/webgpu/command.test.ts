// What a person sees when the GPU is not there or goes away: a sentence that helps, the exit code, and a run that goes on.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import type { WebgpuAddon } from '../../src/backends/webgpu/addon.js';
import type { WebgpuBackend } from '../../src/backends/webgpu/backend.js';
import { sri } from '../cli/in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-gone-'));
const before = process.cwd();
const TRAIN = ['train', '--config', 'words.yaml', '--method', 'sri', '--backend', 'webgpu'];

beforeAll(async () => {
  process.chdir(root);
  writeFileSync(
    'words.yaml',
    `dataSet: words
data: { vocabularySize: 10, maxLength: 8 }
model: { latentSize: 3, wordVectorSize: 4, hiddenSize: 5 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 4, epochs: 2, validationSentences: 4 }
methods: { sri: { langevin: { steps: 2, stepSize: 0.1 } } }
`,
  );
  for (const split of ['train', 'valid', 'test'])
    writeFileSync(`words.${split}.txt`, 'a b c\nb c a\nc a b\na c b\n'.repeat(2));
  const { code, error } = await sri('prepare', '--config', 'words.yaml', '--from', '.');
  expect(code, error).toBe(0);
  await useBackend('webgpu', 1);
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

/** The GPU fails at the `nth` call of a method from now on; returns what makes it whole. */
function fail(method: keyof WebgpuAddon, nth: number, code: string, message: string): () => void {
  const { gpu } = tf.findBackend('webgpu') as WebgpuBackend;
  const { addon } = gpu as unknown as { addon: WebgpuAddon };
  let calls = 0;
  const work = addon[method] as (...args: unknown[]) => unknown;
  const failing = {
    ...addon,
    [method]: (...args: unknown[]) => {
      if (++calls >= nth) throw Object.assign(new Error(message), { code });
      return work(...args);
    },
  };
  Object.assign(gpu, { addon: failing });
  return () => Object.assign(gpu, { addon });
}

describe('training', () => {
  it.each([
    ['a device that is lost', 'read', 'LOST', 'reset', /^sri: .* was lost \(reset\): .*from its last checkpoint$/m],
    ['memory that is out', 'createBuffer', 'OUT_OF_MEMORY', 'no', /^sri: .* has no more memory .*batchSize smaller/m],
    [
      'a kernel that the driver does not take',
      'createPipeline',
      'SHADER',
      'lstm-forward: no',
      /^sri: .* does not take a kernel.*lstm-forward/m,
    ],
  ] as const)('ends with 1 at %s, and goes on from its last checkpoint', async (_, method, code, message, said) => {
    const run = ['--run', `run-${method}`];
    const options = [...TRAIN, ...run, '--set', 'training.epochs=1'];
    const first = await sri(...options);
    expect(first.code, first.error).toBe(0);
    const backend = tf.findBackend('webgpu') as WebgpuBackend;
    // Nothing compiled and no memory kept, so that both are wanted again.
    const internals = backend.gpu as unknown as { pipelines: Map<string, number>; free: Map<number, unknown> };
    internals.pipelines.clear();
    internals.free.clear();
    const restore = fail(method, 1, code, message);
    const second = await sri(...TRAIN, ...run);
    restore();
    expect(second.code).toBe(1);
    expect(second.error).toMatch(said);
    const third = await sri(...TRAIN, ...run);
    expect(third.code, third.error).toBe(0);
    expect(third.error + third.out).toMatch(/goes on in epoch 2 of 2/);
    expect(JSON.parse(readFileSync(path.join(`run-${method}`, 'manifest.json'), 'utf8'))).toMatchObject({ epochs: 2 });
  });

  it('ends with 2 where a shape does not fit, with the numbers', async () => {
    // A unit takes 16 bytes, and a workgroup has what its GPU gives it.
    const { maxWorkgroupMemory } = (tf.findBackend('webgpu') as WebgpuBackend).gpu.facts;
    const units = Math.floor(maxWorkgroupMemory / 16) + 1;
    const shape = ['--set', `model.hiddenSize=${units}`, '--set', 'model.weightRange=0.01'];
    const { code, error } = await sri(...TRAIN, '--run', 'large', ...shape);
    const numbers = `${16 * units} bytes .* has ${maxWorkgroupMemory}`;
    expect(error).toMatch(new RegExp(`hiddenSize: ${units} is too large for the webgpu backend: ${numbers}`));
    expect(code).toBe(2);
  });
});

it('without a driver, a command that asks for it ends with 2 and says what brings one', () => {
  if (process.platform !== 'linux') return;
  const nowhere = path.join(root, 'no-driver.json');
  const { status, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL('../../bin/sri.js', import.meta.url)), ...TRAIN, '--run', 'nothing'],
    { cwd: root, encoding: 'utf8', env: { ...process.env, VK_ICD_FILENAMES: nowhere, VK_DRIVER_FILES: nowhere } },
  );
  expect(stderr).toMatch(/the webgpu backend does not work here: no GPU was found .* mesa-vulkan-drivers/s);
  expect(status).toBe(2);
});
