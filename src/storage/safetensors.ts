// Named arrays in one file, in the safetensors format, so that Python and others read them without us.
// Layout: a 64-bit little-endian length, that many bytes of JSON (name -> dtype, shape, place), then the numbers.
// Only the two dtypes the project stores are known here: F32 and I32, both little-endian as every host Node runs
// this project on.

import { InputError } from '../errors.js';

/** One array: `data` holds the elements of `shape` in row-major order. */
export interface StoredTensor {
  shape: number[];
  data: Float32Array | Int32Array;
}

export interface SafetensorsFile {
  tensors: Map<string, StoredTensor>;
  /** Free text beside the tensors; empty where the file has none. */
  metadata: Record<string, string>;
}

const ELEMENT_BYTES = 4;
const LENGTH_BYTES = 8;
const METADATA = '__metadata__';

const elements = (shape: number[]) => shape.reduce((product, size) => product * size, 1);

/**
 * The file's bytes in pieces, to be written one after the other: a header, then the tensors' own memory, not copied.
 * Tensors are laid out by name, so equal content gives equal bytes.
 * Throws RangeError where a shape and its data disagree.
 */
export function encodeSafetensors(
  tensors: Map<string, StoredTensor>,
  metadata: Record<string, string> = {},
): Uint8Array[] {
  const byName = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) {
    header[METADATA] = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  let end = 0;
  for (const [name, { shape, data }] of byName) {
    if (elements(shape) !== data.length) {
      throw new RangeError(`tensor '${name}' of shape [${shape}] was given ${data.length} elements`);
    }
    const begin = end;
    end += data.byteLength;
    header[name] = { dtype: data instanceof Float32Array ? 'F32' : 'I32', shape, data_offsets: [begin, end] };
  }

  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + headerLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, LENGTH_BYTES);
  bytes.set(json, LENGTH_BYTES);
  return [bytes, ...byName.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/**
 * Reads what {@link encodeSafetensors} or any other writer of the format wrote. The arrays are copies.
 * Throws InputError, naming `path`, for a file that is cut short, has bytes too many, or whose header is not sound.
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): SafetensorsFile {
  const fail = (what: string): never => {
    throw new InputError(`${path}: not a whole safetensors file: ${what}; write it again or use an earlier copy`);
  };
  if (bytes.length < LENGTH_BYTES) fail(`${bytes.length} bytes, fewer than the ${LENGTH_BYTES} of its header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  const dataStart = LENGTH_BYTES + headerLength;
  if (dataStart > bytes.length) fail(`it has ${bytes.length} bytes and its header alone would end at ${dataStart}`);

  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), fail);
  const metadata = (header[METADATA] ?? {}) as Record<string, string>;
  const tensors = new Map<string, StoredTensor>();
  const places: Place[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name !== METADATA) places.push(readPlace(name, entry, fail));
  }
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);

  let expected = 0;
  for (const { name, dtype, shape, begin, end } of places) {
    if (begin !== expected) fail(`tensor '${name}' begins at byte ${begin} where ${expected} was due`);
    expected = end;
    if (dataStart + end > bytes.length) {
      fail(`tensor '${name}' would end at byte ${dataStart + end} and the file has ${bytes.length}`);
    }
    const copy = Uint8Array.prototype.slice.call(bytes, dataStart + begin, dataStart + end);
    tensors.set(name, { shape, data: dtype === 'F32' ? new Float32Array(copy.buffer) : new Int32Array(copy.buffer) });
  }
  if (dataStart + expected !== bytes.length) {
    fail(`its tensors end at byte ${dataStart + expected} and the file has ${bytes.length}`);
  }
  return { tensors, metadata };
}

interface Place {
  name: string;
  dtype: 'F32' | 'I32';
  shape: number[];
  begin: number;
  end: number;
}

type Fail = (what: string) => never;

function parseHeader(json: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    fail('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) fail('its header is not a JSON object');
  return header as Record<string, unknown>;
}

function readPlace(name: string, entry: unknown, fail: Fail): Place {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (dtype !== 'F32' && dtype !== 'I32') return fail(`tensor '${name}' has dtype ${dtype}; F32 and I32 are known`);
  if (!isSizes(shape)) return fail(`tensor '${name}' has no sound shape`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail(`tensor '${name}' has no sound data_offsets`);
  const [begin, end] = offsets as [number, number];
  if (end - begin !== elements(shape) * ELEMENT_BYTES) {
    return fail(
      `tensor '${name}' of shape [${shape}] needs ${elements(shape) * ELEMENT_BYTES} bytes, not ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
