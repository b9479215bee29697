// The TensorFlow set-up without a network: which wheel it takes, how it gets it here, and that node_modules is as it
// was when anything fails. npm, the compiler and the package are stand-ins; the wheels are zip archives made on the
// spot.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download, FetchError } from '../../scripts/download.mjs';
import { stageCuda, stageTensorFlow } from '../../scripts/tensorflow/addon.mjs';
import { removeTensorFlow, type SetupOptions, setUpTensorFlow } from '../../scripts/tensorflow/setup.mjs';
import { SetupError } from '../../scripts/wheels/errors.mjs';
import {
  chooseWheel,
  listWheels,
  parseIndexPage,
  pipIndexUrl,
  requirementsOf,
} from '../../scripts/wheels/python-index.mjs';
import { openZip } from '../../scripts/wheels/zip.mjs';
import { type Answer, useLocalServer } from './local-server.js';
import { zipOf } from './zip-archive.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let directory: string;
let lines: string[];
const log = (line: string) => void lines.push(line);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-tensorflow-'));
  lines = [];
});
afterEach(() => rm(directory, { recursive: true }));

async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

describe('choosing a wheel', () => {
  const named = (...filenames: string[]) => filenames.map((filename) => ({ filename }));
  const at = (version: string) => [{ operator: '==', version }];
  const linux = (glibc: string, arch = 'x64') => ({ platform: 'linux', arch, glibc });

  it('reads both kinds of index page, leaving out what was yanked', () => {
    const hash = 'a'.repeat(64);
    const html = `<html><body><h1>Links</h1>
      <a data-requires-python="&gt;=3.9" href="../../files/a-1.0-py3-none-any.whl?x=1&amp;y=2#sha256=${hash}">a-1.0-py3-none-any.whl</a><br/>
      <a href="https://b.example/a-1.1-py3-none-any.whl">a-1.1-py3-none-any.whl</a>
      <a href="a-1.2-py3-none-any.whl" data-yanked="broken">a-1.2-py3-none-any.whl</a></body></html>`;
    expect(parseIndexPage(html, 'text/html; charset=utf-8', 'https://i.example/simple/a/')).toEqual([
      {
        filename: 'a-1.0-py3-none-any.whl',
        url: 'https://i.example/files/a-1.0-py3-none-any.whl?x=1&y=2',
        sha256: hash,
      },
      { filename: 'a-1.1-py3-none-any.whl', url: 'https://b.example/a-1.1-py3-none-any.whl', sha256: undefined },
    ]);
    const json = JSON.stringify({
      files: [
        { filename: 'a-1.0-py3-none-any.whl', url: '/files/a-1.0', hashes: { sha256: hash }, yanked: false },
        { filename: 'a-1.1-py3-none-any.whl', url: '/files/a-1.1', hashes: {}, yanked: 'broken' },
      ],
    });
    expect(parseIndexPage(json, 'application/vnd.pypi.simple.v1+json', 'https://i.example/simple/a/')).toEqual([
      { filename: 'a-1.0-py3-none-any.whl', url: 'https://i.example/files/a-1.0', sha256: hash },
    ]);
  });

  it('takes one for this machine, of the version asked for', () => {
    const wheels = named(
      'tensorflow_cpu-2.21.0.tar.gz',
      'tensorflow_cpu-2.21.0-cp311-cp311-win_amd64.whl',
      'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl',
      'tensorflow_cpu-2.21.0-cp313-cp313-manylinux_2_27_x86_64.whl',
      'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      'tensorflow_cpu-2.21.1-cp311-cp311-manylinux_2_27_x86_64.whl',
      'tensorflow_cpu-2.21.0rc1-cp311-cp311-manylinux_2_27_x86_64.whl',
      'tensorflow_cpu-2.19.1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    );
    expect(chooseWheel(wheels, at('2.21.0'), linux('2.36'), 'tensorflow-cpu')).toEqual({
      ...wheels[4],
      version: '2.21.0',
      python: 'cp311',
    });
    expect(chooseWheel(wheels, at('2.19.1'), linux('2.17'), 'tensorflow-cpu').filename).toBe(wheels[7]!.filename);
    expect(() => chooseWheel(wheels, at('2.21.0'), linux('2.26'), 'tensorflow-cpu')).toThrow(SetupError);
    expect(() => chooseWheel(wheels, at('2.20.0'), linux('2.36'), 'tensorflow-cpu')).toThrow(
      /tensorflow-cpu ==2\.20\.0.*glibc 2\.36/,
    );
    expect(chooseWheel(wheels, at('2.21.0'), linux('2.36', 'arm64'), 'tensorflow-cpu').filename).toBe(
      wheels[2]!.filename,
    );
    const mac = named('a-1.0-py3-none-macosx_11_0_x86_64.whl', 'a-1.0-py3-none-macosx_11_0_arm64.whl');
    expect(chooseWheel(mac, at('1.0'), { platform: 'darwin', arch: 'arm64' }, 'a').filename).toBe(mac[1]!.filename);
  });

  it('takes of what metadata names for CUDA the newest that it accepts', () => {
    const metadata = [
      'Metadata-Version: 2.1',
      'Requires-Dist: numpy>=1.26.0',
      'Requires-Dist: nvidia-nccl-cu12<3.0,>=2.27.7; extra == "and-cuda"',
      "Requires-Dist: nvidia-cublas-cu12 (==12.5.3.2) ; extra == 'and-cuda'",
      'Requires-Dist: tensorflow-io>=0.23.1; (sys_platform != "win32") and extra == "gcs-filesystem"',
      '',
    ].join('\r\n');
    const [nccl, cublas, ...rest] = requirementsOf(metadata, 'and-cuda');
    expect(rest).toEqual([]);
    expect(cublas).toEqual({ project: 'nvidia-cublas-cu12', specifiers: at('12.5.3.2') });
    expect(nccl!.project).toBe('nvidia-nccl-cu12');
    const versions = ['2.27.6', '2.9.9', '3.0', '2.27.10', '2.27.9', '2.28.0rc1'];
    const wheels = named(...versions.map((v) => `nvidia_nccl_cu12-${v}-py3-none-manylinux2014_x86_64.whl`));
    expect(chooseWheel(wheels, nccl!.specifiers, linux('2.36'), nccl!.project).version).toBe('2.27.10');
  });

  it("asks the index that pip's settings name", async () => {
    expect(await pipIndexUrl({ PIP_INDEX_URL: 'https://env.example/simple' }, directory)).toBe(
      'https://env.example/simple',
    );
    const file = join(directory, 'pip.conf');
    await put(
      file,
      '[install]\nindex-url = https://no.example\n[global]\ntimeout = 9\nindex-url: https://yes.example/simple\n',
    );
    expect(await pipIndexUrl({ PIP_CONFIG_FILE: file }, directory)).toBe('https://yes.example/simple');
    await put(join(directory, '.config/pip/pip.conf'), '[global]\nindex_url=https://home.example\n[x]\n');
    expect(await pipIndexUrl({}, directory)).toBe('https://home.example');
  });

  it('finds the wheels of one project in a folder', async () => {
    for (const name of ['Foo_Bar-1.0-py3-none-any.whl', 'foo_bar_baz-1.0-py3-none-any.whl', 'foo_bar-1.0.tar.gz'])
      await put(join(directory, name), '');
    const found = await listWheels('foo-bar', { folder: directory });
    expect(found.map(({ filename }) => filename)).toEqual(['Foo_Bar-1.0-py3-none-any.whl']);
    await expect(listWheels('foo', { folder: join(directory, 'absent') })).rejects.toThrow(/absent: ENOENT/);
  });
});

describe('getting it here', () => {
  const content = Buffer.from(Array.from({ length: 10_000 }, (_, i) => `part ${i}\n`).join(''));
  const local = useLocalServer();

  /** A server that sends parts, and no ETag. */
  const tagless: Answer = ({ headers }, response) => {
    const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    if (from >= content.length) response.writeHead(416).end();
    else {
      const range = from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {};
      response
        .writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from, ...range })
        .end(content.subarray(from));
    }
  };

  it('goes on with a part on the strength of the sum, where the server sends no tag', async () => {
    const path = join(directory, 'a.whl');
    await put(`${path}.part`, content.subarray(0, 5000));
    local.answer = tagless;
    await download(`${local.base}/a.whl`, path, log, { sha256: sha256(content) });
    expect(local.requests.map(({ headers }) => headers.range)).toEqual(['bytes=5000-']);
    expect(await readFile(path)).toEqual(content);
    expect(await readdir(directory)).toEqual(['a.whl']);
  });

  it('takes no file with another sum, keeps nothing of it, and gets the right one the next time', async () => {
    const path = join(directory, 'a.whl');
    await put(`${path}.part`, 'these bytes are not a part of it');
    local.answer = tagless;
    const fetched = download(`${local.base}/a.whl`, path, log, { sha256: sha256(content) });
    await expect(fetched).rejects.toThrow(FetchError);
    await expect(fetched).rejects.toThrow(`it should be ${sha256(content)}`);
    expect(await readdir(directory)).toEqual([]);
    await download(`${local.base}/a.whl`, path, log, { sha256: sha256(content) });
    expect(await readFile(path)).toEqual(content);
  });

  it('starts again where more was kept than the file has', async () => {
    const path = join(directory, 'a.whl');
    await put(`${path}.part`, Buffer.concat([content, content]));
    local.answer = tagless;
    await download(`${local.base}/a.whl`, path, log, { sha256: sha256(content) });
    expect(await readFile(path)).toEqual(content);
  });

  it("sends an index's password in a header, to that index alone, and shows it nowhere", async () => {
    local.answer = ({ headers }, response) => {
      if (headers.authorization !== `Basic ${Buffer.from('me:se/cret').toString('base64')}`)
        response.writeHead(401).end();
      else
        response
          .writeHead(200, { 'content-type': 'text/html' })
          .end('<a href="/f/a-1.whl">a-1.whl</a><a href="https://other.example/a-2.whl">a-2.whl</a>');
    };
    const index = local.base.replace('http://', 'http://me:se%2Fcret@');
    const wheels = await listWheels('a', { index: `${index}/simple/` });
    expect(local.requests[0]!.url).toBe('/simple/a/');
    expect(wheels.map(({ url }) => url)).toEqual([`${local.base}/f/a-1.whl`, 'https://other.example/a-2.whl']);
    expect(wheels.map(({ headers }) => Object.keys(headers))).toEqual([['authorization'], []]);
    const refused = listWheels('a', { index: local.base.replace('http://', 'http://me:wrong@') });
    await expect(refused).rejects.toThrow(/answers 401/);
    await expect(refused).rejects.not.toThrow(/wrong/);
  });
});

