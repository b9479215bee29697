// A task of a plan as a line for a shell: what engines that run commands are handed.

import { fileURLToPath } from 'node:url';
import { shellWord } from '../../shell-words.js';
import type { PlanFolder } from './plan-file.js';

/** The command line that a task is run by. */
export const COMMAND = fileURLToPath(new URL('../../../bin/sri.js', import.meta.url));

/** Does a task of the plan; its number is to follow. */
export function taskCommand({ directory }: Pick<PlanFolder, 'directory'>): string {
  return [process.execPath, COMMAND, 'run-task', directory].map(shellWord).join(' ');
}
