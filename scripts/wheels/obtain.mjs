// A wheel on this machine: said before it is fetched, checked after.

import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { download, FetchError, fetchSafely, reasonOf, sum } from '../download.mjs';
import { SetupError } from './errors.mjs';

/** The paths of what one set-up keeps in the folder that all share, by the names of its wheels: parts of downloads as well. */
export async function keptWheels(cache, isOwn) {
  const names = await readdir(cache).catch(() => []);
  return names.filter(isOwn).map((name) => join(cache, name));
}

/** Says where a wheel will come from, and how large it is. */
export async function announce(wheel, { source, cache }, log) {
  if (source.folder !== undefined) {
    log(`  take ${fileURLToPath(wheel.url)}${wheel.sha256 === undefined ? ', which nothing here can check' : ''}`);
    return;
  }
  const path = join(cache, wheel.filename);
  if (existsSync(path)) log(`  take ${path}, kept from before`);
  else log(`  download ${wheel.filename} (${await sizeOf(wheel)}) from ${new URL(wheel.url).host} into ${cache}`);
}

async function sizeOf({ url, headers }) {
  const bytes = await fetchSafely(url, { method: 'HEAD', headers, signal: AbortSignal.timeout(60_000) }).then(
    (response) => (response.ok ? response.headers.get('content-length') : null),
    (error) => {
      throw new FetchError(`${url}: ${reasonOf(error)}`);
    },
  );
  return bytes === null ? 'of unknown size' : `${Math.ceil(Number(bytes) / 1e6)} MB`;
}

/** The path of a wheel on this machine, downloaded if it has to be, with the SHA-256 that the index gives. */
export async function obtain(wheel, { source, cache }, log) {
  if (source.folder !== undefined) return fileURLToPath(wheel.url);
  if (wheel.sha256 === undefined)
    throw new SetupError(
      `the index gives no SHA-256 for ${wheel.filename}; fetch it with pip download and give --from`,
    );
  const path = join(cache, wheel.filename);
  if (existsSync(path) && (await sum(path)) === wheel.sha256) return path;
  await mkdir(cache, { recursive: true });
  await download(wheel.url, path, log, { sha256: wheel.sha256, headers: wheel.headers });
  return path;
}
