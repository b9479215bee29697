// Which commit of the source this program was made of.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's folder, found from the compiled file and from the source alike. */
const PACKAGE = fileURLToPath(new URL('../', import.meta.url));

/** What `npm pack` writes beside the compiled program, which has no repository any more. */
const PACKED_COMMIT = fileURLToPath(new URL('../dist/commit.txt', import.meta.url));

/**
 * The commit of this package's source, `+changes` where files differ from it; of a packed program, that which it was packed
 * from. Null where neither is known.
 */
export function sourceCommit(): string | null {
  // What runs is what was there when it was first asked, whatever is changed or committed meanwhile.
  found ??= { commit: findCommit() };
  return found.commit;
}

let found: { commit: string | null } | null = null;

function findCommit(): string | null {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: PACKAGE, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    // Installed below someone else's repository, the package is at no commit of that.
    if (git('rev-parse', '--show-prefix') !== '') return packedCommit();
    // Results are what the source makes, not source: writing them anew changes nothing about the next run.
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!results') !== '';
    return `${git('rev-parse', 'HEAD')}${changed ? '+changes' : ''}`;
  } catch {
    return packedCommit();
  }
}

function packedCommit(): string | null {
  return existsSync(PACKED_COMMIT) ? readFileSync(PACKED_COMMIT, 'utf8').trim() : null;
}
