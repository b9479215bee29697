// The list of commands. A command's file declares its options and imports what it needs only once it is run, so that
// `sri --help` answers at once.

import { Command, InvalidArgumentError } from 'commander';
import { fallbacks } from '../backends/fallbacks.js';
import { counted } from '../notation.js';
import { cut, shown } from '../text.js';
import { packageVersion } from '../version.js';
import { addClassify } from './classify.js';
import { addCompare, addExport } from './compare.js';
import { addDoctor } from './doctor.js';
import { addDecode, addEncode, addNeighbours } from './encode.js';
import { addEval, addEvalPpl } from './eval.js';
import { addGenerate } from './generate.js';
import { addInit } from './init.js';
import { addInterpolate } from './interpolate.js';
import { type Io, note, printJson } from './io.js';
import { addNoisyRecon } from './noisy-recon.js';
import { addPosterior } from './posterior.js';
import { addPrepare } from './prepare.js';
import { addReport } from './report.js';
import { addFrontier, addReproduce } from './reproduce.js';
import { addRunTask, addStatus } from './run-task.js';
import { addSetup } from './setup.js';
import { addTrain } from './train.js';
import { addAnswer, addView } from './view.js';

/** Characters of a line of a complaint. */
const LONGEST_COMPLAINT = 400;

const COMMANDS = [
  addInit,
  addPrepare,
  addTrain,
  addEval,
  addEvalPpl,
  addNoisyRecon,
  addClassify,
  addInterpolate,
  addGenerate,
  addEncode,
  addDecode,
  addNeighbours,
  addPosterior,
  addReproduce,
  addFrontier,
  addRunTask,
  addStatus,
  addReport,
  addView,
  addCompare,
  addExport,
  addDoctor,
  addSetup,
  addAnswer,
];

/**
 * `sri` with all its commands. It throws a CommanderError where the arguments are not right, and never exits.
 * @param args that it will be given: help that takes time to make is made where it is asked for.
 */
export async function buildProgram(io: Io, args: readonly string[]): Promise<Command> {
  const program = new Command('sri')
    .description(
      'Trains latent-variable language models by short-run inference, and writes the tables they are compared in.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(--help lists what there is)')
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.error.write(shown(text)),
      outputError: (text, write) => write(complaint(text)),
    })
    .exitOverride()
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong use or wrong input, 130 interrupted after saving.');
  for (const add of COMMANDS) await add(program, io, args);
  for (const command of program.commands) refuseEmptyPaths(command);
  program.hook('postAction', (_, action) => tellFallbacks(io, action));
  return program;
}

/** A complaint of commander's, whose lines may quote an argument of any length. */
function complaint(text: string): string {
  const lines = text.replace(/^error:/, 'sri:').split('\n');
  return shown(lines.map((line) => cut(line, LONGEST_COMPLAINT)).join('\n'));
}

/** An empty text names no file and no folder, whatever the option; most likely a variable of the shell was not set. */
function refuseEmptyPaths(command: Command): void {
  for (const option of command.options.filter(({ flags }) => /<(file|folder)>/.test(flags))) {
    const { parseArg } = option;
    option.argParser((text: string, before: unknown) => {
      if (text === '') throw new InvalidArgumentError('It is empty: name one.');
      return parseArg === undefined ? text : parseArg(text, before);
    });
  }
  for (const argument of command.registeredArguments) {
    argument.argParser((text: string, before: unknown) => {
      if (text === '') throw new InvalidArgumentError('It is empty: name one.');
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
