// A trained run, opened: what every command that measures or shows one starts from.

import { setTimeout } from 'node:timers/promises';
import { sourceCommit } from '../commit.js';
import type { RunConfig } from '../config/schema.js';
import { closeSplits, type PreparedCorpus } from '../data/corpus.js';
import { loadCorpus } from '../data/corpus-files.js';
import { InputError } from '../errors.js';
import type { EvaluatedModel, LatentModel } from '../evaluation/evaluated-model.js';
import type { Model } from '../methods/method.js';
import { methodNamed } from '../methods/registry.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { Provenance } from '../runs/row.js';
import type { RunFolder } from '../runs/run-folder.js';
import { loadWeights, UnknownWeightsError } from '../runs/weights.js';
import { evaluatedModel } from './evaluation.js';
import { checkMemory, startMachine } from './machine.js';

/** A trained run with its corpus and weights in memory; who opened it disposes it, what still uses it then ends as it would. */
export interface OpenRun {
  run: RunConfig;
  folder: RunFolder;
  corpus: PreparedCorpus;
  model: EvaluatedModel;
  decoder: LatentDecoder;
  /** The epoch after which the weights were saved, from 1. */
  epoch: number;
  /** What a row says of who measured it. */
  provenance: Provenance;
  /** What a row warns of in how it was computed; see `Backend`. */
  caveat: string | null;
  dispose(): void;
}

/** The decoders of runs that were disposed of: each opening makes its own. */
const disposed = new WeakSet<LatentDecoder>();

/** Whether a run that was opened is disposed of. */
export function isDisposed({ decoder }: Pick<OpenRun, 'decoder'>): boolean {
  return disposed.has(decoder);
}

/** How many use a run, by its decoder, and what gives its memory back when the last of them is done. */
const users = new Map<LatentDecoder, { count: number; release: (() => void) | null }>();

/** Uses an opened run: its memory stays until that is done, though it be disposed of meanwhile. */
export async function keepOpen<Result>(
  { decoder }: Pick<OpenRun, 'decoder'>,
  use: () => Promise<Result>,
): Promise<Result> {
  const own = users.get(decoder) ?? { count: 0, release: null };
  users.set(decoder, own);
  own.count++;
  try {
    return await use();
  } finally {
    own.count--;
    if (own.count === 0) {
      users.delete(decoder);
      own.release?.();
    }
  }
}

/**
 * Opens a run: starts the backend and loads the corpus and the weights.
 * @param weights `best`, `last`, or `epoch-<n>` for those that `training.keepEpochs` kept.
 * @throws {InputError} where there are no such weights, or the corpus is another than the run learned from.
 */
export async function openRun(
  run: RunConfig,
  folder: RunFolder,
  weights: string = run.training.select,
): Promise<OpenRun> {
  const corpus = await loadCorpus(run.data.directory);
  try {
    return await openWith(corpus, run, folder, weights);
  } catch (error) {
    closeSplits(corpus.splits);
    throw error;
  }
}

async function openWith(corpus: PreparedCorpus, run: RunConfig, folder: RunFolder, weights: string): Promise<OpenRun> {
  const learnedFrom = folder.manifest()?.dataHash;
  if (learnedFrom !== undefined && learnedFrom !== corpus.hash) {
    throw new InputError(
      `${run.data.directory} is not the corpus that ${folder.directory} learned from ` +
        `(hash ${corpus.hash.slice(0, 16)}, not ${learnedFrom.slice(0, 16)}); prepare that one again, or train anew`,
    );
  }
  checkMemory(run, corpus.vocabulary.size);
  const { name, threads, caveat } = await startMachine(run);
  const method = methodNamed(run.method);
  const model = method.create(run, corpus);
  try {
    const { epoch, sha256 } = await loadKnownWeights(folder, weights, model);
    return {
      run,
      folder,
      corpus,
      model: evaluatedModel(model, method, epoch),
      decoder: model.decoder,
      epoch,
      provenance: {
        epoch,
        backend: name,
        threads,
        commit: sourceCommit(),
        weights: sha256,
        dataHash: corpus.hash,
      },
      caveat,
      dispose: () => {
        if (disposed.has(model.decoder)) return;
        disposed.add(model.decoder);
        const release = () => {
          model.dispose();
          closeSplits(corpus.splits);
        };
        const inUse = users.get(model.decoder);
        if (inUse === undefined) release();
        else inUse.release = release;
      },
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Loads weights that the manifest knows. Of a run that is being trained new ones take their place a moment before the manifest
 * knows them, so both are read again then.
 */
async function loadKnownWeights(folder: RunFolder, name: string, model: Model) {
  for (let left = 20; ; left--) {
    try {
      return loadWeights(folder.weights(name), model, folder.manifest()?.weights[name]);
    } catch (error) {
      if (!(error instanceof UnknownWeightsError) || left === 0 || !folder.isBeingTrained()) throw error;
      await setTimeout(100);
    }
  }
}

/**
 * The model of an opened run, which must have a latent code.
 * @param wanted what for, as in `sri interpolate`.
 * @throws {InputError} for a method without one.
 */
export function latentModel({ model, run }: Pick<OpenRun, 'model' | 'run'>, wanted: string): LatentModel {
  if (model.hasLatent) return model;
  throw new InputError(`${wanted}: ${run.method} has no latent code; name a method that has one`);
}
