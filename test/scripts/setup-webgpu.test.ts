// The set-up of the webgpu backend without a network: which wheel it takes and what it believes of it, what it builds, and
// that build/webgpu is as it was when anything fails. The compiler is a stand-in; the wheel is a zip archive made on the
// spot.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeWebgpu, type SetupOptions, setUpWebgpu } from '../../scripts/webgpu/setup.mjs';
import { SetupError } from '../../scripts/wheels/errors.mjs';
import { useLocalServer } from './local-server.js';
import { zipOf } from './zip-archive.js';

const server = useLocalServer();
let root: string;
let lines: string[];
const log = (line: string) => void lines.push(line);

/** A wheel of which no sum is known beforehand. */
const FREE = 'wgpu-0.32.0-py3-none-macosx_11_0_x86_64.whl';
const KNOWN = 'wgpu-0.32.0-py3-none-manylinux_2_28_x86_64.whl';
const LIBRARY = 'the library';

const wheel = zipOf([
  { name: 'wgpu/resources/libwgpu_native-release.so', content: LIBRARY, mode: 0o755 },
  { name: 'wgpu/resources/webgpu.h', content: '// headers' },
  { name: 'wgpu/resources/wgpu.h', content: '// more' },
]);

/** The index lists the wheel under a name, with its SHA-256 or another. */
function offer(filename: string, sha256 = createHash('sha256').update(wheel).digest('hex')): void {
  server.answer = ({ url }, response) => {
    if (url === '/simple/wgpu/') {
      response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' });
      response.end(JSON.stringify({ files: [{ filename, url: '/wheel', hashes: { sha256 }, yanked: false }] }));
    } else response.writeHead(200, { 'content-length': wheel.length }).end(wheel);
  };
}

/** A compiler that writes down what it is asked to make, or fails. */
async function compiler(works = true): Promise<string> {
  const path = join(root, works ? 'c++' : 'broken-c++');
  const success = `while [ "$1" != -o ]; do shift; done; echo compiled > "$2"`;
  await writeFile(path, `#!/bin/sh\n${works ? success : 'echo no such type >&2; exit 1'}\n`, { mode: 0o755 });
  return path;
}

async function options(changes: Partial<SetupOptions> = {}): Promise<SetupOptions> {
  return {
    root,
    cache: join(root, 'cache'),
    source: { index: `${server.base}/simple` },
    machine: { platform: 'darwin', arch: 'x64' },
    compiler: await compiler(),
    softwareDriver: false,
    dryRun: false,
    ...changes,
  };
}

const place = (...names: string[]) => join(root, 'build', 'webgpu', ...names);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sri-webgpu-setup-'));
  lines = [];
  for (const name of ['node-addon-api', 'node-api-headers']) {
    await mkdir(join(root, 'node_modules', name), { recursive: true });
  }
  await mkdir(join(root, 'native', 'webgpu'), { recursive: true });
  await writeFile(join(root, 'native', 'webgpu', 'addon.cpp'), 'int main;');
});
afterEach(() => rm(root, { recursive: true }));

it('says what it would do and how large it is, and does nothing', async () => {
  offer(FREE);
  await setUpWebgpu(await options({ dryRun: true }), log);
  expect(lines.join('\n')).toMatch(/download wgpu-0\.32\.0.*\(1 MB\)/);
  expect(existsSync(place())).toBe(false);
  expect(existsSync(join(root, 'cache'))).toBe(false);
});

it('builds once, again where the sources have changed, and tells why there is no GPU', async () => {
  offer(FREE);
  await setUpWebgpu(await options(), log);
  expect(await readFile(place('libwgpu_native.so'), 'utf8')).toBe(LIBRARY);
  expect(await readFile(place('sri_webgpu.node'), 'utf8')).toBe('compiled\n');
  expect(existsSync(place('wgpu.h'))).toBe(true);
  // What the stand-in made is no addon.
  expect(lines.join('\n')).toMatch(/but no GPU is found/);
  lines = [];
  await setUpWebgpu(await options({ compiler: await compiler(false) }), log);
  expect(lines.join('\n')).toMatch(/is up to date/);
  await writeFile(join(root, 'native', 'webgpu', 'addon.cpp'), 'int other;');
  await expect(setUpWebgpu(await options({ compiler: await compiler(false) }), log)).rejects.toThrow(/no such type/);
  expect(await readFile(place('sri_webgpu.node'), 'utf8')).toBe('compiled\n');
});

it('believes no index over the sum that it knows, nor a folder', async () => {
  offer(KNOWN);
  const machine = { platform: 'linux', arch: 'x64', glibc: '2.36' };
  await expect(setUpWebgpu(await options({ machine }), log)).rejects.toThrow(
    /has SHA-256 .* and it should be 6499a31b/,
  );
  const folder = join(root, 'wheels');
  await mkdir(folder);
  await writeFile(join(folder, KNOWN), wheel);
  await expect(setUpWebgpu(await options({ machine, source: { folder } }), log)).rejects.toThrow(
    /has another SHA-256 than 6499a31b/,
  );
  expect(existsSync(place())).toBe(false);
});

it('names what is missing: a wheel for the machine, a compiler, the packages of npm', async () => {
  offer(FREE);
  const machine = { platform: 'linux', arch: 'arm64', glibc: '2.36' };
  await expect(setUpWebgpu(await options({ machine }), log)).rejects.toThrow(
    /no wheel of wgpu ==0\.32\.0 for Linux, arm64/,
  );
  await expect(setUpWebgpu(await options({ compiler: join(root, 'none') }), log)).rejects.toThrow(/C\+\+17 compiler/);
  await rm(join(root, 'node_modules', 'node-addon-api'), { recursive: true });
  await expect(setUpWebgpu(await options(), log)).rejects.toThrow(SetupError);
});

it('takes away what it brought', async () => {
  offer(FREE);
  await setUpWebgpu(await options(), log);
  expect(existsSync(join(root, 'cache', FREE))).toBe(true);
  await writeFile(join(root, 'cache', 'other.whl'), '');
  await removeWebgpu({ root, cache: join(root, 'cache') }, log);
  expect(existsSync(place())).toBe(false);
  expect(existsSync(join(root, 'cache', FREE))).toBe(false);
  expect(existsSync(join(root, 'cache', 'other.whl'))).toBe(true);
});
