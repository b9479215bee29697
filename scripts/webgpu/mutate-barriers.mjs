// Do the tests notice a missing barrier? Takes each workgroupBarrier() of native/webgpu away in turn, runs the tests of the
// kernels that have it, and says which fail. To be run by hand, on a clean tree:
//
//   node scripts/webgpu/mutate-barriers.mjs [FILE.wgsl ...]
//
// Ends with 1 where a barrier can go without a test failing.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'native', 'webgpu');
const BARRIER = /^ *workgroupBarrier\(\);\n/gm;

/** Names of the tests in test/webgpu/shapes.test.ts that run a file's kernels. */
const TESTS = {
  'latent-step.wgsl': 'inference',
  'lstm-backward.wgsl': 'lstm',
  'lstm-forward.wgsl': 'lstm',
  'lstm-tangent-backward.wgsl': 'posteriorHessian',
  'lstm-tangent-forward.wgsl': 'posteriorHessian',
  'reduce.wgsl': 'reductions',
  'softmax.wgsl': 'reductions',
  'squared-norm.wgsl': 'clipByGlobalNorm',
  'tile.wgsl': 'products',
  'token-nll-combine.wgsl': 'tokenNll',
  'token-nll-kernel-gradient.wgsl': 'tokenNll',
  'token-nll-tangent.wgsl': 'posteriorHessian',
  'token-nll.wgsl': 'tokenNll',
};

/** The names of the tests that fail; null where the run itself did. */
function failures(pattern) {
  const { stdout } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      ...['run', 'test/webgpu/shapes.test.ts', '-t', pattern, '--reporter=json', '--testTimeout=600000'],
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const start = stdout.indexOf('{');
  if (start < 0) return null;
  const { testResults } = JSON.parse(stdout.slice(start));
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  );
}

// A signal comes to the tests as well, and is heard here when they have ended: with a handler, `exit` puts the source back.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

const asked = process.argv.slice(2);
let survivors = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.wgsl'))) {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  const barriers = [...text.matchAll(BARRIER)];
  if (barriers.length === 0 || (asked.length > 0 && !asked.includes(file))) continue;
  const pattern = TESTS[file];
  if (pattern === undefined) throw new Error(`${file} has barriers, and no tests are named for it here`);
  const restore = () => writeFileSync(path, text);
  process.on('exit', restore);
  const sound = failures(pattern);
  if (sound?.length !== 0) throw new Error(`the tests of ${file} fail as it is: ${sound}`);
  for (const { 0: barrier, index } of barriers) {
    writeFileSync(path, text.slice(0, index) + text.slice(index + barrier.length));
    const failed = failures(pattern);
    const line = text.slice(0, index).split('\n').length;
    if (failed?.length === 0) survivors++;
    const outcome =
      failed === null ? 'the run fails' : failed.length === 0 ? 'NO TEST FAILS' : `${failed.length} tests fail`;
    process.stdout.write(`${file}:${line}: ${outcome}${failed?.length > 0 ? `, ${failed[0]} first` : ''}\n`);
  }
  restore();
  process.off('exit', restore);
}
process.stdout.write(`${survivors === 0 ? 'every barrier is missed' : `${survivors} barriers are not missed`}\n`);
process.exitCode = survivors === 0 ? 0 : 1;
