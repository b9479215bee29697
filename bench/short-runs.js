// A trained run of a method that infers by short runs, opened for a question to be asked of it, and the sentences that it is
// asked about.

import process from 'node:process';
import { drawSubset, equalLengthBatches } from '../dist/data/batches.js';
import { openRun } from '../dist/experiments/open-run.js';
import { RunFolder } from '../dist/runs/run-folder.js';

/**
 * Ends the process, with 2, where there is no such run.
 * @param {{ run?: string | undefined; sentences: string; split: string; threads: string }} values
 */
export async function openShortRuns(values) {
  if (values.run === undefined) {
    process.stderr.write('give --run, the folder of a run of sri\n');
    process.exit(2);
  }
  const folder = new RunFolder(values.run);
  const threads = values.threads === 'auto' ? 'auto' : Number(values.threads);
  const { model, corpus, run, epoch, provenance } = await openRun({ ...folder.config(), threads }, folder);
  if (!model.hasLatent || model.inference !== 'short-run') {
    process.stderr.write(`${values.run}: a run of ${run.method}; what is asked here is asked of short runs\n`);
    process.exit(2);
  }
  const split = corpus.splits[values.split];
  const indices = drawSubset(split, Number(values.sentences), run.seed);
  const batches = [...equalLengthBatches(split, run.training.batchSize, { indices })];
  const { langevin } =
    /** @type {import('../dist/config/schema.js').RunConfig<import('../dist/methods/sri.js').SriKeys>} */ (run);
  return { model, corpus, run, langevin, epoch, provenance, split, indices, batches };
}
