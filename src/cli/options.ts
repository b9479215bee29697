// The options that several commands share, spelt and explained once, and what they say together: which run is meant.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { BACKEND_CHOICES, MOST_SEED, MOST_THREADS } from '../config/choices.js';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import type { ChosenRun } from '../experiments/choose-run.js';
import type { RunFolder } from '../runs/run-folder.js';
import { cut } from '../text.js';
import { type Io, note } from './io.js';

/** What the options of {@link addRunOptions} hold. */
export interface RunOptions {
  config?: string | undefined;
  method?: string | undefined;
  setting?: string | undefined;
  set: string[];
  run?: string | undefined;
  runs: string;
  seed?: number | undefined;
}

/** What the options of {@link addMachineOptions} hold. */
export interface MachineOptions {
  backend?: string | undefined;
  threads?: number | 'auto' | undefined;
  json?: boolean | undefined;
}

/**
 * A parser of whole numbers from `least`, and up to `most` where it is given.
 * @param other what may be said instead, for the complaint alone.
 */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER, other?: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
      throw new InvalidArgumentError(
        `It must be a whole number ${range}${other === undefined ? '' : `, or ${other}`}.`,
      );
    }
    return value;
  };
}

/** Parsers of a seed, and of a list of them. */
export const seedNumber = wholeNumber(0, MOST_SEED);
export const seedNumbers = wholeNumbers(0, MOST_SEED);

/** A parser of numbers that something holds of. */
export function numberThat(holds: (value: number) => boolean, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || !holds(value)) {
      throw new InvalidArgumentError(`It must be ${what}.`);
    }
    return value;
  };
}

/** Numbers that a range may come to. */
const LONGEST_RANGE = 1000;

/**
 * A parser of a list of whole numbers from `least`, and up to `most` where it is given, with commas between, each once; a
 * range, `0..4`, is all of its numbers.
 */
export function wholeNumbers(least: number, most?: number): (text: string) => number[] {
  const one = wholeNumber(least);
  const range = most === undefined ? `from ${least}` : `from ${least} to ${most}`;
  const complaint = new InvalidArgumentError(
    `It must be whole numbers ${range} with commas between, or a range such as 0..4.`,
  );
  return (text) => {
    let numbers: number[];
    try {
      numbers = text.split(',').flatMap((item) => {
        const [first, last, ...more] = item.trim().split('..').map(one);
        if (last === undefined) return [first!];
        if (more.length > 0 || last < first! || last - first! >= LONGEST_RANGE) throw complaint;
        return Array.from({ length: last - first! + 1 }, (_, i) => first! + i);
      });
    } catch (error) {
      throw error instanceof InvalidArgumentError ? complaint : error;
    }
    if (most !== undefined && numbers.some((number) => number > most)) throw complaint;
    return [...new Set(numbers)];
  };
}

/** @throws {InvalidArgumentError} where the text is neither `auto` nor a whole number from 1. */
export function parseThreads(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumber(1, MOST_THREADS, 'auto')(text);
}

/** A list of names with commas between, each once. What they name is for others to know. */
export function names(text: string): string[] {
  return [...new Set(text.split(',').map((item) => item.trim()))];
}

/** A parser of an option that may be repeated: all of its values. */
export function collect(text: string, sofar: readonly string[] = []): string[] {
  return [...sofar, text];
}

/**
 * Lets nothing that is given be overruled in silence by what comes after it: an option that takes a list takes a further one
 * as more of it, and any other the same value again at most. The parser of a list so is given all of it at once.
 */
export function settleRepeated({ options }: Command): void {
  for (const option of options.filter((one) => one.required && one.parseArg !== collect)) {
    const { parseArg, flags } = option;
    const isList = flags.includes('<list>');
    let given: string | undefined;
    option.argParser((text: string) => {
      if (given !== undefined && !isList && given !== text) {
        throw new InvalidArgumentError(`It was given as '${cut(given)}' before: give it once.`);
      }
      given = isList && given !== undefined ? `${given},${text}` : text;
      return parseArg === undefined ? given : parseArg(given, undefined);
    });
  }
}

export function addSetOption(command: Command): Command {
  return command.addOption(
    new Option('--set <key=value>', 'override a key of the config, such as model.hiddenSize=128; may be repeated')
      .argParser(collect)
      .default([], 'none'),
  );
}

export function addConfigOption(command: Command): Command {
  return command.option(
    '--config <file>',
    "config file, or the name of one in configs/: ptb.yaml; or a run's config.json; the only one of this folder unless given",
  );
}

