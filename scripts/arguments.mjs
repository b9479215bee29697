// The command line of a program that is run by hand, as those in bench/ are: what it opens with is its help, and what it cannot
// use ends it with a line that says so, and 2.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What a value must look like. @typedef {{ pattern: RegExp, right: string }} Form */

/**
 * As `parseArgs` takes it, with the form of its values and whether it must be given.
 * @typedef {{
 *   type: 'string' | 'boolean',
 *   multiple?: boolean,
 *   default?: string | boolean | string[],
 *   form?: Form,
 *   required?: boolean,
 * }} Option
 */

/**
 * @template {Option} T
 * @typedef {T extends { type: 'boolean' } ? boolean : T extends { multiple: true } ? string[] : string} Given
 */

/**
 * @template {Option} T
 * @typedef {Given<T> | (T extends { default: unknown } | { required: true } ? never : undefined)} Value
 */

/** @type {Form} */
export const COUNT = { pattern: /^[1-9]\d*$/, right: 'a whole number from 1' };

/** @type {Form} */
export const THREADS = { pattern: /^(auto|[1-9]\d*)$/, right: 'a whole number from 1, or auto' };

/** Sizes, a letter each, as `32,23,256` is of `B,T,E`. @param {string} letters @returns {Form} */
export function shapeOf(letters) {
  const count = letters.split(',').length;
  return {
    pattern: new RegExp(`^[1-9]\\d*(,[1-9]\\d*){${count - 1}}$`),
    right: `${letters}: ${count} whole numbers from 1, with commas`,
  };
}

/** @param {readonly string[]} names @returns {Form} */
export function oneOf(names) {
  return { pattern: new RegExp(`^(${names.join('|')})$`), right: `one of ${names.join(', ')}` };
}

/** @param {readonly string[]} names @returns {Form} */
export function someOf(names) {
  const name = `(${names.join('|')})`;
  return { pattern: new RegExp(`^${name}(,${name})*$`), right: `one of ${names.join(', ')}, or several with commas` };
}

/**
 * What this process was given. Ends it with 0 after its help, where that is asked for, and with 2 where an option is none of
 * its own, has a value of another form, or is required and missing.
 *
 * @template {Record<string, Option>} const T
 * @param {string} url the program's own, `import.meta.url`: the comment that it opens with tells of it and of its options.
 * @param {T} options by their names.
 * @returns {{ [Name in keyof T]: Value<T[Name]> }}
 */
export function argumentsOf(url, options) {
  /** @type {Record<string, string | boolean | (string | boolean)[] | undefined>} */
  let values;
  try {
    values = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
    if (values.help) {
      process.stdout.write(`${openingComment(readFileSync(fileURLToPath(url), 'utf8'))}\n`);
      process.exit(0);
    }
  } catch (error) {
    // What the runtime advises after its first sentence is of no use for a program without operands.
    return wrongUse(/** @type {Error} */ (error).message.replace(/\. (To specify|This command) .*/s, ''));
  }
  for (const [name, { form, required }] of Object.entries(options)) {
    const given = [values[name] ?? []].flat();
    if (required && given.length === 0) return wrongUse(`--${name} is missing`);
    const wrong = given.find((text) => form !== undefined && !form.pattern.test(String(text)));
    if (form && wrong !== undefined) return wrongUse(`--${name}: ${wrong} is not ${form.right}`);
  }
  return /** @type {any} */ (values);
}

/**
 * What a promise gives; ends the process with 2 where it fails for what the process was given.
 * @template T
 * @param {Promise<T>} promise
 */
export async function orEnd(promise) {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof Error && error.name === 'InputError')) throw error;
    return end(error.message);
  }
}

/**
 * Ends the process with 2.
 * @param {string} reason a line.
 * @returns {never}
 */
export function end(reason) {
  process.stderr.write(`${path.basename(process.argv[1] ?? '')}: ${reason}\n`);
  process.exit(2);
}

/** The same for what `--help` would have told. @param {string} reason @returns {never} */
export function wrongUse(reason) {
  return end(`${reason}; --help tells the options`);
}

/** The words of the lines that a file opens with as comments. @param {string} text */
function openingComment(text) {
  const lines = text.split('\n');
  const after = lines.findIndex((line) => !line.startsWith('//'));
  return lines
    .slice(0, after)
    .map((line) => line.replace(/^\/\/ ?/, ''))
    .join('\n');
}
