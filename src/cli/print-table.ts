// A table printed, as wide as whatever it is printed to.

import { layOut, type ReadingTable } from '../report/layout.js';
import type { Io } from './io.js';
import { paintFor, widthOf } from './paint.js';

/** @param all columns, also those that are empty or for which there is no room. */
export function printTable(io: Io, table: ReadingTable, all = false): void {
  const lines = layOut(table, { width: widthOf(io.out), all, paint: paintFor(io.out) });
  io.out.write(`${lines.join('\n')}\n`);
}
