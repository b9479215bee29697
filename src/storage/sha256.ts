// The sum by which bytes are told from others.

import { createHash } from 'node:crypto';

/** SHA-256 of pieces one after the other, in hexadecimal; of a text, that of its UTF-8. */
export function sha256(...pieces: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
