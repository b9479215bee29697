// What help owes a reader: every default, options in groups, and examples of that very command that are right.

import type { Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { sri } from './in-process.js';

const nowhere = { write: () => true } as unknown as NodeJS.WritableStream;
const io = { out: nowhere, error: nowhere, stop: new AbortController().signal };
const program = await buildProgram(io, []);
const names = program
  .createHelp()
  .visibleCommands(program)
  .map((command) => command.name())
  .filter((name) => name !== 'help');

/** The words of a line as a shell has them, up to a pipe, a redirection or a comment. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, bare]) => a ?? b ?? bare!);
  const end = words.findIndex((word) => ['|', '>', '#'].includes(word));
  return end < 0 ? words : words.slice(0, end);
}

it('names every table and figure that is asked for by name', async () => {
  const { tables } = await import('../../src/report/tables.js');
  const { figures } = await import('../../src/report/figures.js');
  const { commands } = await buildProgram(io, []);
  const told = (option: string) =>
    /by name \((.*), or a plugin's\)/.exec(
      commands.find((one) => one.name() === 'report')!.options.find(({ long }) => long === option)!.description,
    )![1];
  const others = (all: readonly { name: string; number: number | null }[]) =>
    all.flatMap(({ name, number }) => (number === null ? [name] : [])).join(', ');
  expect(told('--tables')).toBe(others(tables()));
  expect(told('--figures')).toBe(others(figures()));
});

describe.each(names)('the help of %s', (name) => {
  let help = '';
  let command: Command;
  beforeAll(async () => {
    help = (await sri(name, '--help')).out;
    command = (await buildProgram(io, [])).commands.find((one) => one.name() === name)!;
  });

  it('says of every value what it is where it is not given', () => {
    const untold = command.options
      .filter(({ required, optional, hidden }) => (required || optional) && !hidden)
      .filter(({ mandatory, defaultValue }) => !mandatory && defaultValue === undefined)
      .filter(({ description }) => !/unless given|unless something else|^with --/.test(description));
    expect(untold.map(({ flags }) => flags)).toEqual([]);
  });

  it('has examples of this command, which it takes', async () => {
    const examples = help
      .slice(help.indexOf('\nExamples:\n'))
      .split('\n')
      .filter((line) => line.startsWith('  '));
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const part = example
        .replace(/^\s*(source <\()?(npx )?/, '')
        .replace(/\)\s*#.*$/, '')
        .split('| ')
        .find((piece) => piece.startsWith(`sri ${name} `) || piece.trim() === `sri ${name}`);
      expect(part, example).toBeDefined();
      const program = await buildProgram(io, []);
      let taken = false;
      program.commands
        .find((one) => one.name() === name)!
        .action(() => {
          taken = true;
        });
      await program.parseAsync(wordsOf(part!).slice(1), { from: 'user' });
      expect(taken, example).toBe(true);
    }
  });
});

it('puts what is the command’s own before what many have', async () => {
  const { out } = await sri('reproduce', '--help');
  const at = ['Options:', 'Which run', 'What computes:', 'What comes out:', 'Examples:'].map((text) =>
    out.indexOf(text),
  );
  expect(at).toEqual(at.toSorted((a, b) => a - b));
  expect(at[0]).toBeGreaterThan(0);
});

it('names to sri reproduce what a plan makes, and to sri report all there is', async () => {
  const [plan, report] = await Promise.all(
    ['reproduce', 'report'].map(async (command) => (await sri(command, '--help')).out.replace(/\s+/g, ' ')),
  );
  expect(plan).toContain("by name (ablation-steps, frontier, or a plugin's)");
  expect(plan).not.toMatch(/training-curves|further,/);
  expect(report).toContain('(ablation-steps, frontier, sweep, further, or');
  expect(report).toContain('(ablation-steps, frontier, training-curves, or');
});

it('lists every command under what it is for', async () => {
  const { out } = await sri('--help');
  for (const name of names) expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
  expect(out).toMatch(/^From text to a model:$/m);
  expect(out).not.toMatch(/^Commands:\n(?! {2}help)/m);
});
