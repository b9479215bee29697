// Weights kept for evaluation: a safetensors file whose metadata says after which epoch they were saved and what else
// the method needs to infer with them. The run's manifest knows each file by its sum, and so does whatever is measured.

import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { STARTING_PARTS, type StartingPart } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { Model } from '../methods/method.js';
import { writeFileAtomic } from '../storage/atomic-write.js';
import { naming } from '../storage/file-error.js';
import { encodeSafetensors, readSafetensors, type StoredTensor } from '../storage/safetensors.js';
import { sha256 } from '../storage/sha256.js';

const METADATA = z.object({
  epoch: z.string().regex(/^\d+$/).transform(Number),
  state: z.string().transform((text, context) => {
    try {
      return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: 'custom', message: 'is no JSON object' });
      return z.NEVER;
    }
  }),
});

/**
 * Writes a model's weights and its method's state, whole or not at all.
 * @param epoch after which they are, from 1.
 * @returns SHA-256 of the file, in hexadecimal: what a manifest and a row know the weights by.
 */
export async function saveWeights(file: string, model: Model, epoch: number): Promise<string> {
  const metadata = { epoch: String(epoch), state: JSON.stringify(model.state()) };
  const pieces = encodeSafetensors(model.parameters.store(), metadata);
  const sum = sha256(...pieces);
  await writeFileAtomic(file, pieces);
  return sum;
}

/** Weights as a file has them. */
interface KeptWeights {
  tensors: ReadonlyMap<string, StoredTensor>;
  /** After which they were saved, from 1. */
  epoch: number;
  /** The method's own state of that time. */
  state: Record<string, unknown>;
  /** Of the file. */
  sha256: string;
}

/** Weights that are whole, but not those that a manifest knows. */
export class UnknownWeightsError extends InputError {}

/**
 * @param known the sum that the run's manifest has of the file; undefined where it has none.
 * @throws InputError naming the file where it is missing, damaged, holds what no weight can be, or is not the one known.
 */
function readWeights(file: string, known: string | undefined): KeptWeights {
  if (!existsSync(file)) {
    const folder = dirname(file);
    const there = existsSync(folder)
      ? readdirSync(folder).flatMap((name) => name.match(/^(.+)\.safetensors$/)?.[1] ?? [])
      : [];
    const others = there.length === 0 ? 'train the run' : `there are ${there.join(', ')}`;
    throw new InputError(`${file}: no such weights; ${others}`);
  }
  const { tensors, metadata, sha256: sum } = naming(file, () => readSafetensors(file));
  const parsed = METADATA.safeParse(metadata);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new InputError(
      `${file}: no weights of sri: its metadata's ${path.join('.')}: ${message}; train the run anew`,
    );
  }
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array)) throw new InputError(`${file}: ${name} holds whole numbers; weights are F32`);
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw new InputError(`${file}: ${name} holds ${data[at]} at place ${at}; no weight is that: train the run anew`);
    }
  }
  if (known !== undefined && known !== sum) {
    throw new UnknownWeightsError(
      `${file}: not the weights that manifest.json beside it knows (SHA-256 ${sum.slice(0, 16)}, not ` +
        `${known.slice(0, 16)}): if training ended as an epoch did, sri train goes on and puts it right; else the file was ` +
        "changed, or is another run's: put the right one back, or train the run anew",
    );
  }
  return { tensors, ...parsed.data, sha256: sum };
}

/**
 * Puts saved weights, and the method's state of that time, into a model of the same configuration.
 * @param known the sum that the run's manifest has of the file; undefined where it has none.
 * @throws InputError where the file is missing, damaged, not the one known, or another configuration's.
 */
export function loadWeights(file: string, model: Model, known?: string): Pick<KeptWeights, 'epoch' | 'sha256'> {
  const { tensors, state, epoch, sha256 } = readWeights(file, known);
  model.parameters.restore(tensors, file);
  model.restoreState(state);
  return { epoch, sha256 };
}

/** Puts saved weights of the same configuration back into a model, and leaves the method's own course as it is. */
export function restoreWeights(file: string, model: Model, known?: string): void {
  model.parameters.restore(readWeights(file, known).tensors, file);
}

/** What a run that others start from is called where they say so. */
export function startName({ name, seed }: { name: string; seed: number }): string {
  return `${name}, seed ${seed}`;
}

/** Weights of another run, perhaps of another method, that a fresh one starts from. */
export interface StartingWeights {
  /** Which of the model's weights: those whose names begin with it and a dot. */
  part: StartingPart;
  file: string;
  /** The other run. */
  run: string;
  /** What its manifest knows the file by; undefined where it does not. */
  sha256?: string | undefined;
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

/**
 * Whether the weights that a run began with are none of those that the other has by now.
 * @param sums of the other's files; where none are known, nothing is said of it.
 */
export function isReplaced({ sha256 }: StartingPoint, sums: readonly string[]): boolean {
  return sums.length > 0 && !sums.includes(sha256);
}

/** By part; empty where a run began with no other's weights. */
export const startedFromSchema = z.partialRecord(z.enum(STARTING_PARTS), startingPoint);

/**
 * Gives a part of a model the weights that another run has of it. Those that the other has none for, such as a decoder's
 * for the code where that run has no code, stay as they are.
 * @throws {InputError} where the file is missing, damaged, or has nothing of the part, where the model has no such part,
 *   and where the two are not built alike.
 */
export function startPart({ part, file, run, sha256: known }: StartingWeights, model: Model): StartingPoint {
  if (!existsSync(file)) throw new InputError(`${file}: no such weights to start from; train that run first`);
  const { tensors, epoch, sha256 } = readWeights(file, known);
  const ofPart = [...tensors.keys()].filter((name) => name.startsWith(`${part}.`));
  const own = model.parameters.names;
  if (!own.some((name) => name.startsWith(`${part}.`))) {
    throw new InputError(`startFrom.${part}: this method has no ${part} to start from ${run}; make it null`);
  }
  if (ofPart.length === 0) {
    throw new InputError(`${file}: ${run} has no ${part}; name another method in startFrom.${part}, or null`);
  }
  const ownName = (name: string) => model.decoder.ownName?.(name) ?? name;
  const strange = ofPart.find((name) => !own.includes(ownName(name)));
  if (strange !== undefined) {
    throw new InputError(`${file}: ${strange} is no weight of this run's ${part}; start from one that is built alike`);
  }
  const found = new Map(ofPart.map((name) => [ownName(name), tensors.get(name)!]));
  model.parameters.restore(found, file, (name) => found.has(name));
  return { run, epoch, sha256 };
}
