// Weights kept for evaluation: a safetensors file whose metadata says after which epoch they were saved and what else
// the method needs to infer with them.

import { existsSync, readFileSync } from 'node:fs';
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

/**
 * Puts some of the weights of another run, perhaps of another method, into a model; the rest stay as they are.
 * @param only which, by name; every one of the model's that it names must be in the file.
 * @throws InputError where the file is missing, damaged, or lacks one of them, and where the model has none.
 */
export function loadSomeWeights(file: string, model: Model, only: (name: string) => boolean): void {
  if (!existsSync(file)) throw new InputError(`${file}: no such weights to start from; train that run first`);
  if (!model.parameters.names.some(only)) {
    throw new InputError(`${file}: nothing in it is for this method to start from; leave startFrom out`);
  }
  model.parameters.restore(decodeSafetensors(readFileSync(file), file).tensors, file, only);
}
