// The training loop, the same for every method: epochs of equal-length batches, a validation after each, checkpoints
// in between. It may be stopped at any instant and goes on with the same bits; it reports through events and prints nothing.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RunConfig } from '../config/schema.js';
import { type Batch, type Batches, equalLengthBatches, wordsIn } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { InputError, InterruptedError } from '../errors.js';
import { turn } from '../interruption.js';
import type { Method } from '../methods/define-method.js';
import type { Iteration, Model, Position } from '../methods/method.js';
import { counted } from '../notation.js';
import {
  hasCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  type TrainingState,
  type TrainingSums,
} from '../runs/checkpoint.js';
import { isDone, mayGoOn } from '../runs/ending.js';
import type { Ending } from '../runs/ending-schema.js';
import { cutBack, type Metrics, MetricsFile } from '../runs/metrics.js';
import type { Manifest, RunFolder, Verdict } from '../runs/run-folder.js';
import { restoreWeights, type StartingWeights, saveWeights, startPart } from '../runs/weights.js';
import { makeFolder } from '../storage/folder.js';
import type { Lock } from '../storage/lock.js';
import { DivergenceError, GradientDescent } from './learner.js';
import { cosineShare } from './learning-rate.js';
import { createOptimizer } from './optimizer.js';
import { Pace } from './pace.js';
import { INITIAL_VALIDATION, judge } from './validation.js';

/** What a validation after an epoch found. */
export interface Validation {
  /** -log p(x) over the validation sentences (exact, or estimated where the model has a z), nats a word. */
  loss: number;
  /** Its other columns. */
  quantities: Record<string, number>;
  /** On the use of the code; null for a model without one. */
  verdict: Verdict | null;
}

/** How a model is judged after an epoch; given by the caller, since the estimators come after training. */
export interface Validator {
  /** The names of the validation's quantities. */
  columns: readonly string[];
  /**
   * @param epoch just finished, from 1.
   * @throws {InterruptedError} where the signal asked to stop.
   */
  validate(model: Model, epoch: number, signal?: AbortSignal): Promise<Validation> | Validation;
}

export interface TrainingOptions {
  run: RunConfig;
  method: Method;
  corpus: PreparedCorpus;
  folder: RunFolder;
  validator: Validator;
  /** Weights of other runs that a fresh run starts from. */
  startFrom?: readonly StartingWeights[] | undefined;
  /** The facts of the manifest that the run itself does not know. */
  provenance: Pick<Manifest, 'version' | 'commit' | 'node' | 'plugins' | 'backend' | 'backendDetails' | 'threads'>;
  /** The machine's measured peak, floating-point operations a second; null where unknown. */
  peakFlops: number | null;
  /** Whether training begins anew where there is a run already, whose weights are lost then. */
  restart?: boolean | undefined;
  /** Stops training after the batch in progress, with a checkpoint. */
  signal?: AbortSignal | undefined;
  report?: ((event: TrainingEvent) => void) | undefined;
}

export type TrainingEvent =
  | {
      kind: 'start';
      resumed: boolean;
      /** Whether it had ended before, so that nothing is left to do. */
      over: boolean;
      epoch: number;
      epochs: number;
      iterations: number;
      parameters: number;
      /** Backends that have trained the run, with the one that is in use now. */
      backends: readonly string[];
    }
  /** What is to be known of what was found. */
  | { kind: 'warning'; text: string }
  /** After every batch. */
  | { kind: 'iteration'; at: Position; iterations: number; update: Iteration; secondsLeft: number | null }
  /** After every `logEvery` iterations, as in metrics.csv. */
  | { kind: 'interval'; metrics: Metrics }
  | { kind: 'validating'; epoch: number }
  | { kind: 'epoch'; metrics: Metrics; improved: boolean; learningRate: number; secondsLeft: number | null }
  | { kind: 'checkpoint'; iteration: number }
  | { kind: 'end'; ending: Ending; manifest: Manifest };

/**
 * Trains a run to its end, from its last checkpoint where there is one.
 *
 * @returns the run's manifest. A run that had ended before is returned as it is.
 * @throws InputError where the folder holds another run, or is in use.
 * @throws what the file system throws where the run cannot be written, before anything is learned.
 * @throws InterruptedError after saving a checkpoint, when the signal asks to stop.
 * @throws Error naming the batch, the step and the gradient's norm when the loss is not finite; checkpoints stay good.
 */
