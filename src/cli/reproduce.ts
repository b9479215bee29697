// `sri reproduce`: one command from raw text to the paper's tables. It makes a plan of what they need and does what is
// missing of it, so the command may be given again at any time.

import { type Command, Option } from 'commander';
import { InputError } from '../errors.js';
import type { Forecast } from '../experiments/reproduce/forecast.js';
import type { ReproductionRequest } from '../experiments/reproduce/reproduce.js';
import { counted, formatSeconds } from '../notation.js';
import { align } from '../report/layout.js';
import { shellWord } from '../shell-words.js';
import { cut } from '../text.js';
import { type Io, note, print, printJson } from './io.js';
import {
  addConfigOption,
  addMachineOptions,
  addSetOption,
  collect,
  configOf,
  type MachineOptions,
  names,
  overridesOf,
  seedNumbers,
  wholeNumber,
} from './options.js';
import type { Progress } from './progress.js';
import { addResultOptions, addTableOptions, figureKeysOf, type TableOptions, tableKeysOf } from './report.js';

interface ReproduceOptions extends MachineOptions, TableOptions {
  config?: string | undefined;
  set: string[];
  methods?: string | undefined;
  seeds?: number[] | undefined;
  seed?: number[] | undefined;
  sweep: string[];
  sweepFile?: string | undefined;
  jobs?: number | undefined;
  launcher?: 'slurm' | undefined;
  sbatch?: string | undefined;
  arrayLimit?: number | undefined;
  print?: boolean | undefined;
  export?: 'snakemake' | undefined;
  from?: string | undefined;
  ais?: boolean | undefined;
  dryRun?: boolean | undefined;
  /** Set by `sri frontier`. */
  frontier?: boolean | undefined;
}

/** Seconds after which a task of a plan is marked: not many will wait for it. */
const WEEK = 7 * 24 * 3600;

const EXAMPLES = `
Examples:
  sri reproduce --config ptb.yaml --table 1 --dry-run
  sri reproduce --config ptb.yaml --table 1 --ais
  sri reproduce --config snli.yaml --tables 1,4 --methods fb-vae,sri --seeds 0,1,2
  sri reproduce --config ptb.yaml --ablation steps
  sri reproduce --config ptb.yaml --methods sri --sweep model.latentSize=16,32,64 --seeds 0..4 --jobs 4
  sri reproduce --config yelp.yaml --all --from ~/corpora`;

/** What a plan is made of. @param methods what the option of that name takes. */
function addPlanOptions(command: Command, methods: string): Command {
  return command
    .option('--methods <list>', methods)
    .addOption(
      new Option(
        '--seeds <list>',
        "seeds with commas between, or a range such as 0..4; the config's unless given",
      ).argParser(seedNumbers),
    )
    .addOption(
      new Option('--seed <list>', "the same, by the name it has elsewhere; the config's unless given").argParser(
        seedNumbers,
      ),
    )
    .addOption(
      new Option(
        '--sweep <key=values>',
        'a run for each value of a key: model.hiddenSize=64,128, langevin.steps=10..40:10; repeated, for each combination',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .option(
      '--sweep-file <file>',
      'a run for each named setting of a YAML file, `small: { model: { hiddenSize: 64 } }`; none unless given',
    )
    .option(
      '--from <folder>',
      'folder of the raw files, should the corpus not be prepared yet; as in sri prepare unless given',
    )
    .addOption(
      new Option(
        '--jobs <number>',
        'tasks at a time, each a process of its own with its share of the threads, as far as memory allows; one, in this process, unless given',
      ).argParser(wholeNumber(1)),
    )
    .addOption(
      new Option(
        '--launcher <name>',
        'where tasks run: slurm submits them as job arrays and returns; here unless given',
      ).choices(['slurm']),
    )
    .option('--sbatch <options>', 'with --launcher: further options for sbatch, "-c 4 -t 24:00:00"')
    .addOption(
      new Option(
        '--array-limit <number>',
        'with --launcher: tasks of an array that run at a time; no limit unless given',
      ).argParser(wholeNumber(1)),
    )
    .option('--print', 'with --launcher: write the scripts, show how they are submitted, and submit nothing')
    .addOption(
      new Option(
        '--export <form>',
        'write the plan for another engine, a Snakefile, and do nothing; none unless given',
      ).choices(['snakemake']),
    )
    .option('--dry-run', 'only tell what would be done, and about how long it would take');
}

export function addReproduce(program: Command, io: Io): void {
  const command = program
    .command('reproduce')
    .description('do what is missing for tables of the paper or others - prepare, train, measure - and write them')
    .usage('[--config ptb.yaml] (--table N | --tables 1,4 | --all | --ablation steps) [options]');
  addTableOptions(addSetOption(addConfigOption(command))).option(
    '--ais',
    'beside each perplexity of Table 1 an independent one, on fewer sentences (with --all too)',
  );
  addPlanOptions(
    command,
    'methods with commas between, a setting after @: lstm-lm,sri,sri@released; those of the config that the paper shows unless given',
  );
  addMachineOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: ReproduceOptions) => {
      const { createProgress } = await import('./progress.js');
      const progress = createProgress(io, options.json ?? false);
      try {
        await reproduce(options, io, progress);
      } finally {
        progress.end();
      }
    });
}

