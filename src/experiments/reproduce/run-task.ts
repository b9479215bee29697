// One task of a plan in a process of its own. It is safe to repeat: what is done is found done, and training goes on where it
// was stopped.

import { InterruptedError } from '../../errors.js';
import type { Following } from '../progress.js';
import { beginning, type PlanFolder } from './plan-file.js';
import { Performer, type ReproductionEvent, statisticsOf } from './reproduce.js';

/**
 * Does a task, and keeps how it went in the plan's folder.
 * @param threads that compute, where others than the plan says.
 * @throws what the task throws.
 */
export async function runTask(
  folder: PlanFolder,
  number: number,
  threads: number | 'auto' | undefined,
  following: Following<ReproductionEvent>,
): Promise<void> {
  const task = folder.task(number);
  const began = beginning();
  await folder.writeRecord(number, began);
  try {
    const request = folder.request();
    const performer = new Performer(request, folder.tasks, await statisticsOf(request), following);
    try {
      const given = threads !== undefined && 'run' in task ? { ...task, run: { ...task.run, threads } } : task;
      await performer.perform(given, number);
    } finally {
      performer.close();
    }
    await folder.writeRecord(number, { ...began, state: 'done', ended: Date.now() });
  } catch (error) {
    const state = error instanceof InterruptedError ? 'interrupted' : 'failed';
    const { message } = error instanceof Error ? error : new Error(String(error));
    await folder.writeRecord(number, { ...began, state, ended: Date.now(), message });
    throw error;
  }
}
