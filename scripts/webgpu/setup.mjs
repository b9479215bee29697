// The order of things: the wheel, the library out of it, the addon, and only then its place in build/webgpu. Then a try: is
// there a GPU that it can open?

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sum } from '../download.mjs';
import { ORIGIN, sourcesIn, sumOfSources } from '../sources.mjs';
import { SetupError } from '../wheels/errors.mjs';
import { announce, keptWheels, obtain } from '../wheels/obtain.mjs';
import { chooseWheel, listWheels } from '../wheels/python-index.mjs';
import { openZip } from '../wheels/zip.mjs';

const PROJECT = 'wgpu';
const VERSION = '0.32.0';

/** SHA-256 of the wheels of that version that this was written with; an index that says otherwise is not believed. */
const KNOWN = {
  'wgpu-0.32.0-py3-none-manylinux_2_28_x86_64.whl': '6499a31b5a29a10b4f1089fea4a0806411f42605fa86b6c0b543a07ca0de8568',
  'wgpu-0.32.0-py3-none-manylinux_2_28_aarch64.whl': '00454ba1bc794d38c8365f4ad29f381b88ce0a7f115133bfaa6f1dfad7eb2764',
  'wgpu-0.32.0-py3-none-macosx_11_0_arm64.whl': '6c3f654ea01ab2de8a2903354ced02a3c6ef161d0fba1aa4fea60aa86d021908',
};

const HEADERS = ['webgpu.h', 'wgpu.h'];
const ADDON = 'sri_webgpu.node';

/**
 * Makes build/webgpu, unless it is there and made from the same sources and wheel. Options:
 *   root            folder of the project
 *   modules         folder of node-addon-api and node-api-headers; node_modules in `root` unless given
 *   cache           folder where the wheel is kept
 *   source          {index: URL} or {folder}, where the wheel comes from
 *   machine         {platform, arch, glibc}
 *   compiler        the C++ compiler's command
 *   softwareDriver  install Debian's software driver where no GPU is found
 *   dryRun          say what would be done, and do nothing
 * Throws SetupError or FetchError with what failed and what would help; build/webgpu is then as it was.
 */
