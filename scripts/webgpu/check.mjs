// Run by itself, with the folder of the addon: opens the GPU, lets it double a number, and prints what it is, as JSON.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) process.env.NODEVICE_SELECT ??= '1';
const folder = process.argv[2];
const addon = createRequire(import.meta.url)(join(folder, 'sri_webgpu.node'));
const library = ['libwgpu_native.so', 'libwgpu_native.dylib'].map((name) => join(folder, name)).find(existsSync);
try {
  const facts = addon.open(library);
  const pipeline = addon.createPipeline(
    'double',
    `@group(0) @binding(0) var<uniform> factor: u32;
    @group(0) @binding(1) var<storage, read_write> x: array<u32>;
    @compute @workgroup_size(1) fn main() { x[0] *= factor; }`,
  );
  const buffer = addon.createBuffer(4);
  addon.write(buffer, Uint32Array.of(21));
  addon.dispatch(pipeline, Uint32Array.of(buffer), Uint32Array.of(2), 1, 1, 1);
  const out = new Uint32Array(1);
  addon.read(buffer, out);
  if (out[0] !== 42) throw new Error(`2 times 21 came out as ${out[0]}`);
  process.stdout.write(JSON.stringify(facts));
} catch (error) {
  process.stderr.write(error.message.trim().split('\n').at(-1).trim());
  process.exitCode = 1;
}
