// Whether an addon was built from the sources that lie beside it. After an update of the program it may be an older one, which
// still loads, and is slower than it should be or says something else.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../storage/sha256.js';

/**
 * @param build the addon's folder, with what its build says it was made from (scripts/sources.mjs).
 * @param sources the folder of its C++ sources.
 * @returns false where they are others; true also where either is not there to be asked.
 */
export function isBuiltFrom(build: string, sources: string): boolean {
  try {
    const origin = JSON.parse(readFileSync(path.join(build, 'origin.json'), 'utf8')) as { sources?: unknown };
    const names = readdirSync(sources).filter((name) => /\.(cpp|h)$/.test(name));
    const sum = sha256(...names.sort().map((name) => readFileSync(path.join(sources, name))));
    return origin.sources === undefined || origin.sources === sum;
  } catch {
    return true;
  }
}

/**
 * What a started backend says of its addon, where that was built from other sources: see {@link isBuiltFrom}.
 * @param addon its name, and `remedy` the command that builds it anew.
 */
export function noticeOfOrigin(
  addon: string,
  { build, sources, remedy }: { build: string; sources: string; remedy: string },
): { notice?: string } {
  if (isBuiltFrom(build, sources)) return {};
  return { notice: `the ${addon} addon was built from other sources than those here: ${remedy} builds it anew` };
}
