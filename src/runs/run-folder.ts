// A run's folder: everything a run is and has measured, and the only thing that tables are made from.
//
//   config.json    the resolved configuration
//   manifest.json  what made it: versions, commit, data hash, backend, wall time
//   metrics.csv    a line each interval of training
//   checkpoints/   the last two, for going on
//   best.safetensors, last.safetensors, epoch-<n>.safetensors   weights, for evaluation
//   rows/          a file each measured quantity, and beside it one of the sentences' own values
//   artifacts/     texts, samples and figures made with the weights

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseRunConfig } from '../config/load.js';
import type { RunConfig, StartingPart } from '../config/schema.js';
import type { SplitName } from '../data/corpus.js';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import type { SentenceValues } from './row.js';
import { decodeSentenceValues, encodeSentenceValues } from './sentence-values.js';
import type { StartingPoint } from './weights.js';

/** What made a run's weights. */
export interface Manifest {
  version: string;
  /** Of the source, with `+changes` where the working tree differed; null outside a repository. */
  commit: string | null;
  node: string;
  /** Content hash of the prepared corpus. */
  dataHash: string;
  /** Of the prepared corpus; absent in manifests that were written before they told. */
  sentences?: Record<SplitName, number>;
  /** Weights of other runs that parts of the model began with; absent in manifests that were written before they told. */
  startedFrom?: Partial<Record<StartingPart, StartingPoint>>;
  backend: string;
  /** The backend's own version and the machine's instruction sets. */
  backendDetails: string;
  threads: number | null;
  precision: RunConfig['precision'];
  parameters: number;
  /** Epochs finished. */
  epochs: number;
  /** The epoch whose weights are `best`, and its validation loss, nats a word. */
  bestEpoch: number;
  bestValidation: number | null;
  /** The epoch whose weights are evaluated as the run's (`training.select`); the best where absent. */
  selectedEpoch?: number;
  /** On those weights' code; null for a model without one. */
  verdict: Verdict | null;
  /** Seconds spent training, over all processes that worked on the run. */
  trainingSeconds: number;
  /** Why training ended; null while it has not. */
  finished: string | null;
  /** Peak resident memory of the last process that trained, MiB. */
  peakMemory: number;
}

/** The epoch whose weights are evaluated as a run's. */
export function selectedEpoch({ selectedEpoch, bestEpoch }: Pick<Manifest, 'selectedEpoch' | 'bestEpoch'>): number {
  return selectedEpoch ?? bestEpoch;
}

/** Whether the code is used, in a word and a sentence. */
export interface Verdict {
  collapse: 'diverged' | 'collapsed' | 'partly collapsed' | 'active';
  reason: string;
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

  /** @throws InputError where the folder holds no run. */
  config(): RunConfig {
    const file = path.join(this.directory, 'config.json');
    const text = read(file);
    if (text === null) throw new InputError(`${this.directory}: no run here (config.json is missing); train it first`);
    return parseRunConfig(parseJson(text, file), file);
  }

  /**
   * null before anything was trained here.
   * @throws InputError for a file that is no manifest.
   */
  manifest(): Manifest | null {
    const file = path.join(this.directory, 'manifest.json');
    const text = read(file);
    return text === null ? null : checkedManifest(parseJson(text, file), file);
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    await this.write('manifest.json', manifest);
  }

  /**
   * Settles the folder's configuration: writes it where there is none, else checks that it is the same run.
   * How long, where and how often something is kept may change between one process and the next; what is learned may not.
   * @throws InputError naming the keys that differ.
   */
  async settleConfig(run: RunConfig): Promise<void> {
    if (read(path.join(this.directory, 'config.json')) !== null) {
      const differing = differences(learned(this.config()), learned(run));
      if (differing.length > 0) {
        throw new InputError(
          `${this.directory} holds a run with another configuration (${differing.join('; ')}); ` +
            `name another folder with --run, or remove this one`,
        );
      }
    }
    await this.write('config.json', run);
  }

