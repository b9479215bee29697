// Which run of a config is meant, by the names that people give methods: `sri`, `sri@released`, `sri@steps-40`.

import { type LoadedConfig, loadConfig, overridesFor, type RunChoice, resolveRun } from '../config/load.js';
import { takesKey } from '../config/method-keys.js';
import { type RunConfig, STARTING_PARTS } from '../config/schema.js';
import type { SweepPoint, Swept } from '../config/sweep.js';
import { parseVariation, type VariedQuantity, variationName } from '../config/variations.js';
import { InputError } from '../errors.js';
import { methodNamed, methods } from '../methods/registry.js';
import { cut } from '../text.js';

/**
 * A config file, or one of `configs/` by its name, read with all the methods that there are.
 * @throws {InputError} when there is no such file, it is not YAML, or a key or value is not right.
 */
export async function openConfig(nameOrPath: string): Promise<LoadedConfig> {
  return loadConfig(nameOrPath, methods());
}

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
 * The run of a study's variant. What does not bear on the method, such as Langevin's keys on a VAE, leaves its plain run;
 * a run that starts from another's weights starts from the same variant of it.
 *
 * @param choice its overrides are said for all methods of the study: each takes those that it has.
 * @throws {InputError} where the config does not have it, or the values do not fit together.
 */
export function resolveVariant(loaded: LoadedConfig, choice: RunChoice, point: SweepPoint): RunConfig {
  const own = { ...choice, overrides: overridesFor(choice.method, choice.overrides ?? [], loaded.catalogue) };
  const plain = resolveRun(loaded, own);
  const starts = STARTING_PARTS.flatMap((part) => plain.startFrom?.[part] ?? []);
  const swept = point.filter((one) => [plain.method, ...starts].some((method) => bearsOn(one, method)));
  if (swept.length === 0) return plain;
  const named = asVariation(swept, plain, choice.setting);
  const run =
    named === null
      ? resolveRun(loaded, { ...own, swept })
      : resolveRun(loaded, { ...own, setting: named.setting, swept: swept.filter((one) => one !== named.swept) });
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
  return Object.keys(values).some((key) => takesKey(method, key, methods()));
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
