// What a study varies: `--sweep model.hiddenSize=64,128`, or a file of named settings. Each value is a layer over a run's
// configuration and a part of the run's name, so that every variant has a folder, a row and a curve of its own.

import { InputError } from '../errors.js';
import type { Overrides } from './schema.js';

/** One thing that a variant has its own way. */
export interface Swept {
  /** As the run's name says it: `hiddenSize-64`, or the name that a file gives. */
  label: string;
  values: Overrides;
  /** The one key that it sets, and its value; null for a named setting of a file, which may set several. */
  single: { key: string; value: unknown } | null;
  /** What varies it: `--sweep`, `the frontier`. */
  option: string;
  /** Where a key of it was written, for complaints. */
  place(keys: readonly PropertyKey[]): string;
}

/** A variant: one value of each thing that varies. */
export type SweepPoint = readonly Swept[];

/** Numbers that a range may come to. */
const MOST = 1000;

/** Parts of a run that all variants share, or that change nothing of what is learned, with what to do instead. */
const FIXED: Readonly<Record<string, string>> = {
  data: 'a corpus is as it was prepared; give each its own config',
  seed: 'say --seeds, as --seeds 0..4',
  backend: 'it changes nothing of what is learned; say --backend',
  threads: 'it changes nothing of what is learned; say --threads',
  evaluation: 'it changes nothing of what is learned; say it by --set, and the runs are measured again',
  'training.logEvery': 'it changes nothing of what is learned; say it by --set',
  'training.checkpointEvery': 'it changes nothing of what is learned; say it by --set',
  'training.keepEpochs': 'it changes nothing of what is learned; say it by --set',
};

/** @throws {InputError} where a study cannot vary the key. @param where how the complaint begins. */
export function checkSweepable(key: string, where: string): void {
  const fixed = Object.keys(FIXED).find((part) => `${key}.`.startsWith(`${part}.`));
  if (fixed !== undefined) throw new InputError(`${where}: ${key} cannot vary within a study: ${FIXED[fixed]}`);
}

/**
 * The values of a list such as `10,20`, `[1, 1, 2],null`, `0..4` or `0.2..0.8:0.2`, each as YAML: split at the commas that no
 * bracket or quotation mark encloses, ranges (both ends belong to them, and steps are 1 unless given) spelt out.
 *
 * @param where how a complaint begins.
 * @throws {InputError} for a list without values, and a range that goes nowhere.
 */
export function sweepValues(text: string, where: string): string[] {
  const items = splitList(text).map((item) => item.trim());
  if (items.some((item) => item === '')) {
    throw new InputError(
      `${where}: a value is missing; give them with commas between, such as model.hiddenSize=64,128`,
    );
  }
  return [...new Set(items.flatMap((item) => range(item, where) ?? [item]))];
}

/** How a run's name says that a key has a value. */
export function sweptLabel(key: string, value: unknown): string {
  const parts = key.split('.');
  const last = parts.at(-1)!;
  // Words that say too little by themselves, or that mean something else in a run's name.
  const whole = ['steps', 'temperature', 'target', 'max', 'start', 'name', 'every', 'rises'].includes(last);
  return `${whole ? key : last}-${valueLabel(value)}`;
}

function valueLabel(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueLabel).join('_');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([key, inner]) => `${key}-${valueLabel(inner)}`)
      .join('_');
  }
  // What a folder's name had better not have.
  return String(value).replace(/[^A-Za-z0-9._+-]/g, '_');
}

/** Every combination, the last list varying fastest. */
export function product(lists: readonly (readonly Swept[])[]): SweepPoint[] {
  return lists.reduce<SweepPoint[]>(
    (points, list) => points.flatMap((point) => list.map((one) => [...point, one])),
    [[]],
  );
}

function splitList(text: string): string[] {
  const items = [''];
  let depth = 0;
  let quote = '';
  for (const letter of text) {
    if (quote !== '') quote = letter === quote ? '' : quote;
    else if (letter === '"' || letter === "'") quote = letter;
    else if ('[{'.includes(letter)) depth++;
    else if (']}'.includes(letter)) depth--;
    if (letter === ',' && depth === 0 && quote === '') items.push('');
    else items[items.length - 1] += letter;
  }
  return items;
}

/** The numbers of `a..b` or `a..b:step`; null for what is no range. */
function range(item: string, where: string): string[] | null {
  const parts = item.match(/^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?$/);
  if (parts === null) return null;
  const [first, last, step] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 1)];
  const count = step > 0 ? Math.floor((last - first) / step + 1e-9) + 1 : Number.NaN;
  if (!(count >= 1 && count <= MOST)) {
    throw new InputError(
      `${where}: ${item} is no range: the first number first, a step above 0, ${MOST} numbers at most`,
    );
  }
  // As people write decimals, not as they are added up.
  return Array.from({ length: count }, (_, i) => String(Number((first + i * step).toPrecision(12))));
}
