// The plan of `sri reproduce`: what a table needs, as tasks that wait for each other. Nothing here trains, measures or reads
// a file; a plan is made of configurations, and carried out by whoever knows how to do a task.

import type { RunConfig } from '../../config/schema.js';
import type { VariedQuantity } from '../../config/variations.js';
import { InputError, InterruptedError } from '../../errors.js';
import { isCapable } from '../../evaluation/capability.js';
import type { Inference } from '../../methods/method.js';
import { describeMeasuring, MEASURING_ORDER, type Measuring } from './measurings.js';

/** A number of runs, and the values that a study gives it. */
export interface Varying {
  quantity: VariedQuantity;
  values: readonly number[];
}

/** What may be asked for. */
export interface Product {
  /** As people call it. */
  name: string;
  /** What it needs of each of its runs. */
  measuring: Measuring;
  /** Whether a method of this inference has a part in it. */
  takes(inference: Inference): boolean;
  /** The methods that it shows unless others are named; all that it takes where absent. */
  usual?: readonly string[];
  /** Whether it is of sentences that have a class. */
  needsLabels?: boolean;
  /** What it varies of a run; the run alone is its own where absent, or null. */
  varies?(inference: Inference): Varying | null;
}

const hasCode = (inference: Inference) => inference !== 'none';

/** The two that the paper sets side by side where sentences and densities are to be looked at. */
const LOOKED_AT = ['fb-vae', 'sri'];

/** The paper's tables, by number. */
export const TABLES: Readonly<Record<number, Product>> = {
  1: { name: 'Table 1', measuring: 'metrics', takes: (inference) => inference !== 'point' },
  2: { name: 'Table 2', measuring: 'interpolations', takes: hasCode, usual: LOOKED_AT },
  3: { name: 'Table 3', measuring: 'generations', takes: hasCode, usual: LOOKED_AT },
  4: { name: 'Table 4', measuring: 'noisy-recon', takes: hasCode },
  5: { name: 'Table 5', measuring: 'classification', takes: hasCode, needsLabels: true },
};

/** A second perplexity beside each of Table 1's, by an estimator that no fit can fool. Where log p(x) is exact it needs none. */
export const AIS_CHECK: Product = {
  name: "the check of Table 1's perplexities",
  measuring: 'ais',
  takes: (inference) => inference !== 'none' && isCapable(inference, ['distribution']),
};

/** Its figures. */
export const FIGURES: Readonly<Record<number, Product>> = {
  1: { name: 'Figure 1', measuring: 'posterior', takes: hasCode, usual: LOOKED_AT },
};

/** The numbers of Langevin steps that it tried. */
export const ABLATION_STEPS = [10, 20, 40, 60] as const;

/** Its second footnote. The run with the setting's own number of steps is one of them, and no second run. */
export const STEPS_ABLATION: Product = {
  name: 'the ablation of steps',
  measuring: 'metrics',
  takes: (inference) => inference === 'short-run',
  varies: () => ({ quantity: 'steps', values: ABLATION_STEPS }),
};

/** Last temperatures of short runs, and free bits in nats, that the curves of perplexity against KL are drawn through. */
export const FRONTIER_TEMPERATURES = [0.4, 0.55, 0.7, 0.8, 0.9] as const;
export const FRONTIER_TARGETS = [2, 4, 8, 16] as const;

/** Runs that it shows unless others are named, as far as a config has them. */
export const FRONTIER_RUNS: readonly string[] = ['lstm-lm', 'sri@from-lm', 'sri@annealed', 'fb-vae'];

/** Perplexity against KL. The run with the setting's own value is one of them, and no second run. */
export const FRONTIER: Product = {
  name: 'the frontier',
  measuring: 'metrics',
  takes: (inference) => inference !== 'point',
  varies: (inference) => {
    if (inference === 'none') return null;
    return inference === 'short-run'
      ? { quantity: 'temperature', values: FRONTIER_TEMPERATURES }
      : { quantity: 'target', values: FRONTIER_TARGETS };
  },
};

/** A method that could be run. */
export interface Candidate {
  /** As the user or the config names it: `sri`, `sri@released`. */
  name: string;
  method: string;
  inference: Inference;
}

/** What products need of candidates. */
export interface Parts {
  /** Runs by name, in the candidates' order, what is made of each, and what of it varies for which product. */
  runs: { name: string; measuring: Measuring; varying?: Varying & { product: string } }[];
  /** The products that cannot be, each with the reason. */
  leftOut: { product: string; reason: string }[];
  /** Names of candidates that have a part in none. */
  idle: string[];
}

/**
 * Which candidates have a part in which products.
 * @param named whether the user named the candidates; else they are all that the config has.
 * @param labelled whether sentences have classes.
 */
export function chooseParts(
  products: readonly Product[],
  candidates: readonly Candidate[],
  { named, labelled }: { named: boolean; labelled: boolean },
): Parts {
  const fits = ({ takes, usual }: Product, { method, inference }: Candidate) =>
    takes(inference) && (named || usual === undefined || usual.includes(method));
  const possible = products.filter(
    (product) => (labelled || !product.needsLabels) && candidates.some((candidate) => fits(product, candidate)),
  );
  return {
    runs: candidates.flatMap((candidate) =>
      possible
        .filter((product) => fits(product, candidate))
        .map(({ name: product, measuring, varies }) => {
          const varying = varies?.(candidate.inference) ?? null;
          return { name: candidate.name, measuring, ...(varying === null ? {} : { varying: { ...varying, product } }) };
        }),
    ),
    leftOut: products
      .filter((product) => !possible.includes(product))
      .map(({ name, needsLabels }) => ({
        product: name,
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
} & ({ kind: 'prepare' } | { kind: 'report' } | { kind: 'train' | Measuring; run: RunConfig });

/** A run, and something that is wanted of it. */
export interface Wanted {
  run: RunConfig;
  measuring: Measuring;
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
    const path = [...wanting, run.name];
    if (wanting.includes(run.name)) {
      throw new InputError(`startFrom: ${path.join(' starts from ')}: the first of them must start from no other`);
    }
    const after = [prepare, ...startsOf(run).map((start) => train(start, path))];
    return add({ id: taskId('train', run), kind: 'train', run, after });
  };
  for (const { run } of wanted) {
    const trained = train(run);
    const measured = wanted.filter((other) => sameRun(other.run, run)).map(({ measuring }) => measuring);
    for (const kind of MEASURING_ORDER.filter((one) => measured.includes(one))) {
      add({ id: taskId(kind, run), kind, run, after: [trained] });
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
