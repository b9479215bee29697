// From a YAML file to a run in which every key is decided. Every complaint names the line of the file that a value came
// from, and says what would be right.
//
// A run's values come from five layers, a later one winning: the defaults, the config file's own keys, those of the
// method, those of its setting, and the overrides of the command line. Objects merge key by key; numbers, lists
// and null replace what was there.

import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { findDataSet } from '../data/registry.js';
import { InputError } from '../errors.js';
import { didYouMean, nearest, noSuch } from '../nearest.js';
import { cut } from '../text.js';
import { RENAMED_SETTINGS } from './earlier.js';
import { methodOfName, runName } from './identity.js';
import { isPlainObject, leaves } from './leaves.js';
import { havingKey, type MethodKeys, takesKey } from './method-keys.js';
import {
  addedDecoderDefaults,
  anyOverridesSchema,
  type ConfigFile,
  commonOverridesSchema,
  configFileSchema,
  DEFAULTS,
  type Overrides,
  overridesSchema,
  type RunConfig,
  STARTING_PARTS,
  wholeRunSchema,
} from './schema.js';
import { checkSweepable, product, type SweepPoint, type Swept, sweepValues, sweptLabel } from './sweep.js';
import { parseVariation, type Variation, variationName } from './variations.js';
import { readConfigText, readYaml } from './yaml.js';

/** A config file that was read and found right. */
export interface LoadedConfig {
  /** Where it was found, absolute. */
  file: string;
  config: ConfigFile;
  /** The methods that there were when it was read. */
  catalogue: readonly MethodKeys[];
  /** `file:line` of a key, or of the nearest enclosing one that the file has. */
  locate(keys: readonly PropertyKey[]): string;
}

export interface RunChoice {
  /** A key of the config's `methods`. */
  method: string;
  /**
   * A name under the method's `settings`; the first one unless given. `steps-<K>`, or `<setting>-steps-<K>`, is a setting
   * with another number of Langevin steps, which no file need list.
   */
  setting?: string | undefined;
  /** Wins over the file's. */
  seed?: number | undefined;
  /** `path.to.key=value`, the value in YAML: `langevin.steps=40`, `langevin.temperature={start: 1, ...}`. */
  overrides?: readonly string[] | undefined;
  /** What a study varies; it wins over all, and is in the run's name where it changes anything. */
  swept?: SweepPoint | undefined;
}

/** Wrong keys and values that a message tells of; more are counted. */
const MOST_COMPLAINTS = 10;
/** Parts of a key of `--set`. */
const MOST_KEYS = 32;

/** The package's own configs/, found from the compiled file and from the source alike. */
export const CONFIG_DIRECTORY = fileURLToPath(new URL('../../configs/', import.meta.url));

/**
 * Reads and checks a config file. A bare name (`ptb`, `ptb.yaml`) that is no file here is looked up in `configs/`.
 * @param catalogue the methods that there are: those that it may name, with their own keys.
 * @throws {InputError} when there is no such file, it is not YAML, or a key or value is not right.
 */
export function loadConfig(nameOrPath: string, catalogue: readonly MethodKeys[]): LoadedConfig {
  const file = findConfig(nameOrPath);
  const { value, locate } = readYamlFile(file);
  if (!isPlainObject(value)) {
    throw new InputError(
      `${displayPath(file)}:1: a config file is a list of keys such as \`dataSet: ptb\`, this one is not`,
    );
  }
  if (Object.hasOwn(value, 'format') && Object.hasOwn(value, 'method')) {
    throw new InputError(
      `${displayPath(file)}:1: the configuration of one run; sri train --config .../config.json trains it again, and commands ` +
        'that measure a run take --run and its folder; where a config file is wanted, name the one that it came from',
    );
  }
  const schema = configFileSchema(catalogue);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new InputError(complaints(schema, parsed.error, value, locate, catalogue).join('\n'));
  return { file, config: parsed.data as ConfigFile, catalogue, locate };
}