export async function train(options: TrainingOptions): Promise<Manifest> {
  const { run, folder } = options;
  folder.refuseForeign();
  const lock = folder.lock();
  try {
    folder.removeAbandoned();
    for (const part of ['checkpoints', 'rows'] as const) folder.tryWriting(part);
    if (options.restart) folder.forgetTraining(run);
    folder.refuseOther(run, hasLearned(folder));
    const manifest = folder.manifest();
    const done = manifest !== null && isDone(manifest, run.training.epochs);
    const settled = manifest === null ? null : settledBefore(options, manifest, done);
    // What a run was trained on stays, where nothing of it is left to train.
    await (done ? folder.settleConfig(run) : folder.writeConfig(run));
    if (settled !== null) return settled;
    const model = options.method.create(run, options.corpus);
    try {
      return await new Training(options, model, lock).toTheEnd();
    } finally {
      model.dispose();
    }
  } finally {
    lock.release();
  }
}

/** Whether a training left something in a folder: it goes on from there, and never begins from the weights of other runs. */
export function hasLearned(folder: RunFolder): boolean {
  return folder.manifest() !== null || hasCheckpoint(folder.checkpoints);
}

/**
 * What is to be said, before anything is learned, of a folder that has a manifest and not all that goes with it.
 * @param done whether it has ended, and is asked for no more.
 * @returns the manifest of a run that is done and has its weights; null where training may begin or go on.
 * @throws InputError where beginning again would lose what was trained.
 */
function settledBefore(
  { run, folder, corpus, report }: TrainingOptions,
  manifest: Manifest,
  done: boolean,
): Manifest | null {
  const { epochs } = manifest;
  const weights = folder.weights(run.training.select);
  const [kept, mayResume] = [existsSync(weights), hasCheckpoint(folder.checkpoints)];
  if (kept && mayResume) return null;
  if (kept && done) {
    const { parameters, backends } = manifest;
    const iterations = batchesOf(run, corpus, 1).length * run.training.epochs;
    const place = { epoch: epochs + 1, epochs: run.training.epochs, iterations };
    report?.({ kind: 'start', resumed: true, over: true, ...place, parameters, backends });
    return manifest;
  }
  const gone = [...(kept ? [] : [path.basename(weights)]), ...(mayResume ? [] : ['all checkpoints'])].join(' and ');
  throw new InputError(
    `${folder.directory} was trained for ${counted(epochs, 'epoch')}, and of it ${gone} have gone; put them back, or begin anew ` +
      'with sri train --restart, which replaces its weights',
  );
}

class Training {
  private readonly optimizer;
  private readonly learner;
  private state: TrainingState;
  private resumed = false;
  /** When this process began to train, and what earlier ones had spent. */
  private started = performance.now();
  private secondsBefore = 0;
  private lastSave = performance.now();
  private readonly pace = new Pace();
  /** Seconds that this process's last validation took; null before it. */
  private validationSeconds: number | null = null;
  private readonly metricsFile: MetricsFile;

  constructor(
    private readonly options: TrainingOptions,
    private readonly model: Model,
    private readonly lock: Pick<Lock, 'check'>,
  ) {
    const { run, corpus } = options;
    this.optimizer = createOptimizer(run.optimizer, model.parameters);
    this.learner = new GradientDescent(model.parameters, this.optimizer, run.optimizer.clipNorm, run.precision);
    this.metricsFile = new MetricsFile(options.folder.metrics, [...model.quantities, ...options.validator.columns]);
    this.state = {
      epoch: 1,
      batch: 0,
      iteration: 0,
      learningRate: run.optimizer.learningRate,
      validation: INITIAL_VALIDATION,
      verdict: null,
      finished: null,
      method: model.state(),
      interval: noSums(),
      epochSums: noSums(),
      metricsBytes: 0,
      trainingSeconds: 0,
      startedFrom: {},
      weights: {},
      backends: [],
      dataHash: corpus.hash,
    };
  }

  async toTheEnd(): Promise<Manifest> {
    const { epochs } = this.options.run.training;
    try {
      await this.restore();
      const iterations = this.batchesOf(1).length * epochs;
      const { finished, epoch, backends } = this.state;
      const over = finished === null ? epoch > epochs : !mayGoOn(finished, epoch - 1, epochs);
      const { backend } = this.options.provenance;
      if (!over && !backends.includes(backend)) backends.push(backend);
      this.emit({
        kind: 'start',
        resumed: this.resumed,
        over,
        epoch,
        epochs,
        iterations,
        parameters: this.model.parameters.size,
        backends,
      });
      if (over) return finished === null ? await this.endWithFewer() : this.options.folder.manifest()!;
      this.state.finished = null;
      for (;;) {
        await this.finishEpoch(this.batchesOf(this.state.epoch), iterations);
        const ended = await this.endOfEpoch(iterations);
        if (ended !== null) return ended;
        await turn();
        if (this.options.signal?.aborted) throw this.interrupted();
      }
    } finally {
      this.optimizer.dispose();
    }
  }

