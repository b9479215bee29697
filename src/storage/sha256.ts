// The sum by which bytes are told from others.

import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readAll } from './integer-file.js';

/** SHA-256 of pieces one after the other, in hexadecimal; of a text, that of its UTF-8. */
export function sha256(...pieces: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** SHA-256 of a file of any size, in hexadecimal. @throws what the file system throws. */
export function sha256OfFile(path: string): string {
  const hash = createHash('sha256');
  const piece = new Uint8Array(2 ** 22);
  const file = openSync(path, 'r');
  try {
    for (let at = 0; ; ) {
      const count = readAll(file, piece, at);
      hash.update(piece.subarray(0, count));
      if (count < piece.length) return hash.digest('hex');
      at += count;
    }
  } finally {
    closeSync(file);
  }
}
