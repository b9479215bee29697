// LSTM-LM as the measure of the others: what it says of the very sentences that a run with a code is measured on. It is asked
// wherever it stands trained beside the run.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { equalLengthBatches } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import type { SplitName } from '../data/splits.js';
import { chosen } from '../evaluation/evaluate.js';
import { methodNamed } from '../methods/registry.js';
import { findRuns } from '../runs/measured-run.js';
import type { RunFolder } from '../runs/run-folder.js';
import { loadWeights } from '../runs/weights.js';

const LANGUAGE_MODEL = 'lstm-lm';

/**
 * The finished run of LSTM-LM that learned from a corpus, beside a run of the same data set: of the seed where there is one,
 * else the first; null where there is none.
 */
function finishedLanguageModel({ directory }: Pick<RunFolder, 'directory'>, seed: number, dataHash: string) {
  const dataSet = path.dirname(path.dirname(path.resolve(directory)));
  const found = findRuns(path.dirname(dataSet), path.basename(dataSet)).filter((folder) => {
    if (path.basename(path.dirname(folder.directory)) !== LANGUAGE_MODEL) return false;
    const manifest = folder.manifest();
    if (manifest?.dataHash !== dataHash || manifest.finished === null) return false;
    return existsSync(folder.weights(folder.config().training.select));
  });
  return found.find((folder) => path.basename(folder.directory) === `seed-${seed}`) ?? found[0] ?? null;
}

/**
 * LSTM-LM's -log p(x) of the sentences that a split is measured on, by their place in it; nats. It is asked of the run of
 * LSTM-LM beside a run with a code, on the backend that has been started.
 *
 * @param folder of the run with a code, in its place among the data set's runs.
 * @param limit sentences of the split; null for all.
 * @returns null where no finished run of LSTM-LM on the corpus is there.
 * @throws {InputError} where its weights cannot be read.
 */
export function languageModelNll(
  folder: Pick<RunFolder, 'directory'>,
  seed: number,
  corpus: PreparedCorpus,
  split: SplitName,
  limit: number | null,
): ReadonlyMap<number, number> | null {
  const found = finishedLanguageModel(folder, seed, corpus.hash);
  if (found === null) return null;
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
