// `sri view`: the report's page, alive: it follows training, and a person can type a sentence and walk about among codes. And
// `sri answer`, the process that computes what the page asks.

import { type Command, Option } from 'commander';
import { BACKEND_CHOICES } from '../config/choices.js';
import { SPLIT_NAMES, type SplitName } from '../data/splits.js';
import type { AnsweringMachine } from '../experiments/view/answerer.js';
import { type Io, note, print, printJson } from './io.js';
import { parseThreads, wholeNumber } from './options.js';

interface ViewOptions extends AnsweringMachine {
  runs: string;
  split: SplitName;
  port: number;
  json?: boolean;
}

export function addView(program: Command, io: Io): void {
  const command = program
    .command('view')
    .description('serve the report as a live page on this machine alone: it follows training, and answers for a run')
    .usage('[run folders...] [options]')
    .argument('[folders...]', 'run folders; all under --runs unless given')
    .option('--runs <folder>', 'folder of all runs', 'runs')
    .addOption(new Option('--split <name>', 'split whose results are shown').choices(SPLIT_NAMES).default('test'))
    .option('--port <number>', 'of 127.0.0.1; 0 for any that is free', wholeNumber(0, 65_535), 0);
  addAnsweringOptions(command)
    .option('--json', 'the address as one JSON object')
    .addHelpText(
      'after',
      `
Open the address that is printed; whoever has it may look at the runs and ask about them, and change nothing. Ctrl-C ends it.
From another machine: ssh -L 8765:127.0.0.1:8765 HOST, there sri view --port 8765, and here the address as it is.

Examples:
  sri view
  sri view runs/ptb/sri/seed-0 runs/ptb/fb-vae/seed-0 --port 8765`,
    )
    .action(async (folders: string[], options: ViewOptions) => {
      const [{ view }, { findDataSets }] = await Promise.all([
        import('../experiments/view/server.js'),
        import('../runs/measured-run.js'),
      ]);
      if (folders.length === 0 && findDataSets(options.runs).length === 0) {
        note(io, `${options.runs}: no runs there yet; the page shows them as they come`);
      }
      await view(
        { ...options, folders, root: options.runs },
        {
          signal: io.stop,
          onProgress: (event) => {
            if (event.kind === 'trouble') note(io, `sri: ${event.message}`);
            else if (options.json) printJson(io, { event: event.kind, address: event.address });
            else print(io, `${event.address}\nserving until Ctrl-C`);
          },
        },
      );
    });
}

export function addAnswer(program: Command, io: Io): void {
  addAnsweringOptions(program.command('answer', { hidden: true }))
    .description(
      'answer the questions about runs that come on standard input, a JSON object a line; what sri view runs',
    )
    .action(async (machine: AnsweringMachine) => {
      const { converse } = await import('../experiments/view/conversation.js');
      await converse(io.in ?? process.stdin, machine, (reply) => printJson(io, reply), io.stop);
    });
}

/** What computes. */
function addAnsweringOptions(command: Command): Command {
  return command
    .addOption(new Option('--backend <name>', 'what computes answers').choices(BACKEND_CHOICES).default('auto'))
    .addOption(
      new Option('--threads <number>', 'threads that compute answers, or auto').argParser(parseThreads).default('auto'),
    );
}
