// What preparing found, as lines a person reads.

import { counted, percent } from '../notation.js';
import type { PreparationReport } from './prepare.js';
import { SPLIT_NAMES } from './splits.js';

/** Of the table of labels. */
const LABELS_SHOWN = 20;

const count = (value: number) => value.toLocaleString('en-US');

/** The report as plain lines, without line ends; warnings come last. */
export function formatPreparation(report: PreparationReport): string[] {
  const { name, directory, hash, statistics, sources, wordsBeyondLimit, warnings } = report;
  const predicted = statistics.vocabulary - 2;
  const lines = [
    `${name} in ${directory}, hash ${hash.slice(0, 16)}`,
    `vocabulary: ${counted(predicted, 'type')} (${count(statistics.vocabulary)} ids with <pad> and <s>), ` +
      `${counted(wordsBeyondLimit, 'training word')} beyond the limit`,
    ...table([
      ['split', 'sentences', 'words', 'types', '<unk>', 'mean length', 'longest'],
      ...SPLIT_NAMES.map((split) => {
        const { sentences, words, types, unknownRate, meanLength, maxLength } = statistics.splits[split];
        const unknown = percent(unknownRate);
        return [split, count(sentences), count(words), count(types), unknown, meanLength.toFixed(1), count(maxLength)];
      }),
    ]),
  ];
  const labels = Object.keys(statistics.splits.train.labels ?? {});
  if (labels.length > 0) {
    const row = (label: string) => SPLIT_NAMES.map((split) => count(statistics.splits[split].labels![label]!));
    const shown = labels.slice(0, LABELS_SHOWN);
    lines.push(...table([['label', ...SPLIT_NAMES], ...shown.map((label) => [label, ...row(label)])]));
    if (labels.length > shown.length) lines.push(`and ${counted(labels.length - shown.length, 'more label')}`);
  }
  for (const { path, lines: read, sentences, empty, truncated, truncatedWords, dropped } of sources) {
    lines.push(
      `${path}: ${counted(read, 'line')}, ${counted(sentences, 'sentence')} taken; ${count(empty.count)} empty, ` +
        `${count(dropped.count)} dropped, ${count(truncated.count)} cut (${counted(truncatedWords, 'word')})`,
    );
  }
  return [...lines, ...warnings.map((warning) => `warning: ${warning}`)];
}

/** Columns padded to their widest cell: the first to the left, numbers to the right. */
function table(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
}
