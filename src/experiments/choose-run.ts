// Which run of a config is meant, by the names that people give methods: `sri`, `sri@released`, `sri@steps-40`.

import { type LoadedConfig, type RunChoice, resolveRun } from '../config/load.js';
import type { RunConfig } from '../config/schema.js';
import { parseVariation } from '../config/variations.js';
import { InputError } from '../errors.js';
import { methodNamed, methods } from '../methods/registry.js';

/**
 * A method as folders and tables name it: `sri`, or `sri@released` for a setting.
 * @throws {InputError} for a name that is no method.
 */
export function parseMethod(name: string, setting?: string): Pick<RunChoice, 'method' | 'setting'> {
  const [method, named, ...more] = name.split('@');
  const known = methods().map((available) => available.name);
  if (more.length > 0 || !known.includes(method!)) {
    throw new InputError(`--method ${name}: ${method} is no method; there are ${known.join(', ')}`);
  }
  if (setting !== undefined && named !== undefined && setting !== named) {
    throw new InputError(`--method ${name} and --setting ${setting} name two settings; give one`);
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
