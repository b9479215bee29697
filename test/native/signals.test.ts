// Signals that arrive while the addon computes must wait: a handler that runs in the midst of oneDNN's kernels corrupts
// their data (see native/signals.h). A child computes at sizes that use those kernels while it is shelled with signals
// that it handles; it must live, and get the bits of one that was left in peace.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ADDON } from '../../src/backends/native/addon.js';

const CHILD = `
const addon = require(process.argv[1]);
addon.setThreads(2);
let state = 1;
const floats = (n) => Float32Array.from({ length: n }, () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5);
const [m, n, k] = [736, 1024, 256];
const [a, b, out] = [floats(m * k), floats(k * n), new Float32Array(m * n)];
const end = Date.now() + 1500;
while (Date.now() < end) addon.matMul(a, b, out, m, n, k, false, false);
process.stdout.write(require('crypto').createHash('sha256').update(out).digest('hex'));
`;

const scratch = mkdtempSync(path.join(tmpdir(), 'sri-signals-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function bits(...flags: string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', CHILD, ADDON], {
    encoding: 'utf8',
    cwd: scratch,
    // Under the sanitizers, what looks for leaks when a process ends dies of threads that end meanwhile.
    env: { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` },
  });
  expect({ status, signal }, stderr).toEqual({ status: 0, signal: null });
  return stdout;
}

it('computes the same bits under a sampling profiler', () => {
  const undisturbed = bits();
  expect(undisturbed).toMatch(/^[0-9a-f]{64}$/);
  expect(bits('--cpu-prof', '--cpu-prof-interval', '200')).toBe(undisturbed);
});
