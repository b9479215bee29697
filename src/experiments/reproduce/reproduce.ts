// From raw text to the paper's tables: a plan of what they need, and what is missing of it done. It may be asked for again
// at any time: each step is skipped where its result is there already, and each goes on where it was stopped.

import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  checkOverrides,
  givesValue,
  type LoadedConfig,
  parseSweep,
  type RunChoice,
  resolveData,
} from '../../config/load.js';
import type { RunConfig } from '../../config/schema.js';
import type { SweepPoint, Swept } from '../../config/sweep.js';
import type { CorpusStatistics } from '../../data/corpus.js';
import { CorpusInUseError, checkCorpus } from '../../data/corpus-files.js';
import type { PreparationReport } from '../../data/prepare.js';
import type { SplitName } from '../../data/splits.js';
import { InputError } from '../../errors.js';
import { methodNamed, methods } from '../../methods/registry.js';
import type { FigureKey } from '../../report/define-figure.js';
import type { TableKey } from '../../report/define-table.js';
import { figuresOf } from '../../report/figures.js';
import type { Product, Varying } from '../../report/product.js';
import { tables, tablesOf } from '../../report/tables.js';
import { findRuns, readKnownRuns, readRun } from '../../runs/measured-run.js';
import { RunFolder, RunInUseError } from '../../runs/run-folder.js';
import { tryWriting } from '../../storage/folder.js';
import type { TrainingEvent } from '../../training/train.js';
import { bearing, parseMethod, resolveVariant, startsOfVariant } from '../choose-run.js';
import type { SkippedLabels } from '../classify.js';
import { measuringAlone, waitFor } from '../in-use.js';
import type { UnknownWords } from '../interpolate.js';
import { type OpenRun, openRun } from '../open-run.js';
import { configured, prepare } from '../prepare.js';
import type { Following, RowEvent, Stage } from '../progress.js';
import { type Results, writeResults } from '../report.js';
import { trainRun } from '../train.js';
import { type Forecast, forecast } from './forecast.js';
import { type MeasuringTask, makeRemaining, quantitiesOf, refusalOf, remaining } from './measurings.js';
import { trainingState } from './outstanding.js';
import {
  type Candidate,
  carryOut,
  chooseParts,
  isAll,
  makePlan,
  type Parts,
  settle,
  type Task,
  type Wanted,
} from './plan.js';

export interface ReproductionRequest {
  loaded: LoadedConfig;
  /** `path.to.key=value`, of every run. */
  overrides: readonly string[];
  /** Tables, by the paper's number or by name. */
  tables: readonly TableKey[];
  /** Figures, by the paper's number or by name. */
  figures: readonly FigureKey[];
  /** Whether each perplexity of Table 1 gets an independent one beside it. */
  ais: boolean;
  /** Methods, a setting after @; those of the config that the tables and figures show where absent. */
  methods?: readonly string[] | undefined;
  /** The config's where absent. */
  seeds?: readonly number[] | undefined;
  /** Variants of every run; where absent, each is itself alone. */
  sweep?: readonly SweepPoint[] | undefined;
  split: SplitName;
  /** Folder of all runs. */
  runs: string;
  /** Where tables and figures go, in a folder for each data set. */
  results: string;
  /** Folder of the raw files, should the corpus not be prepared yet. */
  from?: string | undefined;
  /** The config file, as the report names it. */
  config?: string | undefined;
}

export type ReproductionEvent =
  /** A product that was asked for and cannot be. */
  | { kind: 'left-out'; product: string; reason: string }
  /** A task is begun, of which something is missing; what follows is of it. */
  | { kind: 'task'; task: Task; number: number; of: number; folder: RunFolder | null }
  | { kind: 'prepared'; report: PreparationReport }
  | { kind: 'results'; results: Results }
  /** A task failed, and the rest goes on. */
  | { kind: 'failed'; task: Task; error: Error }
  /** The task in progress is over. */
  | { kind: 'over' }
  | Stage
  | RowEvent
  | SkippedLabels
  | UnknownWords
  | TrainingEvent;

/**
 * Does what is missing for what is asked for, and writes it.
 * @throws {InputError} where nothing of it can be done, or the corpus is not whole.
 * @throws {InterruptedError} when the signal asks to stop.
 * @throws {Error} in the end, that says which tasks failed.
 */
export async function reproduce(
  request: ReproductionRequest,
  { signal, onProgress }: Following<ReproductionEvent> = {},
): Promise<void> {
  const { tasks, statistics, leftOut } = await planReproduction(request);
  tryResults(request);
  for (const one of leftOut) onProgress?.({ kind: 'left-out', ...one });
  const performer = new Performer(request, tasks, statistics, { signal, onProgress });
  try {
    const failures = await carryOut(tasks, (task) => performer.perform(task), {
      signal,
      onFailure: (failure) => {
        onProgress?.({ kind: 'over' });
        if (!isAll(failure, tasks)) onProgress?.({ kind: 'failed', task: failure.task, error: failure.error });
      },
    });
    settle(failures, tasks);
  } finally {
    performer.close();
  }
}