export function addFrontier(program: Command, io: Io): void {
  const command = program
    .command('frontier')
    .description(
      'draw true perplexity against KL, as what decides between them varies: the last temperature of short runs, free bits, beta, a committed rate',
    )
    .usage('[--config ptb.yaml] [--methods sri@annealed,fb-vae] [options]');
  const methods = 'settings to vary, with commas between; lstm-lm, sri@from-lm, sri@annealed and fb-vae unless given';
  addMachineOptions(addResultOptions(addPlanOptions(addSetOption(addConfigOption(command)), methods)))
    .addHelpText(
      'after',
      '\nExamples:\n  sri frontier --config ptb.yaml --dry-run\n  sri frontier --config ptb.yaml --seeds 0,1',
    )
    .action(async (options: ReproduceOptions) => {
      const { createProgress } = await import('./progress.js');
      const progress = createProgress(io, options.json ?? false);
      try {
        await reproduce({ ...options, frontier: true }, io, progress);
      } finally {
        progress.end();
      }
    });
}

/** @throws {InputError} where no config is named, and the folder has none or several. */
async function requestOf(options: ReproduceOptions): Promise<ReproductionRequest> {
  const { all = false, ais = false, methods, seed, seeds = seed, split, runs, results, from } = options;
  if (seed !== undefined && seeds !== seed) {
    const both = [...new Set([...seed, ...seeds!])].join(',');
    throw new InputError(`--seed and --seeds are one option by two names; give one of them: --seeds ${both}`);
  }
  const config = await configOf(options, options.frontier ? 'sri frontier' : 'sri reproduce');
  const [{ parseSweep }, { openConfig }] = await Promise.all([
    import('../config/load.js'),
    import('../experiments/choose-run.js'),
  ]);
  const loaded = await openConfig(config);
  return {
    loaded,
    config,
    overrides: overridesOf(options),
    tables: options.frontier ? ['frontier'] : tableKeysOf(options),
    figures: figureKeysOf(options),
    ais: all || ais,
    methods: methods === undefined ? undefined : names(methods),
    seeds,
    sweep: parseSweep(options.sweep, loaded.catalogue, { file: options.sweepFile }),
    split,
    runs,
    results,
    from,
  };
}

async function reproduce(options: ReproduceOptions, io: Io, progress: Progress): Promise<void> {
  const needless = (['sbatch', 'arrayLimit', 'print'] as const).find((name) => options[name] !== undefined);
  if (needless !== undefined && options.launcher === undefined) {
    throw new InputError(`--${needless === 'arrayLimit' ? 'array-limit' : needless} goes with --launcher slurm`);
  }
  const request = await requestOf(options);
  const { describeLeftOut, forecastReproduction, reproduce } = await import('../experiments/reproduce/reproduce.js');
  if (options.dryRun) {
    const { jobs = 1 } = options;
    const { forecastTogether } = await import('../experiments/reproduce/jobs.js');
    const { forecasts, leftOut, seconds } =
      jobs === 1 ? { ...(await forecastReproduction(request)), seconds: null } : await forecastTogether(request, jobs);
    for (const one of leftOut) progress.say(describeLeftOut(one), { event: 'left-out', ...one });
    await showForecast(forecasts, { jobs, seconds }, io, options.json);
    return;
  }
  const engines = ['jobs', 'launcher', 'export'] as const;
  const [engine, another] = engines.filter((name) => options[name] !== undefined);
  if (another !== undefined) {
    throw new InputError(`--${engine} and --${another} are two ways to have tasks done; leave one out`);
  }
  if (options.launcher !== undefined) {
    await launch(request, options, io);
    return;
  }
  if (options.export !== undefined) {
    await exportPlan(request, options, io);
    return;
  }
  if (options.jobs !== undefined) {
    await together(request, options.jobs, options, io);
    return;
  }
  const { ReproductionTeller } = await import('./reproduction-teller.js');
  const teller = new ReproductionTeller(io, progress, options);
  await reproduce(request, { signal: io.stop, onProgress: (event) => teller.tell(event) });
}

/**
 * The options of sbatch, which white space divides.
 * @throws {InputError} for quotation marks, which a shell would take away and nothing here does.
 */
