// Checkpoints: the tensors first, then a JSON of the training state that names them, each written whole or not at all.
// A checkpoint exists once its JSON does, so a process may die at any instant and the last two stay good.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../storage/safetensors.js';
import type { ValidationState } from '../training/validation.js';
import type { Manifest, Verdict } from './run-folder.js';

/** Where training is, besides the tensors. */
export interface TrainingState {
  /** The epoch in progress, from 1. */
  epoch: number;
  /** Batches done in it. */
  batch: number;
  /** Updates done in the run. */
  iteration: number;
  learningRate: number;
  validation: ValidationState;
  /** What the last diagnosis of the weights that are selected so far came to; null before any. */
  verdict: Verdict | null;
  /** Why training ended, or null. */
  finished: string | null;
  /** The method's own state. */
  method: Record<string, unknown>;
  /** Sums of the interval's metrics line in progress. */
  interval: TrainingSums;
  /** Sums of the epoch in progress; absent in checkpoints that were written before they told. */
  epochSums?: TrainingSums;
  /** Bytes of metrics.csv that belong to the run up to here. */
  metricsBytes: number;
  trainingSeconds: number;
  /** Weights of other runs that parts began with; absent in checkpoints that were written before they told. */
  startedFrom?: Manifest['startedFrom'];
  /** Content hash of the corpus; absent in checkpoints that were written before they told. */
  dataHash?: string;
}

export interface TrainingSums {
  iterations: number;
  sentences: number;
  words: number;
  /** Sum over sentences, nats. */
  loss: number;
  /** Sum over iterations, before clipping. */
  gradientNorm: number;
  /** Sums over iterations of the method's quantities. */
  quantities: Record<string, number>;
  seconds: number;
  flops: number;
}

/** How many checkpoints are kept. */
const KEPT = 2;

/** Writes a checkpoint and removes all but the last two. */
export async function saveCheckpoint(
  directory: string,
  state: TrainingState,
  tensors: Map<string, StoredTensor>,
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const name = String(state.iteration).padStart(9, '0');
  await writeFileAtomic(path.join(directory, `${name}.safetensors`), encodeSafetensors(tensors));
  await writeFileAtomic(path.join(directory, `${name}.json`), JSON.stringify(state));
  const kept = new Set(saved(directory).slice(0, KEPT));
  for (const old of saved(directory)) {
    // The JSON goes first: without it the tensors are no checkpoint.
    if (!kept.has(old)) rmSync(path.join(directory, `${old}.json`), { force: true });
  }
  for (const file of readdirSync(directory)) {
    if (!kept.has(path.parse(file).name)) rmSync(path.join(directory, file), { force: true });
  }
}

/** Whether there is one to go on from. */
export function hasCheckpoint(directory: string): boolean {
  return saved(directory).length > 0;
}

/**
 * The newest checkpoint, or null where there is none.
 * @throws InputError where checkpoints are there but none can be read.
 */
export function loadCheckpoint(
  directory: string,
): { state: TrainingState; tensors: ReadonlyMap<string, StoredTensor>; file: string } | null {
  const failures: string[] = [];
  for (const name of saved(directory)) {
    const file = path.join(directory, `${name}.safetensors`);
    try {
      const state = JSON.parse(readFileSync(path.join(directory, `${name}.json`), 'utf8')) as TrainingState | null;
      if (typeof state?.iteration !== 'number' || typeof state.metricsBytes !== 'number') {
        throw new Error(`${name}.json is no training state`);
      }
      return { state, tensors: decodeSafetensors(readFileSync(file), file).tensors, file };
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) {
    throw new InputError(
      `${directory}: no checkpoint can be read (${failures.join('; ')}); remove them to start afresh`,
    );
  }
  return null;
}

/** Names of the checkpoints, newest first. */
function saved(directory: string): string[] {
  let files: string[];
  try {
    files = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return files
    .filter((file) => /^\d{9}\.json$/.test(file))
    .map((file) => file.slice(0, 9))
    .sort()
    .reverse();
}
