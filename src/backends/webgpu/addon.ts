// The WebGPU addon as TypeScript sees it: one GPU behind a handful of functions on numbers of buffers and pipelines. It
// knows nothing of tensors or of WGSL's meaning. It is compiled by `sri setup --for webgpu`, which also brings the library
// that it opens, wgpu-native.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What an adapter (a GPU, or its emulation) is and allows. */
export interface AdapterFacts {
  /** The GPU's name. */
  name: string;
  /** Its driver, with the version. */
  driver: string;
  /** `Vulkan`, `Metal` or `Direct3D 12`. */
  interface: string;
  /** Whether it is emulated on the processor. */
  software: boolean;
  /** Version of wgpu-native. */
  libraryVersion: string;
  /** Bytes of the largest buffer, and of the largest that a shader sees. */
  maxBufferSize: number;
  maxBindingSize: number;
  /** Bytes of memory that a workgroup shares. */
  maxWorkgroupMemory: number;
  /** Threads of a workgroup. */
  maxInvocations: number;
  /** Buffers of a shader. */
  maxBindings: number;
  /** Workgroups along one axis. */
  maxWorkgroups: number;
}

/** What an Error of the addon may carry as its `code`. */
export type GpuErrorCode = 'NO_ADAPTER' | 'LOST' | 'OUT_OF_MEMORY' | 'SHADER';

export interface WebgpuAddon {
  /**
   * Opens the fastest adapter of the system with all that it allows; the one already open, if any.
   * @throws Error with code NO_ADAPTER where there is none.
   */
  open(libraryPath: string): AdapterFacts;
  /** A buffer of zeros; `bytes` is a multiple of 4. @throws Error with code OUT_OF_MEMORY. */
  createBuffer(bytes: number): number;
  destroyBuffer(buffer: number): void;
  /** Whether work that is recorded but not submitted refers to the buffer: writing to it submits that work. */
  isPending(buffer: number): boolean;
  /** Takes effect after all that was recorded before. */
  write(buffer: number, values: ArrayBufferView): void;
  /** Waits for all that was recorded, and fills `out` from the buffer's beginning. */
  read(buffer: number, out: ArrayBufferView): void;
  /** Compiles WGSL with the entry point `main`. @throws Error with code SHADER. */
  createPipeline(name: string, code: string): number;
  /**
   * Records a dispatch of x * y * z workgroups: binding 0 is a uniform of `parameters`, at most 64 words, the bindings from
   * 1 on are the buffers. It sees what the dispatches before it wrote.
   */
  dispatch(pipeline: number, buffers: Uint32Array, parameters: Uint32Array, x: number, y: number, z: number): void;
  /** Hands over what is recorded, in one submission. */
  flush(): void;
  /** Hands over what is recorded, in one submission, and waits until it is done. */
  wait(): void;
  /** Gives the device up. Every later call throws with code LOST, as after a driver's reset. */
  destroy(): void;
  /** Since the device was opened. */
  counts(): { dispatches: number; submissions: number };
}

/** Where the set-up puts the addon. */
export const BUILD = fileURLToPath(new URL('../../../build/webgpu/', import.meta.url));
const ADDON = `${BUILD}sri_webgpu.node`;
export const SETUP = 'sri setup --for webgpu';

/** Whether the backend was set up here. */
export function isSetUp(): boolean {
  return existsSync(ADDON);
}

/** wgpu-native, beside the addon. */
function libraryPath(): string {
  return `${BUILD}${process.platform === 'darwin' ? 'libwgpu_native.dylib' : 'libwgpu_native.so'}`;
}

/**
 * The addon with the fastest adapter open.
 * @throws Error saying what is missing, and what brings it.
 */
export function openAdapter(): { addon: WebgpuAddon; facts: AdapterFacts } {
  if (!isSetUp()) throw new Error(`it is not set up: there is no ${ADDON}; ${SETUP} brings it`);
  // Mesa looks for a display to tell which GPU a screen hangs on, and complains on standard error where there is none.
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) process.env.NODEVICE_SELECT ??= '1';
  let addon: WebgpuAddon;
  try {
    addon = createRequire(import.meta.url)(ADDON) as WebgpuAddon;
  } catch (error) {
    throw new Error(`its addon does not load: ${(error as Error).message}; ${SETUP} builds it anew`, { cause: error });
  }
  try {
    return { addon, facts: addon.open(libraryPath()) };
  } catch (error) {
    const { code, message } = error as Error & { code?: GpuErrorCode };
    if (code !== 'NO_ADAPTER') throw error;
    // The library's last line says what it has tried.
    const reason = message.trim().split('\n').at(-1)!.trim();
    throw new Error(`no GPU was found (${reason}). ${driverAdvice()}`, { cause: error });
  }
}

/** Where NVIDIA's Vulkan driver registers itself. */
const NVIDIA_DRIVER = ['/usr/share/vulkan/icd.d/nvidia_icd.json', '/etc/vulkan/icd.d/nvidia_icd.json'];

/** What would bring an adapter, as far as the system shows what it has. */
export function driverAdvice(
  platform: NodeJS.Platform = process.platform,
  exists: (path: string) => boolean = existsSync,
): string {
  if (platform !== 'linux') return "The system's graphics driver brings it; is this a machine without one?";
  const software = 'a driver that computes on the processor, for tests: apt-get install mesa-vulkan-drivers';
  if (exists('/dev/nvidiactl') && NVIDIA_DRIVER.some(exists)) {
    return (
      "There is an NVIDIA card with its Vulkan driver, which did not load. It wants Vulkan's loader and, though it draws " +
      `nothing, a display's libraries: apt-get install libvulkan1 libgl1 libegl1 libxext6; or install ${software}`
    );
  }
  if (exists('/dev/nvidiactl')) {
    return (
      'There is an NVIDIA card, but no Vulkan driver for it: a container that was started for CUDA alone has none. Start ' +
      'it with NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics and libvulkan1 installed, or install ' +
      software
    );
  }
  return `WebGPU needs a Vulkan driver: mesa-vulkan-drivers has those of AMD's and Intel's GPUs, and ${software}`;
}
