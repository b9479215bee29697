// The forms that a table is given away in: for a terminal, for another program, for a page of notes, for a paper.

import type { TableDefinition } from './define-table.js';
import { latexTable } from './latex.js';
import { markdownTable } from './markdown.js';
import { paperLayout } from './paper-layout.js';
import { type Table, toCsv } from './table.js';

/**
 * A table in a form for others to read; each ends in a newline.
 * @param dataSet that its runs are on.
 */
export const TABLE_WRITERS = {
  csv: (_kind: TableDefinition, table: Table) => toCsv(table),
  markdown: (kind: TableDefinition, table: Table, dataSet: string) =>
    `${kind.caption}, on ${dataSet}\n\n${markdownTable(paperLayout(table, kind.metrics))}\n`,
  latex: (kind: TableDefinition, table: Table, dataSet: string) =>
    `${latexTable(paperLayout(table, kind.metrics), `${kind.caption.replace(/^Table \d+: /, '')}, on ${dataSet}`, `tab:${dataSet}-${kind.name}`)}\n`,
} as const;