  /** The rest of the epoch in progress. */
  private async finishEpoch(batches: Batches, iterations: number): Promise<void> {
    const { run, signal } = this.options;
    // Of an epoch that goes on, the rate of its last update, which the next line of metrics tells.
    const last = this.state.batch - 1;
    if (last >= 0) this.setLearningRate({ epoch: this.state.epoch, batch: last, batches: batches.length });
    for (const batch of batches.from(this.state.batch)) {
      const began = performance.now();
      const { epoch, iteration } = this.state;
      const at = { epoch, batch: this.state.batch, batches: batches.length, iteration };
      const update = this.learn(batch, at);
      this.state.batch++;
      this.state.iteration++;
      this.count(batch, update, (performance.now() - began) / 1000);
      if (update.warning !== undefined) this.emit({ kind: 'warning', text: update.warning });
      this.emit({ kind: 'iteration', at, iterations, update, secondsLeft: this.secondsLeft(iterations) });
      if (this.state.iteration % run.training.logEvery === 0) this.logInterval();
      if ((performance.now() - this.lastSave) / 1000 >= run.training.checkpointEvery) await this.save();
      // Lets signals and timers in: everything between here and the last wait was synchronous.
      await turn();
      if (signal?.aborted) {
        await this.save();
        throw this.interrupted();
      }
    }
  }

  private interrupted(): InterruptedError {
    return new InterruptedError(`stopped in epoch ${this.state.epoch} after ${this.state.iteration} updates`);
  }

  private setLearningRate(at: Omit<Position, 'iteration'>): void {
    this.optimizer.learningRate = this.state.learningRate * cosineShare(this.options.run.optimizer, at);
  }

  private learn(batch: Batch, at: Position): Iteration {
    try {
      this.setLearningRate(at);
      const update = this.model.learn(batch, at, this.learner);
      // One of a plugin in JavaScript may forget it.
      if (typeof update?.loss !== 'number') {
        throw new TypeError(
          `the method ${this.options.run.method}: learn gave no loss; it gives what the learner gave`,
        );
      }
      return update;
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      throw this.diverged(
        `at epoch ${at.epoch}, batch ${at.batch} (update ${at.iteration}; ${batch.size} sentences of ` +
          `${batch.tokens} tokens, the first is number ${batch.indices[0]! + 1} of the training split)`,
        error.message,
        error,
      );
    }
  }

  private diverged(where: string, what: string, cause?: Error): Error {
    const { run, folder } = this.options;
    const kept = hasCheckpoint(folder.checkpoints) ? 'The last checkpoint is intact; a' : 'A';
    const keys = ['optimizer.learningRate or clipNorm', ...('langevin' in run ? ['a shorter langevin.stepSize'] : [])];
    return new Error(`training diverged ${where}: ${what}. ${kept} lower ${keys.join(', or ')} may help`, { cause });
  }

  /** Validation and what follows from it. Returns the manifest where training ends here, or null. */
  private async endOfEpoch(iterations: number): Promise<Manifest | null> {
    const { run, folder, validator } = this.options;
    const { epochs } = run.training;
    const { epoch } = this.state;
    this.emit({ kind: 'validating', epoch });
    const began = performance.now();
    const { loss, quantities, verdict } = await this.validated(validator, epoch);
    if (!Number.isFinite(loss)) throw this.diverged(`after epoch ${epoch}`, `the validation loss is ${loss}`);
    this.validationSeconds = (performance.now() - began) / 1000;
    const decision = judge(this.state.validation, epoch, loss, run.training);
    if (decision.improved) await this.keepWeights('best');
    const selected = run.training.select === 'last' || decision.improved;
    if (run.training.select === 'last') await this.keepWeights('last');
    if (selected) this.state.verdict = verdict;
    if (run.training.keepEpochs.includes(epoch)) await this.keepWeights(`epoch-${epoch}`);
    const metrics = this.metrics(this.state.epochSums, loss, quantities);
    this.write(metrics);
    this.state.interval = noSums();
    this.state.epochSums = noSums();
    // The weights alone: what a method knows of its own course, such as that Lagging-VAE is done catching up, stays.
    if (decision.restoreBest) restoreWeights(folder.weights('best'), this.model, this.state.weights.best);
    this.state.learningRate *= decision.learningRateFactor;
    this.state.validation = decision.state;
    this.state.epoch++;
    this.state.batch = 0;
    const ending = decision.stop ?? (epoch < epochs ? null : { reason: 'all-epochs' as const, epochs });
    this.state.finished = ending;
    const { learningRate } = this.state;
    const secondsLeft = ending === null ? this.secondsLeft(iterations) : null;
    this.emit({ kind: 'epoch', metrics, improved: decision.improved, learningRate, secondsLeft });
    await this.save();
    folder.settleWeights(this.state.weights);
    return await this.tell(ending);
  }

