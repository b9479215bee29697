import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paperLayout } from '../../src/report/paper-layout.js';
import { type Table, toCsv } from '../../src/report/table.js';
import { readingTexts, table2, table3 } from '../../src/report/text-tables.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import type { RunFolder } from '../../src/runs/run-folder.js';
import { shownText } from '../../src/runs/shown-text.js';
import {
  describeDecoding,
  GENERATIONS,
  type Generations,
  INTERPOLATIONS,
  type Interpolations,
} from '../../src/runs/texts.js';
import { makeRun } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-text-tables-'));
afterAll(() => rmSync(root, { recursive: true }));

/** As `makeRun` has it of rows. */
const made = {
  epoch: 5,
  seed: 3,
  backend: 'native',
  threads: 2,
  commit: 'abc123',
  weights: 'cafe',
  dataHash: 'f00d',
  decode: { method: 'greedy' as const },
  maxLength: 20,
};

function generations(...texts: string[]): Generations {
  return { ...made, items: texts.map((text, i) => ({ sample: i + 1, text, ended: true, logProbability: -9 })) };
}

function interpolations(...pairs: string[][]): Interpolations {
  const items = pairs.flatMap((texts, pair) =>
    texts.map((text, i) => ({
      pair: pair + 1,
      point: i + 1,
      position: i / (texts.length - 1),
      text,
      ended: true,
      logProbability: -9,
    })),
  );
  return { ...made, path: 'straight', between: null, items };
}

const read = () => findRuns(root, 'ptb').map(readRun);
const column = ({ columns, rows }: Table, name: string) => rows.map((row) => row[columns.indexOf(name)]);

beforeAll(async () => {
  const keep = async (folder: RunFolder, texts: Generations) =>
    folder.writeArtifact(GENERATIONS.file, GENERATIONS.format.write(texts));
  const sri = await makeRun(root, 'ptb', 'sri', undefined, []);
  await keep(sri, generations('a man , "eating"', 'a dog'));
  const between = interpolations(['a', 'b', 'c'], ['d', 'e']);
  await sri.writeArtifact(INTERPOLATIONS.file, INTERPOLATIONS.format.write(between));
  await keep(await makeRun(root, 'ptb', 'sri', 'algorithm-1', []), { ...generations('of older weights'), epoch: 2 });
  const decode = { method: 'sample' as const, temperature: 0.5, seed: 3 };
  await keep(await makeRun(root, 'ptb', 'lstm-lm', undefined, []), { ...generations('b , c'), decode });
});

it('lay out, before what a line is, what tells runs of a method apart', () => {
  const columns = ['Method', 'Sample', 'Text', 'Seed', 'Epoch', 'Decoding', 'Run'];
  const line = (seed: number, decoding = 'greedy') => ['AE', 1, 'a b', seed, 3, decoding, `runs/${seed}`];
  const head = (...rows: ReturnType<typeof line>[]) => paperLayout({ columns, rows }, []).head;
  expect(head(line(0), line(0))).toEqual(['Method', 'Sample', 'Text']);
  expect(head(line(0), line(1))).toEqual(['Method', 'Seed', 'Sample', 'Text']);
  expect(head(line(0), line(1, 'beam'))).toEqual(['Method', 'Seed', 'Decoding', 'Sample', 'Text']);
});

describe('Table 3', () => {
  it('has a line a sample, methods in the paper’s order, and only of the best weights', () => {
    const table = table3(read());
    expect(table.columns.slice(0, 6)).toEqual(['Method', 'Sample', 'Text', 'Seed', 'Epoch', 'Decoding']);
    expect(table.rows.map((row) => row.slice(0, 6))).toEqual([
      ['LSTM-LM', 1, 'b , c', 3, 5, 'sampling at temperature 0.5'],
      ['SRI', 1, 'a man , "eating"', 3, 5, 'greedy'],
      ['SRI', 2, 'a dog', 3, 5, 'greedy'],
    ]);
    expect(column(table, 'Commit')).toEqual(['abc123', 'abc123', 'abc123']);
    expect(column(table, 'Data hash')).toEqual(['f00d', 'f00d', 'f00d']);
  });

  it('is CSV in which commas and quotes of a sentence are no columns', () => {
    const lines = toCsv(table3(read())).split('\n');
    expect(lines[2]).toMatch(/^SRI,1,"a man , ""eating""",3,5,greedy,/);
  });

  it('is read as a list under the method’s name', () => {
    expect(readingTexts(table3(read())).lines).toEqual([
      'LSTM-LM, seed 3, sampling at temperature 0.5',
      '   1  b , c',
      '',
      'SRI, seed 3, greedy',
      '   1  a man , "eating"',
      '   2  a dog',
    ]);
  });
});

describe('Table 2', () => {
  it('has a line a point', () => {
    const table = table2(read());
    expect(table.columns.slice(0, 7)).toEqual(['Method', 'Pair', 'Point', 'Text', 'Seed', 'Epoch', 'Decoding']);
    expect(table.rows.map((row) => row.slice(0, 4))).toEqual([
      ['SRI', 1, 1, 'a'],
      ['SRI', 1, 2, 'b'],
      ['SRI', 1, 3, 'c'],
      ['SRI', 2, 1, 'd'],
      ['SRI', 2, 2, 'e'],
    ]);
    expect(new Set(column(table, 'Path'))).toEqual(new Set(['straight']));
  });

  it('is read pair by pair', () => {
    expect(readingTexts(table2(read())).lines).toEqual([
      'SRI, seed 3, greedy',
      '   1  a',
      '   2  b',
      '   3  c',
      '',
      '   1  d',
      '   2  e',
    ]);
  });

  it('is empty without any interpolation', () => {
    expect(table2(read().filter(({ run }) => run.method !== 'sri')).rows).toEqual([]);
    expect(readingTexts(table2([])).lines).toEqual([]);
  });
});

describe('a text', () => {
  it('says that it was cut, or is empty', () => {
    expect(shownText({ text: 'a b', ended: true })).toBe('a b');
    expect(shownText({ text: 'a b', ended: false })).toBe('a b [cut]');
    expect(shownText({ text: '', ended: true })).toBe('[no words]');
  });

  it('says how it was decoded', () => {
    expect(describeDecoding({ method: 'beam', width: 5, lengthPower: 0 })).toBe('beam of 5');
    expect(describeDecoding({ method: 'beam', width: 5, lengthPower: 0.7 })).toBe('beam of 5, length power 0.7');
  });

  it('is looked for in a file that has some', () => {
    const { format } = GENERATIONS;
    expect(() => format.read('{', 'x.json')).toThrow(/x\.json: not valid JSON/);
    expect(() => format.read('null', 'x.json')).toThrow(/x\.json: format is missing; .* with sri generate/);
    const textless = JSON.stringify({ format: 2, ...made, items: [{}] });
    expect(() => format.read(textless, 'x.json')).toThrow(
      /x\.json: no list of generations of format 2: items\.0\.text/,
    );
    expect(format.read(format.write(generations('a')), 'x.json')).toEqual(generations('a'));
  });
});
