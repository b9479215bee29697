// Whether an addon was built from the sources that lie beside it. After an update of the program it may be an older one, which
// still loads, and is slower than it should be or says something else.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @param build the addon's folder, with what its build says it was made from (scripts/sources.mjs).
 * @param sources the folder of its C++ sources.
 * @returns false where they are others; true also where either is not there to be asked.
 */
export function isBuiltFrom(build: string, sources: string): boolean {
  try {
    const { sources: known } = JSON.parse(readFileSync(path.join(build, 'origin.json'), 'utf8')) as {
      sources?: unknown;
    };
    const hash = createHash('sha256');
    const names = readdirSync(sources).filter((name) => /\.(cpp|h)$/.test(name));
    for (const name of names.sort()) hash.update(readFileSync(path.join(sources, name)));
    return known === undefined || known === hash.digest('hex');
  } catch {
    return true;
  }
}