/**
 * Tries, before hours of work, whether its outcome can be written.
 * @throws what the file system throws.
 */
export function tryResults({ runs, results, loaded }: ReproductionRequest): void {
  for (const folder of [runs, results]) tryWriting(path.join(folder, loaded.config.dataSet));
}

/** The tasks that a request needs, how far each is and about how long the rest takes, without doing any. */
export async function forecastReproduction(
  request: ReproductionRequest,
): Promise<{ forecasts: Forecast[]; leftOut: LeftOut[] }> {
  const { tasks, statistics, leftOut } = await planReproduction(request);
  return { forecasts: await forecast(tasks, statistics, request), leftOut };
}

export interface LeftOut {
  product: string;
  reason: string;
}

/** A product that was asked for and cannot be, in a sentence. */
export function describeLeftOut({ product, reason }: LeftOut): string {
  return `${product} is left out: ${reason}`;
}

/**
 * The tasks that a request needs.
 * @throws {InputError} where it asks for nothing that can be done.
 */
export async function planReproduction(
  request: ReproductionRequest,
): Promise<{ tasks: Task[]; statistics: CorpusStatistics | null; leftOut: LeftOut[] }> {
  const { loaded, overrides, methods } = request;
  const statistics = await statisticsOf(request);
  const products = productsOf(request);
  const candidates = candidatesOf(methods ?? usualRuns(loaded, products));
  // Before the text is seen, only a config that says so is sure that it has no labels.
  const { labelColumn } = resolveData(loaded, overrides);
  const labelled = statistics === null ? labelColumn !== 'none' : statistics.splits.train.labels !== null;
  const { runs, leftOut, idle } = chooseParts(products, candidates, { named: methods !== undefined, labelled });
  if (runs.length === 0) throw new InputError(leftOut.map(describeLeftOut).join('\n'));
  if (methods !== undefined && idle.length > 0) {
    const asked = products.map(({ title }) => title).join(', ');
    throw new InputError(`--methods ${idle.join(',')}: no part in ${asked}; leave out what is not wanted`);
  }
  for (const { need, product } of runs) {
    const refusal = refusalOf(need, request.split);
    if (refusal !== null) {
      throw new InputError(`--split ${request.split}: ${refusal}, so ${product} is of another; leave one of them out`);
    }
  }
  // Of methods that nobody named, those that have no such number have no part in what varies it.
  const varies = ({ name, varying }: Parts['runs'][number]) =>
    varying === undefined || methods !== undefined || variedOf(parseMethod(name).method, varying) !== undefined;
  const varied = runs.filter(varies).map(({ name, product, need, varying }) => {
    const choice = { ...parseMethod(name, undefined, '--methods'), overrides };
    return { choice, need, own: varying === undefined ? [[]] : varyingPoints(loaded, choice, varying, product) };
  });
  const sweep = request.sweep ?? [[]];
  const idleKeys = checkSweep(loaded, sweep, varied, overrides);
  const chosen = new Map<RunConfig, [RunChoice, SweepPoint]>();
  const variant = (choice: RunChoice, point: SweepPoint): RunConfig => {
    const run = resolveVariant(loaded, choice, point);
    chosen.set(run, [choice, point]);
    return run;
  };
  const wanted: Wanted[] = (request.seeds ?? [undefined]).flatMap((seed) =>
    sweep.flatMap((point) =>
      varied.flatMap(({ choice, need, own }) =>
        own.map((more) => ({ run: variant({ ...choice, seed }, [...point, ...more]), need })),
      ),
    ),
  );
  const tasks = makePlan(wanted, (run) => {
    const [choice, point] = chosen.get(run)!;
    return startsOfVariant(loaded, choice, point).map((start) => variant(start, point));
  });
  const planned = tasks.flatMap((task) => ('run' in task ? [task.run.method] : []));
  checkOverrides([...new Set(planned)], overrides, loaded.catalogue);
  return { tasks, statistics, leftOut: [...leftOut, ...idleKeys] };
}

/** A run of a plan, before its seed and what all runs vary are said: `own` is what it varies alone. */
interface VariedRun {
  choice: RunChoice;
  own: readonly SweepPoint[];
}

/** The first of several numbers that a method has. */
function variedOf(method: string, varying: readonly Varying[]): Varying | undefined {
  return varying.find(({ quantity }) => methodNamed(method).variations?.[quantity] !== undefined);
}

