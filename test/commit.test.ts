// Which commit a program is of, in repositories made up for it: what was built is what is named, whatever the checkout does.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { commitOf, stampBuild } from '../src/commit.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-commit-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder: string;
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder, encoding: 'utf8' }).trim();
const write = (name: string, content: string) => writeFileSync(path.join(folder, name), content);
const commit = (source: string) => {
  write('src.ts', source);
  git('add', 'src.ts');
  git('commit', '-qm', source);
  return git('rev-parse', 'HEAD');
};
/** As a build does: compiles, and writes down of what. */
const build = (program: string) => {
  mkdirSync(path.join(folder, 'dist/part'), { recursive: true });
  write('dist/main.js', program);
  write('dist/part/other.js', 'other');
  stampBuild(folder);
};

beforeEach(() => {
  folder = mkdtempSync(path.join(root, 'package-'));
  git('init', '-q');
});

it('is that of the build, also where the checkout has moved on or was changed since', () => {
  const first = commit('one');
  build('one');
  expect(commitOf(folder, true)).toBe(first);
  const second = commit('two');
  write('src.ts', 'three');
  expect(commitOf(folder, true)).toBe(first);
  // Run from source, it is what is checked out.
  expect(commitOf(folder, false)).toBe(`${second}-dirty`);
  build('three');
  expect(commitOf(folder, true)).toBe(`${second}-dirty`);
});

it('is no clean one where the build does not say, or what it said is not of this program', () => {
  const first = commit('one');
  mkdirSync(path.join(folder, 'dist'));
  write('dist/main.js', 'one');
  expect(commitOf(folder, true)).toBe(`${first}-dirty`);
  build('one');
  expect(commitOf(folder, true)).toBe(first);
  write('dist/part/other.js', 'another');
  expect(commitOf(folder, true)).toBe(`${first}-dirty`);
  write('dist/part/other.js', 'other');
  write('dist/part/more.js', '');
  expect(commitOf(folder, true)).toBe(`${first}-dirty`);
});

it('goes along where there is no repository any more, and is unknown where there never was one', () => {
  const first = commit('one');
  build('one');
  const installed = path.join(folder, 'node_modules/sri');
  cpSync(path.join(folder, 'dist'), path.join(installed, 'dist'), { recursive: true });
  expect(commitOf(installed, true)).toBe(first);
  writeFileSync(path.join(installed, 'dist/main.js'), 'two');
  expect(commitOf(installed, true)).toBe(`${first}-dirty`);
  rmSync(path.join(installed, 'dist/commit.json'));
  expect(commitOf(installed, true)).toBeNull();
  stampBuild(installed);
  expect(commitOf(installed, true)).toBeNull();
});
