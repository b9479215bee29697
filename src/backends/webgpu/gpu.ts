// A GPU as the kernels use it: memory that is reused, shaders compiled when they are first wanted, and dispatches. What the
// GPU refuses becomes an error that says what to do.

import { InputError } from '../../errors.js';
import type { AdapterFacts, GpuErrorCode, WebgpuAddon } from './addon.js';
import { type Constants, shaderCode } from './shaders.js';

/** Memory on the GPU; the numbers that matter are at its beginning, and it may be larger. */
export interface GpuBuffer {
  readonly id: number;
  readonly bytes: number;
}

/** A parameter of a dispatch that is a floating-point number; plain numbers are unsigned integers. */
export class Float {
  constructor(readonly value: number) {}
}

export interface Dispatch {
  shader: string;
  /** Files that the shader leaves the choice of. */
  beside?: readonly string[];
  constants?: Constants;
  parameters: readonly (number | Float)[];
  /** In the order of their bindings, from 1. */
  buffers: readonly GpuBuffer[];
  workgroups: readonly [x: number, y?: number, z?: number];
}

/** What the shaders take for granted; every desktop GPU has it. */
const NEEDED = { maxWorkgroupMemory: 29_696, maxInvocations: 256, maxBindings: 10 } as const;

const PIECE_LIMIT = 2 ** 26;

/** How much free memory is kept for reuse, bytes. */
const KEPT_LIMIT = 512 * 2 ** 20;

const MEBIBYTE = 2 ** 20;

export class Gpu {
  private readonly pipelines = new Map<string, number>();
  /** By size, the one last used at the end. */
  private readonly free = new Map<number, GpuBuffer[]>();
  private kept = 0;
  /** Bytes in buffers, those kept for reuse among them. */
  allocated = 0;
  /** Bytes of an array that a kernel goes through in pieces, at most. */
  pieceLimit: number;
  private readonly words = new Uint32Array(64);
  private readonly floats = new Float32Array(this.words.buffer);
  /**
   * Bound where a shader has a place for an output that is not wanted (no buffer may be bound twice to be written), or for
   * an input that it will not read.
   */
  readonly nowhere: GpuBuffer;
  readonly elsewhere: GpuBuffer;
  readonly nothing: GpuBuffer;

  /** @throws Error where the adapter lacks what the shaders need. */
  constructor(
    private readonly addon: WebgpuAddon,
    readonly facts: AdapterFacts,
  ) {
    const lacking = Object.entries(NEEDED).filter(([limit, least]) => facts[limit as keyof typeof NEEDED] < least);
    if (lacking.length > 0) {
      const list = lacking.map(([limit, least]) => `${limit} ${facts[limit as keyof typeof NEEDED]} of ${least}`);
      throw new Error(`${facts.name} has too little for the kernels: ${list.join(', ')}`);
    }
    this.pieceLimit = Math.min(PIECE_LIMIT, facts.maxBindingSize);
    this.nowhere = this.take(16);
    this.elsewhere = this.take(16);
    this.nothing = this.take(16);
  }

  /**
   * Memory of at least `bytes`, with arbitrary content.
   * @param forUpload to be written from here: what recorded work still uses is not taken.
   * @throws InputError where no single piece of memory may be so large.
   */
  take(bytes: number, forUpload = false): GpuBuffer {
    const limit = Math.min(this.facts.maxBindingSize, this.facts.maxBufferSize);
    if (bytes > limit) {
      const mebibytes = (size: number) => `${Math.ceil(size / MEBIBYTE)} MiB`;
      throw new InputError(
        `the webgpu backend cannot hold ${mebibytes(bytes)} in one piece: ${this.facts.name} allows ${mebibytes(limit)}; a ` +
          'smaller batch, vocabulary or hidden size fits, or --backend native',
      );
    }
    const size = Math.min(sizeClass(bytes), limit - (limit % 4));
    const list = this.lastUsed(size);
    const at = forUpload ? list.findLastIndex(({ id }) => !this.addon.isPending(id)) : list.length - 1;
    const [found] = at < 0 ? [] : list.splice(at, 1);
    if (found !== undefined) {
      this.kept -= size;
      return found;
    }
    return { id: this.create(size), bytes: size };
  }

  /** Gives back what `take` gave. Work that is recorded already may still use it. */
  give(buffer: GpuBuffer): void {
    this.lastUsed(buffer.bytes).push(buffer);
    this.kept += buffer.bytes;
    // What a pass of other shapes left, an evaluation's say, goes before what the present one takes again at once.
    for (const [size, list] of this.free) {
      while (this.kept > KEPT_LIMIT && list.length > 0) {
        this.kept -= size;
        this.destroy(list.shift()!);
      }
      if (this.kept <= KEPT_LIMIT) break;
      this.free.delete(size);
    }
  }

