// What a definition must say, checked as it is defined: a plugin in JavaScript has no compiler that would say what it lacks.

/** As `typeof` has it, a list, or one of some words. */
type Part = 'string' | 'function' | 'object' | 'list' | readonly string[];

/**
 * Checks the parts that a definition cannot do without.
 *
 * @param maker as `defineMethod`.
 * @param spec what it was told.
 * @param parts what each of them is.
 * @throws {TypeError} naming the first that is missing, or is something else.
 */
export function requireParts(maker: string, spec: object, parts: Readonly<Record<string, Part>>): void {
  for (const [name, part] of Object.entries(parts)) {
    const value = (spec as Record<string, unknown>)[name];
    if (is(value, part)) continue;
    const wrong = value === undefined ? 'is missing' : 'will not do';
    throw new TypeError(`${maker}: ${name} ${wrong}; it is ${described(part)}`);
  }
}

function is(value: unknown, part: Part): boolean {
  if (part === 'list') return Array.isArray(value);
  if (part === 'object') return typeof value === 'object' && value !== null;
  return typeof part === 'string' ? typeof value === part : part.includes(value as string);
}

function described(part: Part): string {
  if (typeof part !== 'string') return `one of ${part.join(', ')}`;
  return part === 'object' ? 'an object' : `a ${part}`;
}