/**
 * What a product varies of a run, as a sweep over the key that holds it.
 * @throws {InputError} where the run has no such number, or --set gives it a value.
 */
function varyingPoints(
  loaded: LoadedConfig,
  choice: RunChoice,
  varying: readonly Varying[],
  product: string,
): SweepPoint[] {
  const plain = resolveVariant(loaded, choice, []);
  const varied = variedOf(plain.method, varying);
  if (varied === undefined) {
    const quantities = varying.map(({ quantity }) => quantity).join(', ');
    throw new InputError(`${product}: ${plain.name} has none of what it varies: ${quantities}`);
  }
  const key = methodNamed(plain.method).variations![varied.quantity]!.key(plain);
  return parseSweep([`${key}=${varied.values.join(',')}`], loaded.catalogue, { option: product });
}

/**
 * @returns which keys leave which methods as they are, though not all of them.
 * @throws {InputError} where what varies bears on none of the methods, or is given a value for all as well.
 */
function checkSweep(
  loaded: LoadedConfig,
  sweep: readonly SweepPoint[],
  runs: readonly VariedRun[],
  overrides: readonly string[],
): LeftOut[] {
  const swept = [...new Set([...sweep, ...runs.flatMap(({ own }) => own)].flat())];
  for (const { single, option } of swept) {
    const fixed = single && overrides.find((text) => givesValue(text, single.key));
    if (fixed) throw new InputError(`--set ${fixed} goes against ${option}, which gives it several values`);
  }
  const methods = [...new Set(runs.map(({ choice }) => choice.method))];
  const bearsOn = new Map(methods.map((method) => [method, new Set<string>()]));
  const varying = ({ single, label }: Swept) => single?.key ?? label;
  for (const { choice } of runs) {
    for (const one of sweep.flatMap((point) => bearing(loaded, choice, point)))
      bearsOn.get(choice.method)!.add(varying(one));
  }
  const first = new Map(
    sweep
      .flat()
      .map((one) => [varying(one), one] as const)
      .reverse(),
  );
  return [...first].flatMap(([key, one]) => {
    const idle = methods.filter((method) => !bearsOn.get(method)!.has(key));
    if (idle.length === methods.length) {
      throw new InputError(`${one.place([])}: none of ${methods.join(', ')} depends on it`);
    }
    if (idle.length === 0) return [];
    const reason = 'nothing that is learned there depends on it, so one run stands beside all its values';
    return [{ product: `${key} of ${idle.join(', ')}`, reason }];
  });
}

/** The runs that products show unless others are named: methods of a config in the paper's order, then their settings. */
function usualRuns({ config }: LoadedConfig, products: readonly Product[]): string[] {
  const plain = methods()
    .map(({ name }) => name)
    .filter((name) => config.methods[name] !== undefined);
  const settings = products
    .flatMap(({ usual = [] }) => usual)
    .filter((name) => {
      const { method, setting } = parseMethod(name);
      return setting !== undefined && Object.hasOwn(config.methods[method]?.settings ?? {}, setting);
    });
  return [...plain, ...new Set(settings)];
}

/** Runs that could be of a plan, by their names. */
function candidatesOf(names: readonly string[]): Candidate[] {
  return names.map((name) => {
    const { method } = parseMethod(name, undefined, '--methods');
    return { name, method, inference: methodNamed(method).inference };
  });
}

/** @throws {InputError} where there is no such table or figure, or no plan makes it. */
function productsOf({ tables: keys, figures: figureKeys, ais }: ReproductionRequest): Product[] {
  const [asked, drawn] = [tablesOf(keys), figuresOf(figureKeys)];
  if (asked.length === 0 && drawn.length === 0) throw new InputError('reproduce: no table and no figure is asked for');
  const unplanned = [...asked, ...drawn].find(({ needs }) => needs.length === 0);
  if (unplanned !== undefined) {
    const { title } = unplanned;
    const see = [...('command' in unplanned ? [unplanned.command] : []), 'sri report'].join(', and ');
    throw new InputError(`no plan makes ${title}: it is of what there is; see ${see}`);
  }
  return [...asked, ...(ais ? tables().flatMap(({ check }) => check ?? []) : []), ...drawn];
}

/** The tables that are shown in the end: those that were asked for, and of a sweep the one that compares its variants. */
export function tablesToShow({ tables, sweep = [] }: Pick<ReproductionRequest, 'tables' | 'sweep'>): TableKey[] {
  return [...tables, ...(sweep.some((point) => point.length > 0) ? ['sweep'] : [])];
}

/**
 * What was counted in the config's corpus; null as long as it is not prepared.
 * @throws {InputError} where the corpus is not whole.
 */
