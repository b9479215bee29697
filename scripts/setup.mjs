// Everything that must happen between a fresh clone and a working `sri`: npm's packages, the system packages that the
// native addon needs, the addon, and the TypeScript build. Done again, it does only what is missing and takes seconds.
// Needs nothing but Node itself, so that it can run before anything is installed. Of a program that npm has installed, which
// is compiled already, the addon is all that is missing: `sri setup`.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** Runs a command with its output shown only when it fails; true if it succeeded. */
function quietly(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.status === 0) return true;
  process.stderr.write(
    `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `${result.error.message}\n` : ''}`,
  );
  return false;
}

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

/** `npm ci`, unless node_modules already came from this very lock file. */
function installPackages() {
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  const stamp = path.join('node_modules', '.sri-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing the npm packages (npm ci)');
  if (!quietly('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) {
    say('npm ci failed; is the npm registry reachable?');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

const SYSTEM_PACKAGES = ['libdnnl-dev', 'cmake', 'g++', 'make'];

/** What the addon's build still lacks, as names of Debian's and Ubuntu's packages. */
function missingSystemPackages() {
  const there = {
    'libdnnl-dev': () =>
      ['/usr/include', '/usr/local/include'].some((directory) => existsSync(`${directory}/dnnl.hpp`)),
    cmake: () => has('cmake'),
    'g++': () => has('c++') || has('g++') || has('clang++'),
    make: () => has('make') || has('ninja'),
  };
  return SYSTEM_PACKAGES.filter((name) => !there[name]());
}

/** Installs the missing system packages where that is possible without asking anybody; true if none is missing after it. */
function installSystemPackages() {
  const missing = missingSystemPackages();
  if (missing.length === 0) return true;
  const isRoot = process.getuid?.() === 0;
  const sudo = !isRoot && has('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0;
  if (has('apt-get') && (isRoot || sudo)) {
    say(`installing ${missing.join(', ')} (apt-get)`);
    const apt = (...args) =>
      quietly(isRoot ? 'apt-get' : 'sudo', isRoot ? args : ['-n', 'apt-get', ...args], {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    // A machine's package lists may be old or absent, and refreshing them can fail where installing still works.
    apt('update', '-qq');
    apt('install', '-y', '-qq', '--no-install-recommends', ...missing);
  }
  const still = missingSystemPackages();
  if (still.length === 0) return true;
  say(`the native backend needs ${still.join(', ')}, which could not be installed from here. To get it:`);
  say(`  sudo apt-get install ${still.join(' ')}    and run this again`);
  return false;
}

/** Builds the addon; a failure costs speed, not function. */
function buildAddon() {
  if (process.env.SRI_WITHOUT_NATIVE) {
    say('leaving the native addon out, as SRI_WITHOUT_NATIVE asks');
    return false;
  }
  if (!installSystemPackages()) return false;
  if (!existsSync('build/native/sri_native.node')) say('compiling the native addon');
  return spawnSync(process.execPath, ['scripts/build-native.mjs'], { stdio: 'inherit' }).status === 0;
}

const isClone = existsSync('tsconfig.json');
if (isClone) installPackages();
if (!buildAddon()) {
  // A test machine that quietly did without would let a broken addon pass; and where npm has installed the program, the
  // addon is all that was asked for.
  if ((process.env.CI || !isClone) && !process.env.SRI_WITHOUT_NATIVE) process.exit(1);
  say('going on without the native addon: the wasm backend works, several times slower');
}
if (isClone && !quietly(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'])) {
  say('the TypeScript build failed');
  process.exit(1);
}
if (isClone) await import('./stamp-commit.mjs');
