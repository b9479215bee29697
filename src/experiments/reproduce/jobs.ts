// A plan on this machine, several tasks at a time: each is a child process that runs this same command line, `sri run-task`,
// so a task here and one on a cluster are the same thing. Only the report is made by this process, which shows it.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { freemem } from 'node:os';
import { createInterface } from 'node:readline';
import { usableThreads } from '../../backends/threads.js';
import { InputError, InterruptedError } from '../../errors.js';
import { isStopped } from '../../interruption.js';
import { objectOf } from '../child-lines.js';
import type { Following } from '../progress.js';
import { type Forecast, type Foreseen, forecast } from './forecast.js';
import { isAll, settle, type Task } from './plan.js';
import { PlanFolder, planOf } from './plan-file.js';
import {
  type LeftOut,
  Performer,
  planReproduction,
  type ReproductionEvent,
  type ReproductionRequest,
  statisticsOf,
  tryResults,
} from './reproduce.js';
import { forgetEnded } from './status.js';
import { COMMAND } from './task-command.js';
import { carryOutTogether } from './together.js';

/** Share of the free memory that tasks may be foreseen to take; the estimate is none to the byte. */
const MEMORY_SHARE = 0.9;

export type JobsEvent =
  | ReproductionEvent
  /** Where the plan is, and how the machine is divided. */
  | { kind: 'plan'; folder: string; jobs: number; threads: number }
  | { kind: 'begun'; task: Task; number: number; log: string }
  /** Something that a task's process told, as its `--json` has it. */
  | { kind: 'told'; number: number; told: Record<string, unknown> }
  | { kind: 'ended'; task: Task; number: number; seconds: number; outcome: 'done' | 'failed' | 'interrupted' }
  /** How far all of it is. */
  | { kind: 'whole'; done: number; total: number; running: number; secondsLeft: number | null };

/** How a task's process ended. */
interface Child {
  code: number;
  /** The last thing that it said was wrong. */
  complaint: string | null;
}

/**
 * Does what is missing for a request with `jobs` tasks at a time, and writes its results.
 * @throws as `reproduce` does.
 */
export async function reproduceTogether(
  request: ReproductionRequest,
  jobs: number,
  { signal, onProgress = () => {} }: Following<JobsEvent> = {},
): Promise<void> {
  const planned = await planTogether(request, jobs);
  const { tasks } = planned;
  tryResults(request);
  for (const one of planned.leftOut) onProgress({ kind: 'left-out', ...one });
  const folder = await PlanFolder.create(planOf(request, tasks), request.loaded.config.dataSet);
  const threads = tasks.flatMap((task) => ('run' in task ? Number(task.run.threads) : []))[0] ?? 1;
  onProgress({ kind: 'plan', folder: folder.directory, jobs, threads });

  const foreseen = await forecast(tasks, planned.statistics, request);
  const left = new Map<string, number | null>();
  const memory = new Map<string, number>();
  const foresee = (forecasts: readonly Forecast[]) => {
    for (const one of forecasts) {
      left.set(one.task.id, one.seconds);
      memory.set(one.task.id, one.memory ?? 0);
    }
  };
  foresee(foreseen);
  const isDone = new Set(foreseen.filter(({ state }) => state === 'done').map(({ task }) => task.id));
  await folder.settleDone(({ id }) => isDone.has(id));
  forgetEnded(
    folder,
    tasks.flatMap(({ id }, i) => (isDone.has(id) ? [] : [i + 1])),
  );
  const running = new Set<number>();
  let over = 0;
  const tellWhole = () =>
    onProgress({
      kind: 'whole',
      done: over,
      total: tasks.length,
      running: running.size,
      secondsLeft: wholeLeft([...left.values()], jobs),
    });

  // The first line of a terminal's, above those of tasks.
  tellWhole();
  const perform = async (task: Task): Promise<void> => {
    const number = tasks.indexOf(task) + 1;
    if (isDone.has(task.id) || task.kind === 'report') {
      // Of what is done there is at most to be seen that it is what is asked for.
      const performer = new Performer(request, tasks, planned.statistics, { onProgress });
      await performer.perform(task).finally(() => performer.close());
      over++;
      return;
    }
    const log = folder.logFile(number);
    running.add(number);
    onProgress({ kind: 'begun', task, number, log });
    tellWhole();
    const began = performance.now();
    const child = await runChild(folder, number, log, signal, (told) => {
      if (typeof told.secondsLeft === 'number') left.set(task.id, told.secondsLeft);
      onProgress({ kind: 'told', number, told });
      tellWhole();
    }).finally(() => running.delete(number));
    over++;
    left.set(task.id, 0);
    const outcome = child.code === 0 ? 'done' : isStopped(child.code) ? 'interrupted' : 'failed';
    onProgress({ kind: 'ended', task, number, seconds: (performance.now() - began) / 1000, outcome });
    tellWhole();
    if (outcome === 'interrupted') throw new InterruptedError(child.complaint ?? 'stopped');
    // Only once there is a corpus can be told what the rest takes.
    if (outcome === 'done' && task.kind === 'prepare') {
      foresee(await forecast(tasks, await statisticsOf(request), request));
    }
    if (outcome === 'done') return;
    const message = `${child.complaint ?? `it ended with ${child.code}`} (${log})`;
    throw child.code === 2 ? new InputError(message) : new Error(message);
  };

  const failures = await carryOutTogether(tasks, perform, {
    jobs,
    memoryOf: ({ id }) => memory.get(id) ?? 0,
    memory: MEMORY_SHARE * availableMemory(),
    signal,
    onFailure: (failure) => {
      for (const { id } of failure.blocked) left.set(id, 0);
      if (!isAll(failure, tasks)) onProgress({ kind: 'failed', task: failure.task, error: failure.error });
    },
  });
  settle(failures, tasks);
}

