// `sri run-task` and `sri status`: one task of a plan in this process, and how all of them stand.

import { type Command, Option } from 'commander';
import { InputError } from '../errors.js';
import type { TaskStatus } from '../experiments/reproduce/status.js';
import { formatSeconds } from '../notation.js';
import { align } from '../report/layout.js';
import { type Io, print, printJson } from './io.js';
import { parseThreads, wholeNumber } from './options.js';

interface RunTaskOptions {
  threads?: number | 'auto' | undefined;
  json?: boolean | undefined;
  attended?: boolean | undefined;
}

export function addRunTask(program: Command, io: Io): void {
  program
    .command('run-task')
    .description('do one task of a plan; safe to repeat, and what --jobs and Slurm run')
    .argument('<plan>', 'the folder that sri reproduce wrote the plan to')
    .argument('<number>', 'of the task, from 1, as sri status has it', wholeNumber(1))
    .addOption(
      new Option('--threads <number>', "threads that compute, or auto; the plan's unless given").argParser(
        parseThreads,
      ),
    )
    .option('--json', 'one JSON object a line on standard output, for a program that reads along')
    .addOption(new Option('--attended', 'save and stop when standard input ends').hideHelp())
    .addHelpText(
      'after',
      '\nExamples:\n  sri run-task runs/ptb/plan-1a2b3c4d 3\n  sri run-task runs/ptb/plan-1a2b3c4d 3 --threads 4',
    )
    .action(async (where: string, number: number, options: RunTaskOptions) => {
      const [{ PlanFolder }, { runTask }, { ReproductionTeller }] = await Promise.all([
        import('../experiments/reproduce/plan-file.js'),
        import('../experiments/reproduce/run-task.js'),
        import('./reproduction-teller.js'),
      ]);
      const folder = await PlanFolder.open(where);
      folder.task(number);
      try {
        process.chdir(folder.plan.directory);
      } catch {
        throw new InputError(`${folder.file}: ${folder.plan.directory}, where the plan was made, is not here`);
      }
      const { createProgress } = await import('./progress.js');
      const progress = createProgress(io, options.json ?? false);
      const teller = new ReproductionTeller(io, progress, {
        split: folder.plan.split,
        format: 'table',
        json: options.json,
      });
      const signal = options.attended ? AbortSignal.any([io.stop, endOfInput()]) : io.stop;
      try {
        await runTask(folder, number, options.threads, { signal, onProgress: (event) => teller.tell(event) });
      } finally {
        progress.end();
      }
    });
}

/** Aborted when whoever holds the other end of standard input is gone. It does not keep the process alive. */
function endOfInput(): AbortSignal {
  const controller = new AbortController();
  process.stdin.on('end', () => controller.abort());
  process.stdin.on('error', () => controller.abort());
  process.stdin.resume();
  (process.stdin as { unref?: () => void }).unref?.();
  return controller.signal;
}

export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description("tell which of a plan's tasks are done, run, wait or failed, and where their logs are")
    .argument('<plan>', 'the folder that sri reproduce wrote the plan to')
    .option('--json', 'one JSON object a task')
    .addHelpText('after', '\nExamples:\n  sri status runs/ptb/plan-1a2b3c4d')
    .action(async (where: string, { json }: { json?: boolean | undefined }) => {
      const [{ PlanFolder }, { planStatus }, { describeTask }] = await Promise.all([
        import('../experiments/reproduce/plan-file.js'),
        import('../experiments/reproduce/status.js'),
        import('../experiments/reproduce/plan.js'),
      ]);
      const statuses = planStatus(await PlanFolder.open(where));
      if (json) {
        for (const { number, task, state, message, elapsed, logs } of statuses) {
          printJson(io, { event: 'status', number, id: task.id, state, message, elapsed, logs });
        }
        return;
      }
      const lines = statuses.map(({ number, task, state, elapsed, message, logs }) => [
        `${number}: ${describeTask(task)}`,
        state,
        elapsed === null ? '' : formatSeconds(elapsed / 1000),
        [...(message === null ? [] : [message.split('\n')[0]!]), ...logs].join('; '),
      ]);
      for (const line of align(lines, [0, 1, 2, 3])) print(io, line.trimEnd());
      print(io, counts(statuses));
    });
}

/** `3 done, 1 running, 2 waiting`. */
function counts(statuses: readonly TaskStatus[]): string {
  const by = new Map<string, number>();
  for (const { state } of statuses) by.set(state, (by.get(state) ?? 0) + 1);
  return [...by].map(([state, count]) => `${count} ${state}`).join(', ');
}