/**
 * The plugins that a config file asks for, before it is read with what they define. What is no list of names is for
 * {@link loadConfig} to complain of.
 * @throws {InputError} where there is no such file, or it is not YAML.
 */
export function configPlugins(nameOrPath: string): { name: string; folder: string; place: string }[] {
  const file = findConfig(nameOrPath);
  const { value, locate } = readYamlFile(file);
  const names = isPlainObject(value) && Array.isArray(value.plugins) ? value.plugins : [];
  return names.flatMap((name: unknown, i) =>
    typeof name === 'string' && name !== ''
      ? [{ name, folder: path.dirname(file), place: `${locate(['plugins', i])}: plugins: ${cut(name)}` }]
      : [],
  );
}

/** @throws {InputError} naming the line that is not YAML. */
function readYamlFile(file: string): { value: unknown; locate(keys: readonly PropertyKey[]): string } {
  const shown = displayPath(path.resolve(file));
  const { value, lineOf } = readYaml(readConfigText(file, shown), (line) => `${shown}:${line}`);
  return { value, locate: (keys) => `${shown}:${lineOf(keys)}` };
}

/**
 * Decides every key of a run.
 * @throws {InputError} when the file does not have the method or setting, an override is not right, or the values
 *   do not fit together.
 */
export function resolveRun<Own = unknown>(loaded: LoadedConfig, choice: RunChoice): RunConfig<Own> {
  const { config, catalogue, locate } = loaded;
  const { dataSet, methods, plugins: _, ...common } = config;
  const chosen = Object.hasOwn(methods, choice.method) ? methods[choice.method] : undefined;
  if (chosen === undefined) {
    const known = Object.keys(methods).join(', ');
    const add = catalogue.some(({ name }) => name === choice.method)
      ? `; add ${choice.method}: {} there for its defaults`
      : '';
    throw new InputError(
      `${locate(['methods'])}: methods has no ${cut(choice.method)}; it has ${known || 'none'}${add}`,
    );
  }
  const method = methodIn(catalogue, choice.method);
  const { settings = {}, ...own } = chosen ?? {};
  const names = Object.keys(settings);
  const listed = choice.setting === undefined || Object.hasOwn(settings, choice.setting);
  const varied = listed ? null : parseVariation(choice.setting!);
  const setting = (varied === null ? choice.setting : varied.setting) ?? names[0] ?? null;
  if (setting !== null && !Object.hasOwn(settings, setting)) {
    const where = locate(['methods', choice.method, 'settings']);
    const renamed = names.find((name) => name === RENAMED_SETTINGS[setting]);
    const hint = renamed === undefined ? didYouMean(setting, names) : `did you mean ${renamed}? `;
    throw new InputError(
      `${where}: ${choice.method} has no setting ${setting}; ${hint}it has ${names.join(', ') || 'none'}`,
    );
  }
  const place =
    (...above: string[]) =>
    (keys: readonly PropertyKey[]) =>
      locate([...above, ...keys]);
  const ofFile: Layer[] = [
    { values: { ...DEFAULTS, data: dataDefaults(dataSet) }, place: place() },
    { values: method.defaults as Overrides, place: place('methods', choice.method) },
    { values: common, place: place() },
    { values: own, place: place('methods', choice.method) },
    ...(setting === null
      ? []
      : [{ values: settings[setting]!, place: place('methods', choice.method, 'settings', setting) }]),
  ];
  const changes = varied === null ? null : changesOf(varied, method, choice.setting!, merged(ofFile));
  const said: Layer[] = [
    ...ofFile,
    ...(changes === null ? [] : [{ values: changes, place: () => `${choice.method}@${choice.setting}` }]),
    ...(choice.seed === undefined ? [] : [{ values: { seed: choice.seed }, place: () => `--seed ${choice.seed}` }]),
    ...(choice.overrides ?? []).map((text) => parseOverride(text, overridesSchema(method), catalogue)),
  ];
  // A decoder from outside has keys of its own in the runs that it is the decoder of, and in no others.
  const { decoder } = merged([...said, ...(choice.swept ?? [])]).model;
  const fixed: Layer[] = [{ values: addedDecoderDefaults(decoder), place: place() }, ...said];
  const swept = (choice.swept ?? []).filter((one) => changesAnything(one, fixed));
  const layers: Layer[] = [
    ...fixed,
    ...swept.map((one) => ({ ...one, values: bearing(one.values, method, catalogue) })),
  ];
  const variations = [
    ...(varied === null || changes === null ? [] : [variationName(varied)]),
    ...swept.map(({ label }) => label),
  ];
  const run = {
    ...merged(layers),
    dataSet,
    method: choice.method,
    setting,
    name: runName({
      method: choice.method,
      setting: setting === names[0] ? null : setting,
      variation: variations.length === 0 ? null : variations.join('-'),
    }),
  };
  const decided = checkedRun<Own>(run, method, layers);
  for (const part of STARTING_PARTS) {
    const start = decided.startFrom?.[part] ?? null;
    if (start === null) continue;
    const place = () => `${culpritOf(layers)(['startFrom', part])}: startFrom.${part}`;
    if (start === choice.method) {
      throw new InputError(`${place()}: ${choice.method} cannot start from itself; name another, or null`);
    }
    if (!Object.hasOwn(methods, methodOfName(start))) {
      const known = Object.keys(methods);
      throw new InputError(
        `${place()}: ${cut(start)} is none of this file's methods, which are ${known.join(', ')}; ` +
          `${didYouMean(start, known)}name one of those, add it to methods, or say null`,
      );
    }
  }
  return decided;
}

