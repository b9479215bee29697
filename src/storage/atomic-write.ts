// A file that is either the old one or the new one, whenever the machine stops.
// The bytes go to a neighbour first; only when the disk has them does the neighbour take the name.

import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withPath } from './file-error.js';
import { isAlive, placeOf, thisProcess } from './process.js';

/** What the temporary neighbour of a file is called; a process that was killed may leave one behind. */
const TEMPORARY = /^\.(.+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.tmp$/;

/** Seconds after which a file that a process elsewhere began counts as abandoned. */
const ABANDONED = 3600;

/** True for a name that {@link temporaryName} gives. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/** A name beside `path` for what is not finished, which tells who began it. */
export function temporaryName(path: string): string {
  const writer = `${placeOf(thisProcess())}-${process.pid}-${randomBytes(6).toString('hex')}`;
  return join(dirname(path), `.${basename(path)}.${writer}.tmp`);
}

/** Removes the files in a folder that processes which are no more had begun; what the living write stays. */
export function removeAbandoned(directory: string): void {
  const here = placeOf(thisProcess());
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const [, , place, pid] = name.match(TEMPORARY) ?? [];
    if (place === undefined) continue;
    const file = join(directory, name);
    const age = (Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())) / 1000;
    if (place === here ? !isAlive(Number(pid)) : age > ABANDONED) rmSync(file, { force: true });
  }
}

/**
 * Writes `data`, whole or in pieces (which may be made while they are written), to `path` so that a reader, a crash or SIGKILL at any instant finds the previous content or all of
 * the new one: temporary file in the same directory, fsync, rename, fsync of the directory.
 * The directory must exist. Throws what the file system throws, with the temporary file removed.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string | Iterable<Uint8Array>): Promise<void> {
  const directory = dirname(path);
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      // One piece after the other, each of which `writeFile` puts where the last one ended.
      for (const piece of isWhole(data) ? [data] : data) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw withPath(error, path);
  }
  await syncDirectory(directory);
}

function isWhole(data: Uint8Array | string | Iterable<Uint8Array>): data is Uint8Array | string {
  return typeof data === 'string' || data instanceof Uint8Array;
}

/** Makes renames in a folder durable. Windows cannot open a directory for this, and needs no such call. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
