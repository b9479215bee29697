// How an experiment is followed and stopped. It tells what happens as data, and whoever started it shows that or does not;
// nothing here or beside it prints.

import { RowKeeper } from '../runs/measured-run.js';
import type { MeasuredRow, Provenance, Result } from '../runs/row.js';
import type { RunFolder } from '../runs/run-folder.js';

/** How far a stage of the work is. */
export interface Stage {
  kind: 'stage';
  /** What is going on: `codes of test`. */
  what: string;
  /** Units of work done, and in all; a stage is over when they are equal. */
  done: number;
  total: number;
}

/** A quantity that was measured, as soon as it was; it need not have found room on the disk. */
export interface RowEvent {
  kind: 'row';
  row: MeasuredRow;
  folder: RunFolder;
}

/** What a person should know of the work; it goes on. */
export interface WarningEvent {
  kind: 'warning';
  text: string;
}

export interface Following<Event = Stage> {
  /** Aborted when the work is to stop; what was finished before is kept. */
  signal?: AbortSignal | undefined;
  onProgress?: ((event: Event) => void) | undefined;
}

/** Who keeps and tells the rows of an opened run. */
export function rowKeeper(
  opened: { folder: RunFolder; provenance: Provenance; caveat: string | null },
  settingsOf: (result: Result) => MeasuredRow['settings'],
  onProgress?: (event: RowEvent) => void,
): RowKeeper {
  const { folder } = opened;
  return new RowKeeper(opened, settingsOf, (row) => onProgress?.({ kind: 'row', row, folder }));
}

/** What follows a stage of this name. */
export function stage(what: string, onProgress?: (event: Stage) => void): (done: number, total: number) => void {
  return (done, total) => onProgress?.({ kind: 'stage', what, done, total });
}
