import { describe, expect, it } from 'vitest';
import { decodeNpy, encodeNpy, isNpy } from '../../src/storage/npy.js';

const array = { shape: [2, 3], data: Float32Array.of(0, -1, 2.5, 1e-30, Math.PI, -0.1) };

/** A file as numpy.save lays it out. */
function npy(dictionary: string, numbers: ArrayBufferView, version = 1): Buffer {
  const header = `${dictionary}\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.of(version, 0), length, Buffer.from(header), bytes]);
}

describe('.npy', () => {
  it('has the layout that NumPy states: version 1.0, a dictionary padded to 64 bytes, the numbers', () => {
    const bytes = Buffer.concat(encodeNpy(array));
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
    const end = 10 + bytes.readUInt16LE(8);
    expect(end % 64).toBe(0);
    expect(bytes.subarray(10, end).toString()).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/,
    );
    expect(bytes.length).toBe(end + 24);
    expect(bytes.readFloatLE(end + 8)).toBe(2.5);
    expect(Buffer.concat(encodeNpy({ shape: [1], data: Float32Array.of(1) })).toString('latin1')).toContain('(1,)');
  });

  it('is read back bit for bit', () => {
    const bytes = Buffer.concat(encodeNpy(array));
    expect(isNpy(bytes)).toBe(true);
    expect(decodeNpy(bytes, 'x')).toEqual(array);
  });

  it('is read as others write it: f64, version 2, at any offset in memory', () => {
    const dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";
    const file = npy(dictionary, Float64Array.of(0.5, -4), 2);
    const shifted = Buffer.concat([Buffer.of(7), file]).subarray(1);
    expect(decodeNpy(shifted, 'x')).toEqual({ shape: [2], data: Float32Array.of(0.5, -4) });
  });

  it('is refused, with its name, where it is none or not such', () => {
    const refuse = (bytes: Buffer, reason: RegExp) => expect(() => decodeNpy(bytes, 'codes.npy')).toThrow(reason);
    const one = Float32Array.of(1);
    refuse(Buffer.from('z0,z1\n'), /^codes\.npy: not a \.npy file/);
    refuse(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", one), /<i4, where <f4 and <f8/);
    refuse(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", one), /column-major/);
    refuse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", one), /\[2\] needs 8 bytes .* has 4/);
    refuse(Buffer.concat(encodeNpy(array)).subarray(0, 40), /header goes beyond/);
    expect(() => encodeNpy({ shape: [3], data: one })).toThrow(RangeError);
  });
});
