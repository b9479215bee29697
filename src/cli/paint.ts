// What is set off by colour, and where: on a terminal that has colours, unless NO_COLOR or FORCE_COLOR say otherwise. Nothing
// is said by colour alone.

import type * as Chalk from 'chalk';

/** A stream that is written to, as far as its looks go. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Each makes its text stand out as what it is. */
export type Paint = Readonly<
  Record<'head' | 'best' | 'aside' | 'warning' | 'error' | 'command', (text: string) => string>
>;

/** Columns of what is no terminal, where lines are read later in a window of unknown width. */
const PIPE_WIDTH = 100;

/** Columns of a screen. */
export function widthOf({ isTTY, columns }: Screen): number {
  return isTTY ? columns || 80 : PIPE_WIDTH;
}

/** Lines of a terminal. */
export function heightOf({ rows }: Screen): number {
  return rows || 24;
}

/** Whether lines can be overwritten there: a dumb terminal takes what it is given as it comes. */
export function isLive({ isTTY }: Screen, { TERM }: Environment = process.env): boolean {
  return isTTY === true && TERM !== 'dumb';
}

/** FORCE_COLOR wins over NO_COLOR, as in Node itself; each counts where it is not empty. */
export function hasColours(screen: Screen, environment: Environment = process.env): boolean {
  const { FORCE_COLOR, NO_COLOR } = environment;
  if (FORCE_COLOR) return !['0', 'false'].includes(FORCE_COLOR);
  return !NO_COLOR && isLive(screen, environment);
}

/** What colours are made with; null as long as no screen had any. */
let loaded: typeof Chalk | null = null;

/** Loads what colours are made with, where one of the screens has them: most commands are read by no person's eyes. */
export async function loadColours(screens: readonly Screen[], environment: Environment = process.env): Promise<void> {
  if (screens.some((screen) => hasColours(screen, environment))) loaded ??= await import('chalk');
}

const plain = (text: string): string => text;
const PLAIN: Paint = { head: plain, best: plain, aside: plain, warning: plain, error: plain, command: plain };

/** How things are set off there; not at all before {@link loadColours}. */
export function paintFor(screen: Screen, environment: Environment = process.env): Paint {
  if (loaded === null || !hasColours(screen, environment)) return PLAIN;
  const chalk = new loaded.Chalk({ level: 1 });
  return {
    head: chalk.bold,
    best: chalk.bold.green,
    aside: chalk.dim,
    warning: chalk.yellow,
    error: chalk.red,
    command: chalk.cyan,
  };
}
