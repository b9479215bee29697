// The order of things: the wheel, the npm package, the addon, the check, and only then its place in node_modules.
// Everything is made in a folder of its own inside node_modules, so that a failure leaves the rest as it was; what
// Ctrl-C leaves in that folder goes with the next run.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ORIGIN } from '../sources.mjs';
import { SetupError } from '../wheels/errors.mjs';
import { announce, keptWheels, obtain } from '../wheels/obtain.mjs';
import { chooseWheel, listWheels, requirementsOf } from '../wheels/python-index.mjs';
import { openZip } from '../wheels/zip.mjs';
import { buildAddon, checkPackage, stageCuda, stageTensorFlow } from './addon.mjs';

const PACKAGE_VERSION = '4.22.0';
const CPU = { package: '@tensorflow/tfjs-node', wheel: 'tensorflow-cpu', disk: '1.1 GB' };
const GPU = { package: '@tensorflow/tfjs-node-gpu', wheel: 'tensorflow', disk: '6 GB' };

/** Names of the wheels of these packages, in a folder that other set-ups keep theirs in, too. */
const WHEEL = /^(tensorflow|tensorflow_cpu|nvidia_\w+)-/;

/**
 * Installs the package and makes it work, unless one that works is there: with any TensorFlow where `anyWorking`, else
 * with the version asked for. Options:
 *   root        folder with the node_modules to install into
 *   cache       folder where downloaded wheels are kept
 *   gpu         the package for GPUs, with NVIDIA's libraries
 *   tensorflow  version of the wheel
 *   source      {index: URL} or {folder}, where the wheels come from
 *   glibc       this machine's version
 *   npm         how npm is called: a command and its first arguments
 *   compiler    the C++ compiler's command
 *   dryRun      say what would be done, and do nothing
 * Throws SetupError or FetchError with what failed and what would help; node_modules is then as it was.
 */
