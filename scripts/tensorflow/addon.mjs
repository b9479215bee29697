// The addon of @tensorflow/tfjs-node, built against the C library of a TensorFlow wheel. The package's own build wants
// libtensorflow in deps/lib and its headers in deps/include, and finds it from lib/napi-v8 at run time; the same layout
// is made here, with the wheel's libraries under their own names.

import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from '../wheels/errors.mjs';
import { openZip } from '../wheels/zip.mjs';

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/**
 * Names that tfjs-node's own installer and the addon it can fetch go by. With them there, that installer finds its
 * library present and leaves this one alone, whoever runs it.
 */
const LINKS = {
  'libtensorflow.so': 'libtensorflow_cc.so.2',
  'libtensorflow.so.2': 'libtensorflow_cc.so.2',
  'libtensorflow.so.2.9.1': 'libtensorflow_cc.so.2',
  'libtensorflow_framework.so': 'libtensorflow_framework.so.2',
  'libtensorflow_framework.so.2.9.1': 'libtensorflow_framework.so.2',
};

const HEADERS = 'tensorflow/include/';

/** N-API's version is in the folder's name: node-pre-gyp looks for the highest one that the package lists. */
const NAPI_VERSION = 8;

/**
 * Puts the libraries of a TensorFlow wheel, and those of its headers that the addon's sources include, directly or not,
 * into deps/ of the package. Throws SetupError where the wheel lacks a library, or is no wheel.
 */
export async function stageTensorFlow(wheel, packageFolder) {
  const zip = await openZip(wheel);
  const lib = join(packageFolder, 'deps', 'lib');
  for (const name of LIBRARIES) await zip.extract(`tensorflow/${name}`, join(lib, name));
  for (const [name, target] of Object.entries(LINKS)) await symlink(target, join(lib, name));

  const offered = new Set(zip.names);
  const binding = join(packageFolder, 'binding');
  const sources = await Promise.all((await readdir(binding)).map((name) => readFile(join(binding, name), 'utf8')));
  const waiting = sources.flatMap(includesOf);
  const staged = new Set();
  while (waiting.length > 0) {
    const header = waiting.pop();
    // Headers of the compiler and of Node are not in the wheel and are found elsewhere.
    if (staged.has(header) || !offered.has(HEADERS + header)) continue;
    staged.add(header);
    await zip.extract(HEADERS + header, join(packageFolder, 'deps', 'include', header));
    waiting.push(...includesOf((await zip.read(HEADERS + header)).toString()));
  }
}

/**
 * Puts what a program needs of NVIDIA's wheels into deps/nvidia: TensorFlow's libraries look for ../nvidia/<part>/lib
 * from where they lie, as in Python's site-packages.
 */
export async function stageCuda(wheel, packageFolder) {
  const zip = await openZip(wheel);
  for (const name of zip.names) {
    const wanted = name.startsWith('nvidia/') && !/(\/|\.py|\.a)$|\/include\/|\/\.\.\//.test(name);
    if (wanted) await zip.extract(name, join(packageFolder, 'deps', name));
  }
}

/**
 * Compiles binding/*.cc of the package into lib/napi-v8/tfjs_binding.node, as its binding.gyp has it but without
 * node-gyp, which would download Node's headers; `nodeHeaders` is the folder with node_api.h. Throws SetupError with
 * the compiler's words.
 */
export async function buildAddon(packageFolder, compiler, nodeHeaders) {
  const output = join(packageFolder, 'lib', `napi-v${NAPI_VERSION}`, 'tfjs_binding.node');
  await mkdir(dirname(output), { recursive: true });
  const binding = join(packageFolder, 'binding');
  const sources = (await readdir(binding)).filter((name) => name.endsWith('.cc')).map((name) => join(binding, name));
  const lib = join(packageFolder, 'deps', 'lib');
  const result = spawnSync(
    compiler,
    [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-o', output],
      ...[`-DNAPI_VERSION=${NAPI_VERSION}`, '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
      ...['-I', nodeHeaders, '-I', join(packageFolder, 'deps', 'include')],
      ...sources,
      ...LIBRARIES.map((name) => join(lib, name)),
      '-Wl,-rpath,$ORIGIN/../../deps/lib',
    ],
    { encoding: 'utf8' },
  );
  if (result.error?.code === 'ENOENT')
    throw new SetupError(`there is no compiler ${compiler}: apt-get install g++, or set CXX`);
  if (result.status !== 0)
    throw new SetupError(`${compiler} could not build the addon:\n${result.error?.message ?? result.stderr.trim()}`);
}

/**
 * Loads the package in a process of its own and multiplies two matrices with it. Returns {version, gpu, messages}:
 * TensorFlow's version, whether it computes on a GPU, and what it had to say meanwhile. Throws SetupError where that
 * fails.
 */
export function checkPackage(packageFolder) {
  const script = fileURLToPath(new URL('check.mjs', import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script, packageFolder], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status === 0) return { ...JSON.parse(stdout.trim().split('\n').at(-1)), messages: stderr.trim() };
  const reason =
    signal === 'SIGILL'
      ? "it uses instructions that this processor lacks; TensorFlow's wheels need AVX"
      : (signal ?? stderr.trim());
  throw new SetupError(`${packageFolder} does not work: ${reason}`);
}

function includesOf(source) {
  return [...source.matchAll(/^\s*#\s*include\s*["<]([^">]+)[">]/gm)].map(([, header]) => header);
}
