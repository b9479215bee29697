// Which run of a config is meant, by the names that people give methods: `sri`, `sri@released`, `sri@steps-40`.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { runName } from '../config/identity.js';
import { leaves } from '../config/leaves.js';
import {
  type LoadedConfig,
  loadConfig,
  overrideRun,
  overridesFor,
  type RunChoice,
  resolveRun,
  topKey,
} from '../config/load.js';
import { takesKey } from '../config/method-keys.js';
import { type RunConfig, STARTING_PARTS } from '../config/schema.js';
import type { SweepPoint, Swept } from '../config/sweep.js';
import { parseVariation, type VariedQuantity, variationName } from '../config/variations.js';
import { InputError } from '../errors.js';
import { matters } from '../methods/bearing.js';
import { methodNamed, methods } from '../methods/registry.js';
import { noSuch } from '../nearest.js';
import { RunFolder } from '../runs/run-folder.js';
import { cut } from '../text.js';
import { loadConfigPlugins } from './plugins.js';
import { startingPath } from './starts.js';

/**
 * A config file, or one of `configs/` by its name, read with all the methods that there are, and with those of its plugins.
 * @throws {InputError} when there is no such file, it is not YAML, or a key or value is not right.
 */
export async function openConfig(nameOrPath: string): Promise<LoadedConfig> {
  await loadConfigPlugins(nameOrPath);
  return loadConfig(nameOrPath, methods());
}

/** The run whose configuration a path names, in its folder or where a report laid a copy; null for any other file. */
export function runOfConfig(nameOrPath: string): RunFolder | null {
  return path.basename(nameOrPath) === 'config.json' && existsSync(nameOrPath)
    ? new RunFolder(path.dirname(nameOrPath))
    : null;
}

/**
 * The run of another method, of the same seed, whose configuration lies beside that of a run.
 * @throws {InputError} where none does.
 */
function siblingOf({ directory }: RunFolder, run: Pick<RunConfig, 'name' | 'seed'>, method: string): RunConfig {
  const beside = [
    path.join(directory, '..', '..', method, `seed-${run.seed}`),
    path.join(directory, '..', `${method}-seed-${run.seed}`),
  ];
  const found = beside.find((folder) => existsSync(path.join(folder, 'config.json')));
  if (found !== undefined) return new RunFolder(found).config();
  throw new InputError(
    `${path.join(directory, 'config.json')}: ${run.name} starts from ${method}, and ${path.join(beside[0]!, 'config.json')} is ` +
      'not there; put it back, or name the config file that has both methods',
  );
}

/**
 * A method as folders and tables name it: `sri`, or `sri@released` for a setting.
 * @param option that gave it, for messages.
 * @throws {InputError} for a name that is no method.
 */
export function parseMethod(
  name: string,
  setting?: string,
  option = '--method',
): Pick<RunChoice, 'method' | 'setting'> {
  const [method, named, ...more] = name.split('@');
  const known = methods().map((available) => available.name);
  if (more.length > 0 || !known.includes(method!)) {
    throw new InputError(`${option} ${cut(name)}: ${noSuch('method', method!, known)}`);
  }
  if (setting !== undefined && named !== undefined && setting !== named) {
    throw new InputError(`--method ${cut(name)} and --setting ${cut(setting)} name two settings; give one`);
  }
  return { method: method!, setting: setting ?? named };
}

/** What trains where no method is named. */
const DEFAULT_METHOD = 'sri';

/** Overrides that hold for the runs that a run starts from, too: where weights fit together, and what computes. */
const SHARED_KEYS = ['backend', 'threads', 'precision', 'data', 'model'];

/** Which run of a config is to be trained, and where. */
export interface RunRequest {
  /** The config file, or the name of one in configs/; or the config.json of a run, to train it again. */
  config: string;
  /** As {@link parseMethod} has it; `sri` where absent. */
  method?: string | undefined;
  setting?: string | undefined;
  /** The config's where absent. */
  seed?: number | undefined;
  /** `path.to.key=value`. */
  overrides: readonly string[];
  /** The run's folder; after the data set, the method and the seed, in `runs`, where absent. */
  run?: string | undefined;
  /** Folder of all runs. */
  runs: string;
}

