// All tables that are made of run folders, in the order of the paper: what each is called, how it is made, and how it is
// read on a terminal.

import type { MeasuredRun } from '../runs/measured-run.js';
import { readingSteps, stepsLines, stepsTable } from './ablation.js';
import { frontierLines, frontierTable, readingFrontier } from './frontier.js';
import { furtherQuantities, readingFurther } from './further-quantities.js';
import type { ReadingTable } from './layout.js';
import { readingSweep, sweepTable } from './sweep.js';
import type { Table } from './table.js';
import { readingTable1, table1 } from './table1.js';
import { readingTable4, table4 } from './table4.js';
import { readingTable5, table5 } from './table5.js';
import { readingTexts, table2, table3 } from './text-tables.js';

export interface ReportTable {
  /** The paper's number; null where it prints no such table. */
  number: number | null;
  /** Of its file, without ending. */
  name: string;
  caption: string;
  /** The command that measures what it shows. */
  command: string;
  /** Names of the metrics that it shows; none where it shows texts. */
  metrics: readonly string[];
  /** Without rows where nothing was measured on the split. */
  make(runs: readonly MeasuredRun[], split: string): Table;
  /** As it is read at a terminal: a grid, or lines of text. */
  read(table: Table): ReadingTable | { lines: readonly string[] };
}

export const REPORT_TABLES: readonly ReportTable[] = [
  {
    number: 1,
    name: 'table1',
    caption: 'Table 1: language modelling',
    command: 'sri eval',
    metrics: ['ppl', 'recon', 'au', 'kl'],
    make: table1,
    read: readingTable1,
  },
  {
    number: 2,
    name: 'table2',
    caption: 'Table 2: interpolation',
    command: 'sri interpolate',
    metrics: [],
    make: table2,
    read: readingTexts,
  },
  {
    number: 3,
    name: 'table3',
    caption: 'Table 3: generation',
    command: 'sri generate',
    metrics: [],
    make: table3,
    read: readingTexts,
  },
  {
    number: 4,
    name: 'table4',
    caption: 'Table 4: noisy reconstruction',
    command: 'sri noisy-recon',
    metrics: ['noisy-recon'],
    make: table4,
    read: readingTable4,
  },
  {
    number: 5,
    name: 'table5',
    caption: 'Table 5: classification',
    command: 'sri classify',
    metrics: ['accuracy'],
    make: table5,
    read: readingTable5,
  },
  {
    number: null,
    name: 'ablation-steps',
    caption: 'Number of Langevin steps',
    command: 'sri reproduce --ablation steps',
    metrics: ['ppl', 'recon', 'au', 'kl'],
    make: (runs, split) => stepsTable(stepsLines(runs, split)),
    read: readingSteps,
  },
  {
    number: null,
    name: 'frontier',
    caption: 'Perplexity against KL',
    command: 'sri frontier',
    metrics: ['ppl', 'kl'],
    make: (runs, split) => frontierTable(frontierLines(runs, split)),
    read: readingFrontier,
  },
  {
    number: null,
    name: 'sweep',
    caption: 'Variants',
    command: 'sri reproduce --sweep',
    metrics: ['ppl', 'recon', 'au', 'kl'],
    make: sweepTable,
    read: readingSweep,
  },
  {
    number: null,
    name: 'further',
    caption: 'Further quantities',
    command: 'sri eval --metric mi,gain',
    metrics: [],
    make: (runs, split) => furtherQuantities(runs, split, shownMetrics()),
    read: readingFurther,
  },
];

/** A table of the paper. @throws {RangeError} for a number that it has not. */
export function tableNumbered(number: number): ReportTable {
  const table = REPORT_TABLES.find((candidate) => candidate.number === number);
  if (table === undefined) throw new RangeError(`the paper has no Table ${number}`);
  return table;
}

/** Metrics that have a place in a table of their own. */
function shownMetrics(): ReadonlySet<string> {
  return new Set(REPORT_TABLES.flatMap(({ metrics }) => metrics));
}
