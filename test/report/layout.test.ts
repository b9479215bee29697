import { describe, expect, it } from 'vitest';
import { layOut, type ReadingTable } from '../../src/report/layout.js';

const cells = (...texts: string[]) => texts.map((text) => ({ text }));

const TABLE: ReadingTable = {
  columns: ['Method', 'PPL', 'AU', 'KL', 'paper PPL', 'PPL by', 'epochs', 'log of it'],
  rows: [
    cells('LSTM-LM', '101.50 ± 0.12', '-', '-', '100.47', 'exact', '7', 'a'),
    cells('SRI', '97.78 ± 0.12', '-', '19.8 ± 1.2', '94.26', 'fitted', '7', 'b'),
    cells('SRI (annealed)', '98.25 ± 0.12', '-', '9.8 ± 1.2', '-', 'fitted', '7', 'c'),
  ],
  notes: ['a note that is rather long, as notes are, and goes on'],
};
const widest = (lines: readonly string[]) => Math.max(...lines.map(({ length }) => length));
const words = (lines: readonly string[]) => lines.join(' ').replace(/\s+/g, ' ');

describe('a table laid out', () => {
  it('has all its columns where there is room, or where all are wanted', () => {
    const lines = layOut(TABLE);
    expect(lines[0]).toMatch(/^Method +PPL +AU +KL +paper PPL +PPL by +epochs +log of it$/);
    expect(lines[2]).toMatch(/^SRI +97\.78 ± 0\.12 +- +19\.8 ± 1\.2 +94\.26 +fitted +7 +b$/);
    expect(words(layOut(TABLE, { width: 10, all: true }))).toMatch(/log Method PPL AU KL/);
  });

  it('leaves out a column in which nothing stands', () => {
    const [head] = layOut(TABLE, { width: 200, all: false });
    expect(head).toMatch(/^Method +PPL +KL +paper PPL +PPL by +epochs +log of it$/);
  });

  it('breaks headings where lines would be too long, then leaves out the last columns and says what they had', () => {
    const lines = layOut(TABLE, { width: 72, all: false });
    expect(lines[0]!.trim()).toMatch(/^paper +log$/);
    expect(lines[1]).toMatch(/^Method +PPL +KL +PPL +PPL by +epochs +of it$/);
    const narrow = layOut(TABLE, { width: 49, all: false });
    expect(narrow[1]).toMatch(/^Method +PPL +KL +PPL$/);
    expect(words(narrow)).toContain('PPL by: exact (LSTM-LM); fitted (SRI, SRI (annealed)) epochs: 7 ');
  });

  it('names columns that there is no room for, where their values are many', () => {
    const rows = Array.from({ length: 6 }, (_, i) => cells(`run ${i}`, '1.00 ± 0.25', String(i)));
    const lines = layOut({ columns: ['Method', 'PPL', 'seconds'], rows, notes: [] }, { width: 22, all: false });
    expect(words(lines.slice(-3))).toMatch(/no room for seconds: --columns prints all$/);
  });

  it.each([30, 40, 60, 80, 100])('keeps to %i columns', (width) => {
    expect(widest(layOut(TABLE, { width, all: false }))).toBeLessThanOrEqual(width);
  });

  it('paints whole cells, so that columns stay where they are, and obeys nothing that a name holds', () => {
    const mark = (text: string) => `<${text}>`;
    const paint = { head: mark, best: mark, aside: mark };
    const rows = [
      [{ text: '\u001b[2J' }, { text: '9', look: 'best' as const }],
      [{ text: 'b' }, { text: '10' }],
    ];
    expect(layOut({ columns: ['Method', 'PPL'], rows, notes: [] }, { width: 80, all: false, paint })).toEqual([
      '<Method   PPL>',
      '\\x1b[2J  <  9>',
      'b         10',
    ]);
  });
});
