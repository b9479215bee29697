// Folders that are made where something is to be written.

import { closeSync, fsyncSync, mkdirSync, openSync, rmdirSync, statSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { removeAbandoned, temporaryName } from './atomic-write.js';
import { withPath } from './file-error.js';

/**
 * Makes a folder and those that it is in. Node's own recursive way never returns where a file system such as /proc takes no
 * folders and says that they do not exist; this one goes up once and down once.
 * @returns whether there was none before.
 * @throws what the file system throws, naming the folder that cannot be made.
 */
export function makeFolder(folder: string): boolean {
  return makeMissing(folder).length > 0;
}

/** @returns the folders that there were not, the outer first. */
function makeMissing(folder: string): string[] {
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
  return missing;
}

/** How often a place is tried that vanishes meanwhile. */
const TRIES = 5;

/**
 * Tries whether a file can be written in a folder, and leaves everything as it was.
 * @throws what the file system throws, naming the place.
 */
export function tryWriting(folder: string): void {
  for (let tries = 1; ; tries++) {
    try {
      tryOnce(folder);
      return;
    } catch (error) {
      // Another process that tried, too, may have removed the folder that it made.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === TRIES) throw error;
    }
  }
}

function tryOnce(folder: string): void {
  const made = makeMissing(folder);
  const file = temporaryName(path.join(folder, 'tried'));
  try {
    removeAbandoned(folder);
    const handle = openSync(file, 'w');
    try {
      writeSync(handle, 'x');
      fsyncSync(handle);
    } finally {
      closeSync(handle);
      unlinkSync(file);
    }
  } catch (error) {
    // Nobody knows the file that was tried.
    const known = error as NodeJS.ErrnoException;
    if (known.path === file) known.path = folder;
    throw withPath(error, folder);
  } finally {
    for (const one of made.reverse()) removeIfEmpty(one);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Another process has put something there.
  }
}

/** @throws where it is something else, and where a part of the path is. */
function isFolder(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${folder}'`), { code: 'ENOTDIR', path: folder });
}
