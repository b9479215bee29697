// A plan as a file: what processes of their own, here or on a cluster, do the tasks of. Its folder holds what is known of each
// task, and the tasks' logs. Runs stay where they are; the folder may be removed at any time.
//
//   plan.json       what was asked for, and the tasks
//   tasks/<n>.json  how task n last went
//   jobs.json       which jobs of Slurm they were submitted as
//   logs/           what the tasks said

import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../../config/load.js';
import { namedRunSchema } from '../../config/schema.js';
import { SPLIT_NAMES } from '../../data/splits.js';
import { InputError } from '../../errors.js';
import { methods } from '../../methods/registry.js';
import { MEASURINGS } from '../../report/product.js';
import { JsonFormat } from '../../runs/json-format.js';
import { writeFileAtomic } from '../../storage/atomic-write.js';
import { makeFolder } from '../../storage/folder.js';
import { thisProcess } from '../../storage/process.js';
import { sha256 } from '../../storage/sha256.js';
import { loadPlugin, plugins } from '../plugins.js';
import type { Task } from './plan.js';
import { type ReproductionRequest, tablesToShow } from './reproduce.js';

const id = { id: z.string(), after: z.array(z.string()) };
const run = namedRunSchema(methods);
const others = MEASURINGS.filter((kind) => kind !== 'metrics');
const task = z.discriminatedUnion('kind', [
  z.strictObject({ ...id, kind: z.literal('prepare') }),
  z.strictObject({ ...id, kind: z.literal('report') }),
  z.strictObject({ ...id, kind: z.literal('metrics'), run, metrics: z.array(z.string()) }),
  z.strictObject({ ...id, kind: z.enum(['train', ...others]), run }),
]);

const plan = z.strictObject({
  /** Where the command was given; the paths of runs, results and corpora are relative to it. */
  directory: z.string(),
  /** The config file, absolute, and as the report names it. */
  file: z.string(),
  config: z.string(),
  /** The plugins that it was made with, as they were asked for, and their files; absent where there were none. */
  plugins: z.array(z.strictObject({ name: z.string(), file: z.string() })).optional(),
  overrides: z.array(z.string()),
  /** By the paper's number, or by name. */
  tables: z.array(z.union([z.int(), z.string()])),
  figures: z.array(z.union([z.int(), z.string()])),
  split: z.enum(SPLIT_NAMES),
  runs: z.string(),
  results: z.string(),
  /** Folder of the raw files; null for the usual one. */
  from: z.string().nullable(),
  tasks: z.array(task),
});
export type Plan = z.infer<typeof plan>;

const PLAN = new JsonFormat('plan', 4, plan, 'give sri reproduce with --jobs or --launcher again');

const record = z.strictObject({
  state: z.enum(['running', 'done', 'failed', 'interrupted']),
  host: z.string(),
  pid: z.int(),
  /** Of the process and of the machine's boot, as a lock has them; empty where an earlier version wrote it. */
  start: z.string().default(''),
  boot: z.string().default(''),
  /** Of Slurm, `<array>_<index>` or a job's number; null elsewhere. */
  job: z.string().nullable(),
  /** Milliseconds since 1970. */
  began: z.number(),
  ended: z.number().nullable(),
  /** Why it failed. */
  message: z.string().nullable(),
});
export type TaskRecord = z.infer<typeof record>;

const JOBS = new JsonFormat(
  'list of jobs',
  1,
  z.strictObject({ jobs: z.array(z.strictObject({ task: z.int(), job: z.string(), log: z.string() })) }),
  'remove it; Slurm knows its jobs',
);

const RECORD = new JsonFormat('record of a task', 1, record, 'remove it, and do the task again');

/** What of a request a plan keeps, and the tasks that it came to. */
export function planOf(request: ReproductionRequest, tasks: readonly Task[]): Plan {
  const { loaded, config, overrides, figures, split, runs, results, from } = request;
  return {
    directory: process.cwd(),
    file: loaded.file,
    config: config ?? loaded.file,
    ...(plugins().length === 0 ? {} : { plugins: plugins().map(({ name, file }) => ({ name, file })) }),
    overrides: [...overrides],
    tables: tablesToShow(request),
    figures: [...figures],
    split,
    runs,
    results,
    from: from ?? null,
    tasks: tasks.map((one) => ({
      ...one,
      after: [...one.after],
      ...('metrics' in one ? { metrics: [...one.metrics] } : {}),
    })) as Plan['tasks'],
  };
}

/** A plan's folder. */
export class PlanFolder {
  private constructor(
    readonly directory: string,
    readonly plan: Plan,
  ) {}

  /** Writes a plan among the runs that it is of: the same plan has the same folder, and what is known of its tasks stays. */
  static async create(plan: Plan, dataSet: string): Promise<PlanFolder> {
    const text = PLAN.write(plan);
    const name = `plan-${sha256(text).slice(0, 8)}`;
    const folder = new PlanFolder(path.resolve(plan.runs, dataSet, name), plan);
    for (const part of ['tasks', 'logs']) makeFolder(path.join(folder.directory, part));
    await writeFileAtomic(folder.file, text);
    return folder;
  }

