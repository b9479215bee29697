// What is meant where a person leaves it open: the only config of the folder they are in, and the run they trained last.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../errors.js';
import { findDataSets, findRuns } from '../runs/measured-run.js';
import type { RunFolder } from '../runs/run-folder.js';

/** The YAML files of a folder that are configs, by their key `dataSet`; in alphabetical order. */
function configsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map(({ name }) => name)
    .filter((name) => /^(dataSet|["']dataSet["'])\s*:/m.test(readFileSync(path.join(folder, name), 'utf8')))
    .sort();
}

/** The only config of a folder; null where it has none or several. */
export function onlyConfig(folder = '.'): string | null {
  const [first, ...more] = configsIn(folder);
  return first !== undefined && more.length === 0 ? first : null;
}

/**
 * The config that is meant where none is named.
 * @param command to be given again, as in `sri train`.
 * @param otherwise what else would do in place of a config.
 * @throws {InputError} with the whole command that would be right, where the folder has no config, or several.
 */
export function impliedConfig(command: string, otherwise?: string, folder = '.'): string {
  const configs = configsIn(folder);
  if (configs.length === 1) return configs[0]!;
  const give = otherwise === undefined ? 'give --config' : `give --config, or ${otherwise}`;
  if (configs.length === 0) {
    throw new InputError(
      `${give}: no YAML file of this folder has a key dataSet. For the Penn Treebank: ${command} --config ptb.yaml`,
    );
  }
  throw new InputError(
    `${give}: this folder has ${configs.join(', ')}. For the first: ${command} --config ${configs[0]}`,
  );
}

export interface NewestRun {
  folder: RunFolder;
  /** How many runs it was chosen from. */
  of: number;
}

/** Which runs may be meant; all where nothing is said. */
export interface RunFilter {
  dataSet?: string | undefined;
  /** As folders name it: `sri`, `sri@released`. */
  name?: string | undefined;
  seed?: number | undefined;
}

/**
 * The run under `root` whose training was written down last.
 * @throws {InputError} where there is none; it names the command that trains one.
 */
export function newestRun(root: string, { dataSet, name, seed }: RunFilter = {}): NewestRun {
  const sets = dataSet === undefined ? findDataSets(root) : [dataSet];
  const found = sets
    .flatMap((set) => findRuns(root, set))
    .filter(({ directory }) => {
      const [method, ofSeed] = directory.split(path.sep).slice(-2);
      return (name === undefined || method === name) && (seed === undefined || ofSeed === `seed-${seed}`);
    })
    .map((folder) => ({ folder, written: statSync(path.join(folder.directory, 'manifest.json')).mtimeMs }))
    .sort((a, b) => b.written - a.written);
  if (found.length > 0) return { folder: found[0]!.folder, of: found.length };
  const what = [
    ...(name === undefined ? [] : [` of ${name}`]),
    ...(dataSet === undefined ? [] : [` on ${dataSet}`]),
    ...(seed === undefined ? [] : [` with seed ${seed}`]),
  ].join('');
  const command = [
    `sri train --config ${dataSet ?? 'ptb'}.yaml`,
    ...(name === undefined ? [] : [`--method ${name}`]),
    ...(seed === undefined ? [] : [`--seed ${seed}`]),
  ].join(' ');
  throw new InputError(`${root}: no trained run${what} here; name one with --run FOLDER, or train one: ${command}`);
}
