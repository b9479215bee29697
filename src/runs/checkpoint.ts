// Checkpoints: the tensors first, then a JSON of the training state that names them, each written whole or not at all.
// A checkpoint exists once its JSON does, so a process may die at any instant and the last two stay good.

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { InputError } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { makeFolder } from '../storage/folder.js';
import { encodeSafetensors, readSafetensors, type StoredTensor } from '../storage/safetensors.js';
import { sha256 } from '../storage/sha256.js';
import { hasSum, NO_SUM, withSum } from '../storage/summed-json.js';
import { endingSchema } from './ending-schema.js';
import { anyNumber, JsonFormat } from './json-format.js';
import { verdictSchema } from './run-folder.js';
import { startedFromSchema } from './weights.js';

const validationState = z.strictObject({
  /** Lowest validation loss so far, nats a word; null before the first. */
  best: anyNumber.nullable(),
  /** The epoch it was measured after. */
  bestEpoch: z.int(),
  /**
   * What the next loss may not be above to count as a gain, nats a word: the lowest since the last decay, that decay's own
   * epoch among them. Null before the first, and absent in checkpoints written before it was kept, where it was the best.
   */
  reference: anyNumber.nullable().optional(),
  /** Epochs since the last gain or the last decay. */
  epochsWithoutGain: z.int(),
  decays: z.int(),
});
/** All that the decisions after an epoch depend on. */
export type ValidationState = z.infer<typeof validationState>;

const sums = z.strictObject({
  iterations: z.int(),
  sentences: z.int(),
  words: z.int(),
  /** Sum over sentences, nats. */
  loss: anyNumber,
  /** Sum over iterations, before clipping. */
  gradientNorm: anyNumber,
  /** Sums over iterations of the method's quantities. Null, in states of an earlier version, stands for NaN. */
  quantities: z.record(z.string(), z.union([anyNumber, z.null().transform(() => Number.NaN)])),
  /** The iterations that had each quantity; absent in states of an earlier version, which took all to have it. */
  quantityIterations: z.record(z.string(), z.int()).optional(),
  seconds: anyNumber,
  flops: anyNumber,
});
export type TrainingSums = z.infer<typeof sums>;

const trainingState = z.strictObject({
  /** The epoch in progress, from 1. */
  epoch: z.int(),
  /** Batches done in it. */
  batch: z.int(),
  /** Updates done in the run. */
  iteration: z.int(),
  /** As decays have left it; within a cosine's cycle an update is made with a share of it. */
  learningRate: z.number(),
  validation: validationState,
  /** What the last diagnosis of the weights that are selected so far came to; null before any. */
  verdict: verdictSchema.nullable(),
  /** Why training ended, or null. */
  finished: endingSchema.nullable(),
  /** The method's own state. */
  method: z.record(z.string(), z.unknown()),
  /** Sums of the interval's metrics line in progress. */
  interval: sums,
  /** Sums of the epoch in progress. */
  epochSums: sums,
  /** Bytes of metrics.csv that belong to the run up to here. */
  metricsBytes: z.int(),
  trainingSeconds: z.number(),
  startedFrom: startedFromSchema,
  /** SHA-256 of the files of weights that were kept so far, by name; none of a state that was saved before these were. */
  weights: z.record(z.string(), z.string()).default({}),
  /** Every backend that has trained the run, the first one first. */
  backends: z.array(z.string()).default([]),
  /** Content hash of the corpus. */
  dataHash: z.string(),
});

/** A state as its file has it; the sums of one that was saved before these were are absent. */
const savedState = trainingState.extend({
  /** SHA-256 of the tensors' file, in hexadecimal. */
  tensors: z.string().optional(),
  /** Of this file, with noughts in the place of the sum. */
  sum: z.string().optional(),
});
/** Where training is, besides the tensors. */
export type TrainingState = z.infer<typeof trainingState>;

const TRAINING_STATE = new JsonFormat(
  'training state',
  1,
  savedState,
  'remove the checkpoint to go on from the one before',
  true,
);

/** Updates done and, but in the names of an earlier version, the epoch. */
const CHECKPOINT = /^\d{9}(-\d{6})?$/;

/** How many checkpoints are kept. */
const KEPT = 2;

/** Writes a checkpoint and removes all but the last two. */
export async function saveCheckpoint(
  directory: string,
  state: TrainingState,
  tensors: Map<string, StoredTensor>,
): Promise<void> {
  makeFolder(directory);
  // By the epoch too: what follows an epoch's last update may put other weights in their place.
  const name = `${String(state.iteration).padStart(9, '0')}-${String(state.epoch).padStart(6, '0')}`;
  const pieces = encodeSafetensors(tensors);
  await writeFileAtomic(path.join(directory, `${name}.safetensors`), pieces);
  const text = TRAINING_STATE.write({ ...state, tensors: sha256(...pieces), sum: NO_SUM });
  await writeFileAtomic(path.join(directory, `${name}.json`), withSum(text));
  // One that is newer is not whole, or this one would have begun there.
  const kept = new Set(
    saved(directory)
      .filter((saved) => saved <= name)
      .slice(0, KEPT),
  );
  for (const old of saved(directory)) {
    // The JSON goes first: without it the tensors are no checkpoint.
    if (!kept.has(old)) rmSync(path.join(directory, `${old}.json`), { force: true });
  }
  for (const file of readdirSync(directory)) {
    const own = path.parse(file).name;
    if (CHECKPOINT.test(own) && !kept.has(own)) rmSync(path.join(directory, file), { force: true });
  }
}

/**
 * A checkpoint, of which every bit is as it was written.
 * @throws {InputError} naming the file that is not.
 */
function readCheckpoint(directory: string, name: string): Omit<LoadedCheckpoint, 'passedOver'> {
  const json = path.join(directory, `${name}.json`);
  const file = path.join(directory, `${name}.safetensors`);
  const text = readFileSync(json, 'utf8');
  const { tensors: known, sum, ...state } = TRAINING_STATE.read(text, json);
  if (sum !== undefined && !hasSum(text, sum)) {
    throw new InputError(`${json}: not as it was written: its sum is another`);
  }
  const { tensors, sha256: found } = readSafetensors(file);
  if (known !== undefined && known !== found) {
    throw new InputError(`${file}: not as it was written: its sum is not the one in ${json}`);
  }
  return { state, tensors, file };
}

/** Whether there is one to go on from. */
export function hasCheckpoint(directory: string): boolean {
  return saved(directory).length > 0;
}

export interface LoadedCheckpoint {
  state: TrainingState;
  tensors: ReadonlyMap<string, StoredTensor>;
  file: string;
  /** Newer ones that are not whole, each with the reason. */
  passedOver: readonly string[];
}

/**
 * The newest checkpoint that is whole, or null where there is none.
 * @throws InputError where checkpoints are there but none can be read; what the file system throws where it fails for now.
 */
export function loadCheckpoint(directory: string): LoadedCheckpoint | null {
  const failures: string[] = [];
  for (const name of saved(directory)) {
    try {
      return { ...readCheckpoint(directory, name), passedOver: failures };
    } catch (error) {
      // All else is of the machine, or of what one may, and not of the file: another time it can be read.
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!(error instanceof InputError) && !gone) throw error;
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
    .map((file) => path.parse(file))
    .filter(({ name, ext }) => ext === '.json' && CHECKPOINT.test(name))
    .map(({ name }) => name)
    .sort()
    .reverse();
}