describe('unpacking', () => {
  it('reads members however they are packed, to memory and to disk, with their permissions', async () => {
    const long = 'zip '.repeat(100_000);
    const path = await put(
      join(directory, 'a.zip'),
      zipOf(
        [
          { name: 'd/long.txt', content: long },
          { name: 'stored.txt', content: 'as it is', stored: true },
          { name: 'tool', content: '#!', mode: 0o755 },
          { name: 'empty', content: '', stored: true },
        ],
        'a comment after the directory',
      ),
    );
    const zip = await openZip(path);
    expect(zip.names).toEqual(['d/long.txt', 'stored.txt', 'tool', 'empty']);
    expect((await zip.read('d/long.txt')).toString()).toBe(long);
    expect((await zip.read('stored.txt')).toString()).toBe('as it is');
    expect((await zip.read('empty')).length).toBe(0);
    await zip.extract('tool', join(directory, 'new/tool'));
    expect((await stat(join(directory, 'new/tool'))).mode & 0o700).toBe(0o700);
    await zip.extract('d/long.txt', join(directory, 'long.txt'));
    expect(await readFile(join(directory, 'long.txt'), 'utf8')).toBe(long);
    expect((await stat(join(directory, 'long.txt'))).mode & 0o700).toBe(0o600);
    await expect(zip.read('absent')).rejects.toThrow(/has no absent/);
  });

  it('says so of a file that is no archive, not all of one, or damaged', async () => {
    const whole = zipOf([{ name: 'a', content: 'abcdefgh'.repeat(1000) }]);
    const path = join(directory, 'a.zip');
    await put(path, 'text');
    await expect(openZip(path)).rejects.toThrow(/not a zip archive/);
    await put(path, whole.subarray(0, whole.length - 30));
    await expect(openZip(path)).rejects.toThrow(SetupError);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 38, 48);
    await put(path, damaged);
    const zip = await openZip(path);
    await expect(zip.read('a')).rejects.toThrow(/a is damaged/);
    await expect(zip.extract('a', join(directory, 'a'))).rejects.toThrow(/a is damaged/);
  });

  it('refuses members that are not where, what or as large as the directory says', async () => {
    const path = join(directory, 'a.zip');
    const opened = async (zip: Buffer) => openZip(await put(path, zip));
    const content = 'abcdefgh'.repeat(1000);
    const changed = (change: (zip: Buffer, entry: number) => void) => {
      const zip = zipOf([{ name: 'a', content }]);
      change(
        zip,
        zip.findIndex((_, i) => i + 4 <= zip.length && zip.readUInt32LE(i) === 0x02014b50),
      );
      return zip;
    };
    const reading = async (zip: Buffer) => (await opened(zip)).read('a');
    await expect(reading(changed((zip) => zip.write('b', 30)))).rejects.toThrow(/has another name in its place/);
    await expect(reading(changed((zip, at) => zip.writeUInt32LE(1, at + 42)))).rejects.toThrow(
      /not where the directory/,
    );
    await expect(reading(changed((zip, at) => zip.writeUInt32LE(1e6, at + 20)))).rejects.toThrow(/not where the dir/);
    await expect(reading(changed((zip, at) => zip.writeUInt32LE(0xfffffff0, at + 42)))).rejects.toThrow(/is damaged/);
    // A bomb: it says eight bytes and unpacks to thousands.
    const bomb = await opened(changed((zip, at) => zip.writeUInt32LE(8, at + 24)));
    await expect(bomb.read('a')).rejects.toThrow(/unpacks to more than 8 bytes/);
    await expect(bomb.extract('a', join(directory, 'a'))).rejects.toThrow(/unpacks to more than 8 bytes/);
    const link = 0o120000 - 0o100000;
    await expect(
      opened(zipOf([{ name: 'a', content: '/etc', mode: link | 0o777 }])).then((zip) => zip.read('a')),
    ).rejects.toThrow(/is a link/);
    await expect(opened(zipOf([{ name: '../a', content }])).then((zip) => zip.read('../a'))).rejects.toThrow(
      /leads out of the folder/,
    );
    await expect(opened(zipOf([{ name: '/a', content }])).then((zip) => zip.read('/a'))).rejects.toThrow(
      /leads out of the folder/,
    );
    const twice = [
      { name: 'a', content },
      { name: 'a', content },
    ];
    await expect(opened(zipOf(twice))).rejects.toThrow(/has a twice/);
  });

  const include = (...names: string[]) => names.map((name) => `#include "${name}"\n`).join('');

  it("stages the libraries, the names that the package's build knows them by, and the headers it includes", async () => {
    const wheel = await put(
      join(directory, 'tensorflow.whl'),
      zipOf([
        { name: 'tensorflow/libtensorflow_cc.so.2', content: 'cc' },
        { name: 'tensorflow/libtensorflow_framework.so.2', content: 'framework' },
        { name: 'tensorflow/include/tensorflow/c/c_api.h', content: include('tensorflow/c/tf_status.h', 'stdint.h') },
        { name: 'tensorflow/include/tensorflow/c/tf_status.h', content: `  # include <xla/tsl/c/tsl_status.h>\n` },
        { name: 'tensorflow/include/xla/tsl/c/tsl_status.h', content: include('tensorflow/c/c_api.h') },
        { name: 'tensorflow/include/tensorflow/c/ops.h', content: 'nobody includes this' },
      ]),
    );
    const folder = join(directory, 'package');
    await put(join(folder, 'binding', 'a.cc'), include('a.h', 'tensorflow/c/c_api.h'));
    await put(join(folder, 'binding', 'a.h'), '#include <node_api.h>\n');
    await stageTensorFlow(wheel, folder);
    const staged = await readdir(join(folder, 'deps/include'), { recursive: true });
    expect(staged.filter((name) => name.endsWith('.h')).sort()).toEqual([
      'tensorflow/c/c_api.h',
      'tensorflow/c/tf_status.h',
      'xla/tsl/c/tsl_status.h',
    ]);
    const lib = join(folder, 'deps/lib');
    expect(await readlink(join(lib, 'libtensorflow.so.2.9.1'))).toBe('libtensorflow_cc.so.2');
    for (const name of ['libtensorflow.so', 'libtensorflow.so.2', 'libtensorflow.so.2.9.1'])
      expect(await readFile(join(lib, name), 'utf8')).toBe('cc');
    for (const name of ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'])
      expect(await readFile(join(lib, name), 'utf8')).toBe('framework');
  });

  it("stages NVIDIA's libraries and programs where TensorFlow looks for them, and nothing outside", async () => {
    const wheel = await put(
      join(directory, 'nvidia.whl'),
      zipOf([
        { name: 'nvidia/cublas/lib/libcublas.so.12', content: 'cublas' },
        { name: 'nvidia/cuda_nvcc/bin/ptxas', content: 'ptxas', mode: 0o755 },
        { name: 'nvidia/cublas/include/cublas.h', content: 'header' },
        { name: 'nvidia/__init__.py', content: '' },
        { name: 'nvidia/../../outside', content: 'outside' },
        { name: 'nvidia_cublas.dist-info/METADATA', content: '' },
      ]),
    );
    await stageCuda(wheel, join(directory, 'package'));
    const staged = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = staged.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const nvidia = join(directory, 'package/deps/nvidia');
    expect(files.sort()).toEqual(
      [wheel, join(nvidia, 'cublas/lib/libcublas.so.12'), join(nvidia, 'cuda_nvcc/bin/ptxas')].sort(),
    );
    expect((await stat(join(nvidia, 'cuda_nvcc/bin/ptxas'))).mode & 0o100).toBe(0o100);
  });
});

