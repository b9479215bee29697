// Zip archives made on the spot, in place of wheels.

import { deflateRawSync } from 'node:zlib';

export interface Member {
  name: string;
  content: string;
  stored?: boolean;
  mode?: number;
}

/** A zip archive. Members carry extra fields, of one length in their headers and another in the directory, and comments. */
export function zipOf(members: Member[], comment = ''): Buffer {
  const locals: Buffer[] = [];
  const directoryEntries: Buffer[] = [];
  let offset = 0;
  for (const { name, content, stored, mode = 0o644 } of members) {
    const packed = stored ? Buffer.from(content) : deflateRawSync(content);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(Buffer.byteLength(name), 26);
    local.writeUInt16LE(7, 28);
    locals.push(local, Buffer.from(name), Buffer.alloc(7, 1), packed);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(stored ? 0 : 8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(Buffer.byteLength(content), 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt16LE(5, 30);
    entry.writeUInt16LE(3, 32);
    entry.writeUInt32LE((0o100000 | mode) * 0x10000, 38);
    entry.writeUInt32LE(offset, 42);
    directoryEntries.push(entry, Buffer.from(name), Buffer.alloc(8, 2));
    offset += 30 + Buffer.byteLength(name) + 7 + packed.length;
  }
  const list = Buffer.concat(directoryEntries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, list, end, Buffer.from(comment)]);
}