/** The keys of a layer but those that other methods have and this one has not. */
function bearing(values: Overrides, method: MethodKeys, catalogue: readonly MethodKeys[]): Overrides {
  return Object.fromEntries(Object.entries(values).filter(([key]) => takesKey(method.name, key, catalogue)));
}

/**
 * What a variation changes of a setting's run; null where the setting has that value itself, and the run is no second one.
 * @throws {InputError} for a method that has no such number.
 */
function changesOf(
  { quantity, value }: Variation,
  { name, variations }: MethodKeys,
  setting: string,
  run: RunConfig,
): Overrides | null {
  const varied = variations?.[quantity];
  if (varied === undefined) throw new InputError(`${name}@${setting}: ${name} has no ${quantity} to vary`);
  return value === varied.of(run) ? null : varied.to(value, run);
}

function methodIn(catalogue: readonly MethodKeys[], name: string): MethodKeys {
  const method = catalogue.find((candidate) => candidate.name === name);
  if (method !== undefined) return method;
  throw new InputError(
    noSuch(
      'method',
      name,
      catalogue.map((one) => one.name),
    ),
  );
}

/** @throws {InputError} where the sum of layers is not a run of the method. */
function checkedRun<Own>(run: object, method: MethodKeys, layers: readonly Layer[]): RunConfig<Own> {
  const schema = wholeRunSchema(method);
  const parsed = schema.safeParse(run);
  if (parsed.success) return parsed.data as RunConfig<Own>;
  throw new InputError(complaints(schema, parsed.error, run, culpritOf(layers)).join('\n'));
}

/**
 * The overrides that a method's run takes, of those that are said for several methods' at once: all but those of keys that
 * other methods have and this one has not.
 */
export function overridesFor(method: string, overrides: readonly string[], catalogue: readonly MethodKeys[]): string[] {
  return overrides.filter((text) => takesKey(method, topKey(text), catalogue));
}

/**
 * Checks that each override is taken by one of the methods.
 * @throws {InputError} naming the override that none takes, and the methods that would.
 */
export function checkOverrides(
  methods: readonly string[],
  overrides: readonly string[],
  catalogue: readonly MethodKeys[],
): void {
  for (const text of overrides) {
    if (methods.some((method) => overridesFor(method, [text], catalogue).length > 0)) continue;
    const key = topKey(text);
    const having = havingKey(key, catalogue).join(', ');
    throw new InputError(`--set ${text}: ${key} is a key of ${having}, and none of ${methods.join(', ')} has it`);
  }
}