  /** Writes what there is to know of the run now, and says where it has ended. Returns it then, else null. */
  private async tell(ending: Ending | null): Promise<Manifest | null> {
    const manifest = this.manifest();
    await this.options.folder.writeManifest(manifest);
    if (ending === null) return null;
    this.emit({ kind: 'end', ending, manifest });
    return manifest;
  }

  /** A validation may take longer than what a stop leaves time for, so it is stopped too, and made again by whoever goes on. */
  private async validated(validator: Validator, epoch: number): Promise<Validation> {
    try {
      return await validator.validate(this.model, epoch, this.options.signal);
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      await this.save();
      throw this.interrupted();
    }
  }

  /**
   * Until a checkpoint knows them, new weights lie beside those of before: a process that dies in between leaves the run as that
   * checkpoint has it.
   */
  private async keepWeights(name: string): Promise<void> {
    this.lock.check();
    this.state.weights[name] = await saveWeights(this.options.folder.nextWeights(name), this.model, this.state.epoch);
  }

  /** Of a run that was stopped, and now is given no more epochs than it has done. */
  private async endWithFewer(): Promise<Manifest> {
    const ending: Ending = { reason: 'all-epochs', epochs: this.state.epoch - 1 };
    this.state.finished = ending;
    await this.save();
    return (await this.tell(ending))!;
  }

  private async restore(): Promise<void> {
    const { folder, corpus } = this.options;
    makeFolder(folder.directory);
    const checkpoint = loadCheckpoint(folder.checkpoints);
    if (checkpoint !== null) {
      if (checkpoint.state.dataHash !== corpus.hash) {
        throw new InputError(
          `${corpus.directory} is not the corpus that ${folder.directory} has learned from so far; ` +
            'prepare it as it was, name another folder with --run, or remove this one',
        );
      }
      for (const text of checkpoint.passedOver) {
        this.emit({
          kind: 'warning',
          text: `a checkpoint is not whole, so training goes on from an older one: ${text}`,
        });
      }
      this.state = checkpoint.state;
      this.resumed = true;
      this.model.parameters.restore(checkpoint.tensors, checkpoint.file);
      this.model.restoreState(checkpoint.state.method);
      this.optimizer.restore(checkpoint.tensors);
      folder.settleWeights(checkpoint.state.weights);
    } else {
      folder.settleWeights({});
      for (const start of this.options.startFrom ?? []) {
        this.state.startedFrom[start.part] = startPart(start, this.model);
      }
    }
    const { bytes, lost } = await cutBack(folder.metrics, this.state.metricsBytes);
    this.secondsBefore = this.state.trainingSeconds;
    this.started = performance.now();
    this.lastSave = this.started;
    if (lost !== null) {
      this.emit({ kind: 'warning', text: lost });
      // Saved at once: a process that dies before the next checkpoint would have the file cut where lines are no more.
      this.state.metricsBytes = bytes;
      await this.save();
    }
    // A process that died as an epoch ended may have left a manifest that does not know of it yet.
    const { epochs, weights, finished } = folder.manifest() ?? {};
    const { state } = this;
    const known = isDeepStrictEqual([epochs, weights, finished], [state.epoch - 1, state.weights, state.finished]);
    if (state.epoch > 1 && !known) await folder.writeManifest(this.manifest());
  }

  private async save(): Promise<void> {
    this.state.method = this.model.state();
    this.state.trainingSeconds = this.seconds();
    this.lock.check();
    this.metricsFile.sync();
    await saveCheckpoint(
      this.options.folder.checkpoints,
      this.state,
      new Map([...this.model.parameters.store(), ...this.optimizer.store()]),
    );
    this.lastSave = performance.now();
    this.emit({ kind: 'checkpoint', iteration: this.state.iteration });
  }