  /** Free buffers of a size, which becomes the one last used. */
  private lastUsed(size: number): GpuBuffer[] {
    const list = this.free.get(size) ?? [];
    this.free.delete(size);
    this.free.set(size, list);
    return list;
  }

  write(buffer: GpuBuffer, values: ArrayBufferView): void {
    this.explained(() => this.addon.write(buffer.id, values));
  }

  /** Waits for the GPU and fills `out` from the buffer's beginning. */
  read(buffer: GpuBuffer, out: ArrayBufferView): void {
    this.explained(() => this.addon.read(buffer.id, out));
  }

  /** Records a dispatch; it is submitted with others, at the latest when something is read. */
  run({ shader, beside = [], constants = {}, parameters, buffers, workgroups: [x, y = 1, z = 1] }: Dispatch): void {
    // The GPU would say so only when it is submitted, and drop what was recorded beside it.
    if (Math.max(x, y, z) > this.facts.maxWorkgroups) {
      throw new RangeError(
        `${shader}.wgsl: ${[x, y, z]} workgroups are more than ${this.facts.maxWorkgroups} along an axis`,
      );
    }
    parameters.forEach((parameter, i) => {
      if (typeof parameter === 'number') this.words[i] = parameter;
      else this.floats[i] = parameter.value;
    });
    const pipeline = this.pipeline(shader, beside, constants);
    const ids = Uint32Array.from(buffers, ({ id }) => id);
    this.explained(() => this.addon.dispatch(pipeline, ids, this.words.subarray(0, parameters.length), x, y, z));
  }

  /** Workgroups for `count` of anything, `each` a workgroup; more than an axis has go into a second one. */
  workgroups(count: number, each = 1): [x: number, y: number] {
    const groups = Math.ceil(count / each);
    const y = Math.ceil(groups / this.facts.maxWorkgroups);
    return [Math.ceil(groups / y), y];
  }

  /** Waits until all that was recorded is done. */
  wait(): void {
    this.explained(() => this.addon.wait());
  }

  counts(): { dispatches: number; submissions: number } {
    return this.addon.counts();
  }

  private pipeline(shader: string, beside: readonly string[], constants: Constants): number {
    const key = `${[shader, ...beside].join(' ')} ${JSON.stringify(constants)}`;
    const known = this.pipelines.get(key);
    if (known !== undefined) return known;
    const made = this.explained(() => this.addon.createPipeline(shader, shaderCode(shader, constants, beside)));
    this.pipelines.set(key, made);
    return made;
  }

  private create(bytes: number): number {
    const create = () => this.addon.createBuffer(bytes);
    let id: number;
    try {
      id = create();
    } catch (error) {
      if ((error as { code?: GpuErrorCode }).code !== 'OUT_OF_MEMORY') throw this.explanation(error);
      // What lies in reserve may be what is lacking.
      for (const buffer of [...this.free.values()].flat()) this.destroy(buffer);
      this.free.clear();
      this.kept = 0;
      this.wait();
      id = this.explained(create);
    }
    this.allocated += bytes;
    return id;
  }

  private destroy(buffer: GpuBuffer): void {
    this.explained(() => this.addon.destroyBuffer(buffer.id));
    this.allocated -= buffer.bytes;
  }

  private explained<Out>(work: () => Out): Out {
    try {
      return work();
    } catch (error) {
      throw this.explanation(error);
    }
  }

  /** The addon's error with what to do about it. */
  private explanation(error: unknown): Error {
    const { code, message } = error as Error & { code?: GpuErrorCode };
    const { name, driver } = this.facts;
    const told = (text: string) => new Error(text, { cause: error });
    switch (code) {
      case 'LOST':
        return told(
          `${name} was lost (${message.trim() || 'its driver gives no reason'}): its driver was reset, or a kernel took ` +
            'longer than the system allows. Run the command again: a training goes on from its last checkpoint',
        );
      case 'OUT_OF_MEMORY':
        return told(
          `${name} has no more memory (${Math.ceil(this.allocated / MEBIBYTE)} MiB are in use here). Close what else uses ` +
            'it, or make training.batchSize smaller; a training goes on from its last checkpoint',
        );
      case 'SHADER':
        return told(
          `the driver of ${name} (${driver}) does not take a kernel, which is a defect of one of them: ${message}`,
        );
      default:
        return error as Error;
    }
  }
}

/** Sentence lengths vary, so sizes are rounded up to one of four steps within each power of two. */
function sizeClass(bytes: number): number {
  if (bytes <= 1024) return 1024;
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}
