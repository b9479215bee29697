// Folders that are made where something is to be written.

import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes a folder and those that it is in. Node's own recursive way never returns where a file system such as /proc takes no
 * folders and says that they do not exist; this one goes up once and down once.
 * @returns whether there was none before.
 * @throws what the file system throws, naming the folder that cannot be made.
 */
export function makeFolder(folder: string): boolean {
  const missing: string[] = [];
  for (let above = path.resolve(folder); !isFolder(above); above = path.dirname(above)) missing.push(above);
  for (const one of missing.reverse()) {
    try {
      mkdirSync(one);
    } catch (error) {
      // Another process may have been faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(one)) throw error;
    }
  }
  return missing.length > 0;
}

/** @throws where it is something else, and where a part of the path is. */
function isFolder(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${folder}'`), { code: 'ENOTDIR', path: folder });
}
