// `npm run setup:webgpu`: the webgpu backend. Its kernels run on wgpu-native, which the wheels of Python's `wgpu` package
// carry for every system; this takes the library and its headers out of one, and compiles the addon against them. Nothing
// else of the project needs it.

import process from 'node:process';
import { modulesOf } from './modules.mjs';
import { removeWebgpu, setUpWebgpu } from './webgpu/setup.mjs';
import { COMMON_USAGE, glibcVersion, runSetup } from './wheels/command.mjs';

const { platform, arch } = process;

await runSetup({
  name: 'setup:webgpu',
  usage: `usage: sri setup --for webgpu -- [options], in a clone npm run setup:webgpu -- [options]
  --software-driver     where no GPU is found on Debian or Ubuntu, install the driver that computes on the processor
${COMMON_USAGE}`,
  options: { 'software-driver': { type: 'boolean', default: false } },
  unfit: () =>
    platform === 'darwin' || (platform === 'linux' && glibcVersion() !== undefined)
      ? null
      : `works on macOS, and on Linux with glibc; this is ${platform}, ${arch}`,
  remove: removeWebgpu,
  setUp: (given, how, say) =>
    setUpWebgpu(
      {
        ...how,
        modules: modulesOf('node-api-headers') ?? undefined,
        machine: { platform, arch, glibc: glibcVersion() },
        softwareDriver: given['software-driver'],
      },
      say,
    ),
});
