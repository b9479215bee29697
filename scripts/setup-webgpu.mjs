// `npm run setup:webgpu`: the webgpu backend. Its kernels run on wgpu-native, which the wheels of Python's `wgpu` package
// carry for every system; this takes the library and its headers out of one, and compiles the addon against them. Nothing
// else of the project needs it.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FetchError } from './download.mjs';
import { modulesOf } from './modules.mjs';
import { removeWebgpu, setUpWebgpu } from './webgpu/setup.mjs';
import { SetupError } from './wheels/errors.mjs';
import { pipIndexUrl } from './wheels/python-index.mjs';

const usage = `usage: npm run setup:webgpu -- [options]
  --software-driver     where no GPU is found on Debian or Ubuntu, install the driver that computes on the processor
  --index URL           of the package index (what pip is configured for, else https://pypi.org/simple)
  --from DIR            take the wheel from a folder, as 'pip download' leaves it, not from an index
  --dry-run             say what would be done
  --remove              remove what this installed, and the wheel it kept
`;

const options = {
  'software-driver': { type: 'boolean', default: false },
  index: { type: 'string' },
  from: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  remove: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

const say = (text) => process.stderr.write(`setup:webgpu: ${text}\n`);

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

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sri', 'wheels');
if (given.remove) {
  await removeWebgpu({ root, cache }, say);
  process.exit(0);
}

const { platform, arch } = process;
const glibc = process.report.getReport().header.glibcVersionRuntime;
if (!(platform === 'darwin' || (platform === 'linux' && glibc !== undefined))) {
  fail(2, `works on macOS, and on Linux with glibc; this is ${platform}, ${arch}`);
}

try {
  const index = given.index ?? (await pipIndexUrl(process.env, homedir()));
  await setUpWebgpu(
    {
      root,
      modules: modulesOf('node-api-headers') ?? undefined,
      cache,
      source: given.from === undefined ? { index } : { folder: given.from },
      machine: { platform, arch, glibc },
      compiler: process.env.CXX || 'c++',
      softwareDriver: given['software-driver'],
      dryRun: given['dry-run'],
    },
    say,
  );
} catch (error) {
  if (!(error instanceof SetupError || error instanceof FetchError)) throw error;
  fail(1, error.message);
}
