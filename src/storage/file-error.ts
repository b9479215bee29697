// What the file system says of a write that failed names the file only where the call had its name: a write to an open file
// says that the disk is full, and not which.

/** Does what touches a file, so that what the file system says of it names that file. */
export function naming<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw withPath(error, path);
  }
}

/** The error with the file's name in it, where it had none. */
export function withPath(error: unknown, path: string): unknown {
  const known = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || known.code === undefined || known.path !== undefined) return error;
  known.path = path;
  known.message = `${path}: ${known.message}`;
  return known;
}