export function addRunOptions(command: Command): Command {
  addConfigOption(command)
    .option(
      '--method <name>',
      'method of the config: sri, lstm-lm, fb-vae; sri to train, the newest run that will do to measure, unless given',
    )
    .option('--setting <name>', "one of the method's settings; the config's first unless given");
  return addSetOption(command)
    .option('--run <folder>', "the run's folder; <runs>/<data set>/<method>/seed-<seed> unless given")
    .option('--runs <folder>', 'folder of all runs', 'runs')
    .addOption(
      new Option('--seed <number>', "seed of all randomness; the config's unless given").argParser(seedNumber),
    );
}

export function addMachineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--backend <name>', "what computes; the config's, else auto, unless given").choices(BACKEND_CHOICES),
    )
    .addOption(
      new Option(
        '--threads <number>',
        "threads that compute, or auto; the config's, else auto, unless given",
      ).argParser(parseThreads),
    )
    .option('--json', 'one JSON object a line on standard output, for a program that reads along');
}

/** `--backend` and `--threads` are short for overrides, and win over `--set`. */
export function overridesOf({ set, backend, threads }: Pick<RunOptions, 'set'> & MachineOptions): string[] {
  return [
    ...set,
    ...(backend === undefined ? [] : [`backend=${backend}`]),
    ...(threads === undefined ? [] : [`threads=${threads}`]),
  ];
}

/**
 * The config that is named, or else the only one of the folder.
 * @param command to be given again, as in `sri train`.
 * @param otherwise what else would do in place of a config.
 * @throws {InputError} where none is named and the folder has none or several.
 */
export async function configOf(
  { config }: { config?: string | undefined },
  command: string,
  otherwise?: string,
): Promise<string> {
  return config ?? (await import('../experiments/default-run.js')).impliedConfig(command, otherwise);
}

/**
 * The run that the options of a command that trains ask for, and its folder.
 * @throws {InputError} when they ask for none, or not rightly.
 */
export async function chooseRun(options: RunOptions & MachineOptions): Promise<ChosenRun> {
  const { chooseRun } = await import('../experiments/choose-run.js');
  const { method, setting, seed, run, runs } = options;
  const config = await configOf(options, 'sri train');
  return chooseRun({ config, method, setting, seed, run, runs, overrides: overridesOf(options) });
}

/**
 * A run that was trained: the one in `--run`, or the one that `--config`, `--method` and `--seed` name; where no method is
 * named, the one that was trained last of those that will do, which is then told. Its configuration is the folder's own; how
 * it is evaluated may be said anew, by the config file and by `--set`.
 * @param needsCode see `Wanted`.
 * @throws {InputError} when the options name no run, there is none, or they would change what was trained.
 */
export async function chooseTrainedRun(
  options: RunOptions & MachineOptions,
  needsCode: string | null,
  io: Io,
): Promise<{ run: RunConfig; folder: RunFolder }> {
  const [{ newestRun, noRun, onlyConfig, runAt }, choosing] = await Promise.all([
    import('../experiments/default-run.js'),
    import('../experiments/choose-run.js'),
  ]);
  const { asTrained, checkEvaluationOverrides, openConfig, runOfConfig, trainedRun } = choosing;
  const overrides = overridesOf(options);
  checkEvaluationOverrides(overrides);
  if (options.run !== undefined) {
    for (const name of ['config', 'method', 'setting', 'seed'] as const) {
      if (options[name] !== undefined) throw new InputError(`--run names a run whole; leave out --${name}`);
    }
    return trainedRun(runAt(options.run).directory, overrides);
  }
  const kept = options.config === undefined ? null : runOfConfig(options.config);
  if (kept !== null) return chooseTrainedRun({ ...options, config: undefined, run: kept.directory }, needsCode, io);
  const config = options.config ?? onlyConfig() ?? undefined;
  if (options.method === undefined || config === undefined) {
    const { method, setting } = options;
    if (method === undefined && setting !== undefined) {
      throw new InputError('--setting goes with --method: --method sri@released');
    }
    const dataSet = config === undefined ? undefined : (await openConfig(config)).config.dataSet;
    const asked = setting === undefined ? method : `${method}@${setting}`;
    const filter = { dataSet, name: asked, seed: options.seed };
    const { folder, which } = newestRun(options.runs, filter, { needsCode, config });
    note(io, `${folder.directory}: ${which}`);
    const { name, seed } = folder.config();
    const bare = { ...options, setting: undefined };
    return config === undefined
      ? chooseTrainedRun({ ...bare, method: undefined, run: folder.directory, seed: undefined }, needsCode, io)
      : chooseTrainedRun({ ...bare, config, method: name, seed }, needsCode, io);
  }
  const { run, folder } = await chooseRun({ ...options, config });
  if (!folder.isBegun()) {
    const { dataSet, name, seed } = run;
    throw noRun(options.runs, { dataSet, name, seed }, { needsCode, config });
  }
  return { run: asTrained(folder, run, overrides), folder };
}