export async function setUpWebgpu(options, log) {
  const { root, modules = join(root, 'node_modules'), machine, compiler, dryRun } = options;
  const place = join(root, 'build', 'webgpu');
  for (const name of ['node-addon-api', 'node-api-headers']) {
    if (!existsSync(join(modules, name))) throw new SetupError(`node_modules/${name} is missing: run npm ci first`);
  }
  const origin = { version: VERSION, sources: sumOfSources(sourceFolder(root)) };
  if (await isCurrent(place, origin)) {
    log(`${place} is up to date`);
    if (!dryRun) findGpu(place, options, log);
    return;
  }

  const wheels = await listWheels(PROJECT, options.source);
  const found = chooseWheel(wheels, [{ operator: '==', version: VERSION }], machine, PROJECT);
  const wheel = { ...found, sha256: KNOWN[found.filename] ?? found.sha256 };
  log(`will set up the webgpu backend on wgpu-native, from ${PROJECT} ${wheel.version}, in these steps:`);
  await announce(wheel, options, log);
  log(`  compile native/webgpu with ${compiler}`);
  log(`  into ${place}: some 10 MB on disk`);
  if (dryRun) return;

  const path = await obtain(wheel, options, log);
  if (wheel.sha256 !== undefined && (await sum(path)) !== wheel.sha256)
    throw new SetupError(`${path} has another SHA-256 than ${wheel.sha256}; not taken`);
  const scratch = `${place}.new`;
  await rm(scratch, { recursive: true, force: true });
  try {
    await mkdir(scratch, { recursive: true });
    await unpack(path, scratch);
    log(`compiling the addon (${compiler})`);
    await compile(scratch, options);
    await writeFile(join(scratch, ORIGIN), `${JSON.stringify({ ...origin, wheel: basename(path) }, null, 2)}\n`);
    await rm(place, { recursive: true, force: true });
    await rename(scratch, place);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  log(`${place} is built`);
  findGpu(place, options, log);
}

/** Removes build/webgpu and the wheel that was kept for it. */
export async function removeWebgpu({ root, cache }, log) {
  const place = join(root, 'build', 'webgpu');
  const kept = await keptWheels(cache, (name) => name.startsWith(`${PROJECT}-${VERSION}-`));
  for (const path of [place, `${place}.new`, ...kept]) {
    if (existsSync(path)) log(`removed ${path}`);
    await rm(path, { recursive: true, force: true });
  }
}

/** Where the addon's C++ sources lie. */
const sourceFolder = (root) => join(root, 'native', 'webgpu');

async function isCurrent(place, { version, sources }) {
  if (!existsSync(join(place, ADDON))) return false;
  const made = JSON.parse(await readFile(join(place, ORIGIN), 'utf8').catch(() => '{}'));
  return made.version === version && made.sources === sources;
}

/** The library and its headers, out of the wheel. */
async function unpack(path, folder) {
  const zip = await openZip(path);
  const named = (pattern) => zip.names.find((name) => pattern.test(name));
  const library = named(/(^|\/)libwgpu_native[^/]*\.(so|dylib)$/);
  if (library === undefined) throw new SetupError(`${path}: has no libwgpu_native`);
  await zip.extract(library, join(folder, `libwgpu_native${library.endsWith('.so') ? '.so' : '.dylib'}`));
  for (const header of HEADERS) {
    const member = named(new RegExp(`(^|/)${header.replace('.', '\\.')}$`));
    if (member === undefined) throw new SetupError(`${path}: has no ${header}`);
    await zip.extract(member, join(folder, header));
  }
}

/** What a compiler, or what else reads native/webgpu, is told of it. `headers`: the folder of wgpu-native's. */
export function languageOptions(headers, modules) {
  const including = [headers, join(modules, 'node-addon-api'), join(modules, 'node-api-headers', 'include')];
  return [
    ...['-std=c++17', '-Wall', '-Wextra', '-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS'],
    ...including.flatMap((path) => ['-isystem', path]),
  ];
}

async function compile(folder, { root, modules = join(root, 'node_modules'), machine, compiler }) {
  const sources = sourcesIn(sourceFolder(root)).filter((path) => path.endsWith('.cpp'));
  // Node unloads an addon with the worker that loaded it; a driver's threads would wake up in code that is gone.
  const linking = machine.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,-z,nodelete', '-ldl'];
  const args = [
    ...['-O2', '-shared', '-fPIC', '-fvisibility=hidden'],
    ...languageOptions(folder, modules),
    ...sources,
    ...['-o', join(folder, ADDON)],
    ...linking,
  ];
  const result = spawnSync(compiler, args, { encoding: 'utf8' });
  if (result.error !== undefined)
    throw new SetupError(`${compiler}: ${result.error.message}; a C++17 compiler is needed, named by CXX if not c++`);
  if (result.status !== 0)
    throw new SetupError(`${compiler} could not compile native/webgpu:\n${result.stderr.trim()}`);
}

/** Says which GPU the backend finds; a driver is brought where none is found and it was asked for. */
function findGpu(place, { softwareDriver }, log) {
  let found = tryGpu(place);
  if (found.error !== undefined && softwareDriver) {
    installSoftwareDriver(log);
    found = tryGpu(place);
  }
  if (found.error === undefined) {
    const { name, driver, software } = found.facts;
    log(`works on ${name} (${driver})${software ? ', which computes on the processor: for tests' : ''}`);
  } else {
    log(`but no GPU is found: ${found.error}`);
    if (hasApt()) log('sri setup --for webgpu -- --software-driver installs one for tests');
  }
}

/** In a process of its own: what a driver does is not in our hands. */
function tryGpu(place) {
  const check = fileURLToPath(new URL('check.mjs', import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [check, place], { encoding: 'utf8' });
  if (status === 0) return { facts: JSON.parse(stdout) };
  return { error: signal === null ? stderr.trim() : `the driver ended the process (${signal})` };
}

const hasApt = () => spawnSync('sh', ['-c', 'command -v apt-get']).status === 0;

function installSoftwareDriver(log) {
  if (!hasApt()) throw new SetupError('--software-driver: there is no apt-get here; install a Vulkan driver by hand');
  const packages = ['libvulkan1', 'mesa-vulkan-drivers'];
  log(`installing ${packages.join(', ')} (apt-get): some 10 MB to download, 60 MB on disk`);
  const apt = (...args) =>
    spawnSync(process.getuid() === 0 ? 'apt-get' : 'sudo', process.getuid() === 0 ? args : ['-n', 'apt-get', ...args], {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  // A machine's package lists may be old or absent, and refreshing them can fail where installing still works.
  apt('update', '-qq');
  const { status, stderr, error } = apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  if (status !== 0)
    throw new SetupError(`apt-get could not install ${packages.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
