// The plan of `sri reproduce`: what a table needs, as tasks that wait for each other. Nothing here trains, measures or reads
// a file; a plan is made of configurations, and carried out by whoever knows how to do a task.

import type { RunConfig } from '../../config/schema.js';
import { InputError, InterruptedError } from '../../errors.js';
import type { Inference } from '../../methods/method.js';
import { MEASURINGS, type Need, type Product, type Varying } from '../../report/product.js';
import { startingPath } from '../starts.js';
import { canMake, describeMeasuring, type MeasuringTask } from './measurings.js';

/** A method that could be run. */
export interface Candidate {
  /** As the user or the config names it: `sri`, `sri@released`. */
  name: string;
  method: string;
  inference: Inference;
}

/** What products need of candidates. */
export interface Parts {
  /**
   * What is made of each run for which product, by the run's name in the candidates' order, and which numbers of the run may vary,
   * of which the first that its method has does.
   */
  runs: { name: string; product: string; need: Need; varying?: readonly Varying[] }[];
  /** The products that cannot be, each with the reason. */
  leftOut: { product: string; reason: string }[];
  /** Names of candidates that have a part in none. */
  idle: string[];
}

/** Whether a method has a part in a product. */
function takes({ takes, needs }: Product, inference: Inference): boolean {
  return takes?.(inference) ?? needs.every((need) => canMake(need, inference));
}

/**
 * Which candidates have a part in which products.
 * @param named whether the user named the candidates; else they are all that a config has, and those that products show.
 * @param labelled whether sentences have classes.
 */
export function chooseParts(
  products: readonly Product[],
  candidates: readonly Candidate[],
  { named, labelled }: { named: boolean; labelled: boolean },
): Parts {
  const fits = (product: Product, { name, method, inference }: Candidate) =>
    takes(product, inference) &&
    (named || (product.usual === undefined ? name === method : product.usual.includes(name)));
  const possible = products.filter(
    (product) => (labelled || !product.needsLabels) && candidates.some((candidate) => fits(product, candidate)),
  );
  return {
    runs: candidates.flatMap(({ name, ...candidate }) =>
      possible
        .filter((product) => fits(product, { name, ...candidate }))
        .flatMap(({ title: product, needs, varies }) => {
          const varying = varies?.(candidate.inference) ?? [];
          return needs.map((need) => ({ name, product, need, ...(varying.length === 0 ? {} : { varying }) }));
        }),
    ),
    leftOut: products
      .filter((product) => !possible.includes(product))
      .map(({ title, needsLabels }) => ({
        product: title,
        reason: needsLabels && !labelled ? 'the text has no labels' : 'no method that is asked for has a part in it',
      })),
    idle: candidates
      .filter((candidate) => !products.some((product) => fits(product, candidate)))
      .map(({ name }) => name),
  };
}

export type Task = {
  /** Unlike any other of the plan. */
  id: string;
  /** Ids of tasks, earlier in the plan, without which this one cannot be done. */
  after: readonly string[];
} & ({ kind: 'prepare' } | { kind: 'report' } | { kind: 'train'; run: RunConfig } | MeasuringTask);

/** A run, and something that is wanted of it. */
export interface Wanted {
  run: RunConfig;
  need: Need;
}

/**
 * The tasks in an order in which they can be done: each run is trained after those that it starts from and then measured,
 * so that the first numbers are there before the last run is trained. A run that is wanted twice is trained once.
 *
 * @param startsOf the runs whose weights a run starts from.
 * @throws {InputError} where runs start from each other in a circle.
 */
