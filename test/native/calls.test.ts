// An argument that is computed when it is read may itself ask the addon for something. The lock under which one call at a
// time computes must not be held by then, or the call waits for itself: a child does so, and must end.

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ADDON } from '../../src/backends/native/addon.js';

const CHILD = `
const addon = require(process.argv[1]);
const ask = (value) => (addon.squaredNorm(new Float32Array([3, 4])), value);
const parameter = new Float32Array([1, 2]);
addon.sgd({
  get parameter() { return ask(parameter); },
  get gradient() { return ask(new Float32Array([10, 20])); },
  get learningRate() { return ask(0.125); },
  get gradientScale() { return ask(1); },
});
process.stdout.write(parameter.join(' '));
`;

it('reads arguments that ask for computations of their own', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', CHILD, ADDON], { encoding: 'utf8', timeout: 30_000 });
  expect(stdout, stderr).toBe('-0.25 -0.5');
});