export interface ChosenRun {
  run: RunConfig;
  folder: RunFolder;
  /** The run of another method of the config, of the same seed, and of the same sizes where they were overridden. */
  sibling(method: string): RunConfig;
}

/** @throws {InputError} where the config does not have the run, or the values do not fit together. */
export async function chooseRun(request: RunRequest): Promise<ChosenRun> {
  const { config, method, setting, seed, overrides, run: named, runs } = request;
  const corpusKey = overrides.find((text) => /^\s*data\.(?!directory\b)/.test(text));
  if (corpusKey !== undefined) {
    throw new InputError(`--set ${corpusKey}: a corpus is as it was prepared; say this to sri prepare`);
  }
  const kept = runOfConfig(config);
  if (kept !== null) return chooseAgain(kept, request);
  const loaded = await openConfig(config);
  const run = resolveRun(loaded, { ...parseMethod(method ?? DEFAULT_METHOD, setting), seed, overrides });
  const folder = named === undefined ? RunFolder.of(runs, run) : new RunFolder(named);
  const shared = sharedOverrides(overrides);
  const sibling = (other: string) => resolveRun(loaded, { ...parseMethod(other), seed: run.seed, overrides: shared });
  return { run, folder, sibling };
}

/**
 * A run as it was, by the configuration that its folder keeps, whatever was set by hand.
 * @throws {InputError} where the folder keeps none, or the request says which run is meant once more.
 */
function chooseAgain(kept: RunFolder, { config, overrides, run: named, runs, ...request }: RunRequest): ChosenRun {
  for (const name of ['method', 'setting'] as const) {
    if (request[name] !== undefined) {
      throw new InputError(`--config ${config} is the configuration of one run; leave out --${name}`);
    }
  }
  const before = kept.config();
  const seed = request.seed === undefined ? [] : [`seed=${request.seed}`];
  const run = overrideRun(before, [...overrides, ...seed], methods());
  const folder = named === undefined ? RunFolder.of(runs, run) : new RunFolder(named);
  const shared = [...sharedOverrides(overrides), ...seed];
  const sibling = (method: string) => overrideRun(siblingOf(kept, before, method), shared, methods());
  return { run, folder, sibling };
}

function sharedOverrides(overrides: readonly string[]): string[] {
  return overrides.filter((override) => SHARED_KEYS.includes(topKey(override)));
}

/** What may differ between a training and an evaluation of its weights. */
const EVALUATION_KEYS = ['evaluation', 'backend', 'threads'];

/** Where the corpus lies may differ too; that it is the same one is seen by its content. */
const CORPUS_PLACE = /^\s*data\.directory\s*=/;

/** @throws {InputError} for an override that would change what was trained. */
export function checkEvaluationOverrides(overrides: readonly string[]): void {
  for (const override of overrides) {
    if (!EVALUATION_KEYS.includes(topKey(override)) && !CORPUS_PLACE.test(override)) {
      throw new InputError(
        `--set ${override}: what was trained stays as it is; only evaluation.*, backend, threads and data.directory may be set here`,
      );
    }
  }
}

/**
 * A trained run, found by the config that it is of.
 * @param asked the same as the config and the overrides have it now, of which what may differ from the training is taken; the
 *   corpus stays where the run has it unless an override says otherwise.
 */
export function asTrained(folder: RunFolder, asked: RunConfig, overrides: readonly string[]): RunConfig {
  const { evaluation, backend, threads } = asked;
  const place = overrides.filter((override) => CORPUS_PLACE.test(override));
  return overrideRun({ ...folder.config(), evaluation, backend, threads }, place, methods());
}

/**
 * The run in a folder, as it was trained, with how it is to be evaluated said anew.
 * @throws {InputError} where the folder holds no run, or an override is not right.
 */
export function trainedRun(directory: string, overrides: readonly string[]): { run: RunConfig; folder: RunFolder } {
  checkEvaluationOverrides(overrides);
  const folder = new RunFolder(directory);
  return { run: overrideRun(folder.config(), overrides, methods()), folder };
}

