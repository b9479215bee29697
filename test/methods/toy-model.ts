// A model of a toy run for as long as a test looks at it, and one update of it.

import * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../../src/data/batches.js';
import type { PreparedCorpus } from '../../src/data/corpus.js';
import type { SentenceKeys } from '../../src/inference/sentence-noise.js';
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

/** How many tensors stay behind a model that was made, learned once, inferred with its density, and was disposed of. */
export function tensorsLeft(
  run: ToyRun,
  corpus: PreparedCorpus,
  batch: Batch,
  at: Position,
  keys: SentenceKeys,
): number {
  const before = tf.memory().numTensors;
  withModel(run, corpus, (model) => {
    learnOnce(model, run, batch, at);
    const likelihood = model.likelihood(batch);
    model.posterior(batch, likelihood, keys, { epoch: 1, pathDraws: 1 }).density!(1);
    likelihood.dispose();
  });
  return tf.memory().numTensors - before;
}
