// What a configuration must know of a method: which keys are its own, what they are where nothing is said, and which numbers
// of its runs a figure may vary. Methods say it; a configuration is read with those that there are.

import type { KeyOwner } from './key-owner.js';
import type { Overrides } from './schema.js';
import type { VariedQuantity } from './variations.js';

/** A number of a method's runs that figures vary: the key that it stands in, how it is read, what gives it another value. */
export interface Varied<Own> {
  key(run: Own): string;
  of(run: Own): number;
  to(value: number, run: Own): Overrides;
  /** Keys, as `langevin.stepSize`, that may follow from the number: runs of one curve may differ in them. */
  readonly follow?: readonly string[];
}
export type Variations<Own> = { readonly [quantity in VariedQuantity]?: Varied<Own> };

export interface MethodKeys<Own = unknown> extends KeyOwner<Own> {
  readonly variations?: Variations<Own>;
}

/** The methods that have a key of that name. */
export function havingKey(key: string, catalogue: readonly MethodKeys[]): string[] {
  return catalogue.filter((method) => Object.hasOwn(method.config, key)).map(({ name }) => name);
}

/** Whether a key bears on a method: it is its own, or none that only others have. */
export function takesKey(method: string, key: string, catalogue: readonly MethodKeys[]): boolean {
  const having = havingKey(key, catalogue);
  return having.length === 0 || having.includes(method);
}
