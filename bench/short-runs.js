// A trained run of a method that infers by short runs, opened for a question to be asked of it, and the sentences that it is
// asked about.

import { drawSubset, equalLengthBatches } from '../dist/data/batches.js';
import { openRun } from '../dist/experiments/open-run.js';
import { RunFolder } from '../dist/runs/run-folder.js';
import { end, orEnd } from '../scripts/arguments.mjs';

/**
 * Ends the process, with 2, where there is no such run.
 * @param {{ run: string; sentences: string; split: string; threads: string }} values
 */
export async function openShortRuns(values) {
  const folder = new RunFolder(values.run);
  const threads = values.threads === 'auto' ? 'auto' : Number(values.threads);
  const open = async () => openRun({ ...folder.config(), threads }, folder);
  const { model, corpus, run, epoch, provenance } = await orEnd(open());
  if (!model.hasLatent || model.inference !== 'short-run') {
    return end(`${values.run}: a run of ${run.method}; what is asked here is asked of short runs`);
  }
  const split = corpus.splits[values.split];
  const indices = drawSubset(split, Number(values.sentences), run.seed);
  const batches = [...equalLengthBatches(split, run.training.batchSize, { indices })];
  const { langevin } =
    /** @type {import('../dist/config/schema.js').RunConfig<import('../dist/methods/sri.js').SriKeys>} */ (run);
  return { model, corpus, run, langevin, epoch, provenance, split, indices, batches };
}