export async function statisticsOf({
  loaded,
  overrides,
}: Pick<ReproductionRequest, 'loaded' | 'overrides'>): Promise<CorpusStatistics | null> {
  const { directory } = resolveData(loaded, overrides);
  return existsSync(path.join(directory, 'corpus.json')) ? (await checkCorpus(directory)).statistics : null;
}

/** Does the tasks of a plan, as far as they are not done already. */
export class Performer {
  /** The run that was measured last: what comes next is mostly of the same. */
  private opened: OpenRun | null = null;
  private number = 0;

  /** @param statistics of the corpus; null as long as it is not prepared. */
  constructor(
    private readonly request: ReproductionRequest,
    private readonly tasks: readonly Task[],
    private statistics: CorpusStatistics | null,
    private readonly following: Following<ReproductionEvent>,
  ) {}

  /** @param number of the task in its plan, from 1. */
  async perform(task: Task, number = this.tasks.indexOf(task) + 1): Promise<void> {
    this.number = number;
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
        await this.measure(task);
    }
    this.tell({ kind: 'over' });
  }

  /** Lets go of what is held in memory. */
  close(): void {
    this.opened?.dispose();
    this.opened = null;
  }

  private async prepare(task: Task): Promise<void> {
    if (this.statistics !== null) return;
    const { loaded, from, overrides } = this.request;
    this.announce(task, null);
    while (this.statistics === null) {
      try {
        const choice = { runs: this.request.runs, signal: this.following.signal };
        const report = await prepare(await configured(loaded, { from, set: overrides }), choice);
        this.tell({ kind: 'prepared', report });
      } catch (error) {
        if (!(error instanceof CorpusInUseError)) throw error;
        await waitFor(error, task.id, this.following);
      }
      this.statistics = await statisticsOf(this.request);
    }
  }

  private async train(task: Task, run: RunConfig): Promise<void> {
    const { runs } = this.request;
    const folder = RunFolder.of(runs, run);
    const done = trainingState(run, folder.manifest()).state === 'done';
    if (done && existsSync(folder.weights(run.training.select))) {
      // It must still be the run that is asked for, and may be measured in another way from now on.
      await folder.settleConfig(run);
      folder.removeAbandoned();
      folder.forgetDeadLocks();
      return;
    }
    this.close();
    this.announce(task, folder);
    for (;;) {
      try {
        await trainRun(run, folder, runs, this.following);
        return;
      } catch (error) {
        if (!(error instanceof RunInUseError)) throw error;
        do await waitFor(error, task.id, this.following);
        while (folder.isBeingTrained());
      }
    }
  }

  private async measure(task: Task & MeasuringTask): Promise<void> {
    const { statistics } = this;
    const { run } = task;
    const { split, runs } = this.request;
    const folder = RunFolder.of(runs, run);
    const { inference } = methodNamed(run.method);
    // Where each task is a process of its own, what it needs may have failed, or be another run.
    if (trainingState(run, folder.manifest()).state !== 'done') {
      throw new InputError(`${folder.directory}: not trained to its end, so there is nothing to measure`);
    }
    await folder.settleConfig(run);
    const missing = () => remaining(task, readRun(folder), { run, inference, split, statistics });
    const lacking = missing();
    if (lacking === null) return;
    this.announce(task, folder);
    const measured = { folder, quantities: quantitiesOf(lacking, run), split };
    await measuringAlone(measured, task.id, this.following, async () => {
      // Whoever was waited for may have measured it.
      const left = missing();
      if (left !== null) await makeRemaining(left, await this.open(run, folder), split, this.following);
    });
  }

  private async open(run: RunConfig, folder: RunFolder): Promise<OpenRun> {
    if (this.opened?.folder.directory !== folder.directory) {
      this.close();
      this.opened = await openRun(run, folder);
      const { caveat } = this.opened;
      if (caveat !== null) this.tell({ kind: 'warning', text: caveat });
    }
    return this.opened!;
  }

  /** Of all runs on the data set, also those of earlier commands: a table is never less than what was measured. */
  private async report(): Promise<void> {
    const { request } = this;
    const { runs, leftOut } = readKnownRuns(findRuns(request.runs, request.loaded.config.dataSet));
    for (const text of leftOut) this.tell({ kind: 'warning', text });
    if (runs.length === 0) return;
    const wanted = { asked: tablesOf(tablesToShow(request)), figures: figuresOf(request.figures) };
    const results = await writeResults(runs, { ...request, ...wanted, missing: 'pass over', html: true });
    this.tell({ kind: 'results', results });
  }

  private announce(task: Task, folder: RunFolder | null): void {
    this.tell({ kind: 'task', task, number: this.number, of: this.tasks.length, folder });
  }

  private tell(event: ReproductionEvent): void {
    this.following.onProgress?.(event);
  }
}