/** `langevin`, of `langevin.steps=3`. */
export function topKey(override: string): string {
  return override.split(/[.=]/, 1)[0]!.trim();
}

/** What a config need not say of its text: of a known set also how that is written. */
function dataDefaults(dataSet: string): RunConfig['data'] {
  return { ...DEFAULTS.data, ...findDataSet(dataSet)?.format, directory: `data/${dataSet}` };
}

/**
 * How a config's text is prepared: the `data` keys, which all methods of a file share.
 * @param loaded null for the defaults alone, of a text that has no config.
 * @param catalogue whose keys are passed over.
 * @throws {InputError} naming the override that is not right.
 */
export function resolveData(
  loaded: LoadedConfig | null,
  overrides: readonly string[],
  catalogue: readonly MethodKeys[] = loaded?.catalogue ?? [],
): RunConfig['data'] {
  const { dataSet = 'text', data = {} } = loaded?.config ?? {};
  // What methods alone have is for their runs to check.
  const ofText = overrides.filter((text) => havingKey(topKey(text), catalogue).length === 0);
  const layers: Overrides[] = [{ data: dataDefaults(dataSet) }, { data }];
  const merged = [
    ...layers,
    ...ofText.map((text) => parseOverride(text, commonOverridesSchema()).values),
  ].reduce<unknown>(merge, {});
  return (merged as RunConfig).data;
}

/**
 * A run with overrides on top, as an evaluation may ask of a run that is trained already.
 * @throws {InputError} naming the override that is not right.
 */
export function overrideRun<Own = unknown>(
  run: RunConfig<Own>,
  overrides: readonly string[],
  catalogue: readonly MethodKeys[],
): RunConfig<Own> {
  const method = methodIn(catalogue, run.method);
  const layers = overrides.map((text) => parseOverride(text, overridesSchema(method), catalogue));
  const merged = layers.map(({ values }) => values).reduce<unknown>(merge, run);
  return checkedRun<Own>(merged as object, method, layers);
}

function findConfig(nameOrPath: string): string {
  const bare = !nameOrPath.includes('/') && !nameOrPath.includes(path.sep);
  const names = /\.ya?ml$/.test(nameOrPath) ? [nameOrPath] : [nameOrPath, `${nameOrPath}.yaml`];
  const candidates = [...names, ...(bare ? names.map((name) => path.join(CONFIG_DIRECTORY, name)) : [])];
  const found = candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
  if (found) return path.resolve(found);
  if (existsSync(nameOrPath) && statSync(nameOrPath).isDirectory()) {
    throw new InputError(
      `${cut(nameOrPath)}: is a folder, not a config file; --config takes a path, or a name such as ptb.yaml`,
    );
  }
  if (existsSync(nameOrPath)) {
    throw new InputError(`${cut(nameOrPath)}: a pipe or a device, where a file is wanted; --config takes a YAML file`);
  }
  const near = bare ? nearConfig(nameOrPath) : '';
  const looked = bare ? `in this folder or in ${displayPath(CONFIG_DIRECTORY)}` : 'there';
  throw new InputError(
    `${cut(nameOrPath)}: no such config file ${looked}; ${near}--config takes a path, or a name such as ptb.yaml`,
  );
}

/** {@link didYouMean} of files; that all of them end alike brings none nearer. */
function nearConfig(name: string): string {
  const stem = (file: string) => file.replace(/\.ya?ml$/, '');
  const known = [...configsIn('.'), ...configsIn(CONFIG_DIRECTORY)];
  const near = nearest(stem(name), known.map(stem));
  return near === undefined ? '' : `did you mean ${known.find((file) => stem(file) === near)}? `;
}

function configsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
}

export function displayPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative === '' || relative.startsWith('..') ? file : relative;
}

/** Values, and how to say where a key of theirs was written. */
interface Layer {
  values: Overrides;
  place(keys: readonly PropertyKey[]): string;
}

/** A later layer wins. What the sum lacks or has wrong is for the schema to say. */
function merged(layers: readonly Layer[]): RunConfig {
  const sum = layers.map(({ values }) => values).reduce<unknown>(merge, {}) as RunConfig;
  return { ...sum, startFrom: wholeStart(sum.startFrom) };
}

