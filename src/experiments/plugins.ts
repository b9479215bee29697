// Definitions from outside: a module whose default export is what defineMethod and its like give, or a list of such. Loaded
// once, they are in their registries, and every command, table and figure is a loop over those.
//
// What a plugin imports as `sri` is this very program, wherever the plugin lies and whatever else is installed there: its
// definitions, errors and tensors are then the program's own.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { exports as exportsOf } from 'resolve.exports';
import { configPlugins } from '../config/load.js';
import type { DataSetDefinition } from '../data/define-data-set.js';
import { registerDataSet } from '../data/registry.js';
import { InputError } from '../errors.js';
import type { MetricDefinition } from '../evaluation/define-metric.js';
import type { EstimatorDefinition } from '../evaluation/perplexity/define-estimator.js';
import { registerEstimator } from '../evaluation/perplexity/registry.js';
import { registerMetric } from '../evaluation/registry.js';
import type { Method } from '../methods/define-method.js';
import { registerMethod } from '../methods/registry.js';
import { registerDecoder } from '../model/decoders.js';
import type { DecoderDefinition } from '../model/define-decoder.js';
import type { Definition } from '../registry.js';
import type { FigureDefinition } from '../report/define-figure.js';
import type { TableDefinition } from '../report/define-table.js';
import { registerFigure } from '../report/figures.js';
import { registerTable } from '../report/tables.js';
import { sha256 } from '../storage/sha256.js';
import { cut } from '../text.js';

/** A module that definitions were taken from. */
export interface Plugin {
  /** As it was asked for: a path, or a package's name. */
  name: string;
  /** Its file, absolute. */
  file: string;
  /** SHA-256 of that file, in hexadecimal. */
  sha256: string;
}

/** How a definition of each kind is made known. */
const REGISTER = {
  method: (definition: Method) => registerMethod(definition),
  metric: (definition: MetricDefinition) => registerMetric(definition),
  estimator: (definition: EstimatorDefinition) => registerEstimator(definition),
  decoder: (definition: DecoderDefinition) => registerDecoder(definition),
  table: (definition: TableDefinition) => registerTable(definition),
  figure: (definition: FigureDefinition) => registerFigure(definition),
  dataset: (definition: DataSetDefinition) => registerDataSet(definition),
} as const;
type Kind = keyof typeof REGISTER;

const MAKERS = 'defineMethod, defineMetric, defineEstimator, defineTable, defineFigure, defineDecoder or defineDataSet';

const loaded: Plugin[] = [];

/** Plugins that were loaded, in the order in which they came. */
export function plugins(): readonly Plugin[] {
  return loaded;
}

/**
 * Loads a plugin, unless it is loaded already.
 * @param name a path, or the name of a package that is installed above `from`.
 * @param from the folder that a path is relative to.
 * @param place what asks for it, as a complaint begins: `--plugin ./mmd-vae.js`, `words.yaml:3: plugins`.
 * @param asked the name by which a person asked for it, where that is another.
 * @throws {InputError} where there is no such module, it cannot be loaded, it defines nothing, or a name is taken.
 */
export async function loadPlugin(name: string, from: string, place: string, asked = name): Promise<void> {
  const file = fileOf(name, from, place);
  if (loaded.some((plugin) => plugin.file === file)) return;
  answerForSri();
  const exported = await importFrom(file, place);
  const found = Array.isArray(exported.default) ? exported.default : [exported.default];
  const definitions = found.filter(isDefinition);
  if (definitions.length === 0 || definitions.length < found.length) {
    throw new InputError(
      `${place}: ${file} defines nothing that sri knows: its default export must be what ${MAKERS} gives, or a list of such`,
    );
  }
  for (const definition of definitions) {
    try {
      (REGISTER[definition.kind] as (definition: Definition) => void)(definition);
    } catch (error) {
      throw new InputError(`${place}: ${file}: ${messageOf(error)}`);
    }
  }
  loaded.push({ name: asked, file, sha256: sha256(readFileSync(file)) });
}

/** Loads what options ask for. @param names paths relative to where the command is given, or names of packages. */
export async function loadPlugins(names: readonly string[]): Promise<void> {
  for (const name of names) await loadPlugin(name, process.cwd(), `--plugin ${cut(name)}`);
}

