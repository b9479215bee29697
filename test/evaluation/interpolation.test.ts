import { describe, expect, it } from 'vitest';
import { interpolate, PATHS } from '../../src/evaluation/interpolation.js';
import { RandomStream } from '../../src/random/philox.js';

const Z = 32;
const stream = new RandomStream({ seed: 4, purpose: 'chain-start' });
const from = stream.normals(Z);
const to = stream.normals(Z);

function rows(codes: Float32Array, size: number): number[][] {
  return Array.from({ length: codes.length / size }, (_, i) => [...codes.subarray(i * size, (i + 1) * size)]);
}
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
const norm = (a: ArrayLike<number>) => Math.sqrt(dot(a, a));
const angle = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.acos(dot(a, b) / (norm(a) * norm(b)));

describe.each(PATHS)('the %s way', (path) => {
  it('begins and ends at the very codes', () => {
    const codes = rows(interpolate(from, to, 5, path), Z);
    expect(codes).toHaveLength(5);
    expect(codes[0]).toEqual([...from]);
    expect(codes[4]).toEqual([...to]);
    expect(rows(interpolate(from, to, 2, path), Z)).toEqual([[...from], [...to]]);
  });

  it('is the same way back', () => {
    const there = rows(interpolate(from, to, 7, path), Z);
    const back = rows(interpolate(to, from, 7, path), Z).reverse();
    there.forEach((code, i) => {
      code.forEach((value, d) => {
        expect(value).toBeCloseTo(back[i]![d]!, 5);
      });
    });
  });
});

it('a straight way goes in equal steps', () => {
  const codes = rows(interpolate(from, to, 5), Z);
  codes.forEach((code, i) => {
    code.forEach((value, d) => {
      expect(value).toBeCloseTo(from[d]! + (i / 4) * (to[d]! - from[d]!), 6);
    });
  });
});

describe('a spherical way', () => {
  it('is the known arc between two axes', () => {
    const codes = rows(interpolate(Float32Array.of(1, 0), Float32Array.of(0, 3), 3, 'spherical'), 2);
    // Half way: an eighth of a turn, and the mean of the lengths.
    expect(codes[1]![0]).toBeCloseTo(2 * Math.SQRT1_2, 6);
    expect(codes[1]![1]).toBeCloseTo(2 * Math.SQRT1_2, 6);
  });

  it('turns at a constant rate within one plane, its length changing linearly', () => {
    const codes = rows(interpolate(from, to, 9, 'spherical'), Z);
    const whole = angle(from, to);
    codes.forEach((code, i) => {
      const t = i / 8;
      expect(norm(code)).toBeCloseTo((1 - t) * norm(from) + t * norm(to), 4);
      if (i > 0) expect(angle(from, code)).toBeCloseTo(t * whole, 4);
      if (i > 0 && i < 8) expect(angle(from, code) + angle(code, to)).toBeCloseTo(whole, 4);
    });
    expect(norm(codes[4]!)).toBeGreaterThan(1.1 * norm(rows(interpolate(from, to, 9), Z)[4]!));
  });

  it('stays as long as its ends where these are nearly opposite', () => {
    const codes = rows(interpolate(Float32Array.of(2, 0), Float32Array.of(-1, 1e-3), 5, 'spherical'), 2);
    codes.forEach((code, i) => {
      expect(norm(code)).toBeCloseTo(2 - i / 4, 4);
    });
  });

  it.each([
    ['parallel', [1, 2], [2, 4]],
    ['the same', [1, 2], [1, 2]],
    ['opposite', [1, 2], [-2, -4]],
    ['from zero', [0, 0], [3, 1]],
    ['to zero', [3, 1], [0, 0]],
  ])('is straight where the codes are %s', (_, a, b) => {
    const ends = [Float32Array.from(a), Float32Array.from(b)] as const;
    expect(interpolate(...ends, 5, 'spherical')).toEqual(interpolate(...ends, 5, 'straight'));
  });
});

it('takes codes of one size, and two points or more', () => {
  expect(() => interpolate(from, to.subarray(1), 5)).toThrow(/codes of 32 and of 31 dimensions/);
  expect(() => interpolate(from, to, 1)).toThrow(/two points or more, not 1/);
});
