// A plan as a Snakefile, for those who run everything by Snakemake: a rule a task, which needs the tasks that the plan says.
// A rule's output is a mark that the task is done; what the task makes lies where it always does.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../../storage/atomic-write.js';
import type { Foreseen } from './forecast.js';
import { describeTask } from './plan.js';
import type { PlanFolder } from './plan-file.js';
import { taskCommand } from './task-command.js';

/** In the plan's folder, a file for each task that a rule has done. */
const MARKS = 'done';

/**
 * Writes the Snakefile into the plan's folder, of what is not done yet. Marks of an earlier one go: what is done is looked for
 * anew.
 * @returns the file.
 */
export async function writeSnakefile(folder: PlanFolder, foreseen: Foreseen): Promise<string> {
  const marks = path.join(folder.directory, MARKS);
  rmSync(marks, { recursive: true, force: true });
  const file = path.join(folder.directory, 'Snakefile');
  await writeFileAtomic(file, snakefile(folder, foreseen));
  return file;
}

/** Its text. The report, which needs all the rest, is the first rule, and so what Snakemake makes unless told otherwise. */
export function snakefile(folder: PlanFolder, { isDone, memoryOf }: Foreseen): string {
  const mark = (number: number) => JSON.stringify(`${MARKS}/${number}`);
  const rules = folder.tasks
    .map((task, i) => ({ task, number: i + 1 }))
    .filter(({ task }) => task.kind === 'report' || !isDone(task));
  const others = rules.filter(({ task }) => task.kind !== 'report');
  // Snakemake formats commands.
  const command = taskCommand(folder).replace(/[{}]/g, '$&$&');
  const report = rules.find(({ task }) => task.kind === 'report')!;

  const rule = ({ task, number }: (typeof rules)[number]): string => {
    const needed = task.kind === 'report' ? others : others.filter((other) => task.after.includes(other.task.id));
    const threads = 'run' in task ? task.run.threads : 1;
    const memory = memoryOf(task);
    const own = threads === 'auto' ? ' --threads {threads}' : '';
    return [
      `rule task_${number}_${task.id.replace(/[^A-Za-z0-9]+/g, '_')}:`,
      ...(needed.length === 0 ? [] : ['    input:', ...needed.map((other) => `        ${mark(other.number)},`)]),
      `    output: touch(${mark(number)})`,
      `    log: ${JSON.stringify(path.relative(folder.directory, folder.logFile(number)))}`,
      `    threads: ${threads === 'auto' ? 'int(config.get("threads", 1))' : threads}`,
      ...(memory ? [`    resources: mem_mb=${Math.ceil(memory / 2 ** 20)}`] : []),
      `    message: ${JSON.stringify(describeTask(task))}`,
      `    shell: ${JSON.stringify(`${command} ${number}${own} >> {log} 2>&1`)}`,
    ].join('\n');
  };

  return [
    '# Written by sri reproduce --export snakemake. Each task is safe to repeat, and goes on where it was stopped:',
    '#     snakemake --snakefile FILE --cores 4 --keep-going [--config threads=2]',
    '# threads is of those tasks whose number of threads the study leaves open.',
    '',
    '# Names of files are from here: in a longer one Snakemake might find wildcards.',
    `workdir: ${JSON.stringify(folder.directory)}`,
    '',
    ...[report, ...others].map((one) => `${rule(one)}\n`),
    '# What can be told is told, whatever has failed.',
    'onerror:',
    `    shell(${JSON.stringify(`${command} ${report.number}`)})`,
    '',
  ].join('\n');
}