  private count(batch: Batch, update: Iteration, seconds: number): void {
    this.pace.add(seconds);
    const flops = this.model.flops(batch);
    for (const sums of [this.state.interval, this.state.epochSums]) {
      sums.iterations++;
      sums.sentences += batch.size;
      sums.words += wordsIn([batch]);
      sums.loss += update.loss * batch.size;
      sums.gradientNorm += update.gradientNorm;
      sums.seconds += seconds;
      sums.flops += flops;
      for (const [name, value] of Object.entries(update.quantities)) {
        sums.quantities[name] = (sums.quantities[name] ?? 0) + value;
        const iterations = sums.quantityIterations;
        if (iterations !== undefined) iterations[name] = (iterations[name] ?? 0) + 1;
      }
    }
  }

  private logInterval(): void {
    const metrics = this.metrics(this.state.interval, null, {});
    this.write(metrics);
    this.emit({ kind: 'interval', metrics });
    this.state.interval = noSums();
  }

  /** The line of an interval, or of an epoch with what validation said after it. */
  private metrics(sums: TrainingSums, validationLoss: number | null, validation: Record<string, number>): Metrics {
    const { epoch, iteration } = this.state;
    const { iterations, sentences, words, seconds } = sums;
    const rate = sentences / seconds;
    const quantities = Object.entries(sums.quantities).map(
      ([name, sum]) => [name, sum / (sums.quantityIterations?.[name] ?? iterations)] as const,
    );
    return {
      epoch,
      iteration,
      loss: sums.loss / sentences,
      lossPerWord: sums.loss / words,
      gradientNorm: sums.gradientNorm / iterations,
      learningRate: this.optimizer.learningRate,
      sentencesPerSecond: rate,
      shareOfPeak: this.options.peakFlops === null ? null : sums.flops / seconds / this.options.peakFlops,
      seconds: this.seconds(),
      validationLoss,
      quantities: { ...Object.fromEntries(quantities), ...validation },
    };
  }

  private write(metrics: Metrics): void {
    this.lock.check();
    this.state.metricsBytes = this.metricsFile.append(metrics);
  }

  private batchesOf(epoch: number): Batches {
    return batchesOf(this.options.run, this.options.corpus, epoch);
  }

  /** Of the updates, and of the validations as far as one has shown what it takes; null where too little was seen. */
  private secondsLeft(iterations: number): number | null {
    const { secondsAnUpdate } = this.pace;
    if (secondsAnUpdate === null) return null;
    const validations = this.options.run.training.epochs - this.state.epoch + 1;
    return secondsAnUpdate * (iterations - this.state.iteration) + (this.validationSeconds ?? 0) * validations;
  }

  private seconds(): number {
    return this.secondsBefore + (performance.now() - this.started) / 1000;
  }

  private manifest(): Manifest {
    const { provenance, run, corpus } = this.options;
    const { validation, verdict, epoch, finished, startedFrom, weights, backends } = this.state;
    const { train, valid, test } = corpus.splits;
    const { splits } = corpus.statistics;
    return {
      ...provenance,
      dataHash: corpus.hash,
      sentences: { train: train.length, valid: valid.length, test: test.length },
      unknownRate: {
        train: splits.train.unknownRate,
        valid: splits.valid.unknownRate,
        test: splits.test.unknownRate,
      },
      startedFrom,
      weights,
      backends,
      precision: run.precision,
      parameters: this.model.parameters.size,
      epochs: epoch - 1,
      bestEpoch: validation.bestEpoch,
      bestValidation: validation.best,
      selectedEpoch: run.training.select === 'last' ? epoch - 1 : validation.bestEpoch,
      verdict,
      trainingSeconds: this.seconds(),
      finished,
      peakMemory: Math.round(process.resourceUsage().maxRSS / 1024),
    };
  }

  private emit(event: TrainingEvent): void {
    this.options.report?.(event);
  }
}

function batchesOf({ seed, training }: RunConfig, { splits }: PreparedCorpus, epoch: number): Batches {
  return equalLengthBatches(splits.train, training.batchSize, { key: { seed, epoch } });
}

function noSums(): TrainingSums {
  return {
    iterations: 0,
    sentences: 0,
    words: 0,
    loss: 0,
    gradientNorm: 0,
    quantities: {},
    quantityIterations: {},
    seconds: 0,
    flops: 0,
  };
}
