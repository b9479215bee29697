// A quantity's values sentence by sentence, as a file beside its row: two tensors in the safetensors format, `index` (I32,
// which sentence of the split) and `value` (F32, nats). Two rows are set against each other sentence by sentence with it.

import { InputError } from '../errors.js';
import { decodeSafetensors, encodeSafetensors } from '../storage/safetensors.js';
import type { SentenceValues } from './row.js';

/** The file's bytes, in pieces. */
export function encodeSentenceValues({ index, value }: SentenceValues): Uint8Array[] {
  const shape = [index.length];
  return encodeSafetensors(
    new Map([
      ['index', { shape, data: index }],
      ['value', { shape, data: value }],
    ]),
  );
}

/**
 * Reads what {@link encodeSentenceValues} wrote.
 * @param file its name, for messages.
 * @throws {InputError} for a file that is none.
 */
export function decodeSentenceValues(bytes: Uint8Array, file: string): SentenceValues {
  const { tensors } = decodeSafetensors(bytes, file);
  const [index, value] = [tensors.get('index')?.data, tensors.get('value')?.data];
  if (!(index instanceof Int32Array) || !(value instanceof Float32Array) || index.length !== value.length) {
    throw new InputError(`${file}: index and value of its sentences are not there; measure again with sri eval`);
  }
  return { index, value };
}
