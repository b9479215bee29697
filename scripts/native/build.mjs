// The addon's build by cmake, for whoever wants one: the program's own, or one that watches itself.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modulesOf } from '../modules.mjs';
import { ORIGIN, sumOfSources } from '../sources.mjs';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const NEEDED = 'The native addon needs cmake, a C++17 compiler and oneDNN: apt-get install cmake g++ libdnnl-dev';

function cmake(args) {
  const { status, error, stdout, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  process.stderr.write(error === undefined ? `cmake failed. ${NEEDED}\n` : `${error.message}. ${NEEDED}\n`);
  process.exit(1);
}

/** Forgets what cmake wrote down in a build folder that was moved or copied with its sources: it would refuse to build there. */
export function forgetElsewhere(build, sources) {
  const cache = join(build, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const [, home] = readFileSync(cache, 'utf8').match(/^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m) ?? [];
  if (home !== undefined && existsSync(home) && realpathSync(home) === realpathSync(sources)) return;
  rmSync(cache);
  rmSync(join(build, 'CMakeFiles'), { recursive: true, force: true });
}

/**
 * Builds the addon in `build/<name>`, from nothing or from what is there; ends the process with 1 where it cannot.
 * @param {string} name
 * @param {string[]} options cmake's, such as `-DSRI_SANITIZE=ON`.
 * @returns {string} the addon's path from the repository's root.
 */
export function buildAddon(name, options = []) {
  // One folder has both: they are dependencies of the same package.
  const modules = modulesOf('node-addon-api');
  if (modules === null) {
    process.stderr.write('node_modules/node-addon-api is missing: run npm ci first\n');
    process.exit(1);
  }
  const build = join(root, 'build', name);
  const elsewhere = modules === join(root, 'node_modules') ? [] : [`-DNODE_MODULES=${modules}`];
  const sources = join(root, 'native');
  forgetElsewhere(build, sources);
  // Taken before the compiler reads them: what changes meanwhile is told as another.
  const origin = { sources: sumOfSources(sources) };
  cmake(['-S', sources, '-B', build, ...elsewhere, ...options]);
  cmake(['--build', build, '--parallel', String(availableParallelism())]);
  writeFileSync(join(build, ORIGIN), `${JSON.stringify(origin, null, 2)}\n`);
  return join('build', name, 'sri_native.node');
}
