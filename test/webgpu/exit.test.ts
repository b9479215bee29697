// How a process that uses the GPU ends: with the code it meant, whatever it leaves behind.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = mkdtempSync(path.join(tmpdir(), 'sri-exit-'));
afterAll(() => rmSync(root, { recursive: true }));
const build = fileURLToPath(new URL('../../build/webgpu/', import.meta.url));

/** Opens the GPU and leaves work queued; `ending` is what the program does then. */
function exitOf(ending: string, env: Record<string, string> = {}): { status: number | null; output: string } {
  const program = path.join(root, 'program.cjs');
  writeFileSync(
    program,
    `const { Worker, isMainThread } = require('node:worker_threads');
    function queueWork() {
      const addon = require(${JSON.stringify(`${build}sri_webgpu.node`)});
      addon.open(${JSON.stringify(`${build}libwgpu_native.${process.platform === 'darwin' ? 'dylib' : 'so'}`)});
      const pipeline = addon.createPipeline('spin', \`
        @group(0) @binding(0) var<uniform> n: u32;
        @group(0) @binding(1) var<storage, read_write> x: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
          for (var i = 0u; i < n; i++) { x[at.x] = x[at.x] * 3u + 1u; }
        }\`);
      const x = addon.createBuffer(1024);
      for (let i = 0; i < 20; i++) addon.dispatch(pipeline, Uint32Array.of(x), Uint32Array.of(1000), 4, 1, 1);
      addon.flush();
      for (let i = 0; i < 20; i++) addon.dispatch(pipeline, Uint32Array.of(x), Uint32Array.of(1000), 4, 1, 1);
      return { addon, x };
    }
    ${ending}`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
    encoding: 'utf8',
    env: { ...process.env, NODEVICE_SELECT: '1', ...env },
  });
  return { status, output: stdout + stderr };
}

describe('a process ends', () => {
  it.each([
    ['by itself, with work queued', 'queueWork();', 0],
    ['by process.exit', 'queueWork(); process.exit(7);', 7],
    ['by an exception', "queueWork(); throw new Error('as meant');", 1],
    [
      'after a worker that used the GPU',
      "if (isMainThread) new Worker(__filename).on('exit', (code) => { process.exitCode = code + 3; }); else queueWork();",
      3,
    ],
    [
      'after the GPU is lost',
      `const { addon, x } = queueWork(); addon.destroy();
      try { addon.read(x, new Uint32Array(1)); } catch ({ code }) { process.exitCode = code === 'LOST' ? 4 : 5; }`,
      4,
    ],
  ])('%s', (_, ending, status) => {
    expect(exitOf(ending)).toMatchObject({ status });
  });

  it('where there is no driver, with an error that says so', () => {
    const nowhere = path.join(root, 'no-driver.json');
    const { status, output } = exitOf('try { queueWork(); } catch ({ code }) { console.log(code); }', {
      VK_ICD_FILENAMES: nowhere,
      VK_DRIVER_FILES: nowhere,
    });
    if (process.platform !== 'linux') return;
    expect(output).toMatch(/NO_ADAPTER/);
    expect(status).toBe(0);
  });
});
