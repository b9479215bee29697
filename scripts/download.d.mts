// Types of download.mjs, for the tests.

export class FetchError extends Error {}

export type Log = (line: string) => void;

export interface DownloadOptions {
  sha256?: string;
  headers?: Record<string, string>;
}

export function download(url: string, path: string, log: Log, options?: DownloadOptions): Promise<void>;
export function fetchSafely(url: string | URL, options?: RequestInit): Promise<Response>;
export function reasonOf(error: unknown): string;
export function sum(path: string): Promise<string>;
