// A model of a toy run for as long as a test looks at it, and one update of it.

import type { Batch } from '../../src/data/batches.js';
import type { PreparedCorpus } from '../../src/data/corpus.js';
import type { Iteration, LatentVariableModel, Position } from '../../src/methods/method.js';
import { methodNamed } from '../../src/methods/registry.js';
import { GradientDescent } from '../../src/training/learner.js';
import { createOptimizer } from '../../src/training/optimizer.js';
import type { ToyRun } from '../training/toy.js';

/** What `work` makes of a run's model, which is disposed of. */
export function withModel<T>(run: ToyRun, corpus: PreparedCorpus, work: (model: LatentVariableModel) => T): T {
  const model = methodNamed(run.method).create(run, corpus) as LatentVariableModel;
  try {
    return work(model);
  } finally {
    model.dispose();
  }
}

/** One update by the run's optimizer, without clipping. */
export function learnOnce(model: LatentVariableModel, run: ToyRun, batch: Batch, at: Position): Iteration {
  const optimizer = createOptimizer(run.optimizer, model.parameters);
  const iteration = model.learn(batch, at, new GradientDescent(model.parameters, optimizer, null));
  optimizer.dispose();
  return iteration;
}