/**
 * The same as a forecast, without doing any.
 * @returns of all tasks together about how many seconds pass; null where that cannot be told yet.
 */
export async function forecastTogether(
  request: ReproductionRequest,
  jobs: number,
): Promise<{ forecasts: Forecast[]; leftOut: LeftOut[]; seconds: number | null }> {
  const { tasks, statistics, leftOut } = await planTogether(request, jobs);
  const forecasts = await forecast(tasks, statistics, request);
  const rests = forecasts.map(({ seconds }) => seconds);
  return { forecasts, leftOut, seconds: wholeLeft(rests, jobs) };
}

/** The plan of a request, each run with its share of the threads. */
async function planTogether(request: ReproductionRequest, jobs: number): ReturnType<typeof planReproduction> {
  const { tasks, ...rest } = await planReproduction(request);
  return {
    ...rest,
    tasks: tasks.map((task): Task => ('run' in task ? { ...task, run: divided(task.run, jobs) } : task)),
  };
}

/** A run with its share of the threads. */
function divided<R extends { threads: number | 'auto' }>(run: R, jobs: number): R {
  const all = run.threads === 'auto' ? usableThreads() : run.threads;
  return { ...run, threads: Math.max(1, Math.floor(all / jobs)) };
}

/** Bytes that may still be taken, within the limits of this process's group. */
function availableMemory(): number {
  return process.availableMemory?.() ?? freemem();
}

/** Seconds of all tasks' rests, shared by those who work on them; null where one is not known. */
function wholeLeft(rests: readonly (number | null)[], jobs: number): number | null {
  const known = rests.filter((rest) => rest !== null);
  if (known.length < rests.length) return null;
  const sum = known.reduce((total, rest) => total + rest, 0);
  return Math.max(sum / jobs, ...known, 0);
}

function runChild(
  folder: PlanFolder,
  number: number,
  log: string,
  signal: AbortSignal | undefined,
  onTold: (told: Record<string, unknown>) => void,
): Promise<Child> {
  return new Promise((resolve, reject) => {
    // In a process group of its own: a terminal's Ctrl-C is passed on once, by us; a second one would end it at once. Its
    // standard input is a rope: when this process is gone, it ends, and the child saves and stops.
    const child = spawn(
      process.execPath,
      [COMMAND, 'run-task', folder.directory, String(number), '--json', '--attended'],
      {
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    const written = createWriteStream(log, { flags: 'a' });
    // A log is read by people alone: where it cannot be written, the task goes on and its complaint is told all the same.
    written.on('error', () => {});
    const stop = () => child.kill('SIGINT');
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop);
    let complaint: string | null = null;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const told = objectOf(line);
      if (told === null || told.event !== 'progress') written.write(`${line}\n`);
      if (told !== null) onTold(told);
    });
    createInterface({ input: child.stderr! }).on('line', (line) => {
      written.write(`${line}\n`);
      if (line.startsWith('sri: ') && !line.includes('SRI_DEBUG')) complaint = line.slice('sri: '.length);
    });
    child.stdin!.on('error', () => {});
    const settled = () => {
      signal?.removeEventListener('abort', stop);
      written.end();
    };
    child.on('error', (error) => {
      settled();
      reject(error);
    });
    child.on('close', (code, killed) => {
      settled();
      resolve({ code: code ?? 1, complaint: complaint ?? (killed === null ? null : `it was ended by ${killed}`) });
    });
  });
}

/**
 * A request's plan as a folder, for tasks that run elsewhere, with what is done of it and what it needs.
 * @throws as `reproduce` does for a request that nothing can be done of.
 */
export async function writePlan(
  request: ReproductionRequest,
): Promise<{ folder: PlanFolder; leftOut: LeftOut[]; foreseen: Foreseen }> {
  const { tasks, statistics, leftOut } = await planReproduction(request);
  const folder = await PlanFolder.create(planOf(request, tasks), request.loaded.config.dataSet);
  const forecasts = new Map((await forecast(tasks, statistics, request)).map((one) => [one.task.id, one]));
  const foreseen: Foreseen = {
    isDone: ({ id }) => forecasts.get(id)?.state === 'done',
    memoryOf: ({ id }) => forecasts.get(id)?.memory ?? null,
  };
  await folder.settleDone(foreseen.isDone);
  return { folder, leftOut, foreseen };
}
