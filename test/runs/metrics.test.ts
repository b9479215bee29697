import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cutBack } from '../../src/runs/metrics.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-metrics-'));
afterAll(() => rmSync(root, { recursive: true }));

it.each([
  ['the lines of a killed process', 'a,b\n1,2\n3,4\n', 8, 'a,b\n1,2\n', null],
  ['nothing', 'a,b\n1,2\n', 8, 'a,b\n1,2\n', null],
  [
    'half a line, and tells',
    'a,b\n1,2\n3',
    12,
    'a,b\n1,2\n',
    /has 9 bytes where 12 were written: the lines after byte 8/,
  ],
  ['NUL bytes, and tells', 'a,b\n1,2\n\0\0\0\0', 12, 'a,b\n1,2\n', /has NUL bytes from byte 8/],
  ['all, and tells', '', 12, '', /has 0 bytes/],
])('metrics are cut back by %s', async (_, content, bytes, kept, lost) => {
  const file = path.join(root, 'metrics.csv');
  writeFileSync(file, content);
  const said = await cutBack(file, bytes);
  if (lost === null) expect(said.lost).toBeNull();
  else expect(said.lost).toMatch(lost);
  expect(said.bytes).toBe(kept.length);
  expect(readFileSync(file, 'utf8')).toBe(kept);
});
