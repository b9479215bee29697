// One array in NumPy's own format, so that numpy.load and np.save stand on the other side of a pipe.
// Layout: the magic string, a version, the length of a header, a Python dictionary as text (descr, fortran_order, shape), then the
// numbers (NumPy Enhancement Proposal 1). Written are little-endian f32 in row-major order; f64 is read too.

import { InputError } from '../errors.js';

export interface NpyArray {
  shape: number[];
  /** Row-major. */
  data: Float32Array;
}

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** Magic string, version 1.0 and a length of two bytes. */
const PREFIX_BYTES = 10;
/** The numbers begin at a multiple of this. */
const ALIGNMENT = 64;

/** True for bytes that begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** @throws {RangeError} where shape and data disagree. */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array[] {
  if (shape.reduce((product, size) => product * size, 1) !== data.length) {
    throw new RangeError(`an array of shape [${shape}] was given ${data.length} elements`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The header ends with a line end, padded with spaces before it.
  const length = Math.ceil((PREFIX_BYTES + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT - PREFIX_BYTES;
  const header = new Uint8Array(PREFIX_BYTES + length).fill(0x20);
  header.set(MAGIC);
  header.set([1, 0, length & 0xff, length >> 8], MAGIC.length);
  header.set(new TextEncoder().encode(dictionary), PREFIX_BYTES);
  header[header.length - 1] = 0x0a;
  return [header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/**
 * @param path of the file, for messages.
 * @throws {InputError} where the bytes are no whole .npy file of f32 or f64 in row-major order.
 */
export function decodeNpy(bytes: Uint8Array, path: string): NpyArray {
  const fail = (what: string): never => {
    throw new InputError(`${path}: ${what}; write it with numpy.save as float32, in C order`);
  };
  if (!isNpy(bytes) || bytes.length < PREFIX_BYTES) return fail('not a .npy file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // From version 2 on the length has four bytes.
  const wide = bytes[6]! > 1;
  if (wide && bytes.length < PREFIX_BYTES + 2) return fail('not a whole .npy file');
  const start = wide ? PREFIX_BYTES + 2 : PREFIX_BYTES;
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) return fail('its header goes beyond its end');
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, end));
  const dtype = header.match(/'descr':\s*'([^']*)'/)?.[1];
  const order = header.match(/'fortran_order':\s*(True|False)/)?.[1];
  const sizes = header.match(/'shape':\s*\(([\d,\s]*)\)/)?.[1];
  if (dtype === undefined || order === undefined || sizes === undefined) return fail('its header is not understood');
  if (order === 'True') return fail('its numbers are in column-major order');
  if (dtype !== '<f4' && dtype !== '<f8') return fail(`its numbers are ${dtype}, where <f4 and <f8 are known`);
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  const count = shape.reduce((product, size) => product * size, 1);
  const width = dtype === '<f4' ? 4 : 8;
  if (end + count * width !== bytes.length) {
    return fail(`[${shape}] needs ${count * width} bytes of numbers and it has ${bytes.length - end}`);
  }
  const data = Float32Array.from({ length: count }, (_, i) =>
    width === 4 ? view.getFloat32(end + 4 * i, true) : view.getFloat64(end + 8 * i, true),
  );
  return { shape, data };
}
