// `sri reproduce`: one command from raw text to the paper's tables. It makes a plan of what they need and does what is
// missing of it, so the command may be given again at any time: each step is skipped where its result is there already,
// and each goes on where it was stopped.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LoadedConfig } from '../../config/load.js';
import type { RunConfig } from '../../config/schema.js';
import type { CorpusStatistics } from '../../data/corpus.js';
import { InputError } from '../../errors.js';
import type { OpenRun } from '../../experiments/open-run.js';
import type { Remaining } from '../../experiments/reproduce/outstanding.js';
import {
  AIS_CHECK,
  type Candidate,
  carryOut,
  chooseParts,
  describeTask,
  FIGURES,
  isAll,
  type Measuring,
  makePlan,
  type Product,
  STEPS_ABLATION,
  settle,
  TABLES,
  type Task,
  type Wanted,
} from '../../experiments/reproduce/plan.js';
import type { MeasuredRow } from '../../runs/measured-run.js';
import type { RunFolder } from '../../runs/run-folder.js';
import type { Io } from '../io.js';
import { addConfigOption, addMachineOptions, addSetOption, overridesOf, wholeNumbers } from '../options.js';
import { createProgress, type Progress } from '../progress.js';
import { addTableOptions, tableNumbersOf } from '../report.js';
import type { ReproduceOptions } from './options.js';

const EXAMPLES = `
Examples:
  sri reproduce --config ptb.yaml --table 1 --dry-run
  sri reproduce --config ptb.yaml --table 1 --ais
  sri reproduce --config snli.yaml --tables 1,4 --methods fb-vae,sri --seeds 0,1,2
  sri reproduce --config ptb.yaml --ablation steps
  sri reproduce --config yelp.yaml --all --from ~/corpora`;

export function addReproduce(program: Command, io: Io): void {
  const command = program
    .command('reproduce')
    .description('do what is missing for tables of the paper - prepare, train, measure - and write them')
    .usage('--config ptb.yaml (--table N | --tables 1,4 | --all | --ablation steps) [options]');
  addTableOptions(addSetOption(addConfigOption(command)))
    .addOption(new Option('--figures <list>', "the paper's figures; there is 1").argParser(figureNumbers))
    .option(
      '--methods <list>',
      'methods with commas between, a setting after @: lstm-lm,sri,sri@paper; those of the config that the paper shows',
    )
    .addOption(
      new Option('--seed, --seeds <list>', "seeds with commas between; the config's unless given").argParser(
        wholeNumbers(0),
      ),
    )
    .option('--ais', 'beside each perplexity of Table 1 an independent one, on fewer sentences (with --all too)')
    .option('--from <folder>', 'folder of the raw files, should the corpus not be prepared yet')
    .option('--dry-run', 'only tell what would be done, and about how long it would take');
  addMachineOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: ReproduceOptions) => {
      const progress = createProgress(io, options.json ?? false);
      try {
        await reproduce(options, io, progress);
      } finally {
        progress.end();
      }
    });
}

async function reproduce(options: ReproduceOptions, io: Io, progress: Progress): Promise<void> {
  const [{ loadConfig }, { checkMethods }] = await Promise.all([
    import('../../config/load.js'),
    import('../options.js'),
  ]);
  if (options.config === undefined) throw new InputError('give --config, such as --config ptb.yaml');
  const loaded = loadConfig(options.config);
  await checkMethods(loaded);
  const statistics = await statisticsOf(loaded, options.set);
  const tasks = await planOf(loaded, options, statistics, progress);
  if (options.dryRun) {
    const { showForecast } = await import('./dry-run.js');
    await showForecast(tasks, statistics, options, io);
    return;
  }
  const performer = new Performer(loaded, options, tasks, statistics, io, progress);
  try {
    const failures = await carryOut(tasks, (task) => performer.perform(task), {
      signal: io.stop,
      onFailure: (failure) => {
        progress.end();
        if (isAll(failure, tasks)) return;
        const { task, error } = failure;
        const line = `${describeTask(task)} failed: ${error.message}; the rest goes on`;
        progress.say(line, { event: 'failed', task: task.id, message: error.message });
      },
    });
    settle(failures, tasks);
  } finally {
    performer.close();
  }
}

/**
 * The tasks that the options ask for.
 * @throws {InputError} where they ask for nothing that can be done.
 */