export function makePlan(wanted: readonly Wanted[], startsOf: (run: RunConfig) => readonly RunConfig[]): Task[] {
  const tasks = new Map<string, Task>();
  const add = (task: Task) => {
    if (!tasks.has(task.id)) tasks.set(task.id, task);
    return task.id;
  };
  const prepare = add({ id: 'prepare', kind: 'prepare', after: [] });
  const train = (run: RunConfig, wanting: readonly string[] = []): string => {
    const path = startingPath(wanting, run.name);
    const after = [prepare, ...startsOf(run).map((start) => train(start, path))];
    return add({ id: taskId('train', run), kind: 'train', run, after });
  };
  for (const { run } of wanted) {
    const trained = train(run);
    const needs = wanted.filter((other) => sameRun(other.run, run)).map(({ need }) => need);
    for (const kind of MEASURINGS.filter((one) => needs.some(({ measuring }) => measuring === one))) {
      const task = { id: taskId(kind, run), run, after: [trained] };
      if (kind !== 'metrics') add({ ...task, kind });
      else
        add({ ...task, kind, metrics: [...new Set(needs.flatMap((need) => ('metrics' in need ? need.metrics : [])))] });
    }
  }
  // What can be told is told, whatever has failed.
  add({ id: 'report', kind: 'report', after: [] });
  return [...tasks.values()];
}

function taskId(kind: Task['kind'], { name, seed }: RunConfig): string {
  return `${kind} ${name} seed-${seed}`;
}

function sameRun(one: RunConfig, other: RunConfig): boolean {
  return one.name === other.name && one.seed === other.seed;
}

/** A task in words. */
export function describeTask(task: Task): string {
  if (task.kind === 'prepare' || task.kind === 'report') return task.kind;
  const { kind, run } = task;
  const of = `${run.name}, seed ${run.seed}`;
  return kind === 'train' ? `train ${of}` : describeMeasuring(kind, of);
}

export interface Failure {
  task: Task;
  error: Error;
  /** What cannot be done because of it. */
  blocked: readonly Task[];
}

/**
 * Does the tasks one after the other. One that fails takes those that need it with it, and no other.
 *
 * @param onFailure is told of each at once.
 * @throws {InterruptedError} as soon as a task, or `signal`, asks to stop.
 */
export async function carryOut(
  tasks: readonly Task[],
  perform: (task: Task) => Promise<void>,
  { signal, onFailure = () => {} }: { signal?: AbortSignal | undefined; onFailure?: (failure: Failure) => void } = {},
): Promise<Failure[]> {
  const failures: Failure[] = [];
  const lost = new Set<Task>();
  for (const task of tasks) {
    if (lost.has(task)) continue;
    if (signal?.aborted) throw new InterruptedError(`stopped before: ${describeTask(task)}`);
    try {
      await perform(task);
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      const blocked = needing(task, tasks).filter((waiting) => !lost.has(waiting));
      for (const one of [task, ...blocked]) lost.add(one);
      const failure = { task, error: error instanceof Error ? error : new Error(String(error)), blocked };
      failures.push(failure);
      onFailure(failure);
    }
  }
  return failures;
}

/** The tasks that wait for a task, or for one that waits for it. */
export function needing(task: Task, tasks: readonly Task[]): Task[] {
  const ids = new Set([task.id]);
  for (const { id, after } of tasks) if (after.some((before) => ids.has(before))) ids.add(id);
  return tasks.filter((other) => other !== task && ids.has(other.id));
}

/** Whether all that was asked for is lost with a task that failed. */
export function isAll({ task, blocked }: Failure, tasks: readonly Task[]): boolean {
  const lost = [task, ...blocked];
  return tasks.every((other) => other.kind === 'prepare' || other.kind === 'report' || lost.includes(other));
}

/**
 * What failures come to in the end: nothing where there are none.
 * @throws {InputError} the failure's own, where nothing else was asked for.
 * @throws {Error} that says what failed, why, and what was not done because of it.
 */
export function settle(failures: readonly Failure[], tasks: readonly Task[]): void {
  const [first] = failures;
  if (first === undefined) return;
  if (first.error instanceof InputError && isAll(first, tasks)) throw first.error;
  const lines = failures.flatMap(({ task, error, blocked }) => [
    `${describeTask(task)}: ${error.message}`,
    ...blocked.map((waiting) => `  so not done: ${describeTask(waiting)}`),
  ]);
  throw new Error([`${failures.length} of ${tasks.length} tasks failed`, ...lines].join('\n'));
}
