// LSTM-LM as the measure of the others: what it says of the very sentences that a run with a code is measured on. It is asked
// wherever it stands trained beside the run.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { equalLengthBatches } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import type { SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import { chosen } from '../evaluation/evaluate.js';
import { methodNamed } from '../methods/registry.js';
import { findRunsOf } from '../runs/measured-run.js';
import type { RunFolder } from '../runs/run-folder.js';
import { loadWeights } from '../runs/weights.js';

const LANGUAGE_MODEL = 'lstm-lm';

/** The runs of LSTM-LM beside a run of the same data set: first that of the seed, where there is one. */
function languageModels({ directory }: Pick<RunFolder, 'directory'>, seed: number): RunFolder[] {
  const own = `seed-${seed}`;
  const found = findRunsOf(path.dirname(path.dirname(path.resolve(directory))), LANGUAGE_MODEL);
  return found.sort((a, b) => Number(path.basename(b.directory) === own) - Number(path.basename(a.directory) === own));
}

function isFinished(folder: RunFolder, dataHash: string): boolean {
  const manifest = folder.manifest();
  if (manifest?.dataHash !== dataHash || manifest.finished === null) return false;
  return existsSync(folder.weights(folder.config().training.select));
}

/**
 * LSTM-LM's -log p(x) of the sentences that a split is measured on, by their place in it; nats. It is asked of the run of
 * LSTM-LM beside a run with a code, on the backend that has been started.
 *
 * @param folder of the run with a code, in its place among the data set's runs.
 * @param limit sentences of the split; null for all.
 * @param onWarning told of a run of LSTM-LM that cannot be read: what is asked of it is more than what is measured.
 * @returns null where no finished run of LSTM-LM on the corpus is there.
 */
export function languageModelNll(
  folder: Pick<RunFolder, 'directory'>,
  seed: number,
  corpus: PreparedCorpus,
  split: SplitName,
  limit: number | null,
  onWarning: (text: string) => void = () => {},
): ReadonlyMap<number, number> | null {
  const warn = ({ message }: Error) => onWarning(`no gain over LSTM-LM by a run that cannot be read: ${message}`);
  let found: RunFolder[];
  try {
    found = languageModels(folder, seed);
  } catch (error) {
    // The folders above may be anybody's.
    warn(error as Error);
    return null;
  }
  for (const one of found) {
    try {
      if (isFinished(one, corpus.hash)) return nllBy(one, corpus, split, limit);
    } catch (error) {
      if (!(error instanceof InputError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
      warn(error as Error);
    }
  }
  return null;
}

function nllBy(
  found: RunFolder,
  corpus: PreparedCorpus,
  split: SplitName,
  limit: number | null,
): ReadonlyMap<number, number> {
  const run = found.config();
  const model = methodNamed(run.method).create(run, corpus);
  try {
    if (model.hasLatent) throw new Error(`${run.method} is no language model`);
    const { select } = run.training;
    loadWeights(found.weights(select), model, found.manifest()?.weights[select]);
    const nll = new Map<number, number>();
    const indices = chosen(corpus.splits[split], limit);
    for (const batch of equalLengthBatches(corpus.splits[split], run.training.batchSize, { indices })) {
      model.sentenceNll(batch).forEach((value, i) => {
        nll.set(batch.indices[i]!, value);
      });
    }
    return nll;
  } finally {
    model.dispose();
  }
}
