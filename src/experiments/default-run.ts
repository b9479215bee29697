// What is meant where a person leaves it open: the only config of the folder they are in, and the run they trained last.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../errors.js';
import { can } from '../methods/capability.js';
import { methods } from '../methods/registry.js';
import { findDataSets, findRuns } from '../runs/measured-run.js';
import { RunFolder } from '../runs/run-folder.js';
import { shellWord } from '../shell-words.js';

interface NamedConfig {
  name: string;
  dataSet: string;
}

/** The YAML files of a folder that are configs, by their key `dataSet`; in alphabetical order. */
function configsIn(folder: string): NamedConfig[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .flatMap(({ name }) => {
      const text = readFileSync(path.join(folder, name), 'utf8');
      const [, dataSet] = text.match(/^(?:dataSet|["']dataSet["'])\s*:\s*["']?([^"'#\s]*)/m) ?? [];
      return dataSet === undefined ? [] : [{ name, dataSet }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The only config of a folder; null where it has none or several. */
export function onlyConfig(folder = '.'): string | null {
  const [first, ...more] = configsIn(folder);
  return first !== undefined && more.length === 0 ? first.name : null;
}

/**
 * The config that is meant where none is named.
 * @param command to be given again, as in `sri train`.
 * @param otherwise what else would do in place of a config.
 * @throws {InputError} with the whole command that would be right, where the folder has no config, or several.
 */
export function impliedConfig(command: string, otherwise?: string, folder = '.'): string {
  const configs = configsIn(folder);
  if (configs.length === 1) return configs[0]!.name;
  const give = otherwise === undefined ? 'give --config' : `give --config, or ${otherwise}`;
  if (configs.length === 0) {
    throw new InputError(
      `${give}: no YAML file of this folder has a key dataSet. For the Penn Treebank: ${command} --config ptb.yaml`,
    );
  }
  throw new InputError(
    `${give}: this folder has ${configs.map(({ name }) => name).join(', ')}. ` +
      `For the first: ${command} --config ${configs[0]!.name}`,
  );
}

export interface NewestRun {
  folder: RunFolder;
  /** In words: `the newest of 3 runs in runs`. */
  which: string;
}

/** Which runs may be meant; all where nothing is said. */
export interface RunFilter {
  dataSet?: string | undefined;
  /** As folders name it: `sri`, `sri@released`. */
  name?: string | undefined;
  seed?: number | undefined;
}

/** What a run is wanted for. */
export interface Wanted {
  /** What needs a latent code, as in `sri encode`, so that runs of methods without one are passed over unless named; or null. */
  needsCode: string | null;
  /** The config by which one would be trained; of those of this folder the first that suits unless given. */
  config?: string | undefined;
}

/**
 * The run under `root` whose training was written down last, of those whose plugins are loaded.
 * @throws {InputError} as {@link noRun} says, where there is none that will do.
 */
export function newestRun(root: string, filter: RunFilter, wanted: Wanted): NewestRun {
  const { found } = look(root, filter);
  const free = wanted.needsCode === null || filter.name !== undefined;
  const folder = found.find((one) => isKnown(one) && (free || hasCode(one)));
  if (folder === undefined) {
    // Of one that would do with its plugin, its own complaint names that.
    found.find((one) => !isKnown(one))?.config();
    throw noRun(root, filter, wanted);
  }
  const passed = found.slice(0, found.indexOf(folder));
  const of = passed.length === 0 ? '' : passed.every(isKnown) ? ' with a latent code' : ' whose plugins are loaded';
  const what = inWords(filter);
  const which = found.length === 1 ? `the only run${what}` : `the newest${of} of ${found.length} runs${what}`;
  return { folder, which: `${which} in ${root}` };
}

/** The runs under `root`, the newest first: those on the data set, and of those the ones that are meant. */
function look(root: string, { dataSet, name, seed }: RunFilter): Record<'there' | 'found', readonly RunFolder[]> {
  const there = (dataSet === undefined ? findDataSets(root) : [dataSet])
    .flatMap((set) => findRuns(root, set))
    .map((folder) => ({ folder, written: statSync(path.join(folder.directory, 'manifest.json')).mtimeMs }))
    .sort((a, b) => b.written - a.written)
    .map(({ folder }) => folder);
  const found = there.filter(({ directory }) => {
    const [method, ofSeed] = directory.split(path.sep).slice(-2);
    return (name === undefined || method === name) && (seed === undefined || ofSeed === `seed-${seed}`);
  });
  return { there, found };
}

/** Whether the plugins that a run needs are loaded; of one that is broken otherwise, whoever opens it will tell. */
function isKnown(folder: RunFolder): boolean {
  try {
    return folder.knownConfig() !== null;
  } catch {
    return true;
  }
}

/** Whether the method of a run has a latent code; of one that is not known here, whoever opens it will tell. */
function hasCode(folder: RunFolder): boolean {
  const { method } = folder.config();
  const known = methods().find((one) => one.name === method);
  return known === undefined || can(known.inference, 'code');
}

/** ` of sri on ptb with seed 1`; nothing where any run may be meant. */
function inWords({ dataSet, name, seed }: RunFilter): string {
  return [
    ...(name === undefined ? [] : [` of ${name}`]),
    ...(dataSet === undefined ? [] : [` on ${dataSet}`]),
    ...(seed === undefined ? [] : [` with seed ${seed}`]),
  ].join('');
}

/** Runs that a message lists. */
const LISTED = 4;

/** That there is no run that will do: with those that there are, and the command that trains one. */
export function noRun(root: string, filter: RunFilter, { needsCode, config }: Wanted): InputError {
  const { dataSet, name, seed } = filter;
  const { there, found } = look(root, filter);
  const places = there.map(({ directory }) => path.relative(root, directory));
  const list = [...places.slice(0, LISTED), ...(places.length > LISTED ? [`${places.length - LISTED} more`] : [])];
  const others = list.length === 0 ? '' : ` (there ${places.length === 1 ? 'is' : 'are'} ${list.join(', ')})`;
  const what = inWords(filter);
  const lacking =
    found.length === 0
      ? `no trained run${what} here`
      : `${needsCode} needs a latent code, which no run${what} here has`;
  const sets = [...new Set(places.map((place) => place.split(path.sep)[0]!))];
  const method = name ?? (found.length === 0 ? undefined : 'sri');
  const train = [
    `sri train --config ${shellWord(config ?? (dataSet === undefined ? configFor(sets) : configOn(dataSet)))}`,
    ...(method === undefined ? [] : [`--method ${method}`]),
    ...(seed === undefined ? [] : [`--seed ${seed}`]),
  ].join(' ');
  return new InputError(`${root}: ${lacking}${others}; name one with --run FOLDER, or train one: ${train}`);
}

/**
 * The run in a folder that was named.
 * @throws {InputError} where there is none, with the command that trains one there.
 */
export function runAt(directory: string): RunFolder {
  const folder = new RunFolder(directory);
  if (folder.isBegun()) return folder;
  // Of the data set that the place is named after, as runs/ptb/sri/seed-0 is.
  const train = `sri train --config ${shellWord(configFor(directory.split(path.sep)))} --run ${shellWord(directory)}`;
  throw new InputError(
    `${directory}: no run here (config.json is missing); name another folder, or train one there: ${train}`,
  );
}

/** The first config of the folder on a data set, else one that would be called so. */
function configOn(dataSet: string): string {
  return configsIn('.').find((one) => one.dataSet === dataSet)?.name ?? `${dataSet}.yaml`;
}

/** The first config of the folder on one of some data sets; else the only one that there is, or one that comes with the program. */
function configFor(dataSets: readonly string[]): string {
  const configs = configsIn('.');
  const own = configs.find((one) => dataSets.includes(one.dataSet)) ?? (configs.length === 1 ? configs[0] : undefined);
  return own?.name ?? (configs.length === 0 ? 'ptb.yaml' : 'CONFIG.yaml');
}
