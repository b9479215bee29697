// The commands that make some runs and their numbers again, in their order: the corpus, the training with all that was set by
// hand, what was measured otherwise than a plan would, and the report. What a config does not explain is trained by the
// configuration that its folder keeps.

import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { differences } from '../config/leaves.js';
import { configPlugins, type LoadedConfig, loadConfig, parseSweep } from '../config/load.js';
import { DEFAULTS, type RunConfig } from '../config/schema.js';
import type { PreparationSettings } from '../data/corpus.js';
import { type CorpusOrigin, corpusOrigin } from '../data/corpus-files.js';
import { rawNames } from '../data/define-data-set.js';
import { findDataSet } from '../data/registry.js';
import { InputError } from '../errors.js';
import { ENCODER_ALONE } from '../evaluation/perplexity/encoder-estimator.js';
import { methods } from '../methods/registry.js';
import type { TableDefinition } from '../report/define-table.js';
import { type Study, studies, sweptValue } from '../report/sweep.js';
import { keyOf, tablesOf } from '../report/tables.js';
import { isOfSelected, type MeasuredRun, namesOfCopies } from '../runs/measured-run.js';
import { keptPosterior } from '../runs/posterior-files.js';
import type { MeasuredRow } from '../runs/row.js';
import { shellWord } from '../shell-words.js';
import { resolveVariant } from './choose-run.js';
import { plugins } from './plugins.js';
import { covered, isPlanned } from './reproduce/outstanding.js';

export interface CommandsRequest {
  /** Tables that have rows. */
  tables: readonly TableDefinition[];
  split: string;
  /** The config file, as a command names it. */
  config: string;
  /** Folder in which the runs' configurations are laid beside the tables; null where they are not. */
  copies: string | null;
}

/**
 * The commands of runs on one data set, to be given where theirs were.
 * @throws {InputError} where a corpus that is there cannot be read.
 */
export async function commandsOf(runs: readonly MeasuredRun[], request: CommandsRequest): Promise<string[]> {
  const loaded = open(request.config, runs[0]!.run.dataSet);
  const found = studies(runs);
  const remakings = runs.map((measured) => remakingOf(measured, loaded, found));
  const commands = [
    ...(await preparations(runs, request, loaded)),
    ...reproductions(remakings, request),
    ...alone(remakings, request),
    ...remakings.flatMap(({ measured }) => measurements(measured, request)),
    ...runs
      .filter((measured) => keptPosterior(measured) !== null)
      .map(({ directory }) => commandOf('sri posterior', ['--run', directory], splitOption(request))),
    report(remakings, request),
  ];
  const needed = pluginsOf(runs, loaded);
  return [...new Set(commands.map((command) => inShell(withPlugins(command, needed, request))))];
}

/** A command, as a plugin of the config or of the runs may have to be added to it, and its arguments, each a word. */
interface Command {
  /** `sri report`. */
  name: string;
  args: readonly string[];
}

function commandOf(name: string, ...args: readonly (readonly string[])[]): Command {
  return { name, args: args.flat() };
}

/** As a shell reads it. */
const inShell = ({ name, args }: Command) => [name, ...args.map(shellWord)].join(' ');

/** A plugin, as `--plugin` takes it. */
interface NeededPlugin {
  name: string;
  /** Whether the config asks for it, so that a command with the config need not. */
  configured: boolean;
}

/** The plugins that runs were made with, and those by which their tables are read. */
function pluginsOf(runs: readonly MeasuredRun[], loaded: LoadedConfig | null): NeededPlugin[] {
  // One that is loaded now is known by the name it has here, whatever a run called the same file elsewhere.
  const loadedAs = new Map(plugins().map(({ name, sha256 }) => [sha256, name]));
  const asked = [...runs.flatMap(({ manifest }) => manifest.plugins ?? []), ...plugins()].map(
    ({ name, sha256 }) => loadedAs.get(sha256) ?? name,
  );
  const configured = loaded === null ? [] : configPlugins(loaded.file);
  return [...new Set(asked)].map((name) => {
    const own = configured.find((plugin) => plugin.name === name);
    // A config's paths are relative to its folder, a command's to where it is given.
    if (own === undefined || !name.startsWith('.')) return { name, configured: own !== undefined };
    const file = path.relative('', path.join(own.folder, name));
    return { name: file.startsWith('..') ? file : `./${file}`, configured: true };
  });
}

/** With those plugins that neither it nor its config names. */
function withPlugins({ name, args }: Command, needed: readonly NeededPlugin[], { config }: CommandsRequest): Command {
  const hasConfig = args.some((arg, i) => arg === '--config' && args[i + 1] === config);
  const missing = needed.filter(({ configured }) => !(configured && hasConfig));
  return commandOf(name, args, ...missing.map((plugin) => ['--plugin', plugin.name]));
}

