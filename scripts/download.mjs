// A file from the net that arrives whole or not at all: what came before a line broke is kept and continued, and what
// has a known sum is checked before it gets its name. The data scripts and the TensorFlow set-up fetch with this.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** A reason to stop that the user can do something about; printed without a stack. */
export class FetchError extends Error {
  name = 'FetchError';
}

const ATTEMPTS = 3;
const IDLE_SECONDS = 60;
const REPORT_SECONDS = 15;

/**
 * Downloads `url` to `path`. What arrived is kept in `path`.part, and the next call asks for the rest: on the strength
 * of `sha256`, which the whole must have in the end, or else of the server's ETag, kept beside it. A server whose file
 * has changed, or that cannot send a part, sends all of it again. Throws FetchError where the transfer cannot be
 * finished, or where the file is not the one with that sum; what arrived is then removed.
 */
export async function download(url, path, log, { sha256, headers = {} } = {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      await downloadOnce(url, path, log, sha256, headers);
      return;
    } catch (error) {
      const again = error.brokenOff && attempt < ATTEMPTS;
      if (!again) throw new FetchError(`${url}: ${reasonOf(error)}`);
      log(`${url}: ${reasonOf(error)}, going on`);
    }
  }
}

const REDIRECTS = 10;

/**
 * fetch that goes from https to https alone, and tells what it was told to send to nobody but the host it was told to send
 * it to. Throws FetchError for a redirect to anything else, for too many, and what fetch throws.
 */
export async function fetchSafely(url, options = {}) {
  let { headers = {} } = options;
  let at = new URL(url);
  for (let hops = 0; ; hops++) {
    const response = await fetch(at, { ...options, headers, redirect: 'manual' });
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, at);
    if (next.protocol !== 'https:' && !(next.protocol === 'http:' && at.protocol === 'http:'))
      throw new FetchError(`${at.host} sends on to ${next.protocol}//${next.host}, which nobody can vouch for`);
    if (hops === REDIRECTS) throw new FetchError(`${at.host} sends on without an end`);
    if (next.host !== at.host)
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)));
    at = next;
  }
}

/** Why a request or a transfer failed, in a few words; fetch itself says no more than "fetch failed". */
export function reasonOf(error) {
  if (error instanceof FetchError) return error.message;
  return error.cause?.code ?? error.cause?.message ?? error.message;
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sum(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function downloadOnce(url, path, log, sha256, extraHeaders) {
  const part = `${path}.part`;
  const tagFile = `${part}.etag`;
  const have = await stat(part).then(
    ({ size }) => size,
    () => 0,
  );
  const tag = await readFile(tagFile, 'utf8').catch(() => '');
  const headers = { ...extraHeaders };
  if (have > 0 && (tag !== '' || sha256 !== undefined)) headers.range = `bytes=${have}-`;
  if (headers.range !== undefined && tag !== '') headers['if-range'] = tag;

  const stall = new AbortController();
  const abort = () => stall.abort(new FetchError(`nothing arrived for ${IDLE_SECONDS} seconds`));
  let timer = setTimeout(abort, IDLE_SECONDS * 1000);
  try {
    // Whatever is kept on disk must be the bytes that the server counts, so no compression on the way.
    const response = await fetchSafely(url, {
      headers: { ...headers, 'accept-encoding': 'identity' },
      signal: stall.signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      const answer = new FetchError(`the server answers ${response.status} ${response.statusText}`.trim());
      if (response.status !== 416) throw answer;
      // There is nothing after what is kept, so that is not a part of this file.
      await forget(part, tagFile);
      throw Object.assign(answer, { brokenOff: true });
    }
    if (/^text\/html/i.test(response.headers.get('content-type') ?? '')) {
      await response.body?.cancel();
      throw new FetchError('the server sends a web page in place of the file; fetch it with a browser');
    }
    const range = response.status === 206 ? rangeOf(response.headers.get('content-range')) : null;
    const newTag = response.headers.get('etag') ?? (range === null ? '' : tag);
    const isOther = headers['if-range'] !== undefined && newTag !== tag;
    if (response.status === 206 && (headers.range === undefined || range?.from !== have || isOther)) {
      await response.body?.cancel();
      // What would be put behind the part on disk does not belong there.
      await forget(part, tagFile);
      const sent = `"${response.headers.get('content-range')}"${isOther ? ' of another file' : ''}`;
      throw brokenOff(`at byte ${have}: the server sends ${sent}`);
    }
    const from = range?.from ?? 0;
    // What is on disk goes before its tag does: bytes never stand beside the tag of another file.
    if (from === 0) await writeFile(part, '');
    // A weak tag does not promise the same bytes, so it is no ground to go on from.
    await writeFile(tagFile, newTag.startsWith('W/') ? '' : newTag);
    const length = response.headers.get('content-length');
    const total = range?.size ?? (length === null ? null : from + Number(length));
    log(`${url}: ${from > 0 ? `going on after ${from} of` : 'fetching'} ${total ?? 'an unknown number of'} bytes`);

    const file = await open(part, 'r+');
    let at = from;
    let reported = Date.now();
    try {
      for await (const chunk of response.body) {
        clearTimeout(timer);
        timer = setTimeout(abort, IDLE_SECONDS * 1000);
        await file.write(chunk, 0, chunk.length, at);
        at += chunk.length;
        if (Date.now() - reported > REPORT_SECONDS * 1000) {
          reported = Date.now();
          log(`  ${at} of ${total ?? 'an unknown number of'} bytes`);
        }
      }
      await file.sync();
    } catch (error) {
      throw brokenOff(`after ${at} bytes`, error);
    } finally {
      await file.close();
    }
    if (total !== null && at !== total) {
      throw brokenOff(`after ${at} of ${total} bytes`);
    }
  } finally {
    clearTimeout(timer);
  }
  if (sha256 !== undefined) {
    const arrived = await sum(part);
    if (arrived !== sha256) {
      await forget(part, tagFile);
      throw new FetchError(`has SHA-256 ${arrived}, and it should be ${sha256}; not taken`);
    }
  }
  await rename(part, path);
  await rm(tagFile, { force: true });
}

/** First byte and size of the whole, null where unknown, of a Content-Range; null for another form, as of several ranges. */
function rangeOf(header) {
  const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header ?? '') ?? [];
  if (from === undefined || Number(to) < Number(from) || Number(to) >= Number(size)) return null;
  return { from: Number(from), size: size === '*' ? null : Number(size) };
}

/** The kind of failure that is worth another attempt at once. */
function brokenOff(where, cause) {
  return Object.assign(new FetchError(`broke off ${where}`, { cause }), { brokenOff: true });
}

async function forget(...paths) {
  for (const path of paths) await rm(path, { force: true });
}