  /**
   * Opens a plan, with the plugins that it was made with.
   * @param where the folder, or its plan.json.
   * @throws {InputError} where there is no plan, or a plugin of it is gone.
   */
  static async open(where: string): Promise<PlanFolder> {
    const directory = path.resolve(existsSync(where) && statSync(where).isFile() ? path.dirname(where) : where);
    const file = path.join(directory, 'plan.json');
    if (!existsSync(file)) {
      throw new InputError(
        `${where}: no plan here; one is written, and its folder named, by sri reproduce --config ptb.yaml --table 1 --jobs 2`,
      );
    }
    const text = readFileSync(file, 'utf8');
    // The tasks' runs are checked against what the plugins define, so these come first.
    for (const { name, file: module } of pluginsIn(text)) {
      await loadPlugin(module, directory, `${file}: plugins: ${module}`, name);
    }
    return new PlanFolder(directory, PLAN.read(text, file) as Plan);
  }

  get file(): string {
    return path.join(this.directory, 'plan.json');
  }

  get tasks(): readonly Task[] {
    return this.plan.tasks as readonly Task[];
  }

  /**
   * A task by its number, from 1.
   * @throws {InputError} where the plan has no such task.
   */
  task(number: number): Task {
    const found = this.tasks[number - 1];
    if (found === undefined) throw new InputError(`${this.file}: no task ${number}; it has 1 to ${this.tasks.length}`);
    return found;
  }

  /** The request that the plan is of, for whoever does its tasks. @throws {InputError} where the config file is gone. */
  request(): ReproductionRequest {
    const { file, from, directory, tasks, plugins: _, ...rest } = this.plan;
    return { ...rest, ais: false, loaded: loadConfig(file, methods()), ...(from === null ? {} : { from }) };
  }

  logFile(number: number): string {
    return path.join(this.directory, 'logs', `task-${number}.log`);
  }

  /** How a task last went; null where it never began. */
  record(number: number): TaskRecord | null {
    const file = this.recordFile(number);
    return existsSync(file) ? RECORD.read(readFileSync(file, 'utf8'), file) : null;
  }

  async writeRecord(number: number, record: TaskRecord): Promise<void> {
    await writeFileAtomic(this.recordFile(number), RECORD.write(record));
  }

  /** Forgets how a task last went, since it is to be begun again. */
  forgetRecord(number: number): void {
    rmSync(this.recordFile(number), { force: true });
  }

  /**
   * Keeps which job of Slurm each task was submitted as.
   * @param submitted tasks with the name of their job and their place in it.
   * @param numbers that Slurm gave the jobs, by name.
   */
  async writeJobs(
    submitted: readonly { task: number; name: string; at: number }[],
    numbers: ReadonlyMap<string, string>,
  ): Promise<void> {
    const jobs = submitted.map(({ task, name, at }) => {
      const number = numbers.get(name)!;
      const [job, log] =
        name === 'report' ? [number, `report-${number}`] : [`${number}_${at}`, `${name}-${number}_${at}`];
      return { task, job, log: path.join(this.directory, 'logs', `${log}.log`) };
    });
    await writeFileAtomic(path.join(this.directory, 'jobs.json'), JOBS.write({ jobs }));
  }

  /** The job of Slurm that a task was last submitted as, and its log; null where it was not. */
  job(number: number): { job: string; log: string } | null {
    const file = path.join(this.directory, 'jobs.json');
    if (!existsSync(file)) return null;
    return JOBS.read(readFileSync(file, 'utf8'), file).jobs.find(({ task }) => task === number) ?? null;
  }

  /** Says of tasks that were found done, and that no process of this plan did, that they are. */
  async settleDone(isDone: (task: Task) => boolean): Promise<void> {
    for (const [index, task] of this.tasks.entries()) {
      const known = this.record(index + 1)?.state;
      if (!isDone(task) || known === 'done') continue;
      const now = beginning();
      await this.writeRecord(index + 1, { ...now, state: 'done', ended: now.began });
    }
  }

  private recordFile(number: number): string {
    return path.join(this.directory, 'tasks', `${number}.json`);
  }
}

/** Of a text that is a plan's; what is none is for its format to complain of. */
function pluginsIn(text: string): { name: string; file: string }[] {
  const known = z.looseObject({ plugins: plan.shape.plugins });
  try {
    return known.safeParse(JSON.parse(text)).data?.plugins ?? [];
  } catch {
    return [];
  }
}

/** What is known of a task that this process begins. */
export function beginning(environment: Readonly<Record<string, string | undefined>> = process.env): TaskRecord {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: index, SLURM_JOB_ID: job = null } = environment;
  const { host, pid, start, boot } = thisProcess();
  return {
    state: 'running',
    ...{ host, pid, start, boot },
    job: array === undefined ? job : `${array}_${index}`,
    began: Date.now(),
    ended: null,
    message: null,
  };
}
