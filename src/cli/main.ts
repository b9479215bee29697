// From arguments to an exit code. Every way a command can end is decided here and nowhere else:
// 0 done, 1 failed, 2 wrong use or wrong input, 130 interrupted after a checkpoint was saved.

import { relative } from 'node:path';
import { CommanderError } from 'commander';
import { InputError, InterruptedError } from '../errors.js';
import { cut } from '../text.js';
import { type Io, note } from './io.js';
import { buildProgram } from './program.js';

/** Characters of a line of a complaint, whatever it quotes. */
const LONGEST_LINE = 1000;

export const EXIT = { done: 0, failed: 1, wrongInput: 2, interrupted: 130 } as const;

/** Runs the command that `args` (without node and script) asks for; never throws. */
export async function main(args: readonly string[], given?: Io): Promise<number> {
  const { io, release } = given ? { io: given, release: () => {} } : processIo();
  try {
    const program = await buildProgram(io, args);
    await program.parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return report(error, io);
  } finally {
    release();
  }
}

function report(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongInput;
  if (error instanceof InputError) {
    for (const line of `sri: ${error.message}`.split('\n')) note(io, cut(line, LONGEST_LINE));
    return EXIT.wrongInput;
  }
  if (error instanceof InterruptedError) {
    note(io, `sri: ${error.message}`);
    return EXIT.interrupted;
  }
  const refused = refusal(error);
  if (refused !== null) {
    note(io, `sri: ${refused}`);
    return EXIT.wrongInput;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  note(io, `sri: ${message}`);
  note(io, process.env.SRI_DEBUG ? (stack ?? '') : 'sri: set SRI_DEBUG=1 to see where this happened');
  return EXIT.failed;
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

/** The process's own streams. The first SIGINT asks to stop; a second one, from someone in a hurry, stops at once. */
function processIo(): { io: Io; release: () => void } {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort();
  };
  // A reader that has seen enough, such as `head`, closes the pipe. The error may come after the command is done, so
  // this listener stays.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.stderr.write(`sri: what was to be printed is lost: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
  process.on('SIGINT', interrupt);
  const release = () => process.off('SIGINT', interrupt);
  return { io: { out: process.stdout, error: process.stderr, stop: stop.signal }, release };
}
