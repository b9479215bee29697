// Tables 2 and 3: sentences instead of numbers. Interpolations and generations of every run that has kept some of its
// best weights, a line a sentence.

import type { MeasuredRun } from '../runs/measured-run.js';
import { shownText } from '../runs/shown-text.js';
import {
  describeDecoding,
  GENERATIONS,
  type GeneratedText,
  type Generations,
  INTERPOLATIONS,
  type InterpolatedText,
  type Interpolations,
  keptTexts,
  type TextArtifact,
} from '../runs/texts.js';
import { type Cell, type Column, inPaperOrder, makeTable, methodLabel, type Table } from './table.js';

/** A sentence, and what it is from. */
interface Line<Texts, Item> {
  measured: MeasuredRun;
  texts: Texts;
  item: Item;
}

/** What made the sentence, at the end of each line. */
const MADE_BY: readonly Column<Line<Generations | Interpolations, unknown>>[] = [
  ['Seed', ({ texts }) => texts.seed],
  ['Epoch', ({ texts }) => texts.epoch],
  ['Decoding', ({ texts }) => describeDecoding(texts.decode)],
  ['Commit', ({ texts }) => texts.commit],
  ['Data hash', ({ measured }) => measured.manifest.dataHash],
  ['Run', ({ measured }) => measured.directory],
];

/** Names of the columns that say what made a sentence, and not what it is. */
export const MADE_BY_NAMES: readonly string[] = [...MADE_BY.map(([name]) => name), 'Path'];

/**
 * Table 2: the sentences along the way between samples of the prior. A run without any of its present best weights is
 * left out.
 * @throws {InputError} for an artifact that is none.
 */
export function table2(runs: readonly MeasuredRun[]): Table {
  const columns: Column<Line<Interpolations, InterpolatedText>>[] = [
    ['Method', ({ measured }) => methodLabel(measured)],
    ['Pair', ({ item }) => item.pair],
    ['Point', ({ item }) => item.point],
    ['Text', ({ item }) => shownText(item)],
    ...MADE_BY,
    ['Path', ({ texts }) => texts.path],
  ];
  return makeTable(columns, linesOf(runs, INTERPOLATIONS));
}

/** Table 3: sentences decoded from samples of the prior; as {@link table2} in all else. */
export function table3(runs: readonly MeasuredRun[]): Table {
  const columns: Column<Line<Generations, GeneratedText>>[] = [
    ['Method', ({ measured }) => methodLabel(measured)],
    ['Sample', ({ item }) => item.sample],
    ['Text', ({ item }) => shownText(item)],
    ...MADE_BY,
  ];
  return makeTable(columns, linesOf(runs, GENERATIONS));
}

/** Either table for reading: a heading a run, a line a sentence, an empty line between pairs. */
export function readingTexts({ columns, rows }: Table): { lines: readonly string[] } {
  const at = (row: readonly Cell[] | undefined, column: string) => row?.[columns.indexOf(column)];
  const lines = rows.flatMap((row, i) => {
    const before = rows[i - 1];
    const sameRun = at(row, 'Run') === at(before, 'Run');
    const number = at(row, 'Point') ?? at(row, 'Sample');
    return [
      ...(i > 0 && (!sameRun || at(row, 'Pair') !== at(before, 'Pair')) ? [''] : []),
      ...(sameRun ? [] : [`${at(row, 'Method')}, seed ${at(row, 'Seed')}, ${at(row, 'Decoding')}`]),
      `${String(number).padStart(4)}  ${at(row, 'Text')}`,
    ];
  });
  return { lines };
}

function linesOf<Texts extends Generations | Interpolations>(
  runs: readonly MeasuredRun[],
  artifact: TextArtifact<Texts>,
): Line<Texts, Texts['items'][number]>[] {
  return inPaperOrder(runs).flatMap((measured) => {
    const texts = keptTexts(measured, artifact);
    return texts === null ? [] : texts.items.map((item) => ({ measured, texts, item }));
  });
}
