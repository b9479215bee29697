// A run's metrics.csv, read again: what validation said after each epoch.

/** The numbers of an epoch's validation, by column; a column that is empty or not finite is left out. */
export interface EpochNumbers {
  epoch: number;
  numbers: Readonly<Record<string, number>>;
}

/**
 * The epochs that were validated, in order.
 * @param text of a metrics.csv, whose cells are numbers or nothing.
 */
export function readEpochs(text: string): EpochNumbers[] {
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const columns = header.split(',');
  const loss = columns.indexOf('validationLoss');
  return lines
    .map((line) => line.split(','))
    .filter((cells) => (cells[loss] ?? '') !== '')
    .map((cells) => {
      const filled = columns.map((column, i): [string, number] => [column, cells[i] ? Number(cells[i]) : Number.NaN]);
      const numbers = Object.fromEntries(filled.filter(([, value]) => Number.isFinite(value)));
      return { epoch: numbers.epoch!, numbers };
    });
}

/**
 * The columns `<name>[<i>]` in the order of i; null where one is empty.
 * @param first the least i that such a column has.
 */
export function indexedColumns({ numbers }: EpochNumbers, name: string, first: number): (number | null)[] {
  const values: (number | null)[] = [];
  for (const [column, value] of Object.entries(numbers)) {
    const at = column.match(/^(.*)\[(\d+)\]$/);
    if (at?.[1] === name) values[Number(at[2]) - first] = value;
  }
  return Array.from(values, (value) => value ?? null);
}
