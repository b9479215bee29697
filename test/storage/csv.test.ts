import { describe, expect, it } from 'vitest';
import { csvText, readCsv } from '../../src/storage/csv.js';

describe('a cell of CSV', () => {
  it.each([
    ['=1+2', "'=1+2"],
    ['+cmd|x', "'+cmd|x"],
    ['-2+3', "'-2+3"],
    ['@sum(a1)', "'@sum(a1)"],
    ['\t=1', "'\t=1"],
    ["'=1", "''=1"],
    ['-', "'-"],
    ["'quoted", "'quoted"],
    ['constructor', 'constructor'],
    ['-0.25', '-0.25'],
    ['+1e-3', '+1e-3'],
    ['', ''],
  ])('%j is written as %j, and read back as it was', (text, cell) => {
    expect(csvText([['x', text]])).toBe(`x,${cell}\n`);
    expect(readCsv(`x,${cell}\n`)).toEqual([{ cells: ['x', text], line: 1 }]);
  });

  it('that is a number is never touched', () => {
    expect(csvText([[-1, -0.5, null, undefined, 1e-9]])).toBe('-1,-0.5,,,1e-9\n');
  });

  it('with what begins a formula on its second line is quoted, with its apostrophe within', () => {
    expect(csvText([['=a\n"b"']])).toBe('"\'=a\n""b"""\n');
  });
});
