// A text file as numbered lines, read in pieces so that its size does not matter, and decoded line by line so that
// a bad byte is known by its line.

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { InputError, InterruptedError } from '../errors.js';
import { withPath } from '../storage/file-error.js';

export interface ReadFile {
  lines: number;
  bytes: number;
  /** Of the file's bytes, in hexadecimal. */
  sha256: string;
}

/** A line as text, or why it is none: bytes that are not UTF-8, or NUL among them, as in UTF-16 and in binary files. */
export type Line = { text: string; wrong: null } | { text: null; wrong: 'encoding' | 'nul' };

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\ufeff';

/** The longest line that is taken for one, in bytes; a longer text is one without line ends. */
const LINE_LIMIT = 1 << 25;

/** What a shell puts in the place of a file, which can be read once. */
const PASSED = /^\/(dev\/(stdin|fd\/\d+)|proc\/(self|\d+)\/fd\/\d+)$/;

/**
 * Throws InputError for what can be read once or never ends: pipes and devices.
 * @param often whether it is read more than once, as what a shell passes cannot be.
 */
export function refuseStreams(path: string, often: boolean): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile() || found.isDirectory() || (!often && PASSED.test(path))) return;
  throw new InputError(`${path}: a pipe or a device, where a file is wanted; write its text to a file and name that`);
}

/**
 * Calls `visit` with each line's number, from 1, and the line: without its line end, and without a byte order mark on the
 * first. A last line without a line end counts as a line.
 * Throws InputError where the file is missing or a folder, has a line of more than 32 MiB, or ends its lines by carriage
 * returns alone, as old Macs did: it would be one line. Throws InterruptedError when `signal` asks to stop, and what the file
 * system throws.
 */
export async function readLines(
  path: string,
  visit: (line: Line, number: number) => void,
  signal?: AbortSignal,
): Promise<ReadFile> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;

  const finish = (end: Uint8Array) => {
    const line = pending.length === 0 ? end : Buffer.concat([...pending, end]);
    pending = [];
    pendingBytes = 0;
    lines++;
    visit(decoded(line, decoder, lines === 1), lines);
  };

  for await (const chunk of chunksOf(path)) {
    if (signal?.aborted) throw new InterruptedError(`stopped while ${path} was read`);
    hash.update(chunk);
    bytes += chunk.length;
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      finish(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from === chunk.length) continue;
    pending.push(chunk.subarray(from));
    pendingBytes += chunk.length - from;
    if (pendingBytes > LINE_LIMIT) {
      throw new InputError(
        `${path}:${lines + 1}: a line of more than ${LINE_LIMIT / (1 << 20)} MiB; a corpus has a sentence or another short item a line`,
      );
    }
  }
  if (pending.length > 0) {
    if (lines === 0 && hasInnerReturn(Buffer.concat(pending))) {
      throw carriageReturns(path);
    }
    finish(new Uint8Array(0));
  }
  return { lines, bytes, sha256: hash.digest('hex') };
}

/** That a file's lines end as old Macs ended them. */
export function carriageReturns(path: string): InputError {
  return new InputError(
    `${path}: its lines end by carriage returns alone; convert them, for example with tr '\\r' '\\n'`,
  );
}

/** The bytes of a file in pieces. What whoever takes them throws, such as for a full disk of its own, is no fault of this file. */
async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, not a text file' : null;
    if (reason === null) throw withPath(error, path);
    throw new InputError(`${path}: ${reason}; give a text file of one sentence a line`);
  }
}

function hasInnerReturn(line: Uint8Array): boolean {
  const at = line.indexOf(CARRIAGE_RETURN);
  return at !== -1 && at < line.length - 1;
}

function decoded(line: Uint8Array, decoder: InstanceType<typeof TextDecoder>, first: boolean): Line {
  if (line.includes(0)) return { text: null, wrong: 'nul' };
  try {
    const text = decoder.decode(line);
    return { text: first && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, wrong: null };
  } catch {
    return { text: null, wrong: 'encoding' };
  }
}
