// What an addon is built from, as one sum, which lies beside it in build: src/backends/origin.ts compares it.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The name of the file that says what a folder that a set-up put together was made from. */
export const ORIGIN = 'origin.json';

/** The C++ sources that lie in a folder, in order. */
export function sourcesIn(folder) {
  return readdirSync(folder)
    .filter((name) => /\.(cpp|h)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** SHA-256 of the sources that lie in a folder, one after the other. */
export function sumOfSources(folder) {
  const hash = createHash('sha256');
  for (const path of sourcesIn(folder)) hash.update(readFileSync(path));
  return hash.digest('hex');
}
