// The format's bytes, and what happens to files that are not whole.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.js';
import {
  decodeSafetensors,
  encodeSafetensors as encodePieces,
  readSafetensors,
  type StoredTensor,
} from '../../src/storage/safetensors.js';
import { sha256OfFile } from '../../src/storage/sha256.js';

/** The file as it would lie on the disk. */
function encodeSafetensors(...args: Parameters<typeof encodePieces>): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(encodePieces(...args)));
}

const tensors = () =>
  new Map<string, StoredTensor>([
    ['weights', { shape: [2, 3], data: Float32Array.of(1.5, -0, Number.NaN, Infinity, 1e-45, -3.25) }],
    ['steps', { shape: [], data: Int32Array.of(-2147483648) }],
    ['empty', { shape: [0, 4], data: new Float32Array(0) }],
  ]);

/** A file put together by hand from the format's description. */
function file(header: unknown, data: Uint8Array, headerText = JSON.stringify(header)): Uint8Array {
  const json = Buffer.from(headerText);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

describe('safetensors', () => {
  it('reads back the same bits, shapes and metadata, from any place in a buffer', () => {
    const bytes = encodeSafetensors(tensors(), { epoch: '3', note: 'größer' });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    for (const view of [bytes, shifted.subarray(3)]) {
      const decoded = decodeSafetensors(view, 'x');
      expect(decoded.metadata).toEqual({ epoch: '3', note: 'größer' });
      expect([...decoded.tensors.keys()].sort()).toEqual(['empty', 'steps', 'weights']);
      for (const [name, { shape, data }] of tensors()) {
        const read = decoded.tensors.get(name)!;
        expect(read.shape).toEqual(shape);
        expect(read.data.constructor).toBe(data.constructor);
        expect(new Uint32Array(read.data.buffer)).toEqual(new Uint32Array(data.buffer));
      }
    }
  });

  it('reads a file tensor by tensor as it reads bytes, and knows its sum', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'sri-safetensors-'));
    try {
      for (const [name, content] of Object.entries({ some: tensors(), none: new Map() })) {
        const file = path.join(directory, name);
        const bytes = encodeSafetensors(content, { epoch: '3' });
        writeFileSync(file, bytes);
        const sum = createHash('sha256').update(bytes).digest('hex');
        expect(readSafetensors(file)).toEqual({ ...decodeSafetensors(bytes, file), sha256: sum });
        expect(sha256OfFile(file)).toBe(sum);
        writeFileSync(file, bytes.subarray(0, bytes.length - 1));
        expect(() => readSafetensors(file)).toThrow(InputError);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('has the published layout: length, JSON padded by spaces to eight bytes, little-endian data', () => {
    const bytes = encodeSafetensors(new Map([['a', { shape: [2], data: Int32Array.of(1, -2) }]]));
    const headerLength = Number(Buffer.from(bytes).readBigUInt64LE(0));
    expect(headerLength % 8).toBe(0);
    const header = Buffer.from(bytes.subarray(8, 8 + headerLength)).toString();
    expect(header[0]).toBe('{');
    expect(header).toMatch(/\} *$/);
    expect(JSON.parse(header)).toEqual({ a: { dtype: 'I32', shape: [2], data_offsets: [0, 8] } });
    expect([...bytes.subarray(8 + headerLength)]).toEqual([1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
  });

  it('gives equal bytes for equal content, whatever the order of insertion', () => {
    const reversed = new Map([...tensors()].reverse());
    expect(encodeSafetensors(reversed, { b: '1', a: '2' })).toEqual(encodeSafetensors(tensors(), { a: '2', b: '1' }));
  });

  it('writes only the part of a buffer that a view shows', () => {
    const view = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const { tensors: read } = decodeSafetensors(encodeSafetensors(new Map([['v', { shape: [2], data: view }]])), 'x');
    expect(read.get('v')!.data).toEqual(Float32Array.of(1, 2));
  });

  it('refuses a file cut at any byte, with its name', () => {
    const bytes = encodeSafetensors(tensors(), { epoch: '3' });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), 'last.safetensors')).toThrow(InputError);
    }
    expect(() => decodeSafetensors(bytes.subarray(0, bytes.length - 1), 'last.safetensors')).toThrow(
      /^last\.safetensors:/,
    );
  });

  it.each([
    ['bytes after the last tensor', file({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, Buffer.alloc(5))],
    ['a hole between tensors', file({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, Buffer.alloc(8))],
    [
      'tensors that share bytes',
      file(
        {
          a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
          b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        },
        Buffer.alloc(4),
      ),
    ],
    [
      'a shape that needs other bytes',
      file({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 4] } }, Buffer.alloc(4)),
    ],
    ['a dtype of another program', file({ a: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }, Buffer.alloc(4))],
    ['negative sizes', file({ a: { dtype: 'F32', shape: [-1, -1], data_offsets: [0, 4] } }, Buffer.alloc(4))],
    ['no offsets', file({ a: { dtype: 'F32', shape: [1] } }, Buffer.alloc(4))],
    ['a tensor that is null', file({ a: null }, Buffer.alloc(0))],
    ['a header that is not JSON', file(null, Buffer.alloc(0), '{"a":')],
    ['a header that is a list', file([], Buffer.alloc(0))],
    ['an immense header length', Buffer.from('ffffffffffffffff7b7d', 'hex')],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeSafetensors(bytes, 'x')).toThrow(InputError);
  });

  it('says of a dtype that is not read what would be', () => {
    const doubles = file({ mean: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } }, Buffer.alloc(8));
    expect(() => decodeSafetensors(doubles, 'x')).toThrow(/^x: tensor 'mean' has dtype F64; .* write it as float32$/);
  });

  it('refuses to write a shape that its data do not fill', () => {
    expect(() => encodeSafetensors(new Map([['a', { shape: [2, 2], data: new Float32Array(3) }]]))).toThrow(RangeError);
  });
});
