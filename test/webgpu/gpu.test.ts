// The GPU as the kernels use it: what is written, recorded and read comes in order; memory is reused; what goes wrong is
// said in words that help.

import { beforeAll, describe, expect, it } from 'vitest';
import { type AdapterFacts, driverAdvice, openAdapter, type WebgpuAddon } from '../../src/backends/webgpu/addon.js';
import { Float, Gpu } from '../../src/backends/webgpu/gpu.js';
import { InputError } from '../../src/errors.js';

let addon: WebgpuAddon;
let facts: AdapterFacts;
let gpu: Gpu;

beforeAll(() => {
  ({ addon, facts } = openAdapter());
  gpu = new Gpu(addon, facts);
});

const fill = (buffer: ReturnType<Gpu['take']>, count: number, value: number) =>
  gpu.run({
    shader: 'fill',
    parameters: [count, new Float(value)],
    buffers: [buffer],
    workgroups: [Math.ceil(count / 256)],
  });

/** An addon that fails as told, in place of the real one. */
function failing(code: string, message: string, method: keyof WebgpuAddon): WebgpuAddon {
  const fail = () => {
    throw Object.assign(new Error(message), { code });
  };
  return { ...addon, [method]: fail } as WebgpuAddon;
}

describe('order', () => {
  it('writes take effect after the work before them', () => {
    const [a, b] = [gpu.take(1024), gpu.take(1024)];
    const copy = (from: typeof a, to: typeof a) =>
      gpu.run({
        shader: 'arrange',
        parameters: [4, 1, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1],
        buffers: [from, to],
        workgroups: [1],
      });
    gpu.write(a, Float32Array.of(1, 2, 3, 4));
    copy(a, b);
    gpu.write(a, Float32Array.of(5, 6, 7, 8));
    const out = new Float32Array(4);
    gpu.read(b, out);
    expect([...out]).toEqual([1, 2, 3, 4]);
    gpu.read(a, out);
    expect([...out]).toEqual([5, 6, 7, 8]);
    gpu.give(a);
    gpu.give(b);
  });

  it('more dispatches than one submission holds, each with its own parameters', () => {
    const buffers = Array.from({ length: 300 }, () => gpu.take(1024));
    for (const [i, buffer] of buffers.entries()) fill(buffer, 1, i);
    const out = new Float32Array(1);
    for (const [i, buffer] of buffers.entries()) {
      gpu.read(buffer, out);
      expect(out[0]).toBe(i);
    }
    for (const buffer of buffers) gpu.give(buffer);
  });

  it('reads more than one piece of staging memory holds', () => {
    const count = 5 * 2 ** 20;
    const buffer = gpu.take(4 * count);
    gpu.write(
      buffer,
      Float32Array.from({ length: count }, (_, i) => i),
    );
    const out = new Float32Array(count);
    gpu.read(buffer, out);
    expect(out.findIndex((value, i) => value !== i)).toBe(-1);
    gpu.give(buffer);
  });
});

describe('memory', () => {
  it('is reused, but not written to while recorded work needs it', () => {
    const first = gpu.take(5000);
    gpu.give(first);
    expect(gpu.take(5000).id).toBe(first.id);
    fill(first, 1000, 1);
    gpu.give(first);
    expect(gpu.take(5000, true).id).not.toBe(first.id);
    expect(gpu.take(5000).id).toBe(first.id);
  });

  it('what is larger than the GPU binds is refused with both sizes', () => {
    expect(() => gpu.take(facts.maxBindingSize + 4)).toThrow(InputError);
    expect(() => gpu.take(facts.maxBindingSize + 4)).toThrow(/\d+ MiB in one piece: .* allows \d+ MiB/);
  });

  it('of what is kept the size longest unused goes first', () => {
    const destroyed: number[] = [];
    let made = 0;
    const pretended: WebgpuAddon = {
      ...addon,
      createBuffer: () => ++made,
      destroyBuffer: (id) => {
        destroyed.push(id);
      },
      isPending: () => false,
    };
    const crowded = new Gpu(pretended, facts);
    const once = Array.from({ length: 5 }, () => crowded.take(2 ** 27));
    for (const buffer of once) crowded.give(buffer);
    expect(destroyed).toEqual([once[0]!.id]);
    const again = crowded.take(4096);
    crowded.give(again);
    expect(destroyed).toEqual([once[0]!.id, once[1]!.id]);
    expect(crowded.take(4096)).toBe(again);
  });

  it('what was kept is given up before memory is said to be out', () => {
    const counted = { made: 0, destroyed: 0 };
    const scarce: WebgpuAddon = {
      ...addon,
      createBuffer: (bytes) => {
        if (bytes > 1 << 20 && counted.destroyed === 0) {
          throw Object.assign(new Error('no memory'), { code: 'OUT_OF_MEMORY' });
        }
        counted.made++;
        return addon.createBuffer(bytes);
      },
      destroyBuffer: (id) => {
        counted.destroyed++;
        addon.destroyBuffer(id);
      },
    };
    const small = new Gpu(scarce, facts);
    small.give(small.take(4096));
    small.take(1 << 21);
    expect(counted.destroyed).toBe(1);
  });
});

describe('errors', () => {
  it('memory that is out', () => {
    const full = new Gpu(addon, facts);
    Object.assign(full, { addon: failing('OUT_OF_MEMORY', 'no', 'createBuffer') });
    expect(() => full.take(1 << 21)).toThrow(/has no more memory .* make training\.batchSize smaller/);
  });

  it('a lost device', () => {
    const gone = new Gpu(addon, facts);
    Object.assign(gone, { addon: failing('LOST', 'device reset', 'read') });
    expect(() => gone.read(gone.take(16), new Float32Array(1))).toThrow(/was lost \(device reset\).*last checkpoint/);
  });

  it('a shader that the driver does not take, by its name', () => {
    expect(() => addon.createPipeline('broken', '@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }')).toThrow(
      /broken.*u32/s,
    );
    const buffer = gpu.take(16);
    fill(buffer, 1, 3);
    const out = new Float32Array(1);
    gpu.read(buffer, out);
    expect(out[0]).toBe(3);
  });

  it('an adapter with too little for the kernels, with the numbers', () => {
    expect(() => new Gpu(addon, { ...facts, maxWorkgroupMemory: 16384 })).toThrow(/maxWorkgroupMemory 16384 of \d+/);
  });

  it('no driver: what would bring one', () => {
    expect(driverAdvice('linux', () => false)).toMatch(/mesa-vulkan-drivers/);
    expect(driverAdvice('linux', (path) => path === '/dev/nvidiactl')).toMatch(/started for CUDA alone.*graphics/);
    expect(driverAdvice('linux', (path) => /nvidia/.test(path))).toMatch(/did not load.*libvulkan1 libgl1/);
    expect(driverAdvice('darwin')).not.toMatch(/apt-get/);
  });
});
