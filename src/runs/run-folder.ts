// A run's folder: everything a run is and has measured, and the only thing that tables are made from.
//
//   config.json    the resolved configuration
//   manifest.json  what made it: versions, commit, data hash, backend, wall time
//   metrics.csv    a line each interval of training
//   checkpoints/   the last two, for going on
//   best.safetensors, last.safetensors, epoch-<n>.safetensors   weights, for evaluation
//   rows/          a file each measured quantity, and beside it one of the sentences' own values
//   artifacts/     texts, samples and figures made with the weights

import { existsSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { PRECISIONS } from '../config/choices.js';
import { learned } from '../config/learned.js';
import { differences } from '../config/leaves.js';
import { namedRunSchema, type RunConfig } from '../config/schema.js';
import type { SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import { methods } from '../methods/registry.js';
import { isTemporaryName, removeAbandoned, writeFileAtomic } from '../storage/atomic-write.js';
import { naming } from '../storage/file-error.js';
import { makeFolder, tryWriting } from '../storage/folder.js';
import { Lock, LockedError } from '../storage/lock.js';
import { sha256OfFile } from '../storage/sha256.js';
import { endingSchema } from './ending-schema.js';
import { JsonFormat } from './json-format.js';
import { type MeasuredRow, ROW, rowName, type SentenceValues } from './row.js';
import { decodeSentenceValues, encodeSentenceValues } from './sentence-values.js';
import { startedFromSchema } from './weights.js';

export const verdictSchema = z.strictObject({
  collapse: z.enum(['diverged', 'collapsed', 'partly collapsed', 'active']),
  reason: z.string(),
});
/** Whether the code is used, in a word and a sentence. */
export type Verdict = z.infer<typeof verdictSchema>;

const manifest = z.strictObject({
  version: z.string(),
  /** That the program was compiled from, `-dirty` behind it where files differed from it; null where that is not known. */
  commit: z.string().nullable(),
  node: z.string(),
  /** The plugins that were loaded, each as it was asked for and by the sum of its file; absent where there were none. */
  plugins: z.array(z.strictObject({ name: z.string(), sha256: z.string() })).optional(),
  /** Content hash of the prepared corpus. */
  dataHash: z.string(),
  /** Of the prepared corpus. */
  sentences: z.strictObject({ train: z.int(), valid: z.int(), test: z.int() }),
  /** Weights of other runs that parts of the model began with. */
  startedFrom: startedFromSchema,
  backend: z.string(),
  /** The backend's own version and the machine's instruction sets. */
  backendDetails: z.string(),
  threads: z.int().nullable(),
  precision: z.enum(PRECISIONS),
  parameters: z.int(),
  /** Epochs finished. */
  epochs: z.int(),
  /** The epoch whose weights are `best`, and its validation loss, nats a word. */
  bestEpoch: z.int(),
  bestValidation: z.number().nullable(),
  /** The epoch whose weights are evaluated as the run's (`training.select`). */
  selectedEpoch: z.int(),
  /**
   * SHA-256 of each file of weights, in hexadecimal, by its name (`best`, `last`, `epoch-<n>`); of a run that was trained
   * before these were kept, none.
   */
  weights: z.record(z.string(), z.string()).default({}),
  /** Every backend that has trained it, the first one first; of such a run, none. */
  backends: z.array(z.string()).default([]),
  /** Share of the words of each split that are `<unk>`, 0 to 1; null where that was not kept. */
  unknownRate: z.strictObject({ train: z.number(), valid: z.number(), test: z.number() }).nullable().default(null),
  /** On those weights' code; null for a model without one. */
  verdict: verdictSchema.nullable(),
  /** Seconds spent training, over all processes that worked on the run. */
  trainingSeconds: z.number(),
  /** Why training ended; null while it has not. */
  finished: endingSchema.nullable(),
  /** Peak resident memory of the last process that trained, MiB. */
  peakMemory: z.number(),
});
/** What made a run's weights. */
export type Manifest = z.infer<typeof manifest>;

const MANIFEST = new JsonFormat('manifest', 1, manifest, 'remove it, and sri train writes it anew');

/** Format 1 held the keys of all methods. */
const CONFIG = new JsonFormat(
  'configuration',
  2,
  namedRunSchema(methods),
  'name another folder with --run, or remove this one',
);

/** Another process trains the run, or measures it. */
export class RunInUseError extends InputError {
  /** @param what is done to it: `trained`. */
  constructor(directory: string, what: string, { file, holder }: LockedError) {
    super(
      `${directory} is being ${what} by ${holder}; wait for it, or stop it (if that process is something else, remove ${file})`,
    );
  }
}

const TRAINING_LOCK = 'training.lock';

/** What a run is known by without its weights and rows. */
const RECORD = ['config.json', 'manifest.json', 'metrics.csv'];
/** What a prepared corpus is known by. */
const CORPUS = 'corpus.json';
/** Folders of what it has of its own. */
const PARTS = ['checkpoints', 'rows', 'artifacts'] as const;
/** Those of an epoch whose checkpoint is not written yet have `.next` behind their name. */
const WEIGHTS = /^(best|last|epoch-\d+)\.safetensors(\.next)?$/;

/** A run's configuration cannot be read, and it was trained with plugins. */
export class UnknownPluginError extends InputError {
  /** The run, as what passes it over may speak of it. */
  readonly leftOut: string;

  constructor(directory: string, cause: InputError, plugins: readonly { name: string }[]) {
    const given = `--plugin ${plugins.map(({ name }) => name).join(', ')}`;
    super(`${cause.message} (trained with ${given})`);
    this.leftOut = `${directory} is left out: it was trained with ${given}`;
  }
}

export class RunFolder {
  constructor(readonly directory: string) {}

  /** `<root>/<data set>/<method>/seed-<n>`; a method's further settings have folders of their own. */
  static of(root: string, run: Pick<RunConfig, 'dataSet' | 'name' | 'seed'>): RunFolder {
    return new RunFolder(path.join(root, run.dataSet, run.name, `seed-${run.seed}`));
  }

  get checkpoints(): string {
    return path.join(this.directory, 'checkpoints');
  }

  get metrics(): string {
    return path.join(this.directory, 'metrics.csv');
  }

  /** What metrics.csv holds; nothing where it is missing. */
  metricsText(): string {
    return read(this.metrics) ?? '';
  }

  /**
   * Weights under a name: `best`, `last` where `training.select` evaluates those, or `epoch-<n>` for those that
   * `training.keepEpochs` asks for.
   */
  weights(name: string): string {
    return path.join(this.directory, `${name}.safetensors`);
  }

  /** Where weights lie until there is a checkpoint that knows them; see {@link settleWeights}. */
  nextWeights(name: string): string {
    return `${this.weights(name)}.next`;
  }

  /**
   * Gives weights their name once a checkpoint knows them, and removes those that none will know: of an epoch whose end was not
   * saved, which is to be trained again.
   * @param known SHA-256 by name, as the checkpoint has it.
   */
  settleWeights(known: Readonly<Record<string, string>>): void {
    for (const file of list(this.directory)) {
      const [, name, isNext] = file.match(WEIGHTS) ?? [];
      if (name === undefined || isNext === undefined) continue;
      const next = this.nextWeights(name);
      if (known[name] === sha256OfFile(next)) renameSync(next, this.weights(name));
      else rmSync(next, { force: true });
    }
  }

  /** Whether a file, named without links, is one of the run's own, or would be; others may lie beside them. */
  isOwn(file: string): boolean {
    const [name = '', ...below] = path.relative(realpathSync(this.directory), file).split(path.sep);
    const isPart = PARTS.some((part) => part === name);
    return isPart || (below.length === 0 && ([...RECORD, TRAINING_LOCK].includes(name) || WEIGHTS.test(name)));
  }

  /** Whether it holds a run, trained or not. */
  isBegun(): boolean {
    return existsSync(path.join(this.directory, 'config.json'));
  }

  /**
   * Copies into another folder what the run is known by without its weights: enough for `sri compare`, and for whoever trains
   * it again. Rows that are there and of a measurement that is gone are removed. Another process may be copying the same.
   */
  async copyRecord(to: string): Promise<void> {
    for (const name of RECORD) {
      const file = path.join(this.directory, name);
      if (existsSync(file)) await copyFile(file, path.join(to, name));
    }
    const [rows, copies] = [path.join(this.directory, 'rows'), path.join(to, 'rows')];
    const own = list(rows).filter((name) => !isTemporaryName(name));
    if (own.length > 0) makeFolder(copies);
    for (const name of own) await copyFile(path.join(rows, name), path.join(copies, name));
    for (const name of list(copies)) if (!own.includes(name)) await rm(path.join(copies, name), { force: true });
  }

  /**
   * Refuses a folder of other things, which a run's files would replace.
   * @throws InputError naming a file that the run would have as well.
   */
  refuseForeign(): void {
    if (this.isBegun()) return;
    const other = list(this.directory).find((name) => RECORD.includes(name) || WEIGHTS.test(name) || name === CORPUS);
    if (other === undefined) return;
    throw new InputError(
      `${this.directory}: no run's folder, and it has ${other === CORPUS ? 'a corpus' : `a file ${other}`}; name another with --run`,
    );
  }

  /** @throws InputError where the folder holds no run. */
  config(): RunConfig {
    const file = path.join(this.directory, 'config.json');
    const text = read(file);
    if (text === null)
      throw new InputError(
        `${this.directory}: no run here (config.json is missing); name a folder that sri train has written`,
      );
    try {
      return CONFIG.read(text, file);
    } catch (error) {
      const plugins = this.manifest()?.plugins ?? [];
      if (!(error instanceof InputError) || plugins.length === 0) throw error;
      throw new UnknownPluginError(this.directory, error, plugins);
    }
  }

  /** The configuration; null where the plugins that it needs are not loaded. @throws {InputError} as {@link config} does else. */
  knownConfig(): RunConfig | null {
    try {
      return this.config();
    } catch (error) {
      if (error instanceof UnknownPluginError) return null;
      throw error;
    }
  }

  /**
   * null before anything was trained here.
   * @throws InputError for a file that is no manifest.
   */
  manifest(): Manifest | null {
    const file = path.join(this.directory, 'manifest.json');
    const text = read(file);
    return text === null ? null : MANIFEST.read(text, file);
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    await this.write('manifest.json', MANIFEST.write(manifest));
  }

  /** What is learned otherwise than a configuration says, key by key in words; nothing where no run is here. */
  differencesFrom(run: RunConfig): string[] {
    if (!this.isBegun()) return [];
    return differences(learned(this.config()), learned(run)).map(
      ({ path, one, other }) => `${path}: ${JSON.stringify(one)} there, ${JSON.stringify(other)} now`,
    );
  }

  /**
   * Refuses a folder of another run. What is learned may not change between one process and the next; see config/learned.ts.
   * @param learned whether anything was learned here: where nothing was, another configuration of the same run may take its place.
   * @throws InputError naming the keys that differ.
   */
  refuseOther(run: RunConfig, learned = true): void {
    if (!learned && this.isBegun() && nameOf(this.config()) === nameOf(run)) return;
    const differing = this.differencesFrom(run);
    if (differing.length === 0) return;
    throw new InputError(
      `${this.directory} holds a run with another configuration (${differing.join('; ')}); ` +
        'name another folder with --run, remove this one, or begin anew with sri train --restart, which replaces its weights',
    );
  }

  async writeConfig(run: RunConfig): Promise<void> {
    await this.write('config.json', CONFIG.write(run));
  }

  /**
   * Settles the configuration of a run that is trained: writes it where there is none, else checks that it is the same run, whose
   * backend and threads stay those that trained it.
   * @throws InputError naming the keys that differ.
   */
  async settleConfig(run: RunConfig): Promise<void> {
    this.refuseOther(run);
    const { backend, threads } = this.isBegun() ? this.config() : run;
    await this.writeConfig({ ...run, backend, threads });
  }

  /** Keeps a measured quantity, and what it is sentence by sentence; the same measured again replaces both. */
  async writeRow(row: MeasuredRow, perSentence?: SentenceValues): Promise<void> {
    const name = rowName(row);
    // A row that is there has its values: they come first.
    if (perSentence !== undefined) {
      makeFolder(path.dirname(this.valuesFile(name)));
      await writeFileAtomic(this.valuesFile(name), encodeSentenceValues(perSentence));
    } else rmSync(this.valuesFile(name), { force: true });
    await this.write(path.join('rows', `${name}.json`), ROW.write(row));
  }

  /**
   * What a row is sentence by sentence; null where that was not kept.
   * @throws {InputError} for a file that holds something else.
   */
  rowValues(row: MeasuredRow): SentenceValues | null {
    const file = this.valuesFile(rowName(row));
    return existsSync(file) ? decodeSentenceValues(readFileSync(file), file) : null;
  }

  /** Where a row lies, or is to lie. */
  rowFile(row: MeasuredRow): string {
    return path.join(this.directory, 'rows', `${rowName(row)}.json`);
  }

  /**
   * Tries, before hours of work, whether their outcome can be written.
   * @throws what the file system throws.
   */
  tryWriting(part: (typeof PARTS)[number]): void {
    tryWriting(path.join(this.directory, part));
  }

  private valuesFile(name: string): string {
    return path.join(this.directory, 'rows', `${name}.safetensors`);
  }

  /** Keeps what is no number: a text, samples, a figure; the same name again replaces it. */
  async writeArtifact(name: string, content: string): Promise<void> {
    await this.write(path.join('artifacts', name), content);
  }

  /** The content of an artifact; null where there is none of the name. */
  artifact(name: string): string | null {
    return read(path.join(this.directory, 'artifacts', name));
  }

  /**
   * Every measured quantity.
   * @throws {InputError} naming a file that is no row.
   */
  rows(): MeasuredRow[] {
    const directory = path.join(this.directory, 'rows');
    return list(directory)
      .filter((file) => file.endsWith('.json') && !file.startsWith('.'))
      .sort()
      .map((file) => {
        const full = path.join(directory, file);
        return ROW.read(read(full)!, full);
      });
  }

  /**
   * Takes the folder for this process until the lock is released, so that two do not train one run.
   * @throws RunInUseError if a living process holds it.
   */
  lock(): Lock {
    return this.take(TRAINING_LOCK, 'trained');
  }

  /**
   * Takes a quantity of the run on a split for this process until the lock is released, so that two do not measure it.
   * @param quantity a part of a file's name.
   * @throws RunInUseError if a living process holds it.
   */
  lockMeasuring(quantity: string, split: SplitName): Lock {
    return this.take(`measuring-${quantity}-${split}.lock`, `measured (${quantity} of ${split})`);
  }

  /** Whether a process trains the run now, as far as can be told from its lock. */
  isBeingTrained(): boolean {
    return Lock.isHeld(path.join(this.directory, TRAINING_LOCK));
  }

  /** Removes what processes that are no more had begun to write. */
  removeAbandoned(): void {
    for (const part of ['', ...PARTS]) removeAbandoned(path.join(this.directory, part));
  }

  /** Removes the locks of processes that ended without doing so; to be called by one that has none here. */
  forgetDeadLocks(): void {
    for (const name of list(this.directory))
      if (name.endsWith('.lock')) Lock.forgetDead(path.join(this.directory, name));
  }

  private take(name: string, what: string): Lock {
    makeFolder(this.directory);
    try {
      return Lock.take(path.join(this.directory, name));
    } catch (error) {
      if (error instanceof LockedError) throw new RunInUseError(this.directory, what, error);
      throw error;
    }
  }

  /**
   * Removes what a training left, so that it begins anew, by another configuration of the same run if need be; rows stay, which
   * know the weights that they are of. To be called under the lock.
   * @throws InputError, with nothing removed, where the folder holds a run of another data set, method or seed.
   */
  forgetTraining(run: RunConfig): void {
    if (this.isBegun()) {
      const there = this.config();
      if (nameOf(there) !== nameOf(run)) {
        throw new InputError(
          `${this.directory} holds ${nameOf(there)}, and --restart would replace it by ${nameOf(run)}; name another folder with --run`,
        );
      }
    }
    // Without the manifest there is no run to measure or to go on with.
    rmSync(path.join(this.directory, 'manifest.json'), { force: true });
    rmSync(this.checkpoints, { recursive: true, force: true });
    rmSync(this.metrics, { force: true });
    for (const file of list(this.directory)) {
      if (WEIGHTS.test(file)) rmSync(path.join(this.directory, file), { force: true });
    }
    rmSync(path.join(this.directory, 'config.json'), { force: true });
  }

  private async write(name: string, content: string): Promise<void> {
    const file = path.join(this.directory, name);
    makeFolder(path.dirname(file));
    await writeFileAtomic(file, content);
  }
}

/** Which run it is, whatever its keys. */
function nameOf({ name, dataSet, seed }: RunConfig): string {
  return `${name} on ${dataSet}, seed ${seed}`;
}

function read(file: string): string | null {
  try {
    return naming(file, () => readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
