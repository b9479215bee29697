// Members of a zip archive, which a wheel is, by name: the directory at its end says where each lies and how it is
// packed. (APPNOTE.TXT of PKWARE, sections 4.3 to 4.5.) Large members go straight to disk.

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SetupError } from './errors.mjs';

const END = 0x06054b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const ENTRY = 0x02014b50;
const ENTRY_SIZE = 46;
const LOCAL_SIZE = 30;
const STORED = 0;
const DEFLATED = 8;

/**
 * Reads the directory of the archive at `path`. Returns {names, read(name), extract(name, to)}: the members' names, a
 * member's bytes, and a member written to a file with its permissions. Throws SetupError where the file is no zip
 * archive, is damaged, or is larger than the classic format allows (4 GiB, 65,534 members).
 */
export async function openZip(path) {
  const entries = await readDirectory(path);

  async function content(name) {
    const entry = entries.get(name);
    if (entry === undefined) throw new SetupError(`${path}: has no ${name}`);
    if (entry.method !== STORED && entry.method !== DEFLATED)
      throw new SetupError(`${path}: ${name} is packed in an unknown way (method ${entry.method})`);
    if (entry.packedSize === 0) return { entry, stream: PassThrough.from([]) };
    const local = await readAt(path, entry.offset, LOCAL_SIZE);
    const start = entry.offset + LOCAL_SIZE + local.readUInt16LE(26) + local.readUInt16LE(28);
    const packed = createReadStream(path, { start, end: start + entry.packedSize - 1, highWaterMark: 1 << 20 });
    return { entry, stream: packed };
  }

  const unpack = ({ method }) => (method === DEFLATED ? createInflateRaw({ chunkSize: 1 << 20 }) : new PassThrough());

  function checkSize(name, entry, size) {
    if (size !== entry.size)
      throw new SetupError(`${path}: ${name} unpacks to ${size} bytes, and the directory says ${entry.size}`);
  }

  const damaged = (name, error) =>
    error.code?.startsWith('Z_') ? new SetupError(`${path}: ${name} is damaged (${error.message})`) : error;

  return {
    names: [...entries.keys()],

    async read(name) {
      const { entry, stream } = await content(name);
      const unpacked = unpack(entry);
      const [bytes] = await Promise.all([buffer(unpacked), pipeline(stream, unpacked)]).catch((error) => {
        throw damaged(name, error);
      });
      checkSize(name, entry, bytes.length);
      return bytes;
    },

    async extract(name, to) {
      const { entry, stream } = await content(name);
      await mkdir(dirname(to), { recursive: true });
      await pipeline(stream, unpack(entry), createWriteStream(to, { mode: entry.mode })).catch((error) => {
        throw damaged(name, error);
      });
      checkSize(name, entry, (await stat(to)).size);
    },
  };
}

/** Name -> where and how a member is packed. */
async function readDirectory(path) {
  const { size } = await stat(path);
  const tail = await readAt(path, Math.max(0, size - END_SIZE - MAX_COMMENT), Math.min(size, END_SIZE + MAX_COMMENT));
  let end = tail.length - END_SIZE;
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--;
  if (end < 0) throw new SetupError(`${path}: not a zip archive, or not all of one`);
  const count = tail.readUInt16LE(end + 10);
  const directorySize = tail.readUInt32LE(end + 12);
  const start = tail.readUInt32LE(end + 16);
  if (count === 0xffff || start === 0xffffffff)
    throw new SetupError(`${path}: larger than a classic zip archive may be`);
  const directory = await readAt(path, start, directorySize);

  const entries = new Map();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + ENTRY_SIZE > directory.length || directory.readUInt32LE(at) !== ENTRY)
      throw new SetupError(`${path}: its directory is damaged`);
    const nameEnd = at + ENTRY_SIZE + directory.readUInt16LE(at + 28);
    entries.set(directory.toString('utf8', at + ENTRY_SIZE, nameEnd), {
      method: directory.readUInt16LE(at + 10),
      packedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      // Unix permissions, where the archive was made on Unix; the owner must be able to read in any case.
      mode: ((directory.readUInt32LE(at + 38) >>> 16) & 0o777) | 0o600,
      offset: directory.readUInt32LE(at + 42),
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

async function readAt(path, position, length) {
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await file.read(bytes, 0, length, position);
    if (bytesRead < length) throw new SetupError(`${path}: ends too soon`);
    return bytes;
  } finally {
    await file.close();
  }
}
