// An addon of other sources than lie beside it is told from one of these.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sumOfSources } from '../../scripts/sources.mjs';
import { isBuiltFrom } from '../../src/backends/origin.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-origin-'));
afterAll(() => rmSync(root, { recursive: true }));

it('knows an addon by the sum that its build left beside it', () => {
  const [build, sources] = ['build', 'native'].map((name) => path.join(root, name)) as [string, string];
  mkdirSync(build);
  mkdirSync(path.join(sources, 'inner'), { recursive: true });
  for (const name of ['b.cpp', 'a.cpp', 'a.h', 'notes.txt', 'inner/c.cpp'])
    writeFileSync(path.join(sources, name), name);
  // What left no sum, or lies without its sources, cannot be told.
  expect(isBuiltFrom(build, sources)).toBe(true);
  writeFileSync(path.join(build, 'origin.json'), JSON.stringify({ sources: sumOfSources(sources) }));
  expect(isBuiltFrom(build, sources)).toBe(true);
  expect(isBuiltFrom(build, path.join(root, 'none'))).toBe(true);
  writeFileSync(path.join(sources, 'notes.txt'), 'more');
  expect(isBuiltFrom(build, sources)).toBe(true);
  writeFileSync(path.join(sources, 'a.h'), 'more');
  expect(isBuiltFrom(build, sources)).toBe(false);
});
