import { describe, expect, it } from 'vitest';
import {
  counted,
  formatNumber,
  formatSeconds,
  percent,
  percentWithError,
  roundedToError,
  withError,
} from '../src/notation.js';

describe('a quantity with its error', () => {
  it.each([
    [43.1289, 0.9147, '43.13 ± 0.91'],
    [95.96, 1.617, '96.0 ± 1.6'],
    // The error that rounds up to the next decimal takes the value with it.
    [62, 0.0996, '62.00 ± 0.10'],
    [62, 1, '62.0 ± 1.0'],
    [62.4, 23.4, '62 ± 23'],
    [45_678, 1234, '45700 ± 1200'],
    [-0.004, 0.25, '0.00 ± 0.25'],
    [-0.000_001, null, '0.0000'],
    // No more digits than a number's format has, and no error that they make nothing of.
    [1.5, 0.0123, '1.50 ± 0.01'],
    [1.5, 0.000_123, '1.50'],
    [0.9933, 0.006_67, '0.9933 ± 0.0067'],
    [32, 7e-7, '32'],
    [32, 0, '32'],
    [32.25, 1e-12, '32.25'],
    [32.25, null, '32.25'],
    [32.25, Number.NaN, '32.25'],
  ])('%d and %d are %s', (value, error, written) => {
    expect(withError(value, error)).toBe(written);
  });

  it('is a share in percent, its unit said once', () => {
    expect(percentWithError(0.625, 0.041)).toBe('62.5 ± 4.1 %');
    expect(percentWithError(1, 0)).toBe('100 %');
    expect(percentWithError(2 / 3, 0)).toBe('66.7 %');
  });

  it('is not finite where it is not', () => {
    expect(withError(null, 3)).toBe('not finite');
  });

  it('differs from the number by less than half of the last digit that is written', () => {
    for (let i = 0; i < 200; i++) {
      const [value, error] = [Math.sin(i) * 10 ** (i % 7), 10 ** ((i % 11) - 5) * (1 + (i % 10))];
      const { value: written, error: writtenError } = roundedToError(value, error, 9);
      const unit = 10 ** (Math.floor(Math.log10(Number(error.toPrecision(2)))) - 1);
      expect(Math.abs(Number(written) - value)).toBeLessThanOrEqual(0.5 * unit * (1 + 1e-6));
      expect(Number(writtenError)).toBeCloseTo(error, -Math.log10(unit));
      const plain = roundedToError(value, error);
      for (const text of [plain.value, plain.error]) expect(text.split('.')[1]?.length ?? 0).toBeLessThanOrEqual(4);
      expect(plain.error).not.toMatch(/^0(\.0*)?$/);
    }
  });
});

it('writes times and numbers as people read them', () => {
  expect([0.4, 45, 60, 200, 3599, 3600, 7500, 273_600].map(formatSeconds)).toEqual([
    '0 s',
    '45 s',
    '1 min 00 s',
    '3 min 20 s',
    '59 min 59 s',
    '1 h 00 min',
    '2 h 05 min',
    '3 d 04 h',
  ]);
  expect([3, 0.01234, 4.5678, 104.25, 12345.6].map(formatNumber)).toEqual(['3', '0.0123', '4.57', '104.3', '12346']);
});

it('writes shares in one way, and none that is not zero as zero', () => {
  expect([0, 1, 0.5, 0.625, 0.0312, 0.000_42, 1 / 3].map(percent)).toEqual([
    '0 %',
    '100 %',
    '50 %',
    '62.5 %',
    '3.1 %',
    '0.04 %',
    '33.3 %',
  ]);
});

it('counts one thing as one', () => {
  expect([counted(1, 'draw'), counted(0, 'draw'), counted(1024, 'draw'), counted(2, 'try', 'tries')]).toEqual([
    '1 draw',
    '0 draws',
    '1,024 draws',
    '2 tries',
  ]);
});