describe('the whole', () => {
  /** What stands in for tfjs-node: multiplies, wrongly where told to, and takes its version from the staged library. */
  const index = (sign: string) => `
    const { readFileSync } = require('node:fs');
    const { join } = require('node:path');
    require('shared');
    require('own');
    require('../lib/napi-v8/tfjs_binding.node.js');
    const version = readFileSync(join(__dirname, '../deps/lib/libtensorflow.so'), 'utf8');
    exports.tensor2d = (values) => values;
    exports.matMul = ([a, b, c, d], [e, f, g, h]) => ({
      dataSync: () => [a * e ${sign} b * g, a * f + b * h, c * e + d * g, c * f + d * h],
    });
    exports.backend = () => ({ binding: { TF_Version: version }, isUsingGpuDevice: false });`;

  /** Stands in for npm: puts the package into --prefix, with one dependency of its own and one that the project has. */
  const fakeNpm = (sign = '+') => `
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { join } from 'node:path';
    const { argv } = process;
    const [, name] = /^(@tensorflow.tfjs-node(?:-gpu)?)@4.22.0$/.exec(argv.at(-1));
    if (!argv.includes('--ignore-scripts')) process.exit(1);
    const modules = join(argv[argv.indexOf('--prefix') + 1], 'node_modules');
    const put = (name, file, text) => {
      mkdirSync(join(modules, name, file, '..'), { recursive: true });
      writeFileSync(join(modules, name, file), text);
    };
    for (const dependency of ['shared', 'own']) {
      put(dependency, 'package.json', '{ "version": "1.0.0", "main": "index.js" }');
      put(dependency, 'index.js', '');
    }
    put(name, 'package.json', '{ "version": "4.22.0", "main": "dist/index.js" }');
    put(name, 'binding/a.cc', '#include "tensorflow/c/c_api.h"');
    put(name, 'dist/index.js', ${JSON.stringify(index(sign))});`;

  /** Stands in for the compiler: checks that the header was staged, and makes the output. */
  const FAKE_COMPILER = `#!/bin/sh
    out=; header=
    while [ $# -gt 0 ]; do
      [ "$1" = -o ] && out="$2"
      [ -e "$2/tensorflow/c/c_api.h" ] && header=yes
      shift
    done
    [ "$header" ] || { echo 'no c_api.h' >&2; exit 1; }
    : >"$out"; : >"$out.js"`;

  let options: SetupOptions;
  const place = () => join(options.root, 'node_modules/@tensorflow/tfjs-node');

  /** Every file in node_modules with its content. */
  async function modules(): Promise<Record<string, string>> {
    const folder = join(options.root, 'node_modules');
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await readFile(path, 'utf8')])));
  }

  beforeEach(async () => {
    const root = join(directory, 'root');
    await put(join(root, 'node_modules/node-api-headers/include/node_api.h'), '');
    await put(join(root, 'node_modules/shared/package.json'), '{ "version": "1.0.0", "main": "index.js" }');
    await put(join(root, 'node_modules/shared/index.js'), '');
    for (const version of ['2.20.0', '2.21.0'])
      await put(
        join(directory, `wheels/tensorflow_cpu-${version}-cp311-cp311-manylinux_2_17_x86_64.whl`),
        zipOf([
          { name: 'tensorflow/libtensorflow_cc.so.2', content: version },
          { name: 'tensorflow/libtensorflow_framework.so.2', content: '' },
          { name: 'tensorflow/include/tensorflow/c/c_api.h', content: '' },
        ]),
      );
    options = {
      root,
      cache: join(directory, 'cache'),
      gpu: false,
      tensorflow: '2.21.0',
      anyWorking: true,
      source: { folder: join(directory, 'wheels') },
      glibc: '2.36',
      npm: [process.execPath, await put(join(directory, 'npm.mjs'), fakeNpm())],
      compiler: await put(join(directory, 'c++'), FAKE_COMPILER, 0o755),
      dryRun: false,
    };
  });

  it('installs, adds one folder to node_modules, and finds it working the next time', async () => {
    const before = await modules();
    await setUpTensorFlow(options, log);
    expect(lines.join('\n')).toMatch(/tfjs-node works, on TensorFlow 2\.21\.0 and the CPU/);
    const added = Object.keys(await modules()).filter((path) => !(path in before));
    expect(added.length).toBeGreaterThan(0);
    expect(added.filter((path) => !path.startsWith(place()))).toEqual([]);
    const dependencies = added.filter((path) => path.startsWith(join(place(), 'node_modules')));
    expect(new Set(dependencies.map((path) => basename(dirname(path))))).toEqual(new Set(['own']));
    expect(await readdir(join(options.root, 'node_modules'))).not.toContain('.setup-tensorflow');

    lines = [];
    await setUpTensorFlow({ ...options, npm: ['/absent'], source: { folder: '/absent' } }, log);
    expect(lines).toEqual([`${place()} works, on TensorFlow 2.21.0 and the CPU`]);
  });

  it('adds the libraries that the wheel for GPUs names', async () => {
    const folder = join(directory, 'gpu');
    await put(
      join(folder, 'tensorflow-2.21.0-cp311-cp311-manylinux_2_17_x86_64.whl'),
      zipOf([
        { name: 'tensorflow/libtensorflow_cc.so.2', content: '2.21.0' },
        { name: 'tensorflow/libtensorflow_framework.so.2', content: '' },
        { name: 'tensorflow/include/tensorflow/c/c_api.h', content: '' },
        {
          name: 'tensorflow-2.21.0.dist-info/METADATA',
          content: 'Requires-Dist: nvidia-nccl-cu12<3.0,>=2.27.7; extra == "and-cuda"\n',
        },
      ]),
    );
    for (const version of ['2.27.10', '3.0.1'])
      await put(
        join(folder, `nvidia_nccl_cu12-${version}-py3-none-manylinux2014_x86_64.whl`),
        zipOf([{ name: 'nvidia/nccl/lib/libnccl.so.2', content: version }]),
      );
    await setUpTensorFlow({ ...options, gpu: true, source: { folder } }, log);
    expect(await readFile(join(`${place()}-gpu`, 'deps/nvidia/nccl/lib/libnccl.so.2'), 'utf8')).toBe('2.27.10');
    expect(lines.join('\n')).toMatch(/tfjs-node-gpu works[\s\S]*finds no GPU here/);
  });

  it('replaces a working one only where another version is asked for', async () => {
    await setUpTensorFlow(options, log);
    await setUpTensorFlow({ ...options, tensorflow: '2.20.0' }, log);
    expect(await readFile(join(place(), 'deps/lib/libtensorflow.so'), 'utf8')).toBe('2.21.0');
    await setUpTensorFlow({ ...options, tensorflow: '2.20.0', anyWorking: false }, log);
    expect(await readFile(join(place(), 'deps/lib/libtensorflow.so'), 'utf8')).toBe('2.20.0');
  });

  it('says what it would do, and does nothing, when that is all it is asked', async () => {
    const before = await modules();
    await setUpTensorFlow({ ...options, dryRun: true }, log);
    expect(lines.join('\n')).toContain('tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_17_x86_64.whl');
    expect(await modules()).toEqual(before);
  });

  it.each([
    [
      'npm',
      async () => ({ npm: [process.execPath, '-e', 'console.error("no registry"); process.exit(1)'] }),
      /no registry/,
    ],
    [
      'the compiler',
      async () => ({ compiler: await put(join(directory, 'cc'), '#!/bin/sh\necho "no type x" >&2; exit 1', 0o755) }),
      /could not build the addon[\s\S]*no type x/,
    ],
    ['finding a compiler', async () => ({ compiler: '/absent/c++' }), /no compiler \/absent\/c\+\+.*g\+\+/],
    [
      'the check',
      async () => ({ npm: [process.execPath, await put(join(directory, 'bad.mjs'), fakeNpm('-'))] }),
      /does not work[\s\S]*came out as -9,22,43,50/,
    ],
    ['finding a wheel', async () => ({ tensorflow: '2.18.0' }), /no wheel of tensorflow-cpu ==2\.18\.0/],
    [
      'unpacking',
      async () => {
        const folder = join(directory, 'bad');
        await put(join(folder, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux1_x86_64.whl'), zipOf([]));
        return { source: { folder } };
      },
      /has no tensorflow\/libtensorflow_cc\.so\.2/,
    ],
  ])('leaves node_modules as it was when %s fails, working package and all', async (_, change, message) => {
    const broken = { ...options, ...(await change()) };
    const bare = await modules();
    await expect(setUpTensorFlow(broken, log)).rejects.toThrow(message);
    await expect(setUpTensorFlow(broken, log)).rejects.toThrow(SetupError);
    expect(await modules()).toEqual(bare);

    await setUpTensorFlow({ ...options, tensorflow: '2.20.0' }, log);
    const working = await modules();
    await expect(setUpTensorFlow({ ...broken, anyWorking: false }, log)).rejects.toThrow(message);
    expect(await modules()).toEqual(working);
  });

  it('removes what it installed and nothing else', async () => {
    const before = await modules();
    await put(join(options.cache, 'wgpu-1.0-py3-none-any.whl'), '');
    await put(join(options.cache, 'nvidia_nccl_cu12-2.0-py3-none-any.whl.part'), '');
    await setUpTensorFlow(options, log);
    await removeTensorFlow(options, log);
    expect(await modules()).toEqual(before);
    expect(await readdir(options.cache)).toEqual(['wgpu-1.0-py3-none-any.whl']);

    await put(join(place(), 'package.json'), '{}');
    await removeTensorFlow(options, log);
    expect(await readFile(join(place(), 'package.json'), 'utf8')).toBe('{}');
  });
});

describe('the command', () => {
  it('ends with 2 for a wrong option and names the right ones', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/setup-tensorflow.mjs', '--cpu'], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/--cpu[\s\S]*usage:[\s\S]*--gpu/);
  });
});
