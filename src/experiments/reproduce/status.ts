// How a plan's tasks stand, by what they left in its folder and, where they run on a cluster, by what its queue says.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { isAlive, thisProcess } from '../../storage/process.js';
import type { Task } from './plan.js';
import type { PlanFolder, TaskRecord } from './plan-file.js';

export type TaskState = 'done' | 'running' | 'waiting' | 'failed' | 'interrupted' | 'blocked';

export interface TaskStatus {
  number: number;
  task: Task;
  state: TaskState;
  /** What more is known: since when it runs and where, why it failed. */
  message: string | null;
  /** Milliseconds that it took, or has taken; null where it never began. */
  elapsed: number | null;
  /** Names of files that say what it did. */
  logs: string[];
}

/** What is asked of the world; tests hand in their own. */
export interface Inquiry {
  now: number;
  host: string;
  /** Whether the process of a record of this host is still there. */
  isAlive(record: Pick<TaskRecord, 'pid' | 'start' | 'boot'>): boolean;
  /** State in Slurm's queue of each job that it knows; null where there is no Slurm. */
  queue(jobs: readonly string[]): ReadonlyMap<string, string> | null;
}

const HERE: Omit<Inquiry, 'now'> = {
  host: hostname(),
  isAlive: ({ pid, start, boot }) => (boot === '' || boot === thisProcess().boot) && isAlive(pid, start),
  queue: (jobs) => {
    if (jobs.length === 0) return new Map();
    try {
      const listed = execFileSync('squeue', ['-h', '-r', '-o', '%i %T'], { encoding: 'utf8', stdio: 'pipe' });
      return new Map(
        listed.split('\n').flatMap((line) => {
          const [job, state] = line.trim().split(/\s+/);
          return state === undefined ? [] : [[job!, state] as const];
        }),
      );
    } catch {
      return null;
    }
  },
};

/** Each task of a plan. */
export function planStatus(folder: PlanFolder, inquiry: Inquiry = { ...HERE, now: Date.now() }): TaskStatus[] {
  const submitted = folder.tasks.map((_, i) => folder.job(i + 1));
  const queue = queueOf(folder, inquiry);
  // Read after the queue: a task that ended meanwhile has said so, and is not gone.
  const records = folder.tasks.map((_, i) => folder.record(i + 1));
  const lost = new Set<string>();
  return folder.tasks.map((task, i): TaskStatus => {
    const record = records[i]!;
    const { state, message } = stateOf(record, submitted[i]?.job ?? null, inquiry, queue);
    const blocked = state === 'waiting' && task.after.some((id) => lost.has(id));
    if (state === 'failed' || blocked) lost.add(task.id);
    return {
      number: i + 1,
      task,
      state: blocked ? 'blocked' : state,
      message: blocked ? 'what it needs has failed' : message,
      elapsed: record === null ? null : (record.ended ?? inquiry.now) - record.began,
      logs: [...(submitted[i] === null ? [] : [submitted[i]!.log]), folder.logFile(i + 1)]
        .filter(existsSync)
        .map(shortened),
    };
  });
}

/**
 * Forgets how tasks went that are begun again, so that nothing is told of a time before. What runs still, as far as can be told,
 * stays.
 * @param numbers of the tasks, from 1.
 */
export function forgetEnded(
  folder: PlanFolder,
  numbers: readonly number[],
  inquiry: Inquiry = { ...HERE, now: Date.now() },
): void {
  const queue = queueOf(folder, inquiry);
  for (const number of numbers) {
    const record = folder.record(number);
    if (record !== null && stateOf(record, null, inquiry, queue).state !== 'running') folder.forgetRecord(number);
  }
}

function queueOf(folder: PlanFolder, inquiry: Inquiry): ReturnType<Inquiry['queue']> {
  const known = folder.tasks.flatMap((_, i) => [folder.job(i + 1), folder.record(i + 1)]);
  return inquiry.queue(known.flatMap((one) => one?.job ?? []));
}

function stateOf(
  record: TaskRecord | null,
  submitted: string | null,
  { host, isAlive }: Inquiry,
  queue: ReadonlyMap<string, string> | null,
): { state: Exclude<TaskState, 'blocked'>; message: string | null } {
  if (record === null) {
    const known = submitted === null ? undefined : queue?.get(submitted);
    // Cancelled, as what needs a failed task is, or never begun.
    const cancelled = submitted !== null && queue !== null && known === undefined;
    const message = submitted === null ? null : `job ${submitted}`;
    return cancelled
      ? { state: 'failed', message: `${message} is gone from the queue` }
      : { state: 'waiting', message };
  }
  const { state, job, message } = record;
  const queued = job === null ? undefined : queue?.get(job);
  // Requeued: the record is of the time before.
  if (state !== 'done' && (queued === 'PENDING' || queued === 'REQUEUED')) {
    return { state: 'waiting', message: `job ${job} is queued again` };
  }
  if (state !== 'running') return { state, message };
  const where = job === null ? `process ${record.pid} on ${record.host}` : `job ${job} on ${record.host}`;
  const gone = (job !== null && queue !== null && queued === undefined) || (record.host === host && !isAlive(record));
  return gone ? { state: 'failed', message: `${where} is gone` } : { state: 'running', message: where };
}

function shortened(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
