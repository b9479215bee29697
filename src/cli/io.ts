// Where a command reads its width from and writes its words to: results to one place, everything said along the way
// to another. Tests hand in their own.

/** What a command needs of the world. */
export interface Io {
  /** Results: tables, JSON. */
  readonly out: NodeJS.WritableStream;
  /** Progress, notes, errors. */
  readonly error: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** Aborted when the user asks to stop; what is running saves and leaves. */
  readonly stop: AbortSignal;
}

/** One line to `out`. */
export function print(io: Io, line: string): void {
  io.out.write(`${line}\n`);
}

/** One JSON object on one line of `out`, for a program that reads along. */
export function printJson(io: Io, value: object): void {
  print(io, JSON.stringify(value));
}

/** One line to `error`. */
export function note(io: Io, line: string): void {
  io.error.write(`${line}\n`);
}
