// Builds the C++ addon into build/native/sri_native.node. Seconds when it is up to date. Says what is missing and exits
// with 1 where it cannot be built.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'native');
const build = join(root, 'build', 'native');

const NEEDED = 'The native addon needs cmake, a C++17 compiler and oneDNN: apt-get install cmake g++ libdnnl-dev';

function run(args) {
  const { status, error, stdout, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  process.stderr.write(error === undefined ? `cmake failed. ${NEEDED}\n` : `${error.message}. ${NEEDED}\n`);
  process.exit(1);
}

for (const name of ['node-addon-api', 'node-api-headers']) {
  if (!existsSync(join(root, 'node_modules', name))) {
    process.stderr.write(`node_modules/${name} is missing: run npm ci first\n`);
    process.exit(1);
  }
}
run(['-S', source, '-B', build]);
run(['--build', build, '--parallel', String(availableParallelism())]);
process.stdout.write('build/native/sri_native.node is up to date\n');