/** Both parts, where a layer has named one above another that said null; null where there is none. */
function wholeStart(startFrom: RunConfig['startFrom']): RunConfig['startFrom'] {
  if (!isPlainObject(startFrom)) return startFrom;
  const { encoder = null, decoder = null } = startFrom;
  const whole = { encoder, decoder };
  return STARTING_PARTS.every((part) => whole[part] === null) ? null : whole;
}

/**
 * Who is to blame when the sum of layers is not right although each layer is: the last that touched the object
 * around the key.
 */
function culpritOf(layers: readonly Layer[]): (keys: readonly PropertyKey[]) => string {
  return (keys) =>
    layers.findLast(({ values }) => has(values, keys.length > 1 ? keys.slice(0, -1) : keys))?.place(keys) ?? 'the run';
}

/** Whether a layer makes a run another than those below it do. */
function changesAnything(layer: Layer, below: readonly Layer[]): boolean {
  return JSON.stringify(merged([...below, layer])) !== JSON.stringify(merged(below));
}

/** `path.to.key` and what follows the equals sign. */
function splitOverride(text: string, option: string): { key: string; value: string } {
  const equals = text.indexOf('=');
  if (equals < 1)
    throw new InputError(`${option} ${cut(text)}: expected path.to.key=value, such as model.hiddenSize=128`);
  return { key: text.slice(0, equals).trim(), value: text.slice(equals + 1) };
}

/**
 * What a study varies: each `path.to.key=value,value,...` with each other, and each of those with each named setting of a
 * file, which maps names to keys as a config file's `settings` do.
 *
 * @param how the file of named settings, and what `texts` were given to, as complaints name it.
 * @returns one point without anything where nothing varies.
 * @throws {InputError} naming the option, or the file and line, and what is wrong.
 */
export function parseSweep(
  texts: readonly string[],
  catalogue: readonly MethodKeys[],
  { file, option = '--sweep' }: { file?: string | undefined; option?: string | undefined } = {},
): SweepPoint[] {
  const schema = anyOverridesSchema(catalogue);
  const lists = texts.map((text): Swept[] => {
    const { key, value } = splitOverride(text, option);
    const where = `${option} ${cut(text)}`;
    checkSweepable(key, where);
    return sweepValues(value, where).map((one) => {
      const layer = parseOverride(`${key}=${one}`, schema, catalogue, option);
      for (const part of leaves(layer.values).keys()) checkSweepable(part, where);
      const single = { key, value: at(layer.values, key.split('.')) };
      return { ...layer, label: sweptLabel(key, single.value), single, option };
    });
  });
  const keys = lists.map(([first]) => first!.single!.key);
  const twice = keys.find((key, i) => keys.some((other, j) => j !== i && `${key}.`.startsWith(`${other}.`)));
  if (twice !== undefined) throw new InputError(`--sweep ${twice}: it varies twice; give all its values at once`);
  return product(file === undefined ? lists : [readSweepFile(file, schema), ...lists]);
}

function readSweepFile(name: string, schema: z.ZodObject): Swept[] {
  if (!existsSync(name)) throw new InputError(`--sweep-file ${name}: no such file`);
  const { value, locate } = readYamlFile(name);
  if (!isPlainObject(value) || Object.keys(value).length === 0) {
    throw new InputError(`${locate([])}: a sweep file maps names to keys: \`small: { model: { hiddenSize: 64 } }\``);
  }
  return Object.entries(value).map(([label, given]) => {
    const place = (keys: readonly PropertyKey[]) => locate([label, ...keys]);
    if (!/^[a-z0-9][a-z0-9-]*$/.test(label)) {
      throw new InputError(`${place([])}: ${cut(label)}: a setting's name is of a-z, 0-9 and -`);
    }
    if (!isPlainObject(given)) {
      throw new InputError(
        `${place([])}: ${cut(label)}: a setting is a list of keys, as { model: { hiddenSize: 64 } }`,
      );
    }
    for (const key of leaves(given).keys()) checkSweepable(key, place(key.split('.')));
    const parsed = schema.safeParse(given);
    if (!parsed.success) throw new InputError(complaints(schema, parsed.error, given, place).join('\n'));
    return { label, values: parsed.data as Overrides, single: null, option: '--sweep-file', place };
  });
}

