// The plan of a reproduction, what is done of it, and about how long the rest will take. It looks into run folders,
// counts operations and measures the machine for a moment; it trains nothing and writes nothing.

import { existsSync } from 'node:fs';
import type { RunConfig } from '../../config/schema.js';
import { equalLengthBatches } from '../../data/batches.js';
import { type CorpusStatistics, closeSplits, type PreparedCorpus } from '../../data/corpus.js';
import { loadCorpus } from '../../data/corpus-files.js';
import { methodNamed } from '../../methods/registry.js';
import { findRuns, readRun } from '../../runs/measured-run.js';
import { type Manifest, RunFolder } from '../../runs/run-folder.js';
import { idlePeak } from '../idle-peak.js';
import { startMachine } from '../machine.js';
import { type ModelCost, trainingSeconds, type Workload } from './estimate.js';
import { type Remaining, remaining, secondsOf } from './measurings.js';
import { trainingState } from './outstanding.js';
import type { Task } from './plan.js';

/** A task, as far as it is done. */
export interface Forecast {
  task: Task;
  state: 'done' | 'to do' | 'goes on';
  /** Epochs that are done, of training that goes on. */
  epochs: number;
  /** What is left of it takes about so long; null where that cannot be told yet. */
  seconds: number | null;
  /** Bytes of memory that it needs at most, about; null where that cannot be told yet. */
  memory: number | null;
}

/** What engines that run a plan's tasks elsewhere are told of them. */
export interface Foreseen {
  isDone(task: Task): boolean;
  /** Bytes that it needs, about; null where that cannot be told yet. */
  memoryOf(task: Task): number | null;
}

const MIB = 2 ** 20;

/** MiB of a process that has opened a backend and no model. */
const PROCESS = 250;

/** Of each weight: itself, its gradient, the optimizer's two moments, the best so far, and a checkpoint being written. */
const COPIES = 6;

/** Numbers kept for the backward pass of each position and unit: four gates, a cell, an output, and masks of both. */
const ACTIVATIONS = 12;

/** Where runs are, and which split is measured. */
type Place = { runs: string; split: Workload['split'] };

/**
 * How far each task is, and what is left of it.
 * @param statistics of the corpus; null as long as it is not prepared.
 */
export async function forecast(
  tasks: readonly Task[],
  statistics: CorpusStatistics | null,
  { runs, split }: Place,
): Promise<Forecast[]> {
  const machine = await Machine.start(tasks, statistics, { runs, split });
  try {
    return forecasts(tasks, statistics, { runs, split }, machine);
  } finally {
    machine?.close();
  }
}

function forecasts(
  tasks: readonly Task[],
  statistics: CorpusStatistics | null,
  { runs, split }: Place,
  machine: Machine | null,
): Forecast[] {
  const trained = new Set<string>();
  return tasks.map((task): Forecast => {
    const done = { task, state: 'done', epochs: 0, seconds: 0, memory: 0 } as const;
    const toDo = { task, state: 'to do', epochs: 0 } as const;
    if (task.kind === 'prepare') return statistics === null ? { ...toDo, seconds: null, memory: null } : done;
    if (task.kind === 'report') return { ...toDo, seconds: 0, memory: 0 };
    const { run } = task;
    const memory = machine?.memory(run) ?? null;
    const folder = RunFolder.of(runs, run);
    const found = folder.manifest() === null ? null : readRun(folder);
    if (task.kind === 'train') {
      const state = trainingState(run, found?.manifest ?? null);
      if (state.state === 'done') {
        // Another run than this, or one without its weights, is for the task to complain of.
        const isThere = existsSync(folder.weights(run.training.select)) && folder.differencesFrom(run).length === 0;
        if (!isThere) return { ...toDo, seconds: 0, memory };
        trained.add(task.id);
        return done;
      }
      const epochs = state.state === 'goes on' ? state.epochs : 0;
      return { task, state: state.state, epochs, seconds: machine?.training(run, epochs) ?? null, memory };
    }
    // Training that goes on may find better weights, of which nothing is measured yet.
    const ofBest = task.after.every((id) => trained.has(id)) ? found : null;
    const { inference } = methodNamed(run.method);
    const left = remaining(task, ofBest, { run, inference, split, statistics });
    return left === null ? done : { ...toDo, seconds: machine?.measuring(run, left) ?? null, memory };
  });
}

