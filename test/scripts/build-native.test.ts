// What cmake wrote down of a checkout is of no use where that was moved to, and cmake would say so and stop.

import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { forgetElsewhere } from '../../scripts/native/build.mjs';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'sri-build-')));
afterAll(() => rmSync(root, { recursive: true }));

it.each([
  ['the sources that are there', 'native', true],
  ['the same by a link', 'link', true],
  ['sources that are elsewhere', 'other', false],
  ['sources that are gone', 'gone', false],
])('a build folder of %s is kept: %s', (_, of, kept) => {
  const build = join(root, 'build');
  mkdirSync(join(build, 'CMakeFiles'), { recursive: true });
  mkdirSync(join(root, 'native'), { recursive: true });
  mkdirSync(join(root, 'other'), { recursive: true });
  if (!existsSync(join(root, 'link'))) symlinkSync(join(root, 'native'), join(root, 'link'));
  writeFileSync(join(build, 'CMakeCache.txt'), `A:STRING=b\nCMAKE_HOME_DIRECTORY:INTERNAL=${join(root, of)}\n`);
  forgetElsewhere(build, join(root, 'native'));
  expect([existsSync(join(build, 'CMakeCache.txt')), existsSync(join(build, 'CMakeFiles'))]).toEqual([kept, kept]);
});

it('a folder where nothing was built is left as it is', () => {
  forgetElsewhere(join(root, 'none'), root);
  expect(existsSync(join(root, 'none'))).toBe(false);
});
