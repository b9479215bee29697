// Where a command reads its width from and writes its words to: results to one place, everything said along the way
// to another. Tests hand in their own.

import { shown } from '../text.js';
import { paintFor, type Screen } from './paint.js';

/** What a command needs of the world. */
export interface Io {
  /** What a command is sent; the process's standard input where absent. */
  readonly in?: NodeJS.ReadableStream;
  /** Results: tables, JSON. */
  readonly out: NodeJS.WritableStream & Screen;
  /** Progress, notes, errors. */
  readonly error: NodeJS.WritableStream & Screen;
  /** Aborted when the user asks to stop; what is running saves and leaves. */
  readonly stop: AbortSignal;
}

/** One line to `out`; what a terminal would obey in it is shown. @param paint what sets it off. */
export function print(io: Io, line: string, paint = (text: string) => text): void {
  io.out.write(`${paint(shown(line))}\n`);
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

/** One line to `error`; what a terminal would obey in it is shown, and what it warns of stands out. */
export function note(io: Io, line: string): void {
  io.error.write(`${noteText(io, line)}\n`);
}

/** A line of a note as it is written, without its end. */
export function noteText(io: Io, line: string): string {
  const { warning, error } = paintFor(io.error);
  return shown(line)
    .replace(/^( *)(warning:)/gm, (_, space: string, word: string) => `${space}${warning(word)}`)
    .replace(/^sri:/, (word) => error(word));
}