/** Loads what a config file asks for under `plugins`; paths are relative to the file. */
export async function loadConfigPlugins(nameOrPath: string): Promise<void> {
  for (const { name, folder, place } of configPlugins(nameOrPath)) await loadPlugin(name, folder, place);
}

function isDefinition(value: unknown): value is Definition & { kind: Kind } {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, name } = value as Partial<Definition>;
  return typeof kind === 'string' && Object.hasOwn(REGISTER, kind) && typeof name === 'string';
}

/** A path begins with a dot or a slash, or is that of a file; anything else is a package's name. */
function fileOf(name: string, from: string, place: string): string {
  const file = path.resolve(from, name);
  if (existsSync(file) && statSync(file).isFile()) return file;
  if (/^\.{0,2}[\\/]/.test(name) || path.isAbsolute(name) || /\.[cm]?[jt]s$/.test(name)) {
    throw new InputError(`${place}: ${file}: no such file`);
  }
  const found = packageEntry(name, from, place);
  if (found !== null) return found;
  throw new InputError(
    `${place}: no such file, and no package ${cut(name)} is installed for ${from}; a path begins with ./`,
  );
}

/** A package's name, and what of it is meant. */
const PACKAGE = /^(?<own>@[^/]+\/[^/]+|[^/]+)(?<inner>\/.*)?$/;

/**
 * What `import` of a package gives: of one with a form for `require`, too, not that.
 * @returns null where no such package is installed for a folder.
 * @throws {InputError} where it has no such entry.
 */
function packageEntry(name: string, from: string, place: string): string | null {
  const require = createRequire(path.join(from, 'plugin.js'));
  const { own, inner = '' } = PACKAGE.exec(name)?.groups ?? {};
  if (own === undefined) return null;
  for (const modules of require.resolve.paths(name) ?? []) {
    const folder = path.join(modules, own);
    const file = path.join(folder, 'package.json');
    if (!existsSync(file)) continue;
    try {
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name: string; exports?: unknown };
      // One that says nothing of exports gives its main file.
      const [entry] = manifest.exports == null ? [] : (exportsOf(manifest, `.${inner}`) ?? []);
      return entry === undefined ? require.resolve(name) : realpathSync(path.join(folder, entry));
    } catch (error) {
      throw new InputError(`${place}: ${folder}: ${messageOf(error).split('\n')[0]}`);
    }
  }
  return null;
}

async function importFrom(file: string, place: string): Promise<{ default?: unknown }> {
  const { href } = pathToFileURL(file);
  try {
    return await settling(import(href) as Promise<{ default?: unknown }>);
  } catch (error) {
    const { code, stack = '' } = (error ?? {}) as NodeJS.ErrnoException;
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?ts$/.test(file)) {
      throw new InputError(`${place}: Node ${process.version} runs no TypeScript, as Node 22.18 does; compile ${file}`);
    }
    if (code === 'MODULE_NOT_FOUND' && /'sri(\/[^']*)?'/.test(messageOf(error))) {
      throw new InputError(`${place}: ${file} asks for sri by require; a plugin is an ES module, which imports it`);
    }
    // Of a mistake in the plugin the line is known, though the message seldom says it.
    const line = [href, file]
      .map((name) => stack.split(`${name}:`)[1]?.match(/^\d+/)?.[0])
      .find((one) => one !== undefined);
    const where = line === undefined ? file : `${file}:${line}`;
    throw new InputError(`${place}: ${where} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
}

/** What a module gives, if it ever does: of one that waits for what nothing brings about, the process would just end. */
async function settling<Value>(loading: Promise<Value>): Promise<Value> {
  let idle = () => {};
  const never = new Promise<never>((_, reject) => {
    idle = () => reject(new Error('it waits for something that never comes'));
  });
  process.once('beforeExit', idle);
  try {
    return await Promise.race([loading, never]);
  } finally {
    process.off('beforeExit', idle);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let answering = false;

/** Lets `sri` and `sri/parts` be this program for whoever imports them from now on. */
function answerForSri(): void {
  if (answering) return;
  answering = true;
  const { href } = new URL('../../package.json', import.meta.url);
  // A module of a package that imports the package by its name gets the package itself.
  const resolver = `(specifier, context, next) =>
    next(specifier, /^sri(\\/|$)/.test(specifier) ? { ...context, parentURL: ${JSON.stringify(href)} } : context)`;
  module.register(`data:text/javascript,${encodeURIComponent(`export const resolve = ${resolver};`)}`);
}