async function planOf(
  loaded: LoadedConfig,
  options: ReproduceOptions,
  statistics: CorpusStatistics | null,
  progress: Progress,
): Promise<Task[]> {
  const [{ resolveData, resolveRun }, { parseMethod, resolveChoice }] = await Promise.all([
    import('../../config/load.js'),
    import('../options.js'),
  ]);
  const named = options.methods?.split(',').map((name) => name.trim());
  const candidates = await candidatesOf(loaded, named);
  const products = productsOf(options);
  // Before the text is seen, only a config that says so is sure that it has no labels.
  const { labelColumn } = resolveData(loaded, options.set);
  const labelled = statistics === null ? labelColumn !== 'none' : statistics.splits.train.labels !== null;
  const { runs, leftOut, idle } = chooseParts(products, candidates, { named: named !== undefined, labelled });
  const lines = leftOut.map(({ product, reason }) => `${product} is left out: ${reason}`);
  if (runs.length === 0) throw new InputError(lines.join('\n'));
  if (named !== undefined && idle.length > 0) {
    const asked = products.map(({ name }) => name).join(', ');
    throw new InputError(`--methods ${idle.join(',')}: no part in ${asked}; leave out what is not wanted`);
  }
  for (const [i, line] of lines.entries()) progress.say(line, { event: 'left-out', ...leftOut[i] });

  const overrides = overridesOf(options);
  const wanted: Wanted[] = [];
  for (const seed of options.seeds ?? [undefined]) {
    for (const { name, measuring } of runs) {
      wanted.push({ run: await resolveChoice(loaded, { ...(await parseMethod(name)), seed, overrides }), measuring });
    }
  }
  return makePlan(wanted, ({ name, method, startFrom, seed }) => {
    if (startFrom === null) return null;
    if (loaded.config.methods[startFrom] === undefined) {
      throw new InputError(
        `${loaded.locate(['methods', method])}: ${name} starts from the encoder of ${startFrom}, ` +
          `which must be among the methods; add ${startFrom}`,
      );
    }
    return resolveRun(loaded, { method: startFrom, seed, overrides });
  });
}

/** Methods that could be run: those that were named, or all of the config, in the paper's order. */
async function candidatesOf(loaded: LoadedConfig, named: readonly string[] | undefined): Promise<Candidate[]> {
  const [{ METHODS, methodNamed }, { parseMethod }] = await Promise.all([
    import('../../methods/index.js'),
    import('../options.js'),
  ]);
  const available = METHODS.map(({ name }) => name).filter((name) => loaded.config.methods[name] !== undefined);
  return Promise.all(
    (named ?? available).map(async (name) => {
      const { method } = await parseMethod(name);
      return { name, method, inference: methodNamed(method).inference };
    }),
  );
}

/** What is asked for: Table 1 where nothing is. */
function productsOf(options: ReproduceOptions): Product[] {
  const { all, ais, figures, ablation, set, split } = options;
  if (ablation !== undefined && set.some((text) => /^\s*langevin\.steps\s*=/.test(text))) {
    throw new InputError('--set langevin.steps goes against --ablation steps, which tries several; leave one out');
  }
  const tables = tablesOf(options);
  if (split === 'train' && tables.includes(5)) {
    throw new InputError('--split train: classification learns from that split, so Table 5 is of valid or test');
  }
  return [
    ...tables.map((number) => TABLES[number]!),
    ...(all || ais ? [AIS_CHECK] : []),
    ...(all ? [1] : (figures ?? [])).map((number) => FIGURES[number]!),
    ...(ablation === undefined ? [] : [STEPS_ABLATION]),
  ];
}

/** Numbers of the tables that are asked for. */
function tablesOf(options: ReproduceOptions): number[] {
  return tableNumbersOf(options, options.figures === undefined && options.ablation === undefined ? [1] : []);
}

/**
 * What was counted in the config's corpus; null as long as it is not prepared.
 * @throws {InputError} where the corpus is not whole.
 */
async function statisticsOf(loaded: LoadedConfig, set: readonly string[]): Promise<CorpusStatistics | null> {
  const [{ resolveData }, { loadCorpus }] = await Promise.all([
    import('../../config/load.js'),
    import('../../data/corpus-files.js'),
  ]);
  const { directory } = resolveData(loaded, set);
  return existsSync(path.join(directory, 'corpus.json')) ? (await loadCorpus(directory)).statistics : null;
}

/** Does the tasks of a plan, as far as they are not done already. */
class Performer {
  /** The run that was measured last: what comes next is mostly of the same. */
  private opened: OpenRun | null = null;

  /** @param statistics of the corpus; null as long as it is not prepared. */
  constructor(
    private readonly loaded: LoadedConfig,
    private readonly options: ReproduceOptions,
    private readonly tasks: readonly Task[],
    private statistics: CorpusStatistics | null,
    private readonly io: Io,
    private readonly progress: Progress,
  ) {}

  async perform(task: Task): Promise<void> {
    switch (task.kind) {
      case 'prepare':
        await this.prepare(task);
        break;
      case 'report':
        await this.report();
        break;
      case 'train':
        await this.train(task, task.run);
        break;
      default:
        await this.measure(task, task.kind, task.run);
    }
    this.progress.end();
  }

  /** Lets go of what is held in memory. */
  close(): void {
    this.opened?.dispose();
    this.opened = null;
  }

  private async prepare(task: Task): Promise<void> {
    if (this.statistics !== null) return;
    const { loaded, io } = this;
    const { from, set, json } = this.options;
    const { configured, prepare } = await import('../prepare.js');
    this.announce(task);
    await prepare(await configured(loaded, { from, set }), io, json ?? false);
    this.statistics = await statisticsOf(loaded, set);
  }

