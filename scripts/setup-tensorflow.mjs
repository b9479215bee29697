// `npm run setup:tensorflow [-- --gpu]`: the tensorflow backend, for machines where its own installer cannot work.
// @tensorflow/tfjs-node is tfjs on TensorFlow's C library, which its installer fetches as libtensorflow 2.9.1 for CUDA
// 11. This takes the same library, newer and for CUDA 12, from the wheels that Python users install, and compiles the
// package's addon against it. Nothing else of the project needs it.

import { dirname } from 'node:path';
import process from 'node:process';
import { modulesOf } from './modules.mjs';
import { removeTensorFlow, setUpTensorFlow } from './tensorflow/setup.mjs';
import { COMMON_USAGE, glibcVersion, runSetup } from './wheels/command.mjs';

const TENSORFLOW = '2.21.0';
// Beside the tfjs-core that the program computes with: there must be one alone.
const modules = modulesOf('node-api-headers');

await runSetup({
  name: 'setup:tensorflow',
  usage: `usage: sri setup --for tensorflow -- [--gpu] [options], in a clone npm run setup:tensorflow -- [--gpu] [options]
  --gpu                 @tensorflow/tfjs-node-gpu, with NVIDIA's CUDA 12 libraries
  --tensorflow VERSION  of the wheel (${TENSORFLOW}; 2.19.1 and 2.20.0 work too)
${COMMON_USAGE}`,
  options: { gpu: { type: 'boolean', default: false }, tensorflow: { type: 'string' } },
  unfit: () =>
    process.platform === 'linux' && process.arch === 'x64' && glibcVersion() !== undefined
      ? null
      : `works on Linux, x64, with glibc; this is ${process.platform}, ${process.arch}. The package's own installer may ` +
        `serve you: npm install --no-save @tensorflow/tfjs-node@4.22.0 fetches libtensorflow 2.9.1 (2.7 on arm64) from ` +
        'storage.googleapis.com; a GPU it can use on Linux and Windows, with CUDA 11.2.',
  root: modules === null ? undefined : dirname(modules),
  remove: removeTensorFlow,
  setUp: (given, how, say) =>
    setUpTensorFlow(
      {
        ...how,
        gpu: given.gpu,
        tensorflow: given.tensorflow ?? TENSORFLOW,
        anyWorking: given.tensorflow === undefined,
        glibc: glibcVersion(),
        npm: ['npm'],
      },
      say,
    ),
});