/** What is known of the machine and of what it is to compute. */
class Machine {
  private readonly costs = new Map<string, ModelCost>();

  private constructor(
    private readonly corpus: PreparedCorpus,
    private readonly split: Workload['split'],
    private readonly peak: number,
    /** Runs on the data set that were trained on this machine, or one that says the same of itself. */
    private readonly earlier: readonly { run: RunConfig; manifest: Manifest }[],
  ) {}

  /** Null where nothing can be told yet: the corpus is not prepared, or the peak not known. */
  static async start(
    tasks: readonly Task[],
    statistics: CorpusStatistics | null,
    { runs, split }: Place,
  ): Promise<Machine | null> {
    const run = tasks.flatMap((task) => ('run' in task ? [task.run] : []))[0];
    if (statistics === null || run === undefined) return null;
    const { name, threads } = await startMachine(run, run.precision);
    const peak = await idlePeak(name, threads, 'f32');
    if (peak === null) return null;
    const earlier = findRuns(runs, run.dataSet)
      .flatMap((folder) => {
        const known = folder.knownConfig();
        return known === null ? [] : [{ run: known, manifest: folder.manifest()! }];
      })
      .filter(({ manifest }) => manifest.backend === name && manifest.threads === threads && manifest.epochs > 0);
    return new Machine(await loadCorpus(run.data.directory), split, peak, earlier);
  }

  close(): void {
    closeSplits(this.corpus.splits);
  }

  private nearest(run: RunConfig) {
    const named = this.earlier.filter(({ run: other }) => other.name === run.name && other.precision === run.precision);
    return named.find(({ run: other }) => other.seed === run.seed) ?? named[0];
  }

  /** Bytes: the most that training a run of the name took, or what its weights, a batch and the corpus come to. */
  memory(run: RunConfig): number {
    const peak = this.nearest(run)?.manifest.peakMemory;
    if (peak !== undefined && peak > 0) return peak * MIB;
    const { model, training } = run;
    const { splits } = this.corpus.statistics;
    const words = Object.values(splits).reduce((sum, split) => sum + split.words + split.sentences, 0);
    const positions = training.batchSize * splits.train.maxLength;
    const numbers =
      this.costOf(run).parameters * COPIES +
      positions * (model.wordVectorSize + model.hiddenSize) * ACTIVATIONS +
      words * 2;
    return PROCESS * MIB + 4 * numbers;
  }

  training(run: RunConfig, epochsDone: number): number {
    const nearest = this.nearest(run);
    const pace = nearest === undefined ? null : nearest.manifest.trainingSeconds / nearest.manifest.epochs;
    return trainingSeconds(this.workload(run), epochsDone, pace);
  }

  measuring(run: RunConfig, left: Remaining): number {
    return secondsOf(left, this.workload(run));
  }

  private workload(run: RunConfig): Workload {
    const { split, peak, corpus } = this;
    const { inference } = methodNamed(run.method);
    return { run, inference, cost: this.costOf(run), statistics: corpus.statistics, split, peak };
  }

  private costOf(run: RunConfig): ModelCost {
    const known = this.costs.get(run.name);
    if (known !== undefined) return known;
    const model = methodNamed(run.method).create(run, this.corpus);
    const batches = equalLengthBatches(this.corpus.splits.train, run.training.batchSize).shapes();
    const epoch = batches.reduce((sum, batch) => sum + model.flops(batch), 0);
    const tokens = batches.reduce((sum, batch) => sum + batch.size * batch.tokens, 0);
    const decoder = batches.map((batch) => model.decoder.flops(batch));
    const sumOf = (part: 'words' | 'latent') => decoder.reduce((sum, flops) => sum + flops[part], 0);
    const perToken = { learning: epoch / tokens, words: sumOf('words') / tokens, pass: sumOf('latent') / tokens };
    const parameters = model.parameters.size;
    model.dispose();
    const cost = { epoch, ...perToken, parameters };
    this.costs.set(run.name, cost);
    return cost;
  }
}
