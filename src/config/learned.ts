// What of a configuration decides the weights. A run goes on only as the run that it was; how long it trains, where, and
// what is kept or measured of it may change between one process and the next.
//
// A key that is added here with a default leaves the runs of before what they were: a configuration without it is read as
// one with its default.

import type { RunConfig } from './schema.js';

/** The part of a configuration that decides what is learned. */
export function learned(run: RunConfig) {
  const { backend, threads, evaluation, training, ...rest } = run;
  const { epochs, keepEpochs, checkpointEvery, logEvery, ...learning } = training;
  return { ...rest, training: learning };
}

/** The part of it that the seeds of an experiment have in common: all but the seed and where the corpus lies, and how long it trains. */
export function experiment(run: RunConfig) {
  const { seed, data, ...rest } = learned(run);
  const { directory, ...text } = data;
  return { ...rest, data: text, epochs: run.training.epochs };
}
