// What a command is given to work on: a file, or standard input where none is named, or `-`.

import { readFile } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import { InputError, InterruptedError } from '../errors.js';
import { withPath } from '../storage/file-error.js';
import { notUtf8 } from '../text.js';
import type { Io } from './io.js';

export interface Input {
  bytes: Uint8Array;
  /** As messages call it. */
  source: string;
}

/** @throws {InputError} where there is no such file, or a person at a terminal has nothing to send. */
export async function readInput(file: string | undefined, io: Io): Promise<Input> {
  if (file !== undefined && file !== '-') {
    try {
      return { bytes: await readFile(file), source: file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw withPath(error, file);
      throw new InputError(`${file}: no such file; name one, or leave it out to read standard input`);
    }
  }
  const stream = (io.in ?? process.stdin) as Readable;
  if (file === undefined && 'isTTY' in stream && stream.isTTY) {
    throw new InputError('name a file, or send something to standard input; - reads what is typed here');
  }
  const source = 'standard input';
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of addAbortSignal(io.stop, stream)) chunks.push(Buffer.from(chunk));
  } catch (error) {
    if (io.stop.aborted) throw new InterruptedError(`stopped before ${source} ended`);
    throw withPath(error, source);
  }
  return { bytes: Buffer.concat(chunks), source };
}

/** @throws {InputError} for bytes that are no UTF-8. */
export function textOf({ bytes, source }: Input): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notUtf8(source, bytes);
  }
}

/**
 * The lines of a text, without their ends; a last line end begins no line.
 * @throws {InputError} for bytes that are no UTF-8, and for NUL bytes, which UTF-16 is full of.
 */
export function linesOf(input: Input): string[] {
  const lines = textOf(input).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const nul = lines.findIndex((line) => line.includes('\0'));
  if (nul >= 0) {
    throw new InputError(
      `${input.source}:${nul + 1}: NUL bytes, so this is no text; convert it to UTF-8 if it is UTF-16`,
    );
  }
  return lines;
}
