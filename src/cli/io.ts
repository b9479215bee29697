// Where a command reads its width from and writes its words to: results to one place, everything said along the way
// to another. Tests hand in their own.

import { shown } from '../text.js';

/** What a command needs of the world. */
export interface Io {
  /** What a command is sent; the process's standard input where absent. */
  readonly in?: NodeJS.ReadableStream;
  /** Results: tables, JSON. */
  readonly out: NodeJS.WritableStream;
  /** Progress, notes, errors. */
  readonly error: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** Aborted when the user asks to stop; what is running saves and leaves. */
  readonly stop: AbortSignal;
}

/** One line to `out`; what a terminal would obey in it is shown. */
export function print(io: Io, line: string): void {
  io.out.write(`${shown(line)}\n`);
}

/** One JSON object on one line of `out`, for a program that reads along. */
export function printJson(io: Io, value: object): void {
  // JSON may hold these characters as they are; written as escapes they are the same values.
  const json = JSON.stringify(value).replace(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, unicodeEscape);
  io.out.write(`${json}\n`);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One line to `error`; what a terminal would obey in it is shown. */
export function note(io: Io, line: string): void {
  io.error.write(`${shown(line)}\n`);
}
