// What the commands that measure or show a trained run share: the options that name it, and the course they take - open the
// run, work with progress shown, show what came out, close.

import path from 'node:path';
import { type Command, Option } from 'commander';
import type { RunConfig } from '../config/schema.js';
import { SPLIT_NAMES, type SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import type { SkippedLabels } from '../experiments/classify.js';
import type { UnknownGivenWords } from '../experiments/encode.js';
import type { UnknownWords } from '../experiments/interpolate.js';
import type { OpenRun } from '../experiments/open-run.js';
import type { Following, RowEvent, Stage, WarningEvent } from '../experiments/progress.js';
import type { Measuring } from '../report/product.js';
import type { RunFolder } from '../runs/run-folder.js';
import { tryWriting } from '../storage/folder.js';
import { wholePath } from '../storage/whole-path.js';
import type { Io } from './io.js';
import {
  addMachineOptions,
  addRunOptions,
  chooseTrainedRun,
  type MachineOptions,
  type RunOptions,
  wholeNumber,
} from './options.js';
import type { Progress } from './progress.js';

/** What the options of {@link addTrainedRunOptions} hold. */
export interface TrainedRunOptions extends RunOptions, MachineOptions {
  weights?: string | undefined;
}

/** The options that say which trained run is meant, which of its weights, and what computes. */
function addTrainedRunOptions(command: Command): Command {
  return addMachineOptions(addRunOptions(command)).option(
    '--weights <name>',
    'best, last, or epoch-<n> for those that training.keepEpochs kept; what training.select says unless given',
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

/** A trained run that was chosen, and with which options. */
export interface Chosen<Options> {
  run: RunConfig;
  folder: RunFolder;
  options: Options;
}

/** What an experiment on a trained run may tell along the way. */
export type RunEvent = Stage | WarningEvent | SkippedLabels | UnknownWords | UnknownGivenWords;
/** What an experiment on a trained run may tell along the way, and what was measured. */
type WorkEvent = RunEvent | RowEvent;

/** What is particular to a command on a trained run. */
export interface Work<Options, Result> {
  /** Of use, for the help. */
  examples: string;
  /** What it measures of a split, as plans call it, where no other process is to measure that of the run meanwhile. */
  measures?: Measuring;
  /**
   * What of it is for methods with a latent code alone, so that runs of others are passed over where none is named: all of it
   * where true, nothing where absent or null.
   */
  needsCode?: true | ((options: Options) => string | null | Promise<string | null>);
  /** Decides on the options, before anything is opened, what is not right together; and what the run is to be, where not as chosen. */
  settle?(chosen: Chosen<Options>): RunConfig | Promise<RunConfig>;
  /** @param files the arguments that are no options, where the command takes any. */
  work(
    opened: OpenRun,
    options: Options,
    following: Following<WorkEvent>,
    files: readonly (string | undefined)[],
  ): Promise<Result>;
  /** Shows what came out; rows are shown as they come, without it. */
  show?(result: Result, chosen: Chosen<Options>): void | Promise<void>;
}

/** Completes a command that works on a trained run: its common options, its help and its action. */
export function onTrainedRun<
  Options extends TrainedRunOptions & { split?: SplitName; out?: string | undefined },
  Result,
>(
  command: Command,
  io: Io,
  { examples, measures, needsCode, settle = ({ run }) => run, work, show }: Work<Options, Result>,
): void {
  addTrainedRunOptions(command)
    .addHelpText('after', examples)
    .action(async () => {
      const options: Options = command.opts();
      const needing = needsCode === true ? `sri ${command.name()}` : ((await needsCode?.(options)) ?? null);
      const { run: asChosen, folder } = await chooseTrainedRun(options, needing, io);
      refuseOut(options.out, { run: asChosen, folder }, command.args);
      const run = await settle({ run: asChosen, folder, options });
      const [{ openRun }, { findMetric }, { createProgress }, { printRow }] = await Promise.all([
        import('../experiments/open-run.js'),
        import('../evaluation/registry.js'),
        import('./progress.js'),
        import('./rows.js'),
      ]);
      const progress = createProgress(io, options.json ?? false);
      const opened = await openRun(run, folder, options.weights);
      const { caveat } = opened;
      if (caveat !== null) showRunEvent({ kind: 'warning', text: caveat }, run.name, progress);
      try {
        const following = {
          signal: io.stop,
          onProgress: (event: WorkEvent) => {
            if (event.kind !== 'row') return showRunEvent(event, run.name, progress);
            progress.end();
            printRow(event.row, folder, findMetric(event.row.metric)?.unit, io, options.json);
          },
        };
        const begin = () => work(opened, options, following, command.args);
        const result = await (measures === undefined ? begin() : alone(opened, measures, options, following, begin));
        progress.end();
        await show?.(result, { run, folder, options });
      } finally {
        progress.end();
        opened.dispose();
      }
    });
}

/** @throws {InputError} for an output that would take the place of a file of the run or its corpus, or of what is read. */
function refuseOut(out: string | undefined, { run, folder }: Pick<Chosen<object>, 'run' | 'folder'>, given: string[]) {
  if (out === undefined) return;
  const place = wholePath(out);
  if (given.some((file) => wholePath(file) === place)) {
    throw new InputError(`--out ${out}: this is what is read; name another file`);
  }
  if (folder.isOwn(place)) throw new InputError(`--out ${out}: this is a file of the run; name another file`);
  if (path.dirname(place) === wholePath(run.data.directory)) {
    throw new InputError(`--out ${out}: ${run.data.directory} is the folder of the corpus; name a file elsewhere`);
  }
  tryWriting(path.dirname(place));
}

/** Once no other process measures it of the split. */
async function alone<Result>(
  { run, folder }: OpenRun,
  measures: Measuring,
  { split = 'test' }: { split?: SplitName },
  following: Following<WorkEvent>,
  work: () => Promise<Result>,
): Promise<Result> {
  const { measuringAlone } = await import('../experiments/in-use.js');
  return measuringAlone({ folder, quantities: [measures], split }, `${measures} of ${run.name}`, following, work);
}

/** @param name of the run that it is of. */
export function showRunEvent(event: RunEvent, name: string, progress: Progress): void {
  switch (event.kind) {
    case 'stage': {
      const { what, done, total } = event;
      progress.update({ label: `${name} ${what}`, done, total, quantities: {} });
      // The next stage has a pace of its own.
      if (done === total) progress.end();
      break;
    }
    case 'warning': {
      const { text } = event;
      progress.say(`warning: ${text}`, { event: 'warning', name, text });
      break;
    }
    case 'skipped-labels': {
      const { labels, trainingSentences } = event;
      const line = `${name}: ${trainingSentences} training sentences, so no accuracy with ${labels} labels`;
      progress.say(line, { event: 'skipped', labels, trainingSentences });
      break;
    }
    case 'unknown-given-words': {
      const { words, corpus } = event;
      const line = `not in the vocabulary of ${corpus}, so read as <unk>: ${words.join(' ')}`;
      progress.say(line, { event: 'unknown-words', words });
      break;
    }
    case 'unknown-words': {
      const { end, words, corpus } = event;
      const line = `--${end}: not in the vocabulary of ${corpus}, so read as <unk>: ${words.join(' ')}`;
      progress.say(line, { event: 'unknown-words', option: `--${end}`, words });
      break;
    }
  }
}
