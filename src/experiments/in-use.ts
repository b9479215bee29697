// What two commands would do twice, of which one waits: the later asks again until the earlier is done with it, so that
// neither fails.

import { setTimeout as wait } from 'node:timers/promises';
import type { CorpusInUseError } from '../data/corpus-files.js';
import type { SplitName } from '../data/splits.js';
import { InterruptedError } from '../errors.js';
import { type RunFolder, RunInUseError } from '../runs/run-folder.js';
import type { Lock } from '../storage/lock.js';
import type { Following, Stage } from './progress.js';

/** Milliseconds after which what another process has in hand is asked for again. */
const WAITING = 1000;

/**
 * Waits a while for what another process has in hand.
 * @param before what cannot begin before it.
 * @throws {InterruptedError} when the signal asks to stop.
 */
export async function waitFor(
  { message }: CorpusInUseError | RunInUseError,
  before: string,
  { signal, onProgress }: Following<Stage>,
): Promise<void> {
  onProgress?.({ kind: 'stage', what: `waiting: ${message}`, done: 0, total: 1 });
  await wait(WAITING, undefined, { signal }).catch(() => {
    throw new InterruptedError(`stopped before: ${before}`);
  });
}

/** Quantities of a run on a split, by the names that {@link RunFolder.lockMeasuring} has them by. */
export interface Measured {
  folder: RunFolder;
  quantities: readonly string[];
  split: SplitName;
}

/**
 * Measures quantities of a run once no other process has one of them in hand, and lets none begin with them meanwhile.
 * @param before see {@link waitFor}.
 * @throws {InterruptedError} when the signal asks to stop while others measure.
 */
export async function measuringAlone<T>(
  measured: Measured,
  before: string,
  following: Following<Stage>,
  measure: () => Promise<T>,
): Promise<T> {
  const locks = await takeAll(measured, before, following);
  try {
    return await measure();
  } finally {
    for (const lock of locks) lock.release();
  }
}

async function takeAll(
  { folder, quantities, split }: Measured,
  before: string,
  following: Following<Stage>,
): Promise<Lock[]> {
  for (;;) {
    const taken: Lock[] = [];
    try {
      // In one order by all, and none kept while another is waited for, so that no two wait for each other.
      for (const quantity of [...new Set(quantities)].sort()) taken.push(folder.lockMeasuring(quantity, split));
      return taken;
    } catch (error) {
      for (const lock of taken) lock.release();
      if (!(error instanceof RunInUseError)) throw error;
      await waitFor(error, before, following);
    }
  }
}
