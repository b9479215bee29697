// The forms of files of vectors, by their names: what options offer, apart from what reads and writes them.

import path from 'node:path';

export const VECTOR_FORMATS = ['csv', 'npy', 'safetensors'] as const;
export type VectorFormat = (typeof VECTOR_FORMATS)[number];

/** The format that a file's name asks for; null for a name that asks for none. */
export function formatOf(file: string): VectorFormat | null {
  const extension = path.extname(file).slice(1);
  return VECTOR_FORMATS.find((format) => format === extension) ?? null;
}