/** Whether an override, whatever it is an override of, says a value of a key, or of a part of it. */
export function givesValue(override: string, key: string): boolean {
  const { key: own, value } = splitOverride(override, '--set');
  const said = readYaml(value, () => `--set ${cut(override)}`).value;
  return has(nested(own, said), key.split('.'));
}

/** `{ langevin: { steps: 3 } }`, of `langevin.steps` and 3. */
function nested(key: string, value: unknown): unknown {
  return key.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value ?? null);
}

/** @param schema of what it may say: the common keys, and those of the methods that it may be of. */
function parseOverride(
  text: string,
  schema: z.ZodObject,
  catalogue: readonly MethodKeys[] = [],
  option = '--set',
): Layer {
  const { key, value: written } = splitOverride(text, option);
  const place = `${option} ${cut(text)}`;
  const keys = key.split('.');
  if (keys.length > MOST_KEYS) throw new InputError(`${place}: a key has at most ${MOST_KEYS} parts`);
  const own = keys[0] === 'methods' ? keys.slice(keys[2] === 'settings' ? 4 : 2) : [];
  if (own.length > 0) {
    throw new InputError(
      `${place}: it is for whichever method is named, so say ${cut(`${option} ${own.join('.')}=${written}`)}`,
    );
  }
  const { value } = readYaml(written, () => place);
  const layer = nested(key, value);
  const parsed = schema.safeParse(layer);
  if (!parsed.success) {
    throw new InputError(complaints(schema, parsed.error, layer, () => place, catalogue).join('\n'));
  }
  return { values: parsed.data as Overrides, place: () => place };
}

/** One sentence for each thing that is wrong, `place: key: what is wrong; what would be right`. */
function complaints(
  schema: z.ZodType,
  error: z.ZodError,
  value: unknown,
  place: (keys: readonly PropertyKey[]) => string,
  catalogue: readonly MethodKeys[] = [],
): string[] {
  const found = error.issues.flatMap((issue) => branchIssues(issue, value)).flatMap(oneKeyEach);
  const told = found.slice(0, MOST_COMPLAINTS).map((issue) => {
    const keys = issue.path;
    if (issue.code === 'unrecognized_keys') {
      const [unknown] = issue.keys as [string];
      const known = knownKeys(schema, keys);
      const what = keys.length === 1 && keys[0] === 'methods' ? 'method' : 'key';
      const hint = whoseKey(unknown, keys, catalogue) ?? belowOf(schema, keys, unknown) ?? nearestOf(unknown, known);
      const plugin = what === 'method' ? '; one that a plugin defines needs --plugin, or plugins: in the config' : '';
      return `${place([...keys, unknown])}: ${showKeys([...keys, unknown])}: no such ${what}; ${hint}${plugin}`;
    }
    const meaning = issue.code === 'custom' ? issue.message : descriptionOf(schema, keys);
    const given = at(value, keys);
    // JSON has no word for what is not finite.
    const shown = typeof given === 'number' ? String(given) : JSON.stringify(given);
    const wrong = given === undefined ? 'missing' : `${cut(shown)} will not do`;
    const own = knownKeys(schema, keys);
    const right = meaning ?? (own.length > 0 ? `it has keys of its own: ${own.join(', ')}` : issue.message);
    return `${place(keys)}: ${showKeys(keys)}: ${wrong}; ${right}`;
  });
  const more = found.length - told.length;
  return more > 0 ? [...told, `and ${more} more that ${more === 1 ? 'is' : 'are'} not right`] : told;
}

function oneKeyEach(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ ...issue, keys: [key] })) : [issue];
}

