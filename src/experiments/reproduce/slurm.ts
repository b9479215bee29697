// A plan on a Slurm cluster. Slurm is the engine: it decides where and when, restarts and cancels; here only its scripts are
// written. Tasks that need nothing of each other are one job array; each array waits for the one before to be over,
// and the report for all of them. A task ends at once where what it needs has failed: one that fails stops nothing else.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { InputError } from '../../errors.js';
import { shellWord } from '../../shell-words.js';
import { writeFileAtomic } from '../../storage/atomic-write.js';
import { makeFolder } from '../../storage/folder.js';
import type { Task } from './plan.js';
import type { PlanFolder } from './plan-file.js';
import { forgetEnded } from './status.js';
import { taskCommand } from './task-command.js';

export interface SlurmOptions {
  /** Further options of sbatch, such as `-c 4 -t 24:00:00`. */
  sbatch: readonly string[];
  /** Tasks of an array that run at a time; as Slurm likes where absent. */
  arrayLimit?: number | undefined;
}

/** Seconds before its time limit at which a task is told to save and to be queued again. */
const WARNING = 120;

/** Times that a task whose process was killed is queued again. */
const RESTARTS = 3;

/** A job, as a file for sbatch. */
export interface SlurmJob {
  /** Of the file: `level-1`, `report`. */
  name: string;
  /** Numbers of its tasks in the plan, from 1. */
  tasks: number[];
  script: string;
  /** sbatch's arguments but for the dependency. */
  arguments: string[];
  /** Of those before it, the jobs that must be over when it begins. */
  waits: 'last' | 'all';
}

/**
 * Tasks by level: those of a level need only earlier levels. What is done already needs no place in any.
 * @returns their indices in `tasks`, the report left out.
 */
export function levels(tasks: readonly Task[], isDone: (task: Task) => boolean): number[][] {
  const level = new Map<string, number>();
  const found: number[][] = [];
  tasks.forEach((task, index) => {
    if (task.kind === 'report' || isDone(task)) return;
    const own = 1 + Math.max(-1, ...task.after.map((id) => level.get(id) ?? -1));
    level.set(task.id, own);
    found[own] = [...(found[own] ?? []), index];
  });
  return found;
}

/** The jobs of a plan, in the order in which they are submitted. */
export function slurmJobs(
  folder: PlanFolder,
  isDone: (task: Task) => boolean,
  { sbatch, arrayLimit }: SlurmOptions,
): SlurmJob[] {
  const { tasks, plan } = folder;
  const common = (name: string, log: string) => [
    `--job-name=sri-${name}`,
    `--chdir=${plan.directory}`,
    // In a log's name, and so in its folder's, Slurm replaces what % begins.
    `--output=${path.join(folder.directory.replaceAll('%', '%%'), 'logs', log)}`,
    '--open-mode=append',
    '--kill-on-invalid-dep=yes',
    '--requeue',
    `--signal=B:INT@${WARNING}`,
  ];
  const arrays = levels(tasks, isDone).map((indices, level): SlurmJob => {
    const name = `level-${level}`;
    const numbers = indices.map((index) => index + 1);
    const limit = arrayLimit === undefined ? '' : `%${arrayLimit}`;
    return {
      name,
      tasks: numbers,
      script: script(
        folder,
        `numbers=(${numbers.join(' ')})\nresumes=(${indices.map((index) => Number(tasks[index]!.kind === 'train')).join(' ')})`,
        { number: `\${numbers[$SLURM_ARRAY_TASK_ID]}`, resumes: `\${resumes[$SLURM_ARRAY_TASK_ID]}` },
      ),
      // Slurm names an array's log after the place in it, and the plan after the task: `sri status` knows both.
      arguments: [...common(name, `${name}-%A_%a.log`), `--array=0-${numbers.length - 1}${limit}`, ...sbatch],
      waits: 'last',
    };
  });
  const report = tasks.findIndex(({ kind }) => kind === 'report') + 1;
  const last: SlurmJob = {
    name: 'report',
    tasks: [report],
    script: script(folder, '', { number: String(report), resumes: '0' }),
    arguments: [...common('report', 'report-%j.log'), ...sbatch],
    waits: 'all',
  };
  return [...arrays, last];
}

