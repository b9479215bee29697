// Types of zip.mjs, for the tests.

export interface Zip {
  names: string[];
  read(name: string): Promise<Buffer>;
  extract(name: string, to: string): Promise<void>;
}

export function openZip(path: string): Promise<Zip>;