/** What is said of a key that stands where it does not belong, and belongs to some method; nothing of any other. */
function whoseKey(key: string, above: readonly PropertyKey[], catalogue: readonly MethodKeys[]): string | undefined {
  const [methods, method, settings] = above;
  const ofLayer = above.length === 0 || (methods === 'methods' && (above.length === 2 || settings === 'settings'));
  const having = ofLayer ? havingKey(key, catalogue) : [];
  if (having.length === 0) return undefined;
  return method === undefined
    ? `it is a key of ${having.join(', ')}, which a config file has under methods.${having[0]}`
    : `${String(method)} has none; it is a key of ${having.join(', ')}`;
}

/** Of a key that was written above where it belongs, the whole path. */
function belowOf(schema: z.ZodType, keys: readonly PropertyKey[], unknown: string): string | undefined {
  if (keys.includes('methods')) return undefined;
  const above = knownKeys(schema, keys).find(
    (key) => key !== 'methods' && knownKeys(schema, [...keys, key]).includes(unknown),
  );
  return above === undefined ? undefined : `did you mean ${showKeys([...keys, above, unknown])}?`;
}

function nearestOf(unknown: string, known: readonly string[]): string {
  const near = nearest(unknown, known);
  return near ? `did you mean ${near}?` : `known here: ${known.join(', ')}`;
}

/**
 * Of a union's complaints, those of the alternative that the value was evidently meant to be: an object that has a
 * wrong key is told about the key, not that it is no number.
 */
function branchIssues(issue: z.core.$ZodIssue, root: unknown): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const given = at(root, issue.path);
  const branch = issue.errors.find(
    (issues) => !issues.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
  );
  if (branch === undefined || !isPlainObject(given)) return [issue];
  return branch
    .map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }) as z.core.$ZodIssue)
    .flatMap((inner) => branchIssues(inner, root));
}

/** `langevin.stepSize[2]`. */
function showKeys(keys: readonly PropertyKey[]): string {
  return keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i ? '.' : ''}${cut(String(key))}`)).join('');
}

/** The schemas that may stand at a path, a union counting as all of its alternatives. */
function schemasAt(schema: z.ZodType, keys: readonly PropertyKey[]): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return keys.length === 0
      ? [schema, ...schemasAt(schema.unwrap() as z.ZodType, keys)]
      : schemasAt(schema.unwrap() as z.ZodType, keys);
  }
  if (schema instanceof z.ZodUnion) {
    const inner = schema.options.flatMap((option) => schemasAt(option as z.ZodType, keys));
    return keys.length === 0 ? [schema, ...inner] : inner;
  }
  const [key, ...rest] = keys;
  if (key === undefined) return [schema];
  if (schema instanceof z.ZodObject) {
    const child = Object.hasOwn(schema.shape, key) ? schema.shape[key as string] : undefined;
    return child ? schemasAt(child as z.ZodType, rest) : [];
  }
  if (schema instanceof z.ZodRecord) return schemasAt(schema.valueType as z.ZodType, rest);
  if (schema instanceof z.ZodArray) return schemasAt(schema.element as z.ZodType, rest);
  return [];
}

/** What the nearest described key at or above a path means. */
export function descriptionOf(schema: z.ZodType, keys: readonly PropertyKey[]): string | undefined {
  for (let depth = keys.length; depth > 0; depth--) {
    const described = schemasAt(schema, keys.slice(0, depth)).find((candidate) => candidate.description !== undefined);
    if (described) return described.description;
  }
  return undefined;
}

function knownKeys(schema: z.ZodType, keys: readonly PropertyKey[]): string[] {
  return schemasAt(schema, keys).flatMap((found) => (found instanceof z.ZodObject ? Object.keys(found.shape) : []));
}

function at(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

function has(value: unknown, keys: readonly PropertyKey[]): boolean {
  return at(value, keys) !== undefined;
}

function merge(below: unknown, above: unknown): unknown {
  if (above === undefined) return below;
  if (!isPlainObject(below) || !isPlainObject(above)) return above;
  const keys = new Set([...Object.keys(below), ...Object.keys(above)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(below[key], above[key])]));
}
