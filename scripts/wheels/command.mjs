// The command line of a set-up that takes libraries from Python's wheels: options, where things lie, exit codes.

import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FetchError } from '../download.mjs';
import { SetupError } from './errors.mjs';
import { pipIndexUrl } from './python-index.mjs';

const COMMON = {
  index: { type: 'string' },
  from: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  remove: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

/** The project's folder. */
const HERE = fileURLToPath(new URL('../..', import.meta.url));

/** How the common options are told of. */
export const COMMON_USAGE = `\
  --index URL           of the package index (what pip is configured for, else https://pypi.org/simple)
  --from DIR            take the wheels from a folder, as 'pip download' leaves them, not from an index
  --dry-run             say what would be done
  --remove              remove what this installed, and the wheels it kept
`;

/**
 * Sets up or removes, as the arguments of this process ask; ends it with 2 where they or the machine will not do, with 1
 * where setting up fails.
 *
 * @param {object} command
 * @param {string} command.name as npm runs it: `setup:webgpu`.
 * @param {string} command.usage of its own options and of the common ones.
 * @param {import('node:util').ParseArgsConfig['options']} command.options its own.
 * @param {string} [command.root] the folder that has node_modules; this project's where absent.
 * @param {() => string | null} command.unfit why this machine will not do; null where it will.
 * @param {(places: { root: string, cache: string }, say: (text: string) => void) => Promise<void>} command.remove
 * @param {(given: Record<string, any>, how: object, say: (text: string) => void) => Promise<void>} command.setUp `how` has
 *   the places, the source of the wheels, the compiler, and whether it is a dry run.
 */
export async function runSetup({ name, usage, options, root = HERE, unfit, remove, setUp }) {
  const say = (text) => process.stderr.write(`${name}: ${text}\n`);
  const fail = (status, text) => {
    say(text);
    process.exit(status);
  };
  let given;
  try {
    given = parseArgs({ options: { ...options, ...COMMON } }).values;
  } catch (error) {
    fail(2, `${error.message}\n${usage}`);
  }
  if (given.help) {
    process.stdout.write(usage);
    return;
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sri', 'wheels');
  if (given.remove) {
    await remove({ root, cache }, say);
    return;
  }
  const why = unfit();
  if (why !== null) fail(2, why);
  try {
    const source =
      given.from === undefined
        ? { index: given.index ?? (await pipIndexUrl(process.env, homedir())) }
        : { folder: given.from };
    const how = { root, cache, source, compiler: process.env.CXX || 'c++', dryRun: given['dry-run'] };
    await setUp(given, how, say);
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof FetchError)) throw error;
    fail(1, error.message);
  }
}

/** The version of glibc that node runs on; undefined where it is another C library. */
export function glibcVersion() {
  return process.report.getReport().header.glibcVersionRuntime;
}
