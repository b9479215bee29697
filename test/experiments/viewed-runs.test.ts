// What the page of all runs takes for news.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { stateOf } from '../../src/experiments/view/viewed-runs.js';
import { makeRun } from '../report/runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-viewed-'));
afterAll(() => rmSync(root, { recursive: true }));

it('is that a process which trained was killed, though its lock lies there still', async () => {
  const folder = await makeRun(root, 'ptb', 'sri', undefined, []);
  const viewed = { folders: [], root };
  const before = await stateOf(viewed);
  const lock = folder.lock();
  const training = await stateOf(viewed);
  const file = path.join(folder.directory, 'training.lock');
  const held = readFileSync(file, 'utf8');
  lock.release();
  writeFileSync(file, held.replace(`"pid":${process.pid}`, '"pid":4194305'));
  expect(training).not.toBe(before);
  expect(await stateOf(viewed)).toBe(before);
});