/**
 * The script of a job: one task. Told by Slurm that its time is nearly up, the task saves and is queued again; so it is when
 * its process was killed, a few times at most. It is safe to repeat, and training goes on where it was; other tasks begin anew,
 * so that one which needs more than a job's time would do so for ever, and is given up after as many times.
 * @param variables of bash that the task's are made of.
 */
function script(
  folder: PlanFolder,
  variables: string,
  { number, resumes }: { number: string; resumes: string },
): string {
  const run = taskCommand(folder);
  return `#!/bin/bash
${variables}
number=${number}
resumes=${resumes}
told=
${run} "$number" &
child=$!
trap 'told=1; kill -INT "$child"' INT
wait "$child"
code=$?
# A signal ends the wait, not the task.
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  code=$?
done
again() {
  echo "sri: queued again: $1"
  scontrol requeue "\${SLURM_ARRAY_JOB_ID:+\${SLURM_ARRAY_JOB_ID}_}\${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}"
}
if [ "$code" -eq 130 ] && [ -n "$told" ]; then
  if [ "$resumes" -eq 1 ] || [ "\${SLURM_RESTART_COUNT:-0}" -lt ${RESTARTS} ]; then
    again 'saved before the time limit'
  else
    echo 'sri: given up: it begins anew each time, and needs more time than a job has; give more by --sbatch "-t ..."'
  fi
elif [ "$code" -gt 128 ] && [ "$code" -ne 130 ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${RESTARTS} ]; then
  again "the task's process was killed"
fi
exit "$code"
`;
}

/** Writes the scripts into the plan's folder, and says how each would be submitted, `$level_0` standing for a job's number. */
export async function writeScripts(folder: PlanFolder, jobs: readonly SlurmJob[]): Promise<string[]> {
  const place = path.join(folder.directory, 'slurm');
  makeFolder(place);
  const commands: string[] = [];
  for (const [i, job] of jobs.entries()) {
    const file = path.join(place, `${job.name}.sh`);
    await writeFileAtomic(file, job.script);
    const variable = (name: string) => `$${name.replace('-', '_')}`;
    const dependency = dependencyOf(job, jobs.slice(0, i), variable);
    const words = ['sbatch', '--parsable', ...job.arguments.map(shellWord), ...dependency, shellWord(file)];
    commands.push(`${variable(job.name).slice(1)}=$(${words.join(' ')})`);
  }
  return commands;
}

/**
 * Submits a plan's jobs.
 * @returns the number that Slurm gave each.
 * @throws {InputError} where there is no Slurm, or it refuses a job; those before it are cancelled.
 */
export async function submit(folder: PlanFolder, jobs: readonly SlurmJob[]): Promise<Map<string, string>> {
  await writeScripts(folder, jobs);
  forgetEnded(
    folder,
    jobs.flatMap(({ tasks }) => tasks),
  );
  const numbers = new Map<string, string>();
  for (const [i, job] of jobs.entries()) {
    const dependency = dependencyOf(job, jobs.slice(0, i), (name) => numbers.get(name)!);
    const file = path.join(folder.directory, 'slurm', `${job.name}.sh`);
    try {
      const said = execFileSync('sbatch', ['--parsable', ...job.arguments, ...dependency, file], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      numbers.set(job.name, said.trim().split(';')[0]!);
    } catch (error) {
      if (numbers.size > 0) execFileSync('scancel', [...numbers.values()], { stdio: 'ignore' });
      const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
      throw new InputError(
        code === 'ENOENT'
          ? 'there is no sbatch here: give --launcher slurm where Slurm is, or --print to see its scripts'
          : `sbatch refused ${file}: ${stderr?.trim() || message}`,
      );
    }
  }
  await folder.writeJobs(
    jobs.flatMap(({ name, tasks }) => tasks.map((task, at) => ({ task, name, at }))),
    numbers,
  );
  return numbers;
}

function dependencyOf({ waits }: SlurmJob, before: readonly SlurmJob[], numberOf: (name: string) => string): string[] {
  const on = waits === 'last' ? before.slice(-1) : before;
  return on.length === 0 ? [] : [`--dependency=afterany:${on.map(({ name }) => numberOf(name)).join(':')}`];
}