  /** Keeps a measured quantity, and what it is sentence by sentence; the same name again replaces both. */
  async writeRow(name: string, row: object, perSentence?: SentenceValues): Promise<void> {
    // A row that is there has its values: they come first.
    if (perSentence !== undefined) {
      mkdirSync(path.dirname(this.valuesFile(name)), { recursive: true });
      await writeFileAtomic(this.valuesFile(name), encodeSentenceValues(perSentence));
    } else rmSync(this.valuesFile(name), { force: true });
    await this.write(path.join('rows', `${name}.json`), row);
  }

  /**
   * What a row is sentence by sentence; null where that was not kept.
   * @throws {InputError} for a file that holds something else.
   */
  rowValues(name: string): SentenceValues | null {
    const file = this.valuesFile(name);
    return existsSync(file) ? decodeSentenceValues(readFileSync(file), file) : null;
  }

  private valuesFile(name: string): string {
    return path.join(this.directory, 'rows', `${name}.safetensors`);
  }

  /** Keeps what is no number: a text, samples, a figure; the same name again replaces it. */
  async writeArtifact(name: string, content: string): Promise<void> {
    const file = path.join(this.directory, 'artifacts', name);
    mkdirSync(path.dirname(file), { recursive: true });
    await writeFileAtomic(file, content);
  }

  /** The content of an artifact; null where there is none of the name. */
  artifact(name: string): string | null {
    return read(path.join(this.directory, 'artifacts', name));
  }

  /** Every measured quantity, by name. */
  rows(): { name: string; row: unknown }[] {
    const directory = path.join(this.directory, 'rows');
    return list(directory)
      .filter((file) => file.endsWith('.json') && !file.startsWith('.'))
      .sort()
      .map((file) => {
        const full = path.join(directory, file);
        return { name: file.slice(0, -'.json'.length), row: parseJson(read(full)!, full) };
      });
  }

  /**
   * Takes the folder for this process until the returned function is called, so that two do not train one run.
   * @throws InputError if a living process holds it.
   */
  lock(): () => void {
    mkdirSync(this.directory, { recursive: true });
    const file = path.join(this.directory, 'training.pid');
    const holder = Number(read(file) ?? Number.NaN);
    if (Number.isInteger(holder) && holder > 0 && holder !== process.pid && isAlive(holder)) {
      throw new InputError(
        `${this.directory} is being trained by process ${holder}; wait for it, or stop it ` +
          `(if that process is something else, remove ${file})`,
      );
    }
    writeFileSync(file, String(process.pid));
    return () => rmSync(file, { force: true });
  }

  private async write(name: string, value: object): Promise<void> {
    const file = path.join(this.directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    await writeFileAtomic(file, `${JSON.stringify(value, null, 2)}\n`);
  }
}

/** The part of a configuration that decides the weights. */
function learned(run: RunConfig): object {
  const { backend, threads, evaluation, training, ...rest } = run;
  const { epochs, keepEpochs, checkpointEvery, logEvery, ...learning } = training;
  return { ...rest, training: learning };
}

/** `path: old -> new` for every leaf that differs. */
function differences(old: object, fresh: object, prefix = ''): string[] {
  const keys = new Set([...Object.keys(old), ...Object.keys(fresh)]);
  return [...keys].flatMap((key) => {
    const a = (old as Record<string, unknown>)[key];
    const b = (fresh as Record<string, unknown>)[key];
    if (JSON.stringify(a) === JSON.stringify(b)) return [];
    if (isPlain(a) && isPlain(b)) return differences(a, b, `${prefix}${key}.`);
    return [`${prefix}${key}: ${JSON.stringify(a)} there, ${JSON.stringify(b)} now`];
  });
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
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

function checkedManifest(value: unknown, file: string): Manifest {
  const given = value as Partial<Manifest> | null;
  const wrong =
    (['dataHash', 'backend'] as const).find((key) => typeof given?.[key] !== 'string') ??
    (['epochs', 'bestEpoch'] as const).find((key) => typeof given?.[key] !== 'number') ??
    (given?.finished === null || typeof given?.finished === 'string' ? undefined : 'finished');
  if (wrong === undefined) return given as Manifest;
  throw new InputError(`${file}: ${wrong} is missing, so this is no manifest; remove it, and sri train writes it anew`);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: not valid JSON: ${(error as Error).message}`);
  }
}
