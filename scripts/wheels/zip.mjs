// Members of a zip archive, which a wheel is, by name: the directory at its end says where each lies and how it is
// packed. (APPNOTE.TXT of PKWARE, sections 4.3 to 4.5.) Large members go straight to disk.

import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { SetupError } from './errors.mjs';

const END = 0x06054b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const ENTRY = 0x02014b50;
const ENTRY_SIZE = 46;
const LOCAL = 0x04034b50;
const LOCAL_SIZE = 30;
/** Kinds of file that Unix permissions tell apart. */
const KIND = 0o170000;
const PLAIN = 0o100000;
const FOLDER = 0o040000;
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
    const entry = entries.members.get(name);
    if (entry === undefined) throw new SetupError(`${path}: has no ${name}`);
    if (entry.method !== STORED && entry.method !== DEFLATED)
      throw new SetupError(`${path}: ${name} is packed in an unknown way (method ${entry.method})`);
    if (name.startsWith('/') || name.split(/[\\/]/).includes('..'))
      throw new SetupError(`${path}: ${name} leads out of the folder that it is unpacked to`);
    if (![0, PLAIN, FOLDER].includes(entry.kind))
      throw new SetupError(`${path}: ${name} is a link or another thing that is no file`);
    if (entry.packedSize === 0) return { entry, stream: PassThrough.from([]) };
    const local = await readAt(path, entry.offset, LOCAL_SIZE);
    const nameSize = local.readUInt16LE(26);
    const start = entry.offset + LOCAL_SIZE + nameSize + local.readUInt16LE(28);
    if (local.readUInt32LE(0) !== LOCAL || start + entry.packedSize > entries.end)
      throw new SetupError(`${path}: ${name} is not where the directory says`);
    if ((await readAt(path, entry.offset + LOCAL_SIZE, nameSize)).toString('utf8') !== name)
      throw new SetupError(`${path}: what the directory calls ${name} has another name in its place`);
    const packed = createReadStream(path, { start, end: start + entry.packedSize - 1, highWaterMark: 1 << 20 });
    return { entry, stream: packed };
  }

  const unpack = ({ method }) => (method === DEFLATED ? createInflateRaw({ chunkSize: 1 << 20 }) : new PassThrough());

  /** Passes on what a member unpacks to, and no more than the directory says: a little file may unpack to any size. */
  const limited = (name, { size }) => {
    let arrived = 0;
    return new Transform({
      transform(chunk, _encoding, done) {
        arrived += chunk.length;
        const over = new SetupError(`${path}: ${name} unpacks to more than ${size} bytes, which the directory says`);
        done(arrived > size ? over : null, chunk);
      },
    });
  };

  function checkSize(name, entry, size) {
    if (size !== entry.size)
      throw new SetupError(`${path}: ${name} unpacks to ${size} bytes, and the directory says ${entry.size}`);
  }

  const damaged = (name, error) =>
    error.code?.startsWith('Z_') ? new SetupError(`${path}: ${name} is damaged (${error.message})`) : error;

  return {
    names: [...entries.members.keys()],

    async read(name) {
      const { entry, stream } = await content(name);
      const unpacked = limited(name, entry);
      const [bytes] = await Promise.all([buffer(unpacked), pipeline(stream, unpack(entry), unpacked)]).catch(
        (error) => {
          throw damaged(name, error);
        },
      );
      checkSize(name, entry, bytes.length);
      return bytes;
    },

    async extract(name, to) {
      const { entry, stream } = await content(name);
      await mkdir(dirname(to), { recursive: true });
      await pipeline(stream, unpack(entry), limited(name, entry), createWriteStream(to, { mode: entry.mode })).catch(
        (error) => {
          throw damaged(name, error);
        },
      );
      checkSize(name, entry, (await stat(to)).size);
    },
  };
}

/** {members, end}: name -> where and how a member is packed; the first byte that belongs to no member. */
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
  if (start + directorySize > size) throw new SetupError(`${path}: its directory is not where its end says`);
  const directory = await readAt(path, start, directorySize);

  const entries = new Map();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + ENTRY_SIZE > directory.length || directory.readUInt32LE(at) !== ENTRY)
      throw new SetupError(`${path}: its directory is damaged`);
    const nameEnd = at + ENTRY_SIZE + directory.readUInt16LE(at + 28);
    const name = directory.toString('utf8', at + ENTRY_SIZE, nameEnd);
    const offset = directory.readUInt32LE(at + 42);
    const unix = directory.readUInt32LE(at + 38) >>> 16;
    if (nameEnd > directory.length || offset + LOCAL_SIZE > start)
      throw new SetupError(`${path}: its directory is damaged`);
    if (entries.has(name)) throw new SetupError(`${path}: has ${name} twice`);
    entries.set(name, {
      kind: unix & KIND,
      method: directory.readUInt16LE(at + 10),
      packedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      // Unix permissions, where the archive was made on Unix; the owner must be able to read in any case.
      mode: (unix & 0o777) | 0o600,
      offset,
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return { members: entries, end: start };
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
