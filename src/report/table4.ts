// Table 4: how well the original sentence is said back from the code of a noisy copy, in nats a sentence, by the number of
// word swaps.

import type { MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { PAPER_TABLE_4 } from './paper.js';
import { readingTable } from './reading.js';
import type { Table } from './table.js';
import { tableByVariant, type VariantTable } from './table-by-variant.js';

const TABLE: VariantTable = {
  metric: 'noisy-recon',
  variants: [1, 2, 3, 4].map((swaps) => [`k = ${swaps}`, `swaps-${swaps}`]),
  paper: PAPER_TABLE_4,
  scale: 1,
  digits: 2,
};

/** Table 4 of the given runs on a split, in the paper's order of methods; a run with nothing measured is left out. */
export function table4(runs: readonly MeasuredRun[], split = 'test'): Table {
  return tableByVariant(TABLE, runs, split);
}

/** The columns of the paper, for reading. */
export function readingTable4(table: Table): ReadingTable {
  return readingTable(
    table,
    TABLE.variants.map(([name]) => name),
    [
      ['inference', 'k = 1 estimator'],
      ['epochs', 'Epochs'],
    ],
    [TABLE.metric],
  );
}
