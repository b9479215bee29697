// From arguments to an exit code. Every way a command can end is decided here and nowhere else:
// 0 done, 1 failed, 2 wrong use or wrong input; asked to stop, after a checkpoint was saved, 129 by SIGHUP, 130 by SIGINT,
// 143 by SIGTERM.

import { relative } from 'node:path';
import { CommanderError } from 'commander';
import { InputError, InterruptedError } from '../errors.js';
import { STOPPED, type Stopping } from '../interruption.js';
import { cut } from '../text.js';
import { type Io, note } from './io.js';
import { loadColours } from './paint.js';
import { argumentsFor, buildProgram } from './program.js';

/** Characters of a line of a complaint, whatever it quotes. */
const LONGEST_LINE = 1000;

export const EXIT = { done: 0, failed: 1, wrongInput: 2, interrupted: STOPPED.SIGINT } as const;

/** Runs the command that `args` (without node and script) asks for; never throws. */
export async function main(args: readonly string[], given?: Io): Promise<number> {
  const { io, release } = given ? { io: given, release: () => {} } : processIo();
  try {
    await loadColours([io.out, io.error]);
    const program = await buildProgram(io, args);
    await program.parseAsync(argumentsFor(program, args), { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return reportError(error, io);
  } finally {
    release();
  }
}

/** Says what ended a command, and returns the exit code that says so. */
export function reportError(error: unknown, io: Io): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    // Help that nobody asked for: its reason is said beneath.
    if (error.code === 'commander.help') note(io, 'sri: no command was named; above is what there is');
    return EXIT.wrongInput;
  }
  if (error instanceof InputError) {
    for (const line of `sri: ${error.message}`.split('\n')) note(io, cut(line, LONGEST_LINE));
    return EXIT.wrongInput;
  }
  if (error instanceof InterruptedError) {
    note(io, `sri: ${error.message}`);
    const { reason } = io.stop;
    return Object.hasOwn(STOPPED, String(reason)) ? STOPPED[reason as Stopping] : EXIT.interrupted;
  }
  const refused = refusal(error);
  if (refused !== null) {
    note(io, `sri: ${refused}`);
    return EXIT.wrongInput;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  note(io, `sri: ${message}`);
  if ([error, (error as Error | null)?.cause].some(isFull)) {
    note(io, 'sri: make room there and give the command again; what training and measuring had kept is gone on from');
  } else {
    note(io, process.env.SRI_DEBUG ? (stack ?? '') : 'sri: set SRI_DEBUG=1 to see where this happened');
  }
  return EXIT.failed;
}

/** Whether a disk, or a user's share of it, had no room. */
function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** A path as a person would give it: relative to where they are, where it lies below. */
function fromHere(path: string): string {
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') ? path : below;
}

/** What the file system refused because of what a path is or may; null for any other error. */
function refusal(error: unknown): string | null {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (path === undefined) return null;
  const shownPath = path === '' ? "''" : cut(fromHere(path));
  switch (code) {
    case 'EEXIST':
      return `${shownPath}: it leads to what is not there, such as a disk that is not mounted; put that right, or name another`;
    case 'ENOTDIR':
      return `${shownPath}: a part of it is a file, where a folder is wanted; name another folder`;
    case 'EISDIR':
      return `${shownPath}: this is a folder, where a file is wanted; name another file`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${shownPath}: permission denied; give yourself the right to it, or name another place`;
    case 'ENOENT':
      return `${shownPath}: there is no such file or folder, and none can be made there; name another`;
    case 'ENAMETOOLONG':
      return `${shownPath}: longer than a name may be; name a shorter one`;
    case 'ELOOP':
      return `${shownPath}: links that lead in a circle; name another`;
    case 'EINVAL':
    case 'ENXIO':
      return `${shownPath}: no plain file or folder; name another`;
    default:
      return null;
  }
}

/**
 * The process's own streams. The first signal asks to stop; a second SIGINT, from someone in a hurry, stops at once. A reader
 * that has gone, such as `head` or a terminal that was closed, ends the printing and not the work.
 */
function processIo(): { io: Io; release: () => void } {
  const stop = new AbortController();
  const listeners = (Object.keys(STOPPED) as Stopping[]).map((signal) => {
    const listener = () => {
      if (stop.signal.aborted && signal === 'SIGINT') process.exit(EXIT.interrupted);
      stop.abort(signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  let lost = false;
  // The error may come after the command is done, so these listeners stay.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isGone(error) || lost) return;
    lost = true;
    process.stderr.write(`sri: what was to be printed is lost: ${error.message}\n`);
    process.exitCode = EXIT.failed;
  });
  process.stderr.on('error', () => {});
  const release = () => {
    for (const off of listeners) off();
  };
  return { io: { out: process.stdout, error: process.stderr, stop: stop.signal }, release };
}

/** Whether nobody reads any more. */
function isGone({ code }: NodeJS.ErrnoException): boolean {
  return ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(code ?? '');
}
