// What the commands that measure or show a trained run share: the options that name it, and its time open.

import { type Command, Option } from 'commander';
import type { RunConfig } from '../config/schema.js';
import { SPLIT_NAMES, type SplitName } from '../data/corpus.js';
import type { OpenRun } from '../experiments/open-run.js';
import type { RunFolder } from '../runs/run-folder.js';
import type { Io } from './io.js';
import { addMachineOptions, addRunOptions, type MachineOptions, type RunOptions, wholeNumber } from './options.js';
import { createProgress, type Progress } from './progress.js';

/** What the options of {@link addTrainedRunOptions} hold. */
export interface TrainedRunOptions extends RunOptions, MachineOptions {
  weights: string;
}

/** The options that say which trained run is meant, which of its weights, and what computes. */
export function addTrainedRunOptions(command: Command): Command {
  return addMachineOptions(addRunOptions(command)).option(
    '--weights <name>',
    'best, or epoch-<n> for those that training.keepEpochs kept',
    'best',
  );
}

/** @param otherwise the split where none is given. */
export function addSplitOption(
  command: Command,
  otherwise: SplitName,
  choices: readonly string[] = SPLIT_NAMES,
): Command {
  return command.addOption(new Option('--split <name>', 'which sentences').choices(choices).default(otherwise));
}

/** @param what it limits, for the help. */
export function addLimitOption(command: Command, what = 'so many sentences of the split, drawn at random'): Command {
  return command.option('--limit <number>', `${what}; as in the config unless given`, wholeNumber(2));
}

/**
 * Opens a run, lets `work` go on with its progress shown, hands what came out to `show` when nothing is left on the
 * line of progress, and closes the run whatever happened.
 */
export async function withOpenRun<T>(
  { run, folder }: { run: RunConfig; folder: RunFolder },
  { weights, json = false }: Pick<TrainedRunOptions, 'weights' | 'json'>,
  io: Io,
  work: (opened: OpenRun, progress: Progress) => Promise<T>,
  show: (result: T) => void | Promise<void>,
): Promise<void> {
  const { openRun } = await import('../experiments/open-run.js');
  const progress = createProgress(io, json);
  const opened = await openRun(run, folder, weights);
  try {
    const result = await work(opened, progress);
    progress.end();
    await show(result);
  } finally {
    progress.end();
    opened.dispose();
  }
}
