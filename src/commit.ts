// Which commit of the source this program was made of. A build writes it down with a sum of what it made, so that a checkout
// which has moved on since is not taken for the source of a program that was not built again.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from './storage/sha256.js';

/** The package's folder, found from the compiled file and from the source alike. */
const PACKAGE = fileURLToPath(new URL('../', import.meta.url));

/** Where the compiled program lies in it. */
const COMPILED = 'dist';

/** What a build was made of. */
interface Stamp {
  commit: string;
  /** Of the compiled program, see {@link sumOf}. */
  program: string;
}

/**
 * The commit that this program was compiled from, `-dirty` behind it where files differed from it then, or where the build does
 * not say and that of the checkout is all that is known. Run from source, it is the checkout's. Null where nothing is known.
 */
export function sourceCommit(): string | null {
  // What runs is what was there when it was first asked, whatever is changed or committed meanwhile.
  found ??= { commit: commitOf(PACKAGE, path.basename(path.dirname(fileURLToPath(import.meta.url))) === COMPILED) };
  return found.commit;
}

let found: { commit: string | null } | null = null;

/** As {@link sourceCommit}, of any package. @param isCompiled whether what runs is its compiled program. */
export function commitOf(folder: string, isCompiled: boolean): string | null {
  const commit = checkedOut(folder);
  if (!isCompiled) return commit;
  const stamp = readStamp(folder);
  if (stamp?.program === sumOf(folder)) return stamp.commit;
  const likely = commit ?? stamp?.commit ?? null;
  return likely === null || likely.endsWith(DIRTY) ? likely : `${likely}${DIRTY}`;
}

/** Writes down what a package's program has just been compiled from; to be called by its build. */
export function stampBuild(folder = PACKAGE): void {
  const commit = checkedOut(folder);
  if (commit === null) rmSync(stampFile(folder), { force: true });
  else writeFileSync(stampFile(folder), `${JSON.stringify({ commit, program: sumOf(folder) } satisfies Stamp)}\n`);
}

/** As `git describe` marks what is no commit's. */
const DIRTY = '-dirty';

/** The commit that a folder's repository has checked out, marked where files differ from it; null where it has none. */
function checkedOut(folder: string): string | null {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    // Installed below someone else's repository, the package is at no commit of that.
    if (git('rev-parse', '--show-prefix') !== '') return null;
    // Results are what the source makes, not source: writing them anew changes nothing about the next run.
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!results') !== '';
    return `${git('rev-parse', 'HEAD')}${changed ? DIRTY : ''}`;
  } catch {
    return null;
  }
}

function stampFile(folder: string): string {
  return path.join(folder, COMPILED, 'commit.json');
}

function readStamp(folder: string): Stamp | null {
  const file = stampFile(folder);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Stamp) : null;
}

/** SHA-256 of all modules of the compiled program, with their names. */
function sumOf(folder: string): string {
  const root = path.join(folder, COMPILED);
  const modules = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];
  return sha256(
    ...modules
      .filter((name) => name.endsWith('.js'))
      .sort()
      .flatMap((name) => [name, '\n', readFileSync(path.join(root, name))]),
  );
}
