// The command line without a process of its own: what it would have exited with, and what it wrote where.

import { Readable, Writable } from 'node:stream';
import { main } from '../../src/cli/main.js';

class Recorder extends Writable {
  private readonly chunks: Buffer[] = [];
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

export async function sri(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const { out, ...rest } = await run(args);
  return { ...rest, out: out.toString() };
}

/** The same with something on standard input; what it writes on standard output may be no text. */
export function sriGiven(
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<{ code: number; out: Buffer; error: string }> {
  return run(args, { in: Readable.from([input]) });
}

async function run(args: readonly string[], given: { in?: Readable } = {}) {
  const io = { ...given, out: new Recorder(), error: new Recorder(), stop: new AbortController().signal };
  const code = await main([...args], io);
  return { code, out: io.out.bytes, error: io.error.bytes.toString() };
}
