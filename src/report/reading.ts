// Tables of runs as a person reads them: quantities with their errors, then the paper's, then how they came about.

import { NOTHING, type ReadingCell, type ReadingTable } from './layout.js';
import { bestOf, directionOf } from './paper-layout.js';
import { type Cell, hasSome, type Table, writtenQuantity } from './table.js';

/**
 * The columns of the paper, for reading: each of `quantities` with its standard error, then as the paper has it, then
 * further columns under names of their own; and how many seeds a line is the mean of, where there are several.
 * @param shown names of the metrics that the table shows, by which it is known where the better values are.
 */
export function readingTable(
  table: Table,
  quantities: readonly string[],
  further: readonly (readonly [header: string, column: string])[],
  shown: readonly string[] = [],
): ReadingTable {
  const at = (row: readonly Cell[], name: string) => String(row[table.columns.indexOf(name)] ?? '');
  const plain = (text: string, look?: ReadingCell['look']) => ({ text: text === '' ? NOTHING : text, look });
  const partial = (row: readonly Cell[]) => at(row, 'Partial').split('; ');
  const best = new Map(
    quantities.map((name) => [
      name,
      bestOf(
        table.rows.map((row) => at(row, name)),
        directionOf(name, shown),
      ),
    ]),
  );
  const measured = (row: readonly Cell[], name: string): ReadingCell => {
    const { value, error } = writtenQuantity(table, row, name);
    if (value === '') return { text: NOTHING };
    const mark = partial(row).includes(name) ? '*' : '';
    const look = at(row, name) === best.get(name) ? 'best' : undefined;
    return { text: `${value}${error === '' ? '' : ` ± ${error}`}${mark}`, look };
  };
  const paper = quantities.filter((name) => hasSome(table, `Paper ${name}`));
  const several = table.rows.some((row) => !['', '1'].includes(at(row, 'Seeds')));
  const last = several ? [...further, ['seeds', 'Seeds'] as const] : further;
  const [first] = table.columns;
  const rows = table.rows.map((row) => [
    plain(at(row, first!)),
    ...quantities.map((name) => measured(row, name)),
    ...paper.map((name) => plain(at(row, `Paper ${name}`), 'aside')),
    ...last.map(([, column]) => plain(at(row, column))),
  ]);
  const marked = rows.some((row) => row.some(({ text }) => text.endsWith('*')));
  return {
    columns: [first!, ...quantities, ...paper.map((name) => `paper ${name}`), ...last.map(([name]) => name)],
    rows,
    notes: marked ? ['* on fewer sentences than the split has'] : [],
  };
}
