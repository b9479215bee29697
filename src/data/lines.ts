// A text file as numbered lines, read in pieces so that its size does not matter, and decoded line by line so that
// a bad byte is known by its line.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { InputError } from '../errors.js';

export interface ReadFile {
  lines: number;
  bytes: number;
  /** Of the file's bytes, in hexadecimal. */
  sha256: string;
}

const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * Calls `visit` with each line's number, from 1, and its text: without its line end, and without a byte order mark
 * on the first; null for a line that is not UTF-8. A last line without a line end counts as a line.
 * Throws InputError where the file is missing or cannot be read.
 */
export async function readLines(path: string, visit: (text: string | null, line: number) => void): Promise<ReadFile> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let pending: Uint8Array[] = [];

  const finish = (end: Uint8Array) => {
    const line = pending.length === 0 ? end : Buffer.concat([...pending, end]);
    pending = [];
    lines++;
    let text: string | null;
    try {
      text = decoder.decode(line);
    } catch {
      text = null;
    }
    visit(lines === 1 && text?.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, lines);
  };

  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        finish(chunk.subarray(from, at));
        from = at + 1;
      }
      if (from < chunk.length) pending.push(chunk.subarray(from));
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, not a text file' : code;
    throw new InputError(`${path}: ${reason}; give a text file of one sentence a line`);
  }
  if (pending.length > 0) finish(new Uint8Array(0));
  return { lines, bytes, sha256: hash.digest('hex') };
}
