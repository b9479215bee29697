// The reference, made from what the program itself goes by: every key of a config from its schema, every command from its
// declared options. `npm run docs` writes it; a test holds that what is written is current.

import type { Command, Option } from 'commander';
import { z } from 'zod';
import { isPlainObject } from '../config/leaves.js';
import { commonSchema, configFileSchema, DEFAULTS } from '../config/schema.js';
import { estimators } from '../evaluation/perplexity/registry.js';
import { metrics } from '../evaluation/registry.js';
import { methods } from '../methods/registry.js';
import { buildProgram } from './program.js';

/** The generated files, by their paths in the repository. */
export async function referenceFiles(): Promise<Record<string, string>> {
  return {
    'configs/config.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
    'docs/reference.md': `${[...keyReference(), '', ...(await commandReference())].join('\n')}\n`,
  };
}

/** A JSON Schema (2020-12) of a config file, for editors. What takes several keys to be wrong it does not know. */
function configJsonSchema(): object {
  return {
    title: 'A config of sri',
    ...z.toJSONSchema(configFileSchema(methods()), { reused: 'ref', io: 'input' }),
  };
}

function keyReference(): string[] {
  return [
    '# Reference',
    '',
    'Written by `npm run docs` from the schema and the commands themselves; do not edit it by hand.',
    '',
    '- [Keys of a config](#keys-of-a-config)',
    '- [Commands](#commands)',
    '',
    '## Keys of a config',
    '',
    'A config file has `dataSet`, `methods`, and any of the keys below for all its methods. A method, and each of its `settings`,',
    'may override all but `data`, and has keys of its own; `--set key=value` overrides for one run. Objects merge key by key;',
    'numbers, lists and null replace what was there.',
    '',
    ...keyTable(
      keysOf(commonSchema(), []).filter(({ path }) => !RESOLVED.includes(path[0]!)),
      DEFAULTS,
    ),
    ...methods().flatMap(({ name, label, config, defaults }) => {
      const keys = keysOf(z.strictObject(config), []);
      return keys.length === 0 ? [] : ['', `### ${label}, \`methods.${name}\``, '', ...keyTable(keys, defaults)];
    }),
  ];
}

function keyTable(keys: readonly Key[], defaults: unknown): string[] {
  return [
    '| key | default | what it is |',
    '|---|---|---|',
    ...keys.map(({ path, meaning }) => `| \`${path.join('.')}\` | ${defaultOf(path, defaults)} | ${cell(meaning)} |`),
  ];
}

/** What a run's resolution adds to a config's own keys. */
const RESOLVED = ['method', 'setting', 'name'];

interface Key {
  path: string[];
  meaning: string;
}

/** Every described key of a schema, a key of objects before the keys in it. */
function keysOf(schema: z.ZodType, path: string[]): Key[] {
  const own = path.length > 0 && schema.description !== undefined ? [{ path, meaning: schema.description }] : [];
  return [...own, ...inner(schema).flatMap((found) => keysIn(found, path, own.length === 0))];
}

function keysIn(schema: z.ZodType, path: string[], undescribed: boolean): Key[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, value]) => keysOf(value as z.ZodType, [...path, key]));
  }
  // A description may stand inside an optional or nullable schema.
  return undescribed && schema.description !== undefined && path.length > 0
    ? [{ path, meaning: schema.description }]
    : [];
}

/** What is inside wrappers and among alternatives. */
function inner(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return inner(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => inner(option as z.ZodType));
  if (schema instanceof z.ZodArray) return inner(schema.element as z.ZodType);
  return [schema];
}

function defaultOf(path: readonly string[], defaults: unknown): string {
  if (path.join('.') === 'data.directory') return '`data/<dataSet>`';
  const value = path.reduce<unknown>(
    (above, key) => (typeof above === 'object' && above !== null ? (above as Record<string, unknown>)[key] : undefined),
    defaults,
  );
  const whole = isPlainObject(value);
  return value === undefined || whole ? '' : `\`${JSON.stringify(value)}\``;
}

async function commandReference(): Promise<string[]> {
  const nowhere = { write: () => true } as unknown as NodeJS.WritableStream;
  const io = { out: nowhere, error: nowhere, stop: new AbortController().signal };
  const program = await buildProgram(io, []);
  const visible = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => program.commands.includes(command));
  return [
    '## Commands',
    '',
    '`sri help COMMAND` prints the same, with examples. Exit codes: 0 done, 1 failed, 2 wrong use or wrong input, 129, 130 or 143',
    'stopped by a signal (SIGHUP, SIGINT, SIGTERM) after saving; a second SIGINT does not wait for that.',
    '',
    'Of every command, and all that is listed in a table by name may come from one:',
    '',
    ...optionTable(program.options.filter(({ long }) => long === '--plugin').map(optionRow)),
    '',
    '`--metric` takes:',
    '',
    ...definitionTable(metrics().filter(({ command }) => command === null)),
    '',
    '`--estimator` takes `auto`, and:',
    '',
    ...definitionTable(estimators()),
    ...visible.flatMap((command) => ['', ...describeCommand(command)]),
  ];
}

function describeCommand(command: Command): string[] {
  const rows = [
    ...command.registeredArguments.map((argument) => {
      const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
      return `| ${cell(`\`${name}${argument.variadic ? '...' : ''}\``)} | | ${cell(argument.description)} |`;
    }),
    ...command.options.map(optionRow),
  ];
  return [
    `### sri ${command.name()}`,
    '',
    `${command.description()[0]!.toUpperCase()}${command.description().slice(1)}.`,
    '',
    '```',
    `sri ${command.name()} ${command.usage()}`,
    '```',
    ...(rows.length === 0 ? [] : ['', ...optionTable(rows)]),
  ];
}

function optionTable(rows: readonly string[]): string[] {
  return ['| option | default | what it is |', '|---|---|---|', ...rows];
}

function optionRow({ flags, description, argChoices, defaultValue, defaultValueDescription }: Option): string {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  const value = defaultValueDescription ?? (defaultValue === undefined ? '' : `\`${JSON.stringify(defaultValue)}\``);
  return `| ${cell(`\`${flags}\``)} | ${value} | ${cell(`${description}${choices}`)} |`;
}

function definitionTable(definitions: readonly { name: string; description: string }[]): string[] {
  const rows = definitions.map(({ name, description }) => `| \`${name}\` | ${cell(description)} |`);
  return ['| name | what it is |', '|---|---|', ...rows];
}

/** Markdown that a table's cell can hold: its code, between backticks, is shown as it is but for what parts cells. */
function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ')
    .replace(/(`[^`]*`)|<(?=[A-Za-z/])/g, (_, code?: string) => code ?? '&lt;');
}
