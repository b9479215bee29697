// Table 5: how well a sentence's class is told from its code, in percent of the items, by the number of labels. Where inference
// is by short runs a second line has the modes of posteriors in place of the chains' means, and what each code took in time.

import { accuracyVariant } from '../evaluation/classification/accuracy.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { PAPER_TABLE_5 } from './paper.js';
import { readingTable } from './reading.js';
import type { Table } from './table.js';
import { tableByVariant, type VariantTable } from './table-by-variant.js';

const LABELS = [
  ['0 labels', 0],
  ['100 labels', 100],
  ['1k labels', 1000],
  ['10k labels', 10_000],
] as const;

/** Milliseconds that the code of a sentence took. */
const CODE_TIME = 'ms a code';

const TABLE: VariantTable = {
  metric: 'accuracy',
  variants: LABELS.map(([name, labels]) => [name, accuracyVariant(labels)]),
  further: { name: 'by mode', variants: LABELS.map(([, labels]) => accuracyVariant(labels, 'mode')) },
  paper: PAPER_TABLE_5,
  scale: 100,
  digits: 1,
  facts: [
    { suffix: 'labelled sets', fact: 'sets', scaled: false },
    { suffix: 'spread', fact: 'spread', scaled: true },
  ],
  lineFacts: [{ name: CODE_TIME, fact: 'codeMilliseconds' }],
};

/** Table 5 of the given runs on a split, in the paper's order of methods; a run with nothing measured is left out. */
export function table5(runs: readonly MeasuredRun[], split = 'test'): Table {
  return tableByVariant(TABLE, runs, split);
}

/** The columns of the paper, for reading. */
export function readingTable5(table: Table): ReadingTable {
  return readingTable(
    table,
    TABLE.variants.map(([name]) => name),
    [
      [CODE_TIME, CODE_TIME],
      ['epochs', 'Epochs'],
    ],
    [TABLE.metric],
  );
}
