// Weights kept for evaluation: a safetensors file whose metadata says after which epoch they were saved and what else
// the method needs to infer with them.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { STARTING_PARTS, type StartingPart } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { Model } from '../methods/method.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { decodeSafetensors, encodeSafetensors } from '../storage/safetensors.js';

/** Writes a model's weights and its method's state, whole or not at all. @param epoch after which they are, from 1. */
export async function saveWeights(file: string, model: Model, epoch: number): Promise<void> {
  const metadata = { epoch: String(epoch), state: JSON.stringify(model.state()) };
  await writeFileAtomic(file, encodeSafetensors(model.parameters.store(), metadata));
}

/**
 * Puts saved weights, and the method's state of that time, into a model of the same configuration.
 * @returns the epoch after which they were saved.
 * @throws InputError where the file is missing, damaged, or another configuration's.
 */
export function loadWeights(file: string, model: Model): number {
  if (!existsSync(file)) throw new InputError(`${file}: no such weights; train the run, or name others`);
  const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
  model.parameters.restore(tensors, file);
  model.restoreState(JSON.parse(metadata.state ?? '{}') as Record<string, unknown>);
  return Number(metadata.epoch ?? 0);
}

/** Puts saved weights of the same configuration back into a model, and leaves the method's own course as it is. */
export function restoreWeights(file: string, model: Model): void {
  model.parameters.restore(decodeSafetensors(readFileSync(file), file).tensors, file);
}

/** Weights of another run, perhaps of another method, that a fresh one starts from. */
export interface StartingWeights {
  /** Which of the model's weights: those whose names begin with it and a dot. */
  part: StartingPart;
  file: string;
  /** The other run. */
  run: string;
}

const startingPoint = z.strictObject({
  run: z.string(),
  /** After which they were saved there, from 1. */
  epoch: z.int(),
  /** Of the file that they were read from. */
  sha256: z.string(),
});
/** Which weights a part of a run began as. */
export type StartingPoint = z.infer<typeof startingPoint>;

/** By part; empty where a run began with no other's weights. */
export const startedFromSchema = z.partialRecord(z.enum(STARTING_PARTS), startingPoint);

/**
 * Gives a part of a model the weights that another run has of it. Those that the other has none for, such as a decoder's
 * for the code where that run has no code, stay as they are.
 * @throws {InputError} where the file is missing, damaged, or has nothing of the part, where the model has no such part,
 *   and where the two are not built alike.
 */
export function startPart({ part, file, run }: StartingWeights, model: Model): StartingPoint {
  if (!existsSync(file)) throw new InputError(`${file}: no such weights to start from; train that run first`);
  const bytes = readFileSync(file);
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const ofPart = [...tensors.keys()].filter((name) => name.startsWith(`${part}.`));
  const own = model.parameters.names;
  if (!own.some((name) => name.startsWith(`${part}.`))) {
    throw new InputError(`startFrom.${part}: this method has no ${part} to start from ${run}; make it null`);
  }
  if (ofPart.length === 0) {
    throw new InputError(`${file}: ${run} has no ${part}; name another method in startFrom.${part}, or null`);
  }
  const strange = ofPart.find((name) => !own.includes(name));
  if (strange !== undefined) {
    throw new InputError(`${file}: ${strange} is no weight of this run's ${part}; start from one that is built alike`);
  }
  model.parameters.restore(tensors, file, (name) => ofPart.includes(name));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { run, epoch: Number(metadata.epoch ?? 0), sha256 };
}
