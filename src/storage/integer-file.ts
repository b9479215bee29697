// Whole numbers in a file, end to end: written as they come and read back in pieces, so that there may be more of them
// than memory holds. Synchronous, since what uses it counts millions of them in a loop.

import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { naming } from './file-error.js';

/** Numbers that are held in memory at a time; 1 MiB of them. */
const PIECE = 1 << 18;

/** Appends 32-bit integers, little-endian, to a new file. */
export class IntegerWriter {
  private readonly file: number;
  private readonly piece = new Int32Array(PIECE);
  private used = 0;

  /**
   * @param header bytes that stand before the numbers.
   * @throws what the file system throws, as where the file is there already.
   */
  constructor(
    readonly path: string,
    header: Uint8Array = new Uint8Array(0),
  ) {
    this.file = openSync(path, 'wx');
    writeAll(this.file, header);
  }

  push(value: number): void {
    if (this.used === PIECE) this.flush();
    this.piece[this.used++] = value;
  }

  /** Writes what is left, and waits until the disk has it. */
  close(): void {
    try {
      this.flush();
      naming(this.path, () => fsyncSync(this.file));
    } finally {
      closeSync(this.file);
    }
  }

  private flush(): void {
    naming(this.path, () => writeAll(this.file, bytesOf(this.piece.subarray(0, this.used))));
    this.used = 0;
  }
}

/**
 * The numbers of a file, in their order; a piece is good until the next is asked for.
 * @param begin the first number's first byte.
 * @param end the first byte after the last; the file's end unless given.
 */
export function* readIntegers(path: string, begin = 0, end = Number.POSITIVE_INFINITY): Generator<Int32Array> {
  const file = openSync(path, 'r');
  try {
    const piece = new Int32Array(PIECE);
    const bytes = bytesOf(piece);
    for (let at = begin; at < end; ) {
      const count = readAll(file, bytes.subarray(0, Math.min(bytes.length, end - at)), at);
      if (count === 0) return;
      at += count;
      yield piece.subarray(0, count / Int32Array.BYTES_PER_ELEMENT);
    }
  } finally {
    closeSync(file);
  }
}

/** The memory of an array, as bytes. */
export function bytesOf(numbers: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** Reads until `into` is full or the file ends. @returns bytes that were read. */
export function readAll(file: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
