// Memory that tensors leave behind and the next ones take over. A training iteration makes the same few dozen arrays
// again and again; fresh pages for each would cost more than some of the operations that fill them.

/**
 * How much free memory is kept for reuse, bytes: what an iteration at PTB's sizes lets go, and more. Memory that goes back to
 * the system comes back as pages that are to be cleared, and stops the other threads when it goes: with 96 MiB, training SRI
 * on two threads took 1.16 times as long.
 */
const KEPT_LIMIT = 256 * 2 ** 20;

/** Arrays below this many bytes are left to the garbage collector. */
const POOLED_FROM = 16 * 1024;

export class BufferPool {
  private readonly free = new Map<number, ArrayBuffer[]>();
  private kept = 0;

  /** An array of `length` floats with arbitrary content. */
  take(length: number): Float32Array {
    const bytes = 4 * length;
    if (bytes < POOLED_FROM) return new Float32Array(length);
    const size = sizeClass(bytes);
    const buffer = this.free.get(size)?.pop();
    if (buffer === undefined) return new Float32Array(new ArrayBuffer(size), 0, length);
    this.kept -= size;
    return new Float32Array(buffer, 0, length);
  }

  /** Gives back what `take` gave, once nothing refers to it any more. */
  give(array: Float32Array): void {
    const buffer = array.buffer as ArrayBuffer;
    const size = buffer.byteLength;
    if (size < POOLED_FROM || this.kept + size > KEPT_LIMIT) return;
    const list = this.free.get(size);
    if (list === undefined) this.free.set(size, [buffer]);
    else list.push(buffer);
    this.kept += size;
  }
}

/** Sentence lengths vary, so sizes are rounded up to one of four steps within each power of two. */
function sizeClass(bytes: number): number {
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}
