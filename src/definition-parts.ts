// What a definition must say, checked as it is defined: a plugin in JavaScript has no compiler that would say what it lacks.

import { z } from 'zod';

/** As `typeof` has it, a list of anything or of texts, a whole number from 0 or from 2, or one of some words. */
type Part = 'string' | 'boolean' | 'function' | 'object' | 'list' | 'texts' | 'count' | 'draws' | readonly string[];

type Parts = Readonly<Record<string, Part>>;

/** Of those that are whole numbers. */
const LEAST = { count: 0, draws: 2 };

/**
 * Checks the parts of a definition.
 *
 * @param maker as `defineMethod`.
 * @param spec what it was told.
 * @param parts what each is that it cannot do without.
 * @param others what each is that it may have; null, too, where it stands for having none.
 * @throws {TypeError} naming the first that is missing, or is something else.
 */
export function requireParts(maker: string, spec: object, parts: Parts, others: Parts = {}): void {
  if (typeof spec !== 'object' || spec === null)
    throw new TypeError(`${maker}: give it an object that says what is defined`);
  const told = spec as Record<string, unknown>;
  const fail = (name: string, part: Part): never => {
    const wrong = told[name] === undefined ? 'is missing' : told[name] === '' ? 'is empty' : 'will not do';
    throw new TypeError(`${maker}: ${name} ${wrong}; it is ${described(part)}`);
  };
  for (const [name, part] of Object.entries(parts)) if (!is(told[name], part)) fail(name, part);
  for (const [name, part] of Object.entries(others)) if (told[name] != null && !is(told[name], part)) fail(name, part);
}

/**
 * Checks the defaults of a definition's own keys.
 * @param name of the definition.
 * @throws {RangeError} for the first that its schema refuses.
 */
export function checkDefaults(name: string, config: z.ZodRawShape, defaults: object): void {
  const checked = z.strictObject(config).safeParse(defaults);
  if (checked.success) return;
  const { path, message } = checked.error.issues[0]!;
  throw new RangeError(`${name}: the default of ${path.join('.')} is not right: ${message}`);
}

function is(value: unknown, part: Part): boolean {
  if (part === 'list') return Array.isArray(value);
  if (part === 'texts') return Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (part === 'count' || part === 'draws') return Number.isInteger(value) && (value as number) >= LEAST[part];
  if (part === 'string') return typeof value === 'string' && value.trim() !== '';
  if (part === 'object') return typeof value === 'object' && value !== null;
  return typeof part === 'string' ? typeof value === part : part.includes(value as string);
}

function described(part: Part): string {
  if (typeof part !== 'string') return `one of ${part.join(', ')}`;
  switch (part) {
    case 'object':
      return 'an object';
    case 'texts':
      return 'a list of strings';
    case 'count':
    case 'draws':
      return `a whole number from ${LEAST[part]}`;
    default:
      return `a ${part}`;
  }
}
