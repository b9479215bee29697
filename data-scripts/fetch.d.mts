// Types of fetch.mjs, for the tests.

import { FetchError, type Log } from '../scripts/download.mjs';

export { FetchError, type Log };

/** Where all of a set's files are: in one archive, or each at an address. */
export type SetSource = { archive: string; files?: undefined } | { files: Record<string, string> };

export interface RawSet {
  name: string;
  /** One line for the usage. */
  title: string;
  /** Where a person can read about the set and fetch it by hand; null where nowhere. */
  page: string | null;
  /** File name -> SHA-256 of the original; undefined where none is known. */
  files: Record<string, string | undefined>;
  /** Folders that may hold the files. */
  folders: readonly string[];
  /** Tried in turn. */
  sources: SetSource[];
  /** In place of fetching, for a set that is not on the net. */
  make?: ((out: string, log: Log) => Promise<void>) | null;
}

export function runScript(name: string): Promise<void>;
export function knownSet(name: string): Promise<RawSet>;
export function fetchSet(set: RawSet, out: string, log: Log): Promise<void>;
export function takeSet(set: RawSet, from: string, out: string, log: Log): Promise<void>;
