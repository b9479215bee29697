// Table 5: how well a sentence's class is told from its code, in percent of the items, by the number of labels.

import type { MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { PAPER_TABLE_5 } from './paper.js';
import { readingTable } from './reading.js';
import type { Table } from './table.js';
import { tableByVariant, type VariantTable } from './table-by-variant.js';

const TABLE: VariantTable = {
  metric: 'accuracy',
  variants: [
    ['0 labels', 'labels-0'],
    ['100 labels', 'labels-100'],
    ['1k labels', 'labels-1000'],
    ['10k labels', 'labels-10000'],
  ],
  paper: PAPER_TABLE_5,
  scale: 100,
  digits: 1,
  facts: [
    { suffix: 'labelled sets', fact: 'sets', scaled: false },
    { suffix: 'spread', fact: 'spread', scaled: true },
  ],
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
    [['epochs', 'Epochs']],
    [TABLE.metric],
  );
}
