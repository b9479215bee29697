// Which run a run is: of which data set, by which method in which setting, in what it differs from that, with which seed. Its
// name, which folders and tables show, is made of this here and read back here, and nowhere else.

import type { RunConfig } from './schema.js';
import { parseVariation, type VariedQuantity } from './variations.js';

export interface RunIdentity {
  dataSet: string;
  method: string;
  /** As the name says it: null of the method's first setting, which needs no saying. */
  setting: string | null;
  /** What it has otherwise than its setting, as the name says it: `steps-40`, `hiddenSize-64`; null where nothing. */
  variation: string | null;
  /** The number that it varies, `other` where that is none that figures vary; null where nothing varies. */
  varied: VariedQuantity | 'other' | null;
  seed: number;
}

/** `sri`, `sri@annealed`, `sri@annealed-temperature-0.7`. */
export function runName({ method, setting, variation }: Pick<RunIdentity, 'method' | 'setting' | 'variation'>): string {
  const variant = variantOf({ setting, variation });
  return variant === null ? method : `${method}@${variant}`;
}

/** What a run's name says after its method; null of the method's own run. */
export function variantOf({ setting, variation }: Pick<RunIdentity, 'setting' | 'variation'>): string | null {
  const parts = [setting, variation].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join('-');
}

/** The method of a run that is known by its name alone, such as one that another starts from. */
export function methodOfName(name: string): string {
  return name.split('@', 1)[0]!;
}

/** Of a resolved run. */
export function identityOf(run: Pick<RunConfig, 'dataSet' | 'method' | 'setting' | 'name' | 'seed'>): RunIdentity {
  const { dataSet, method, seed, name } = run;
  const variant = name.slice(method.length + 1);
  const named = run.setting !== null && (variant === run.setting || variant.startsWith(`${run.setting}-`));
  const rest = named ? variant.slice(run.setting!.length + 1) : variant;
  const variation = rest === '' ? null : rest;
  return {
    dataSet,
    method,
    setting: named ? run.setting : null,
    variation,
    varied: variation === null ? null : (parseVariation(variation)?.quantity ?? 'other'),
    seed,
  };
}
