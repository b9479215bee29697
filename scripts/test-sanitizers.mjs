// The addon's tests once more under the address and undefined-behaviour sanitizers, with a build of its own in
// build/sanitizers (GCC or Clang on Linux). Arguments go to vitest: `npm run test:sanitizers -- test/native/lstm.test.ts`.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { buildAddon, root } from './native/build.mjs';

if (process.platform !== 'linux') {
  process.stderr.write('test:sanitizers preloads libasan.so into node, which is done on Linux only\n');
  process.exit(1);
}
const addon = join(root, buildAddon('sanitizers', ['-DSRI_SANITIZE=ON']));
// The runtime must be in the process before anything allocates, and node was not linked with it.
const compiler = process.env.CXX ?? 'c++';
const runtime = ['libasan.so', 'libubsan.so'].map((name) => {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' });
  return stdout?.trim();
});
const tests = process.argv.length > 2 ? process.argv.slice(2) : ['test/native'];
const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...tests], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    SRI_ADDON: addon,
    LD_PRELOAD: runtime.join(':'),
    ASAN_OPTIONS: 'detect_leaks=1',
    LSAN_OPTIONS: `suppressions=${join(root, 'scripts/native/leaks.supp')}:print_suppressions=0`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
  },
});
process.exit(status ?? 1);
