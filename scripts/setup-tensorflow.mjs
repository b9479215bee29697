// `npm run setup:tensorflow [-- --gpu]`: the tensorflow backend, for machines where its own installer cannot work.
// @tensorflow/tfjs-node is tfjs on TensorFlow's C library, which its installer fetches as libtensorflow 2.9.1 for CUDA
// 11. This takes the same library, newer and for CUDA 12, from the wheels that Python users install, and compiles the
// package's addon against it. Nothing else of the project needs it.

import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FetchError } from './download.mjs';
import { modulesOf } from './modules.mjs';
import { removeTensorFlow, setUpTensorFlow } from './tensorflow/setup.mjs';
import { SetupError } from './wheels/errors.mjs';
import { pipIndexUrl } from './wheels/python-index.mjs';

const TENSORFLOW = '2.21.0';

const usage = `usage: npm run setup:tensorflow -- [--gpu] [options]
  --gpu                 @tensorflow/tfjs-node-gpu, with NVIDIA's CUDA 12 libraries
  --tensorflow VERSION  of the wheel (${TENSORFLOW}; 2.19.1 and 2.20.0 work too)
  --index URL           of the package index (what pip is configured for, else https://pypi.org/simple)
  --from DIR            take the wheels from a folder, as 'pip download' leaves them, not from an index
  --dry-run             say what would be done
  --remove              remove what this installed, and the wheels it kept
`;

const options = {
  gpu: { type: 'boolean', default: false },
  tensorflow: { type: 'string' },
  index: { type: 'string' },
  from: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  remove: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

const say = (text) => process.stderr.write(`setup:tensorflow: ${text}\n`);

function fail(status, text) {
  say(text);
  process.exit(status);
}

let given;
try {
  given = parseArgs({ options }).values;
} catch (error) {
  fail(2, `${error.message}\n${usage}`);
}
if (given.help) {
  process.stdout.write(usage);
  process.exit(0);
}

// Beside the tfjs-core that the program computes with: there must be one alone.
const modules = modulesOf('node-api-headers');
const root = modules === null ? fileURLToPath(new URL('..', import.meta.url)) : dirname(modules);
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sri', 'wheels');
if (given.remove) {
  await removeTensorFlow({ root, cache }, say);
  process.exit(0);
}

const glibc = process.report.getReport().header.glibcVersionRuntime;
if (process.platform !== 'linux' || process.arch !== 'x64' || glibc === undefined) {
  fail(
    2,
    `works on Linux, x64, with glibc; this is ${process.platform}, ${process.arch}. The package's own installer may ` +
      `serve you: npm install --no-save @tensorflow/tfjs-node@4.22.0 fetches libtensorflow 2.9.1 (2.7 on arm64) from ` +
      'storage.googleapis.com; a GPU it can use on Linux and Windows, with CUDA 11.2.',
  );
}

try {
  const index = given.index ?? (await pipIndexUrl(process.env, homedir()));
  await setUpTensorFlow(
    {
      root,
      cache,
      gpu: given.gpu,
      tensorflow: given.tensorflow ?? TENSORFLOW,
      anyWorking: given.tensorflow === undefined,
      source: given.from === undefined ? { index } : { folder: given.from },
      glibc,
      npm: ['npm'],
      compiler: process.env.CXX || 'c++',
      dryRun: given['dry-run'],
    },
    say,
  );
} catch (error) {
  if (!(error instanceof SetupError || error instanceof FetchError)) throw error;
  fail(1, error.message);
}
