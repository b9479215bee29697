// A JSON file that says its own SHA-256, as its last key, so that no bit of it is another unnoticed.

import { sha256 } from './sha256.js';

/** What stands in the place of the sum while the rest is written, and while it is checked. */
export const NO_SUM = '0'.repeat(64);
/** The sum where a file has it, at its end: of an object written with two spaces, and a line's end behind it. */
const SUM = /(?<=\n {2}"sum": ")[0-9a-f]{64}(?="\n\}\n$)/;

/** @param text an object with {@link NO_SUM} as its last key, `sum`. */
export function withSum(text: string): string {
  return text.replace(SUM, sha256(text));
}

/** Whether a text is the one that was written with this sum. */
export function hasSum(text: string, sum: string): boolean {
  return sha256(text.replace(SUM, NO_SUM)) === sum;
}
