// What `npm pack` needs before it: the program compiled afresh, so that nothing of earlier sources goes along. The build writes
// down the commit that it is of, which an installed program has no repository to ask for.

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
// npm shows a packing script's standard output where it prints the name of what it packed.
const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
if (status !== 0) process.exit(1);
const { sourceCommit } = await import('../dist/commit.js');
if (sourceCommit() === null)
  process.stderr.write('pack: no repository here, so the packed program will know no commit\n');