function sbatchWords(text = ''): string[] {
  if (/["']/.test(text)) {
    throw new InputError(`--sbatch ${cut(text)}: quotation marks are not understood; give values without white space`);
  }
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Hands the plan to Slurm. */
async function launch(
  request: ReproductionRequest,
  { sbatch, arrayLimit, print: only, json }: ReproduceOptions,
  io: Io,
): Promise<void> {
  const [{ writePlan }, { slurmJobs, submit, writeScripts }, { describeLeftOut }] = await Promise.all([
    import('../experiments/reproduce/jobs.js'),
    import('../experiments/reproduce/slurm.js'),
    import('../experiments/reproduce/reproduce.js'),
  ]);
  const { folder, leftOut, foreseen } = await writePlan(request);
  for (const one of leftOut) note(io, describeLeftOut(one));
  const slurm = slurmJobs(folder, foreseen.isDone, { sbatch: sbatchWords(sbatch), arrayLimit });
  if (only) {
    for (const command of await writeScripts(folder, slurm)) print(io, command);
    note(io, `scripts in ${folder.directory}/slurm; nothing was submitted`);
    return;
  }
  for (const [name, number] of await submit(folder, slurm)) {
    const { length } = slurm.find((job) => job.name === name)!.tasks;
    if (json) printJson(io, { event: 'submitted', name, job: number, tasks: length });
    else print(io, `job ${number}: ${name}, ${counted(length, 'task')}`);
  }
  if (json) printJson(io, { event: 'plan-folder', folder: folder.directory });
  else print(io, `sri status ${shellWord(folder.directory)} tells how it stands`);
}

/** Writes the plan as Snakemake has it. */
async function exportPlan(request: ReproductionRequest, { json }: ReproduceOptions, io: Io): Promise<void> {
  const [{ writePlan }, { writeSnakefile }, { describeLeftOut }] = await Promise.all([
    import('../experiments/reproduce/jobs.js'),
    import('../experiments/reproduce/snakemake.js'),
    import('../experiments/reproduce/reproduce.js'),
  ]);
  const { folder, leftOut, foreseen } = await writePlan(request);
  for (const one of leftOut) note(io, describeLeftOut(one));
  const file = await writeSnakefile(folder, foreseen);
  if (json) printJson(io, { event: 'exported', file, folder: folder.directory });
  else {
    print(io, `snakemake --snakefile ${shellWord(file)} --cores 2 --keep-going`);
    print(io, `sri status ${shellWord(folder.directory)} tells how it stands`);
  }
}

/** Carries a plan out with several tasks at a time. */
async function together(request: ReproductionRequest, jobs: number, options: ReproduceOptions, io: Io): Promise<void> {
  const [{ reproduceTogether }, { TogetherTeller }, { createTaskBoard }] = await Promise.all([
    import('../experiments/reproduce/jobs.js'),
    import('./reproduction-teller.js'),
    import('./task-board.js'),
  ]);
  const board = createTaskBoard(io, options.json ?? false);
  const teller = new TogetherTeller(io, board, options);
  try {
    await reproduceTogether(request, jobs, { signal: io.stop, onProgress: (event) => teller.tell(event) });
  } finally {
    board.close();
  }
}

/**
 * The plan as a person reads it, or a line a task for a program.
 * @param together how long it takes with several tasks at a time; null where that is not known.
 */
async function showForecast(
  forecasts: readonly Forecast[],
  together: { jobs: number; seconds: number | null },
  io: Io,
  json = false,
): Promise<void> {
  const known = forecasts.map(({ seconds }) => seconds ?? 0).reduce((sum, seconds) => sum + seconds, 0);
  const unknown = forecasts.some(({ seconds }) => seconds === null);
  const { busyCores, busyNotice } = await import('../experiments/reproduce/busy-cores.js');
  const busy = known === 0 ? 0 : await busyCores();
  if (json) {
    for (const { task, state, epochs, seconds } of forecasts) {
      const run = 'run' in task ? { name: task.run.name, seed: task.run.seed } : {};
      printJson(io, { event: 'task', id: task.id, kind: task.kind, ...run, after: task.after, state, epochs, seconds });
    }
    const side = together.jobs === 1 ? {} : { jobs: together.jobs, secondsTogether: together.seconds };
    printJson(io, {
      event: 'plan',
      tasks: forecasts.length,
      seconds: unknown ? null : known,
      busyCores: busy,
      ...side,
    });
    return;
  }
  const { describeTask } = await import('../experiments/reproduce/plan.js');
  const time = (seconds: number | null) =>
    seconds === null
      ? '?'
      : seconds === 0
        ? ''
        : `${formatSeconds(seconds)}${seconds > WEEK ? ', more than a week' : ''}`;
  const lines = forecasts.map(({ task, state, epochs, seconds }) => [
    describeTask(task),
    state === 'goes on' ? `goes on from epoch ${epochs}` : state,
    time(seconds),
  ]);
  const totals = [
    ['in all', '', unknown ? `${time(known)} and more` : time(known)],
    ...(together.jobs === 1 ? [] : [[`${together.jobs} at a time`, '', time(together.seconds)]]),
  ];
  for (const line of align([['task', 'state', 'takes at most about'], ...lines, ...totals])) print(io, line);
  const notice = busyNotice(busy);
  if (notice !== null) note(io, notice);
  if (unknown) print(io, 'what it takes can be told once the text is prepared: sri prepare');
}
