// `npm run lint:native [-- --write]`: native/ is formatted as .clang-format has it, and has nothing of what .clang-tidy looks
// for; with --write it is formatted. Both programs come with LLVM, and as the wheels clang-format and clang-tidy of PyPI. What
// the addons are compiled against must be there: of native/webgpu, the headers that `npm run setup:webgpu` brings.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './native/build.mjs';
import { languageOptions } from './webgpu/setup.mjs';

const filesOf = (folder, ending) =>
  readdirSync(join(root, folder))
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined)
    process.stderr.write(`${program} is missing: it comes with LLVM, and as a wheel of that name\n`);
  if (status !== 0) process.exit(1);
}

const sources = [...filesOf('native', /\.(cpp|h)$/), ...filesOf('native/webgpu', /\.(cpp|h)$/)];
if (process.argv.includes('--write')) {
  run('clang-format', ['-i', ...sources]);
} else {
  run('clang-format', ['--dry-run', '-Werror', ...sources]);
  // OpenMP's header lies beside the compiler's own, which clang must not take before its own.
  const compiler = process.env.CXX ?? 'c++';
  const headers = spawnSync(compiler, ['-print-file-name=include'], { encoding: 'utf8' }).stdout?.trim();
  const extra = headers ? [`--extra-arg=-idirafter${headers}`] : [];
  run('clang-tidy', ['--quiet', '-p', 'build/native', ...extra, ...filesOf('native', /\.cpp$/)]);
  const webgpu = join(root, 'build', 'webgpu');
  if (existsSync(join(webgpu, 'webgpu.h'))) {
    const options = languageOptions(webgpu, join(root, 'node_modules'));
    run('clang-tidy', ['--quiet', ...filesOf('native/webgpu', /\.cpp$/), '--', ...options]);
  } else {
    process.stderr.write('clang-tidy DOES NOT READ native/webgpu: npm run setup:webgpu was not run\n');
  }
}