/**
 * The run of a study's variant. What does not bear on it, such as Langevin's keys on a VAE, leaves its plain run; a run that
 * starts from another's weights starts from the same variant of it.
 *
 * @param choice its overrides are said for all methods of the study: each takes those that it has.
 * @param before the runs that start from it, each from the next.
 * @throws {InputError} where the config does not have it, the values do not fit together, or it starts from itself.
 */
export function resolveVariant(
  loaded: LoadedConfig,
  choice: RunChoice,
  point: SweepPoint,
  before: readonly string[] = [],
): RunConfig {
  const run = withSwept(loaded, choice, bearing(loaded, choice, point));
  const { startFrom } = run;
  if (startFrom === null) return run;
  const above = startingPath(before, run.name);
  const variantOf = (start: string | null) =>
    start === null ? null : resolveVariant(loaded, startChoice(choice, start), point, above).name;
  return { ...run, startFrom: { encoder: variantOf(startFrom.encoder), decoder: variantOf(startFrom.decoder) } };
}

/** The runs whose weights a run of a study's variant starts from, before what varies is said of them too. */
export function startsOfVariant(loaded: LoadedConfig, choice: RunChoice, point: SweepPoint): RunChoice[] {
  const { startFrom } = withSwept(loaded, choice, bearing(loaded, choice, point));
  const starts = STARTING_PARTS.flatMap((part) => startFrom?.[part] ?? []);
  return [...new Set(starts)].map((start) => startChoice(choice, start));
}

/** @param start `lstm-lm`, or `lstm-lm@wide`, as `startFrom` names it. */
function startChoice({ seed, overrides }: RunChoice, start: string): RunChoice {
  return { ...parseMethod(start), seed, overrides };
}

/** A run with values of the study's, all of which it takes. */
function withSwept(loaded: LoadedConfig, choice: RunChoice, swept: SweepPoint): RunConfig {
  const own = { ...choice, overrides: overridesFor(choice.method, choice.overrides ?? [], loaded.catalogue) };
  const plain = resolveRun(loaded, own);
  const named = asVariation(swept, plain, choice.setting);
  return named === null
    ? resolveRun(loaded, { ...own, swept })
    : resolveRun(loaded, { ...own, setting: named.setting, swept: swept.filter((one) => one !== named.swept) });
}

/**
 * Those of a point's values that change what a run learns, or what a run that it starts from does.
 * @param above the runs that start from it, as `startFrom` names them.
 */
export function bearing(
  loaded: LoadedConfig,
  choice: RunChoice,
  point: SweepPoint,
  above: readonly string[] = [],
): SweepPoint {
  if (point.length === 0) return point;
  const { catalogue } = loaded;
  const method = methodNamed(choice.method);
  const taken = (one: Swept) =>
    [...leaves(one.values).keys()].filter((key) => takesKey(method.name, key.split('.')[0]!, catalogue));
  const run = withSwept(
    loaded,
    choice,
    point.filter((one) => taken(one).length > 0),
  );
  const name = runName({ method: method.name, setting: choice.setting ?? null, variation: null });
  const ofStarts = STARTING_PARTS.flatMap((part) => {
    const start = run.startFrom?.[part] ?? null;
    // That runs start from each other in a circle is for the plan to say.
    if (start === null || above.includes(start)) return [];
    return bearing(loaded, startChoice(choice, start), point, [...above, name]);
  });
  return point.filter((one) => ofStarts.includes(one) || taken(one).some((key) => matters(key, run, method)));
}

/** One of the values as {@link parseVariation} has it, so that `--sweep langevin.steps=40` is the run `@steps-40`. */
function asVariation(
  swept: SweepPoint,
  run: RunConfig,
  setting: string | undefined,
): { swept: Swept; setting: string } | null {
  if (setting !== undefined && parseVariation(setting) !== null) return null;
  const variations = Object.entries(methodNamed(run.method).variations ?? {});
  for (const one of swept) {
    const { key, value } = one.single ?? {};
    const quantity = variations.find(([, varied]) => varied.key(run) === key)?.[0] as VariedQuantity | undefined;
    if (quantity === undefined || typeof value !== 'number') continue;
    const name = variationName({ quantity, value });
    if (parseVariation(name) === null) continue;
    return { swept: one, setting: setting === undefined ? name : `${setting}-${name}` };
  }
  return null;
}
