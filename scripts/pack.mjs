// What `npm pack` needs before it and leaves behind it: the program compiled afresh, so that nothing of earlier sources goes
// along, and beside it the commit that it was compiled from, which an installed program has no repository to ask for.
//
//   node scripts/pack.mjs before | after

import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const COMMIT = `${root}dist/commit.txt`;

if (process.argv[2] === 'after') {
  rmSync(COMMIT, { force: true });
} else {
  rmSync(`${root}dist`, { recursive: true, force: true });
  // npm shows a packing script's standard output where it prints the name of what it packed.
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
  const { sourceCommit } = await import('../dist/commit.js');
  const commit = sourceCommit();
  if (commit === null) process.stderr.write('pack: no repository here, so the packed program will know no commit\n');
  else writeFileSync(COMMIT, `${commit}\n`);
}