export async function setUpTensorFlow(options, log) {
  const { root, gpu, tensorflow, dryRun } = options;
  const variant = gpu ? GPU : CPU;
  const place = join(root, 'node_modules', variant.package);
  if (!existsSync(join(root, 'node_modules', 'node-api-headers')))
    throw new SetupError('node_modules/node-api-headers is missing: run npm ci first');
  if (isWorking(place, options, log)) return;

  const wheels = await listWheels(variant.wheel, options.source);
  const wheel = chooseWheel(wheels, [{ operator: '==', version: tensorflow }], machineOf(options), variant.wheel);
  log(`will install ${variant.package} ${PACKAGE_VERSION} on TensorFlow ${wheel.version}, in these steps:`);
  await announce(wheel, options, log);
  if (gpu) log("  NVIDIA's CUDA 12 libraries, as that wheel's metadata names them: some 2.8 GB to download");
  log(`  npm install ${variant.package}@${PACKAGE_VERSION}, without its install script: some 60 MB to download`);
  log(`  compile its addon with ${options.compiler} and try it`);
  log(`  into ${place}: some ${variant.disk} on disk; package.json and package-lock.json stay as they are`);
  if (dryRun) return;

  const tensorFlowWheel = await obtain(wheel, options, log);
  const cudaWheels = [];
  if (gpu) {
    const chosen = await chooseCudaWheels(tensorFlowWheel, options);
    for (const each of chosen) await announce(each, options, log);
    for (const each of chosen) cudaWheels.push(await obtain(each, options, log));
  }

  const scratch = scratchFolder(root);
  await rm(scratch, { recursive: true, force: true });
  try {
    log(`installing ${variant.package} ${PACKAGE_VERSION} (npm)`);
    const made = await installPackage(variant.package, scratch, options);
    log('unpacking the libraries');
    await stageTensorFlow(tensorFlowWheel, made);
    for (const each of cudaWheels) await stageCuda(each, made);
    log(`compiling the addon (${options.compiler})`);
    await buildAddon(made, options.compiler, join(root, 'node_modules', 'node-api-headers', 'include'));
    const found = checkPackage(made);
    const names = [tensorFlowWheel, ...cudaWheels].map((path) => basename(path));
    await writeFile(join(made, ORIGIN), `${JSON.stringify({ wheels: names }, null, 2)}\n`);
    await rm(place, { recursive: true, force: true });
    await mkdir(join(place, '..'), { recursive: true });
    await rename(made, place);
    report(variant.package, found, gpu, log);
    log('npm ci and npm install take it away; to have it back without another download, run this again');
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Removes the packages that were put together here, and the wheels that were kept for them. */
export async function removeTensorFlow({ root, cache }, log) {
  for (const { package: name } of [CPU, GPU]) {
    const place = join(root, 'node_modules', name);
    // What npm installed has none.
    if (existsSync(join(place, ORIGIN))) {
      await rm(place, { recursive: true });
      log(`removed ${place}`);
    } else if (existsSync(place)) log(`left ${place}, which was not installed by this script`);
  }
  await rm(scratchFolder(root), { recursive: true, force: true });
  for (const path of await keptWheels(cache, (name) => WHEEL.test(name))) {
    await rm(path);
    log(`removed ${path}`);
  }
}

/** The package's addon is for Linux on x64 alone. */
const machineOf = ({ glibc }) => ({ platform: 'linux', arch: 'x64', glibc });

const scratchFolder = (root) => join(root, 'node_modules', '.setup-tensorflow');

/** Whether the package at `place` is one that there is no need to replace; says so. */
function isWorking(place, { gpu, tensorflow, anyWorking }, log) {
  if (!existsSync(place)) return false;
  try {
    const found = checkPackage(place);
    if (!anyWorking && found.version !== tensorflow) return false;
    report(place, found, gpu, log);
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    log(`${place} is there and does not work; it will be replaced`);
    return false;
  }
}

function report(name, { version, gpu, messages }, gpuWanted, log) {
  log(`${name} works, on TensorFlow ${version} and ${gpu ? 'a GPU' : 'the CPU'}`);
  if (!gpuWanted || gpu) return;
  log('TensorFlow finds no GPU here: is there an NVIDIA driver for CUDA 12 (nvidia-smi tells)? Its words:');
  log(messages);
}

/** NVIDIA's wheels for a TensorFlow wheel, the newest that it accepts. */
async function chooseCudaWheels(tensorFlowWheel, options) {
  const zip = await openZip(tensorFlowWheel);
  const metadata = zip.names.find((name) => /^[^/]+\.dist-info\/METADATA$/.test(name));
  if (metadata === undefined) throw new SetupError(`${tensorFlowWheel}: not a wheel, it has no METADATA`);
  const requirements = requirementsOf((await zip.read(metadata)).toString(), 'and-cuda');
  return Promise.all(
    requirements.map(async ({ project, specifiers }) =>
      chooseWheel(await listWheels(project, options.source), specifiers, machineOf(options), project),
    ),
  );
}

/**
 * Installs an npm package into a folder of its own, with what it depends on inside it, except for what the project has
 * in the same version: there must be one tfjs-core. (Asked to add to the project's node_modules, npm would also remove
 * from it what package-lock.json does not name.) Returns the package's folder.
 */
async function installPackage(name, scratch, { root, npm }) {
  await mkdir(scratch, { recursive: true });
  await writeFile(join(scratch, 'package.json'), '{ "private": true }\n');
  const [command, ...first] = npm;
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(
    command,
    [...first, 'install', '--prefix', scratch, '--ignore-scripts', ...quiet, `${name}@${PACKAGE_VERSION}`],
    { encoding: 'utf8', cwd: scratch },
  );
  if (result.status !== 0)
    throw new SetupError(
      `npm could not install ${name}; is the npm registry reachable?\n${result.error?.message ?? result.stderr.trim()}`,
    );
  const installed = join(scratch, 'node_modules');
  const made = join(scratch, 'made');
  await rename(join(installed, name), made);
  for (const dependency of await packagesIn(installed)) {
    const version = await versionOf(join(installed, dependency));
    if (version === (await versionOf(join(root, 'node_modules', dependency))))
      await rm(join(installed, dependency), { recursive: true });
  }
  await rename(installed, join(made, 'node_modules'));
  return made;
}

/** Names of the packages in a node_modules folder, scoped ones with their scope. */
async function packagesIn(folder) {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const inScopes = names.map(async (name) =>
    name.startsWith('@') ? (await readdir(join(folder, name))).map((inner) => `${name}/${inner}`) : [name],
  );
  return (await Promise.all(inScopes)).flat();
}

/** The version of the package in a folder; undefined where there is none. */
async function versionOf(folder) {
  const json = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
  return json === undefined ? undefined : JSON.parse(json).version;
}
