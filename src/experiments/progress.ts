// How an experiment is followed and stopped. It tells what happens as data, and whoever started it shows that or does not;
// nothing here or beside it prints.

/** How far a stage of the work is. */
export interface Stage {
  kind: 'stage';
  /** What is going on: `codes of test`. */
  what: string;
  /** Units of work done, and in all; a stage is over when they are equal. */
  done: number;
  total: number;
}

export interface Following<Event = Stage> {
  /** Aborted when the work is to stop; what was finished before is kept. */
  signal?: AbortSignal;
  onProgress?: (event: Event) => void;
}

/** What follows a stage of this name. */
export function stage(what: string, onProgress?: (event: Stage) => void): (done: number, total: number) => void {
  return (done, total) => onProgress?.({ kind: 'stage', what, done, total });
}
