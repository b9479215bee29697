// Which run of a config is meant, by the names that people give methods: `sri`, `sri@released`, `sri@steps-40`.

import { type LoadedConfig, type RunChoice, resolveRun } from '../config/load.js';
import { type RunConfig, STARTING_PARTS } from '../config/schema.js';
import type { SweepPoint, Swept } from '../config/sweep.js';
import { parseVariation, variationName } from '../config/variations.js';
import { InputError } from '../errors.js';
import { methodNamed, methods } from '../methods/registry.js';
import { cut } from '../text.js';

/**
 * A method as folders and tables name it: `sri`, or `sri@released` for a setting.
 * @throws {InputError} for a name that is no method.
 */
export function parseMethod(name: string, setting?: string): Pick<RunChoice, 'method' | 'setting'> {
  const [method, named, ...more] = name.split('@');
  const known = methods().map((available) => available.name);
  if (more.length > 0 || !known.includes(method!)) {
    throw new InputError(`--method ${cut(name)}: ${cut(method!)} is no method; there are ${known.join(', ')}`);
  }
  if (setting !== undefined && named !== undefined && setting !== named) {
    throw new InputError(`--method ${cut(name)} and --setting ${cut(setting)} name two settings; give one`);
  }
  return { method: method!, setting: setting ?? named };
}

/**
 * The run that is chosen of a config.
 * @throws {InputError} where the config does not have it, or a number of Langevin steps is given to a method that takes none.
 */
export function resolveChoice(loaded: LoadedConfig, choice: RunChoice): RunConfig {
  const run = resolveRun(loaded, choice);
  const { method, setting } = choice;
  const variation = setting === undefined || setting === run.setting ? null : parseVariation(setting);
  if (variation === null) return run;
  const { inference, freeBits = false } = methodNamed(method);
  const takes = variation.quantity === 'target' ? freeBits : inference === 'short-run';
  if (takes) return run;
  const wanted = {
    steps: 'Langevin steps; sri does',
    temperature: 'temperature; sri does',
    target: 'free bits; fb-vae does',
  };
  throw new InputError(`${method}@${setting}: ${method} takes no ${wanted[variation.quantity]}`);
}

/**
 * Checks that every method of a config file is one, since a misspelt one would be passed over.
 * @throws {InputError} naming the line.
 */
export function checkMethods({ config, locate }: LoadedConfig): void {
  const known = methods().map(({ name }) => name);
  const stranger = Object.keys(config.methods).find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw new InputError(
      `${locate(['methods', stranger])}: methods.${stranger}: no such method; there are ${known.join(', ')}`,
    );
  }
}

/**
 * The run of a study's variant. What does not bear on the method, such as Langevin's keys on a VAE, leaves its plain run;
 * a run that starts from another's weights starts from the same variant of it.
 *
 * @throws {InputError} as {@link resolveChoice} does, and where the values do not fit together.
 */
export function resolveVariant(loaded: LoadedConfig, choice: RunChoice, point: SweepPoint): RunConfig {
  const plain = resolveChoice(loaded, choice);
  const starts = STARTING_PARTS.flatMap((part) => plain.startFrom?.[part] ?? []);
  const swept = point.filter((one) => [plain.method, ...starts].some((method) => bearsOn(one, method)));
  if (swept.length === 0) return plain;
  const named = asVariation(swept, plain, choice.setting);
  const run =
    named === null
      ? resolveRun(loaded, { ...choice, swept })
      : resolveRun(loaded, { ...choice, setting: named.setting, swept: swept.filter((one) => one !== named.swept) });
  const { startFrom } = run;
  if (startFrom === null) return run;
  const variantOf = (start: string | null) => {
    if (start === null || loaded.config.methods[start] === undefined) return start;
    return resolveVariant(loaded, { method: start, seed: choice.seed, overrides: choice.overrides }, point).name;
  };
  return { ...run, startFrom: { encoder: variantOf(startFrom.encoder), decoder: variantOf(startFrom.decoder) } };
}

/** Whether what a study varies changes what a method learns. */
export function bearsOn({ values }: Swept, method: string): boolean {
  const { inference, freeBits = false } = methodNamed(method);
  const idle = [...(inference === 'short-run' ? [] : ['langevin']), ...(freeBits ? [] : ['freeBits'])];
  return Object.keys(values).some((key) => !idle.includes(key));
}

/** One of the values as {@link parseVariation} has it, so that `--sweep langevin.steps=40` is the run `@steps-40`. */
function asVariation(
  swept: SweepPoint,
  { langevin }: RunConfig,
  setting: string | undefined,
): { swept: Swept; setting: string } | null {
  if (setting !== undefined && parseVariation(setting) !== null) return null;
  const temperature = typeof langevin.temperature === 'number' ? 'langevin.temperature' : 'langevin.temperature.max';
  const quantities = { 'langevin.steps': 'steps', [temperature]: 'temperature', 'freeBits.target': 'target' } as const;
  for (const one of swept) {
    const { key = '', value } = one.single ?? {};
    const quantity = quantities[key as keyof typeof quantities];
    if (quantity === undefined || typeof value !== 'number') continue;
    const name = variationName({ quantity, value });
    if (parseVariation(name) === null) continue;
    return { swept: one, setting: setting === undefined ? name : `${setting}-${name}` };
  }
  return null;
}
