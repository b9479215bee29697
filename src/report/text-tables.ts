// Tables 2 and 3: sentences instead of numbers. Interpolations and generations of every run that has kept some of its
// best weights, a line a sentence.

import path from 'node:path';
import type { MeasuredRun } from '../runs/measured-run.js';
import { RunFolder, selectedEpoch } from '../runs/run-folder.js';
import {
  describeDecoding,
  GENERATIONS,
  type GeneratedText,
  type Generations,
  INTERPOLATIONS,
  type InterpolatedText,
  type Interpolations,
  parseTexts,
  shownText,
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
  return makeTable(columns, linesOf<Interpolations>(runs, INTERPOLATIONS));
}

/** Table 3: sentences decoded from samples of the prior; as {@link table2} in all else. */
export function table3(runs: readonly MeasuredRun[]): Table {
  const columns: Column<Line<Generations, GeneratedText>>[] = [
    ['Method', ({ measured }) => methodLabel(measured)],
    ['Sample', ({ item }) => item.sample],
    ['Text', ({ item }) => shownText(item)],
    ...MADE_BY,
  ];
  return makeTable(columns, linesOf<Generations>(runs, GENERATIONS));
}

/** Either table for reading: a heading a run, a line a sentence, an empty line between pairs. */
export function formatTexts({ columns, rows }: Table): string[] {
  const at = (row: readonly Cell[] | undefined, column: string) => row?.[columns.indexOf(column)];
  return rows.flatMap((row, i) => {
    const before = rows[i - 1];
    const sameRun = at(row, 'Run') === at(before, 'Run');
    const number = at(row, 'Point') ?? at(row, 'Sample');
    return [
      ...(i > 0 && (!sameRun || at(row, 'Pair') !== at(before, 'Pair')) ? [''] : []),
      ...(sameRun ? [] : [`${at(row, 'Method')}, seed ${at(row, 'Seed')}, ${at(row, 'Decoding')}`]),
      `${String(number).padStart(4)}  ${at(row, 'Text')}`,
    ];
  });
}

function linesOf<Texts extends Generations | Interpolations>(
  runs: readonly MeasuredRun[],
  artifact: string,
): Line<Texts, Texts['items'][number]>[] {
  return inPaperOrder(runs).flatMap((measured) => {
    const texts = keptTexts<Texts>(measured, artifact);
    return texts === null ? [] : texts.items.map((item) => ({ measured, texts, item }));
  });
}

/**
 * The texts that a run has kept of its present best weights; null where there are none, or training that went on since has
 * left them behind.
 * @throws {InputError} for an artifact that is none.
 */
export function keptTexts<Texts extends Generations | Interpolations>(
  { directory, manifest }: Pick<MeasuredRun, 'directory' | 'manifest'>,
  artifact: string,
): Texts | null {
  const content = new RunFolder(directory).artifact(artifact);
  if (content === null) return null;
  const texts = parseTexts<Texts>(content, path.join(directory, 'artifacts', artifact));
  return texts.epoch === selectedEpoch(manifest) ? texts : null;
}
