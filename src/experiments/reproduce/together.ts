// Tasks side by side: as many as there are places and memory for, each as soon as what it needs is done.

import { InterruptedError } from '../../errors.js';
import { type Failure, needing, type Task } from './plan.js';

export interface Together {
  /** Tasks at a time. */
  jobs: number;
  /** Bytes that a task needs, about. */
  memoryOf(task: Task): number;
  /** Bytes that there are. A task that needs more than all of them runs alone. */
  memory: number;
  signal?: AbortSignal | undefined;
  onFailure?: ((failure: Failure) => void) | undefined;
}

/**
 * Does tasks side by side, those earlier in the plan first. One that fails takes those that need it with it, and no other; a
 * report waits for all the rest, done or lost.
 *
 * @param perform does one; it is told of a stop by itself.
 * @throws {InterruptedError} once all that ran has ended, when `signal` or a task asked to stop.
 */
export async function carryOutTogether(
  tasks: readonly Task[],
  perform: (task: Task) => Promise<void>,
  { jobs, memoryOf, memory, signal, onFailure = () => {} }: Together,
): Promise<Failure[]> {
  const waiting = new Set(tasks);
  const running = new Map<Task, Promise<void>>();
  const done = new Set<string>();
  const failures: Failure[] = [];
  let interrupted: InterruptedError | null = null;

  const ready = (task: Task) =>
    task.kind === 'report'
      ? running.size === 0 && [...waiting].every((other) => other.kind === 'report')
      : task.after.every((id) => done.has(id));
  const fits = (task: Task) =>
    running.size === 0 ||
    (running.size < jobs && [task, ...running.keys()].reduce((sum, one) => sum + memoryOf(one), 0) <= memory);

  const start = (task: Task) => {
    waiting.delete(task);
    const ended = perform(task)
      .then(() => {
        done.add(task.id);
      })
      .catch((error: unknown) => {
        if (error instanceof InterruptedError) {
          interrupted ??= error;
          return;
        }
        const blocked = needing(task, tasks).filter((other) => waiting.delete(other));
        const failure = { task, error: error instanceof Error ? error : new Error(String(error)), blocked };
        failures.push(failure);
        onFailure(failure);
      })
      .finally(() => running.delete(task));
    running.set(task, ended);
  };

  for (;;) {
    if (!signal?.aborted && interrupted === null) {
      for (const task of [...waiting]) if (ready(task) && fits(task)) start(task);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (signal?.aborted || interrupted !== null) {
    throw interrupted ?? new InterruptedError(`stopped with ${waiting.size} of ${tasks.length} tasks to do`);
  }
  return failures;
}
