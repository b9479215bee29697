// Named arrays in one file, in the safetensors format, so that Python and others read them without us.
// Layout: a 64-bit little-endian length, that many bytes of JSON (name -> dtype, shape, place), then the numbers.
// Only the two dtypes the project stores are known here: F32 and I32, both little-endian as every host Node runs
// this project on.

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { InputError } from '../errors.js';
import { readAll } from './integer-file.js';

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

const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

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
  for (const [name, { shape, data }] of byName) {
    if (elements(shape) !== data.length) {
      throw new RangeError(`tensor '${name}' of shape [${shape}] was given ${data.length} elements`);
    }
  }
  const declared = byName.map(([name, { shape, data }]) => ({ name, shape, dtype: dtypeOf(data) }));
  return [
    safetensorsHeader(declared, metadata),
    ...byName.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

/** A tensor whose numbers are yet to be written. */
export interface DeclaredTensor {
  name: string;
  dtype: 'F32' | 'I32';
  shape: readonly number[];
}

/** What stands before the numbers of the tensors, which are to follow in the order of their names. */
export function safetensorsHeader(
  tensors: readonly DeclaredTensor[],
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) {
    header[METADATA] = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  let end = 0;
  for (const { name, dtype, shape } of tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const begin = end;
    end += elements(shape) * ELEMENT_BYTES;
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }

  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + headerLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, LENGTH_BYTES);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

function dtypeOf(data: StoredTensor['data']): 'F32' | 'I32' {
  return data instanceof Float32Array ? 'F32' : 'I32';
}

/**
 * Reads what {@link encodeSafetensors} or any other writer of the format wrote. The arrays are copies.
 * Throws InputError, naming `path`, for a file that is cut short, has bytes too many, or whose header is not sound.
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): SafetensorsFile {
  const read = (from: number, to: number) => bytes.subarray(from, to);
  const { places, metadata } = layoutOf(read, bytes.length, path);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of places) {
    const copy = Uint8Array.prototype.slice.call(bytes, begin, end);
    tensors.set(name, { shape, data: dtype === 'F32' ? new Float32Array(copy.buffer) : new Int32Array(copy.buffer) });
  }
  return { tensors, metadata };
}

/**
 * Reads a file as {@link decodeSafetensors} does, tensor by tensor, since one of more than 2 GiB cannot be read at once.
 * @returns its SHA-256 beside what it holds, in hexadecimal.
 * @throws {InputError} as `decodeSafetensors` does, and what the file system throws.
 */
export function readSafetensors(path: string): SafetensorsFile & { sha256: string } {
  return reading(path, (read, size) => {
    const { places, metadata } = layoutOf(read, size, path);
    const hash = createHash('sha256').update(read(0, places[0]?.begin ?? size));
    const tensors = new Map<string, StoredTensor>();
    // In the order in which they lie there, one right after the other.
    for (const { name, dtype, shape, begin, end } of places) {
      const bytes = read(begin, end);
      if (bytes.length < end - begin) throw new InputError(`${path}: cut short while it was read`);
      hash.update(bytes);
      const { buffer } = bytes;
      tensors.set(name, { shape, data: dtype === 'F32' ? new Float32Array(buffer) : new Int32Array(buffer) });
    }
    return { tensors, metadata, sha256: hash.digest('hex') };
  });
}

/** Where the numbers of a tensor are in its file. */
export interface TensorPlace {
  name: string;
  dtype: 'F32' | 'I32';
  shape: number[];
  /** Of its first byte, and of the first after it. */
  begin: number;
  end: number;
}

/**
 * Where the tensors of a file are, in the order in which they lie there, without reading them.
 * Throws InputError as {@link decodeSafetensors} does, and what the file system throws.
 */
export function readSafetensorsLayout(path: string): { places: TensorPlace[]; metadata: Record<string, string> } {
  return reading(path, (read, size) => layoutOf(read, size, path));
}

/** The file's bytes from one place to another; fewer where it ends before. */
type Read = (from: number, to: number) => Uint8Array<ArrayBuffer>;

/** Does what takes parts of an open file. */
function reading<Found>(path: string, take: (read: Read, size: number) => Found): Found {
  const file = openSync(path, 'r');
  try {
    const read: Read = (from, to) => {
      const bytes = new Uint8Array(to - from);
      return bytes.subarray(0, readAll(file, bytes, from));
    };
    return take(read, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

/** @param read a file's bytes from one place to another, which is at most its `size`. */
function layoutOf(
  read: (from: number, to: number) => Uint8Array,
  size: number,
  path: string,
): { places: TensorPlace[]; metadata: Record<string, string> } {
  const fail = (what: string): never => {
    throw new InputError(`${path}: not a whole safetensors file: ${what}; write it again or use an earlier copy`);
  };
  if (size < LENGTH_BYTES) fail(`${size} bytes, fewer than the ${LENGTH_BYTES} of its header's length`);
  const start = read(0, LENGTH_BYTES);
  const headerLength = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  const dataStart = LENGTH_BYTES + headerLength;
  if (dataStart > size) fail(`it has ${size} bytes and its header alone would end at ${dataStart}`);

  const header = parseHeader(read(LENGTH_BYTES, dataStart), fail);
  const metadata = (header[METADATA] ?? {}) as Record<string, string>;
  const relative = Object.entries(header).flatMap(([name, entry]) =>
    name === METADATA ? [] : [readPlace(name, entry, path, fail)],
  );
  relative.sort((a, b) => a.begin - b.begin || a.end - b.end);

  let expected = 0;
  for (const { name, begin, end } of relative) {
    if (begin !== expected) fail(`tensor '${name}' begins at byte ${begin} where ${expected} was due`);
    expected = end;
    if (dataStart + end > size) fail(`tensor '${name}' would end at byte ${dataStart + end} and the file has ${size}`);
  }
  if (dataStart + expected !== size) {
    fail(`its tensors end at byte ${dataStart + expected} and the file has ${size}`);
  }
  const places = relative.map((place) => ({ ...place, begin: dataStart + place.begin, end: dataStart + place.end }));
  return { places, metadata };
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

/** A tensor's place counted from the end of the header. */
function readPlace(name: string, entry: unknown, path: string, fail: Fail): TensorPlace {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (dtype !== 'F32' && dtype !== 'I32') {
    throw new InputError(`${path}: tensor '${name}' has dtype ${dtype}; F32 and I32 are read: write it as float32`);
  }
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
