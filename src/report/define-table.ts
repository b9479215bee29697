// A table, defined: what it is called, what it needs of which runs, how their rows become its lines, and how it is read.
// Plans, dry runs, reports and pages read these definitions and know no single one of them; what a table costs is what its
// needs cost.
//
//     export default defineTable({
//       name: 'variety',
//       caption: 'Variety of what is said back',
//       needs: [{ measuring: 'metrics', metrics: ['recon', 'distinct-2'] }],
//       make: (runs, split) => metricTable(['recon', 'distinct-2'], runs, split),
//     });

import { requireParts } from '../definition-parts.js';
import type { MeasuredRun } from '../runs/measured-run.js';
import type { ReadingTable } from './layout.js';
import { checkNeeds, PRODUCT_PARTS, type Product } from './product.js';
import { readingTable } from './reading.js';
import { columnsWithErrors, type Table } from './table.js';

/** A table by what people call it: the paper's number, or its name. */
export type TableKey = number | string;

export interface TableDefinition extends Product {
  readonly kind: 'table';
  /** The paper's number; null where it prints no such table. */
  readonly number: number | null;
  /** Of its file, without ending. */
  readonly name: string;
  readonly caption: string;
  /** The command that measures what it shows. */
  readonly command: string;
  /** Names of the metrics that it shows; none where it shows texts. */
  readonly metrics: readonly string[];
  /** What else there can be of its runs, for whoever asks to have it checked. */
  readonly check?: Product;
  /** Without rows where nothing was measured on the split. @param runs on one data set. */
  make(runs: readonly MeasuredRun[], split: string): Table;
  /** As it is read at a terminal: a grid, or lines of text. */
  read(table: Table): ReadingTable | { lines: readonly string[] };
}

/**
 * What a definition need not say: it is no table of the paper, its title is its name, the metrics that it shows are those that
 * it needs, and it is read as a grid of its quantities - columns beside which there is one called `<name> standard error` - or
 * of all its columns where there is none.
 */
export type TableSpec = Pick<TableDefinition, 'name' | 'caption' | 'needs' | 'make'> &
  Partial<Omit<TableDefinition, 'kind'>>;

/** Names of files that are no table's. */
const TAKEN = ['measurements'];

/**
 * A table, whole.
 * @throws {TypeError} where a part is missing or of another type.
 * @throws {RangeError} for a name that is a number's, or another file's.
 */
export function defineTable(spec: TableSpec): TableDefinition {
  requireParts(
    'defineTable',
    spec,
    { name: 'string', caption: 'string', needs: 'list', make: 'function' },
    { ...PRODUCT_PARTS, command: 'string', metrics: 'texts', check: 'object', read: 'function' },
  );
  const { name, needs } = spec;
  checkNeeds('defineTable', needs);
  if (/^\d/.test(name) || TAKEN.includes(name)) {
    throw new RangeError(`${name}: a table's name begins with a letter, and is not ${TAKEN.join(' or ')}`);
  }
  return {
    kind: 'table',
    title: `the table ${name}`,
    number: null,
    command: `sri reproduce --table ${name}`,
    metrics: needs.flatMap((need) => (need.measuring === 'metrics' ? need.metrics : [])),
    read: readingColumns,
    ...spec,
  };
}

function readingColumns(table: Table): ReadingTable {
  const quantities = columnsWithErrors(table);
  if (quantities.length > 0) return readingTable(table, quantities, []);
  const [, ...others] = table.columns;
  return readingTable(
    table,
    [],
    others.map((name) => [name, name] as const),
  );
}
