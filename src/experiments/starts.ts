// Runs that start from other runs' weights.

import { InputError } from '../errors.js';

/**
 * The names of runs each of which starts from the next.
 * @param before those above a run.
 * @param name of the run.
 * @throws {InputError} where it is above itself.
 */
export function startingPath(before: readonly string[], name: string): string[] {
  const path = [...before, name];
  if (before.includes(name)) {
    throw new InputError(`startFrom: ${path.join(' starts from ')}: the first of them must start from no other`);
  }
  return path;
}
