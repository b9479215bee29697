// The list of commands. A command's file declares its options and imports what it needs only once it is run, so that
// `sri --help` answers at once.

import { Command, InvalidArgumentError, Option } from 'commander';
import { fallbacks } from '../backends/fallbacks.js';
import { nearest } from '../nearest.js';
import { counted } from '../notation.js';
import { cut, shown } from '../text.js';
import { packageVersion } from '../version.js';
import { addClassify } from './classify.js';
import { addCompare, addExport } from './compare.js';
import { addCompletion } from './completion.js';
import { addDoctor } from './doctor.js';
import { addDecode, addEncode, addNeighbours } from './encode.js';
import { addEval, addEvalPpl } from './eval.js';
import { addGenerate } from './generate.js';
import { groupOptions, styleHelp } from './help.js';
import { addInit } from './init.js';
import { addInterpolate } from './interpolate.js';
import { type Io, note, printJson } from './io.js';
import { addNoisyRecon } from './noisy-recon.js';
import { collect, settleRepeated } from './options.js';
import { addPosterior } from './posterior.js';
import { addPrepare } from './prepare.js';
import { addReport } from './report.js';
import { addFrontier, addReproduce } from './reproduce.js';
import { addRunTask, addStatus } from './run-task.js';
import { addSetup } from './setup.js';
import { addTrain } from './train.js';
import { addTransfer } from './transfer.js';
import { addAnswer, addView } from './view.js';

/** Characters of a line of a complaint. */
const LONGEST_COMPLAINT = 400;

const COMMANDS = {
  'From text to a model:': [addInit, addPrepare, addTrain],
  'What a model is worth:': [addEval, addEvalPpl, addNoisyRecon, addClassify, addPosterior],
  'A model in use:': [addEncode, addDecode, addNeighbours, addTransfer, addInterpolate, addGenerate, addExport],
  'Tables and studies:': [addReproduce, addFrontier, addStatus, addRunTask, addReport, addView, addCompare],
  'This program:': [addDoctor, addSetup, addCompletion, addAnswer],
} as const;

/**
 * `sri` with all its commands, and with what plugins define. It throws a CommanderError where the arguments are not right, and
 * never exits.
 * @param args that it will be given: help that takes time to make is made where it is asked for.
 * @throws {InputError} for a plugin that cannot be loaded.
 */
export async function buildProgram(io: Io, args: readonly string[]): Promise<Command> {
  const plugins = pluginsOf(args);
  if (plugins.length > 0) await (await import('../experiments/plugins.js')).loadPlugins(plugins);
  const program = new Command('sri')
    .description(
      'Trains latent-variable language models by short-run inference, and writes the tables they are compared in.',
    )
    .version(
      ['-V', '--version'].includes(args[0] ?? '') ? await describeProgram() : packageVersion(),
      '-V, --version',
      'print the version, the commit of the source, and what computes here',
    )
    .addOption(
      new Option(
        '--plugin <module>',
        'a file or a package that defines methods, metrics, estimators, tables, decoders or data sets; of every command; may be repeated',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(--help lists what there is)')
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.error.write(shown(text)),
      outputError: (text, write) => write(complaint(text)),
    })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use or wrong input, 129, 130 or 143 stopped by a signal after saving; a second Ctrl-C does not wait for that.',
    );
  styleHelp(program, io);
  for (const [heading, adds] of Object.entries(COMMANDS)) {
    program.commandsGroup(heading);
    for (const add of adds) await add(program, io, args);
  }
  for (const command of program.commands) {
    const name = `sri ${command.name()}`;
    command.showHelpAfterError(`(usage: ${name} ${command.usage()}; ${name} --help says more)`);
    groupOptions(command);
    settleRepeated(command);
    refuseEmptyPaths(command);
  }
  program.hook('postAction', (_, action) => tellFallbacks(io, action));
  return program;
}

/** Arguments as the program is to read them: help of a command that there is not is asked for as the command would be. */
export function argumentsFor(program: Command, args: readonly string[]): readonly string[] {
  const [first, asked = '-', ...more] = args;
  const known = asked.startsWith('-') || program.commands.some((command) => command.name() === asked);
  return first === 'help' && !known ? [asked, ...more] : args;
}

/** The program, and what would compute on this machine, in a line: `0.1.0, commit 0123456789ab, backend native (...)`. */
async function describeProgram(): Promise<string> {
  const [{ useBackend }, { describeBackend }, { sourceCommit }] = await Promise.all([
    import('../backends/index.js'),
    import('../backends/started.js'),
    import('../commit.js'),
  ]);
  const backend = await useBackend('auto', 'auto').then(
    (started) => `backend ${started.name} (${describeBackend(started)})`,
    () => 'no backend works: see sri doctor',
  );
  const [hash, dirty] = sourceCommit()?.split('-') ?? ['unknown'];
  const commit = `commit ${hash!.slice(0, 12)}${dirty === undefined ? '' : ' with changes'}`;
  return [packageVersion(), commit, `Node ${process.version}`, backend].join(', ');
}

/** The values of `--plugin`: what they define must be there before any other argument is looked at. */
function pluginsOf(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end).flatMap((arg, i) => {
    if (arg.startsWith('--plugin=')) return [arg.slice('--plugin='.length)];
    return arg === '--plugin' && args[i + 1] !== undefined ? [args[i + 1]!] : [];
  });
}

/** A complaint of commander's, whose lines may quote an argument of any length. */
function complaint(text: string): string {
  const lines = withNearest(text.replace(/^error:/, 'sri:')).split('\n');
  return shown(lines.map((line) => cut(line, LONGEST_COMPLAINT)).join('\n'));
}

/** Commander says what choices there are, and not which was likely meant. */
function withNearest(text: string): string {
  const [, given, choices] =
    text.match(/'([^']*)' is invalid(?: for argument '[^']*')?\. Allowed choices are (.*)\.\s*$/) ?? [];
  if (choices === undefined) return text;
  const near = nearest(given!, choices.split(', '));
  return near === undefined ? text : `${text.trimEnd()} Did you mean ${near}?\n`;
}

/** An empty text names no file and no folder, whatever the option; most likely a variable of the shell was not set. */
function refuseEmptyPaths(command: Command): void {
  for (const option of command.options.filter(({ flags }) => /<(file|folder)>/.test(flags))) {
    const { parseArg } = option;
    option.argParser((text: string, before: unknown) => {
      if (text.trim() === '') throw new InvalidArgumentError('It is empty: name one.');
      return parseArg === undefined ? text : parseArg(text, before);
    });
  }
  for (const argument of command.registeredArguments) {
    const { parseArg } = argument;
    argument.argParser((text: string, before: unknown) => {
      if (text.trim() === '') throw new InvalidArgumentError('It is empty: name one.');
      if (parseArg !== undefined) return parseArg(text, before);
      return argument.variadic ? [...((before as string[] | undefined) ?? []), text] : text;
    });
  }
}

/** What a backend had computed elsewhere while a command ran, where there was any. */
function tellFallbacks(io: Io, command: Command): void {
  const kernels = fallbacks();
  if (command.name() === 'doctor' || Object.keys(kernels).length === 0) return;
  if (command.opts().json) printJson(io, { event: 'fallbacks', kernels });
  const list = Object.entries(kernels).map(([kernel, times]) => `${kernel} ${counted(times, 'time')}`);
  note(io, `the backend let the processor compute, which is slow: ${list.join(', ')}`);
}