  private async train(task: Task, run: RunConfig): Promise<void> {
    const [{ RunFolder }, { trainRun }, { trainingState }] = await Promise.all([
      import('../../runs/run-folder.js'),
      import('../train.js'),
      import('../../experiments/reproduce/outstanding.js'),
    ]);
    const folder = RunFolder.of(this.options.runs, run);
    if (trainingState(run, folder.manifest()).state === 'done') {
      // It must still be the run that is asked for, and may be measured in another way from now on.
      await folder.settleConfig(run);
      return;
    }
    this.close();
    this.announce(task);
    await trainRun(run, folder, this.options.runs, this.io, this.progress);
  }

  private async measure(task: Task, kind: Measuring, run: RunConfig): Promise<void> {
    const { statistics } = this;
    const { split, runs } = this.options;
    const [{ RunFolder }, { remaining }, { readRun }, { methodNamed }] = await Promise.all([
      import('../../runs/run-folder.js'),
      import('../../experiments/reproduce/outstanding.js'),
      import('../../runs/measured-run.js'),
      import('../../methods/index.js'),
    ]);
    const folder = RunFolder.of(runs, run);
    const { inference } = methodNamed(run.method);
    const left = remaining(kind, readRun(folder), { run, inference, split, statistics });
    if (left === null) return;
    this.announce(task);
    const opened = await this.open(run, folder);
    const rows = await this.makeRemaining(opened, left);
    this.progress.end();
    const { describeRow } = await import('../rows.js');
    for (const row of rows) {
      this.progress.say(describeRow(row).join('\n'), { event: 'row', folder: folder.directory, ...row });
    }
  }

  /** @returns the rows that it made; none where it made artifacts. */
  private async makeRemaining(opened: OpenRun, left: Remaining): Promise<MeasuredRow[]> {
    const { io, progress } = this;
    const { split } = this.options;
    switch (left.kind) {
      case 'metrics': {
        const { evaluateRun } = await import('../eval.js');
        return evaluateRun(opened, { metrics: left.metrics, split }, io, progress);
      }
      case 'ais': {
        const { evaluateRun } = await import('../eval.js');
        const rows: MeasuredRow[] = [];
        for (const estimator of left.estimators) {
          const { evaluation } = opened.run;
          const run = { ...opened.run, evaluation: estimator === 'exact' ? evaluation : { ...evaluation, estimator } };
          rows.push(
            ...(await evaluateRun(
              { ...opened, run },
              { metrics: ['ppl'], split, limit: left.sentences },
              io,
              progress,
            )),
          );
        }
        return rows;
      }
      case 'noisy-recon': {
        const { noisyReconRun, TABLE_4 } = await import('../noisy-recon.js');
        return noisyReconRun(opened, { ...TABLE_4, swaps: left.swaps, split }, io, progress);
      }
      case 'classification': {
        const { classifyRun, TABLE_5 } = await import('../classify.js');
        const tested = split === 'train' ? TABLE_5.split : split;
        return classifyRun(opened, { ...TABLE_5, labels: left.labels, split: tested }, io, progress);
      }
      case 'interpolations': {
        const { interpolateRun } = await import('../interpolate.js');
        await interpolateRun(opened, {}, io, progress);
        return [];
      }
      case 'generations': {
        const { generateRun } = await import('../generate.js');
        await generateRun(opened, {}, io, progress);
        return [];
      }
      case 'posterior': {
        const { FIGURE_1, posteriorRun } = await import('../posterior.js');
        await posteriorRun(opened, { ...FIGURE_1, split }, io, progress);
        return [];
      }
    }
  }

  private async open(run: RunConfig, folder: RunFolder): Promise<OpenRun> {
    if (this.opened?.folder.directory !== folder.directory) {
      this.close();
      const { openRun } = await import('../../experiments/open-run.js');
      this.opened = await openRun(run, folder);
    }
    return this.opened!;
  }

  /** Of all runs on the data set, also those of earlier commands: a table is never less than what was measured. */
  private async report(): Promise<void> {
    const [{ findRuns, readRun }, { reportTables, writeResults }] = await Promise.all([
      import('../../runs/measured-run.js'),
      import('../report.js'),
    ]);
    const { options, loaded, io } = this;
    const runs = findRuns(options.runs, loaded.config.dataSet).map(readRun);
    if (runs.length === 0) return;
    const asked = await reportTables(tablesOf(options), options.ablation !== undefined);
    await writeResults(runs, { ...options, asked, missing: 'pass over', html: true }, io);
  }

  private announce(task: Task): void {
    const [number, of] = [this.tasks.indexOf(task) + 1, this.tasks.length];
    const line = `task ${number} of ${of}: ${describeTask(task)}`;
    this.progress.say(line, { event: 'task', id: task.id, number, of });
  }
}

/** Numbers of figures with commas between. */
function figureNumbers(text: string): number[] {
  const numbers = wholeNumbers(1)(text);
  if (numbers.some((number) => number !== 1)) {
    throw new InvalidArgumentError('Of the figures of the paper there is 1, which can be drawn from runs.');
  }
  return [1];
}
