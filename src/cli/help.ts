// How help looks: options in groups, those of the command itself before those that many have, as wide as the terminal.

import type { Command, Option } from 'commander';
import type { Io } from './io.js';
import { hasColours, paintFor, widthOf } from './paint.js';

/** Options that several commands have, by what they are about; all others come first, under the command's own heading. */
const GROUPS: readonly (readonly [heading: string, options: readonly string[]])[] = [
  [
    'Which run, with which configuration:',
    ['config', 'method', 'setting', 'set', 'run', 'runs', 'seed', 'weights', 'plugin'],
  ],
  ['What computes:', ['backend', 'threads', 'jobs', 'launcher', 'sbatch', 'array-limit', 'print', 'export']],
  ['What comes out:', ['dry-run', 'out', 'results', 'format', 'columns', 'html', 'json']],
];

/** Puts a command's options into their groups, in the order of the groups. */
export function groupOptions(command: Command): void {
  const rank = ({ long }: Option) => GROUPS.findIndex(([, names]) => names.includes(String(long).slice(2)));
  for (const option of command.options) {
    const group = GROUPS[rank(option)];
    if (group !== undefined) option.helpGroup(group[0]);
  }
  // Help lists groups in the order in which it meets them.
  (command.options as Option[]).sort((a, b) => rank(a) - rank(b));
}

/** Gives help the terminal's width and looks; commands that are added later have them too. */
export function styleHelp(program: Command, io: Io): void {
  const { head, command } = paintFor(io.out);
  program.configureHelp({ showGlobalOptions: true, styleTitle: head, styleCommandText: command }).configureOutput({
    getOutHelpWidth: () => widthOf(io.out),
    getErrHelpWidth: () => widthOf(io.error),
    getOutHasColors: () => hasColours(io.out),
    getErrHasColors: () => hasColours(io.error),
  });
}
