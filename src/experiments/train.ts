// Training a run: its corpus, the machine, the weights that it starts from and the judge of its epochs, brought together.

import type { RunConfig } from '../config/schema.js';
import { loadCorpus } from '../data/corpus-files.js';
import { InputError } from '../errors.js';
import { methodNamed } from '../methods/index.js';
import { ENCODER_PREFIX } from '../model/lstm/encoder.js';
import { type Manifest, RunFolder } from '../runs/run-folder.js';
import { type TrainingEvent, train } from '../training/train.js';
import { createValidator } from './evaluation.js';
import { checkPrecision, measurePeak, provenance, startMachine } from './machine.js';
import type { Following } from './progress.js';

/**
 * Trains a run to its end, from where it last stopped.
 * @param runs the folder of all runs, where the one that this starts from is.
 * @throws {InputError} when the corpus is not prepared, the folder holds another run, or the backend does not work here.
 * @throws {InterruptedError} after saving, when the signal asks to stop.
 */
export async function trainRun(
  run: RunConfig,
  folder: RunFolder,
  runs: string,
  { signal, onProgress }: Following<TrainingEvent> = {},
): Promise<Manifest> {
  const corpus = await loadCorpus(run.data.directory);
  const backend = await startMachine(run);
  checkPrecision(run);
  return train({
    run,
    method: methodNamed(run.method),
    startFrom: startingWeights(run, runs, corpus.hash),
    corpus,
    folder,
    validator: createValidator(run, corpus),
    provenance: provenance(backend),
    peakFlops: measurePeak('f32'),
    signal,
    report: onProgress,
  });
}

/**
 * The encoder that a run starts from: that of another method's run of the same data set and seed.
 * @throws {InputError} where that run is not finished, or learned from another corpus.
 */
function startingWeights(run: RunConfig, runs: string, dataHash: string) {
  if (run.startFrom === null) return null;
  const source = RunFolder.of(runs, { dataSet: run.dataSet, name: run.startFrom, seed: run.seed });
  const manifest = source.manifest();
  if ((manifest?.finished ?? null) === null) {
    throw new InputError(
      `${run.name} starts from the encoder of ${run.startFrom}, and ${source.directory} holds no finished run of it; ` +
        `train that first: sri train --method ${run.startFrom} --seed ${run.seed}`,
    );
  }
  if (manifest!.dataHash !== dataHash) {
    throw new InputError(
      `${run.name} starts from the encoder of ${run.startFrom}, and ${source.directory} learned from another corpus ` +
        `than ${run.data.directory} is now; train it anew, or prepare the corpus as it was`,
    );
  }
  return { file: source.weights('best'), only: (name: string) => name.startsWith(ENCODER_PREFIX) };
}
