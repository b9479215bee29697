// The command line without a process of its own: what it would have exited with, and what it wrote where.

import { Writable } from 'node:stream';
import { main } from '../../src/cli/main.js';

class Recorder extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

export async function sri(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const io = { out: new Recorder(), error: new Recorder(), stop: new AbortController().signal };
  const code = await main(args, io);
  return { code, out: io.out.text, error: io.error.text };
}