/** The config, where it is there and of the data set. */
function open(config: string, dataSet: string): LoadedConfig | null {
  try {
    const loaded = loadConfig(config, methods());
    return loaded.config.dataSet === dataSet ? loaded : null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** How a run can be made again. */
interface Remaking {
  measured: MeasuredRun;
  /** The folder of all runs that it is in its place of; null where it was trained into a folder of its own. */
  root: string | null;
  /** What a plan calls it, and what it sets beside the config; null where the config does not explain the run. */
  asked: { method: string; sweep: readonly string[]; set: readonly string[] } | null;
}

function remakingOf(measured: MeasuredRun, loaded: LoadedConfig | null, found: readonly Study[]): Remaking {
  const root = rootOf(measured);
  if (loaded === null) return { measured, root, asked: null };
  const { run } = measured;
  const ofName = explained(loaded, run, run.name, []);
  if (ofName !== null) return { measured, root, asked: { method: run.name, sweep: [], set: ofName } };
  // A study's variant is named after what varied.
  const study = found.find(({ variants }) => variants.some((seeds) => seeds.includes(measured)));
  if (study === undefined) return { measured, root, asked: null };
  const sweep = study.keys.map((key) => `${key}=${sweptValue(measured, key) ?? 'null'}`);
  const name = run.setting === null ? run.method : `${run.method}@${run.setting}`;
  for (const method of [run.method, name]) {
    const set = explained(loaded, run, method, sweep);
    if (set !== null) return { measured, root, asked: { method, sweep, set } };
  }
  return { measured, root, asked: null };
}

/** `runs`, of `runs/ptb/sri/seed-0`. */
function rootOf({ directory, run }: MeasuredRun): string | null {
  const place = path.join(run.dataSet, run.name, `seed-${run.seed}`);
  const folder = path.normalize(directory);
  if (folder === place) return '.';
  return folder.endsWith(`${path.sep}${place}`) ? folder.slice(0, -place.length - 1) || path.sep : null;
}

/** What must be set for a config to give a run, `key=value` each; null where that will not do. */
function explained(
  loaded: LoadedConfig,
  run: RunConfig,
  method: string,
  sweep: readonly string[],
): readonly string[] | null {
  const [name, setting] = method.split('@');
  const resolve = (overrides: readonly string[]) => {
    const [point] = parseSweep(sweep, methods());
    return resolveVariant(loaded, { method: name!, setting, seed: run.seed, overrides }, point!);
  };
  try {
    const set = overridesBetween(resolve([]), run);
    return isDeepStrictEqual(plain(resolve(set)), plain(run)) ? set : null;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

const plain = (run: RunConfig): unknown => JSON.parse(JSON.stringify(run));

/** What no override says: it follows from the method, the setting and the seed that are named. */
const NAMED = ['dataSet', 'method', 'setting', 'name', 'seed'];

/** `path.to.key=value` of every key that a run has otherwise. */
function overridesBetween(configured: object, run: object): string[] {
  return differences(configured, run)
    .filter(({ path }) => !NAMED.includes(path))
    .map(({ path, other }) => `${path}=${asYaml(other ?? null)}`);
}

/** JSON is YAML; a name needs no quotation marks. */
function asYaml(value: unknown): string {
  const isName = typeof value === 'string' && /^[a-z][a-z-]+$/.test(value) && !/^(null|true|false)$/.test(value);
  return isName ? value : JSON.stringify(value);
}

/** Tables that a plan makes by their name alone. */
function plannedTables({ tables }: CommandsRequest): TableDefinition[] {
  return tables.filter(({ needs, varies }) => needs.length > 0 && varies === undefined);
}

/** Whether a plan of these tables, or of Table 1, measures a row just as it is. */
function isMade(row: MeasuredRow, measured: MeasuredRun, request: CommandsRequest): boolean {
  const needs = plannedTables(request).flatMap((table) => table.needs);
  const metrics = needs.flatMap((need) => ('metrics' in need ? need.metrics : []));
  return isPlanned(row, measured, [...new Set([...TABLE_1, ...metrics])]);
}

/** Runs that one plan makes: in one folder, of one seed, with the same set by hand. */
function reproductions(remakings: readonly Remaking[], request: CommandsRequest): Command[] {
  const groups = new Map<string, Remaking[]>();
  for (const one of remakings) {
    const { root, asked, measured } = one;
    if (root === null || asked === null || measured.rows.length === 0) continue;
    const { method, sweep, set } = asked;
    const keys = sweep.map((text) => text.split('=')[0]);
    const key = JSON.stringify([root, measured.run.seed, set, keys, sweep.length > 0 ? method : null]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const [{ root, asked, measured }] = group as [Remaking];
    const names = [...new Set(group.map((one) => one.asked!.method))];
    const checked = group.some(({ measured: { rows } }) => rows.some(({ estimator }) => estimator === 'ais'));
    const swept = asked!.sweep.flatMap((text, i) => {
      const key = text.slice(0, text.indexOf('='));
      const values = [...new Set(group.map((one) => one.asked!.sweep[i]!.slice(key.length + 1)))];
      return ['--sweep', `${key}=${values.join(',')}`];
    });
    const made = (metric: string) =>
      group.some(({ measured }) =>
        measured.rows.some((row) => row.metric === metric && isMade(row, measured, request)),
      );
    // A table may hold what was measured otherwise, too, and nothing but that.
    const tables = plannedTables(request)
      .filter(({ metrics }) => metrics.length === 0 || metrics.some(made))
      .map(keyOf);
    return commandOf(
      'sri reproduce',
      ['--config', request.config],
      tables.length === 0 ? [] : ['--tables', tables.join(',')],
      checked ? ['--ais'] : [],
      ['--methods', names.join(',')],
      swept,
      ['--seed', String(measured.run.seed)],
      rootOption(root!),
      splitOption(request),
      asked!.set.flatMap((text) => ['--set', text]),
    );
  });
}

/** Runs that no plan makes: those that were only trained, those in folders of their own, those that no config explains. */
function alone(remakings: readonly Remaking[], request: CommandsRequest): Command[] {
  const copies = namesOfCopies(remakings.map(({ measured }) => measured));
  return remakings.flatMap(({ measured, root, asked }, i) => {
    const { run, directory, rows } = measured;
    if (root !== null && asked !== null && rows.length > 0) return [];
    const where = root === null ? ['--run', directory] : rootOption(root);
    const named = asked !== null && asked.sweep.length === 0 && !asked.set.some((text) => text.startsWith('data.'));
    const copy = request.copies === null ? directory : path.join(request.copies, copies[i]!);
    const training = named
      ? commandOf(
          'sri train',
          ['--config', request.config, '--method', asked.method, '--seed', String(run.seed)],
          where,
          asked.set.flatMap((text) => ['--set', text]),
        )
      : commandOf('sri train', ['--config', path.join(copy, 'config.json')], where);
    const planned = rows.filter((row) => isShown(measured, row, request) && isMade(row, measured, request));
    const metrics = [...new Set(planned.map(({ metric }) => metric))].filter((one) => TABLE_1.includes(one));
    const other = planned.filter(({ metric }) => !TABLE_1.includes(metric));
    return [
      training,
      ...(metrics.length === 0
        ? []
        : [commandOf('sri eval', ['--run', directory, '--metric', metrics.join(',')], splitOption(request))]),
      ...other.map((row) => measuring(row, measured, request)),
    ];
  });
}

/** What a plan measures together. */
const TABLE_1 = tablesOf([1])[0]!.metrics;

/** What was measured of a run otherwise than a plan by its configuration would, a command each. */
function measurements(measured: MeasuredRun, request: CommandsRequest): Command[] {
  return measured.rows
    .filter((row) => isShown(measured, row, request) && !isMade(row, measured, request))
    .map((row) => measuring(row, measured, request));
}

/** Whether tables may show a row; what an encoder's Gaussian alone says comes with another. */
function isShown({ manifest }: MeasuredRun, row: MeasuredRow, { split }: CommandsRequest): boolean {
  // What came through a pipe can be read from nowhere again.
  const known = row.settings.source !== 'standard input';
  return row.split === split && row.estimator !== ENCODER_ALONE && known && isOfSelected(row, manifest);
}

/** The command that measures one row. */
function measuring(row: MeasuredRow, { run, directory }: MeasuredRun, request: CommandsRequest): Command {
  const { metric, estimator, draws, settings, facts = {} } = row;
  const { evaluation } = run;
  const limit = ['--limit', String(settings.limit ?? covered(row))];
  const where = [['--run', directory], splitOption(request)];
  /** Of a key of `evaluation`, where it is otherwise in the run's configuration. */
  const set = (key: string, value: number | string | null, configured: unknown): string[] =>
    value === configured ? [] : ['--set', `evaluation.${key}=${JSON.stringify(value)}`];
  const ofSettings = Object.entries(settings).flatMap(([key, value]) =>
    key in evaluation ? set(key, value, (evaluation as Record<string, unknown>)[key]) : [],
  );
  switch (metric) {
    case 'noisy-recon': {
      const how = ['--swaps', String(facts.swaps), '--noise-draws', String(settings.noiseDraws)];
      const chains = draws > 1 ? set('inferenceChains', draws, evaluation.inferenceChains) : [];
      return commandOf('sri noisy-recon', ...where, how, limit, chains);
    }
    case 'accuracy': {
      const how = ['--labels', String(facts.labels), '--sets', String(settings.sets)];
      const all = settings.limit === null ? set('sentences', null, evaluation.sentences) : limit;
      const chains = draws > 0 ? set('featureDraws', draws, evaluation.featureDraws) : [];
      return commandOf('sri classify', ...where, how, all, chains, ofSettings);
    }
    case 'transfer': {
      const { source, to, from, strength, labels: learned } = settings;
      const labels = ['--to', String(to), ...(from == null ? [] : ['--from', String(from)])];
      const how = ['--strength', String(strength), '--labels', String(learned)];
      const chains = draws > 0 ? set('featureDraws', draws, evaluation.featureDraws) : [];
      return commandOf('sri transfer', [String(source)], ['--run', directory], labels, how, chains);
    }
    case 'ppl': {
      const how = draws === 0 ? [] : ['--estimator', estimator, '--draws', String(draws)];
      return commandOf('sri eval-ppl', ...where, limit, how, ofSettings);
    }
    case 'kl': {
      const chains = evaluation.klChains as Record<string, unknown>;
      const how = estimator in chains ? set(`klChains.${estimator}`, draws, chains[estimator]) : [];
      return commandOf('sri eval', ...where, ['--metric', metric], limit, how);
    }
    default: {
      const chains = draws > 1 ? set('inferenceChains', draws, evaluation.inferenceChains) : [];
      return commandOf('sri eval', ...where, ['--metric', metric], limit, chains);
    }
  }
}

/** One command for each corpus that the runs learned from. */
async function preparations(
  runs: readonly MeasuredRun[],
  { config }: CommandsRequest,
  loaded: LoadedConfig | null,
): Promise<Command[]> {
  const commands: Command[] = [];
  for (const { run, manifest } of runs) {
    const origin = await corpusOrigin(run.data.directory);
    const known = origin?.hash === manifest.dataHash ? origin : null;
    commands.push(preparation(run, known, config, loaded));
  }
  return commands;
}

/** @param origin what the corpus was made of; null where it is there no more. */
function preparation(
  { dataSet, data }: RunConfig,
  origin: CorpusOrigin | null,
  config: string,
  loaded: LoadedConfig | null,
): Command {
  const defaults = { ...UNSAID, ...DEFAULTS.data, ...findDataSet(dataSet)?.format, directory: `data/${dataSet}` };
  const configured = { ...defaults, ...loaded?.config.data };
  const { directory, ...asked } = { ...UNSAID, ...data, ...(origin === null ? {} : keysOf(origin.settings)) };
  return commandOf(
    'sri prepare',
    loaded === null ? [] : ['--config', config],
    origin === null ? [] : sourceOptions(dataSet, origin),
    loaded !== null && directory === configured.directory ? [] : ['--out', directory],
    overridesBetween(configured, { ...asked, directory: configured.directory }).flatMap((text) => [
      '--set',
      `data.${text}`,
    ]),
  );
}

/** What a config and a corpus need not say of how it was prepared. */
const UNSAID = { tokenizer: 'whitespace', header: false } as const;

/** What `data` would have to say for a corpus to be prepared so. */
function keysOf({ division: _, ...settings }: PreparationSettings): Omit<RunConfig['data'], 'directory'> {
  return { ...UNSAID, ...settings };
}

function sourceOptions(dataSet: string, { settings: { division }, sources }: CorpusOrigin): string[] {
  const [train, valid, test] = sources.map((source) => source.path);
  if (division !== null) {
    return [
      ...['--text', train!],
      ...(division.seed === 0 ? [] : ['--seed', String(division.seed)]),
      ...(division.distinct ? ['--distinct'] : []),
    ];
  }
  const known = findDataSet(dataSet);
  const usual = path.join('data', 'raw', dataSet);
  if (known !== undefined && (known.write !== null || path.normalize(train!).startsWith(usual))) return [];
  const from = path.dirname(train!);
  const named = known?.files ?? rawNames(dataSet);
  const together = isDeepStrictEqual(
    [train, valid, test].map((file) => path.normalize(file!)),
    [named.train, named.valid, named.test].map((file) => path.join(from, file)),
  );
  return together ? ['--from', from] : ['--train', train!, '--valid', valid!, '--test', test!];
}

function report(remakings: readonly Remaking[], request: CommandsRequest): Command {
  const roots = [...new Set(remakings.map(({ root }) => root))];
  const [root] = roots;
  return roots.length === 1 && root != null
    ? commandOf('sri report', ['--config', request.config], rootOption(root), splitOption(request), ['--html'])
    : commandOf(
        'sri report',
        remakings.map(({ measured }) => measured.directory),
        splitOption(request),
        ['--html'],
      );
}

/** The folder of all runs, where it is not the usual one. */
const rootOption = (root: string) => (root === 'runs' ? [] : ['--runs', root]);

/** The split, where it is not the usual one. */
const splitOption = ({ split }: Pick<CommandsRequest, 'split'>) => (split === 'test' ? [] : ['--split', split]);
