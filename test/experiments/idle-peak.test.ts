// A machine's speed is kept as it was at idle, whatever goes on when a plan is asked for.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cacheFolder, idlePeak } from '../../src/experiments/idle-peak.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-peak-'));
afterAll(() => rmSync(root, { recursive: true }));

it('keeps the most that was seen under load, then what was seen at idle', async () => {
  const file = path.join(root, 'cache', 'peaks.json');
  let measured = 0;
  const at = (load: number, flops: number, threads = 2) =>
    idlePeak('native', threads, 'f32', {
      file,
      load,
      measure: () => {
        measured++;
        return flops;
      },
    });
  expect(await at(5, 100)).toBe(100);
  expect(await at(5, 70)).toBe(100);
  expect(await at(5, 120)).toBe(120);
  // Idle, it is believed even where it is less than what was seen in a lucky moment.
  expect(await at(0.1, 110)).toBe(110);
  expect(await at(9, 300)).toBe(110);
  expect(measured).toBe(4);
  expect(await at(9, 60, 1)).toBe(60);
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).peaks)).toHaveLength(2);
  writeFileSync(file, 'spoilt');
  expect(await at(9, 50)).toBe(50);
});

it('lies where the user keeps caches', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/c' })).toBe('/c/sri');
  expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toMatch(/\/\.cache\/sri$/);
  expect(cacheFolder({})).toMatch(/\/\.cache\/sri$/);
});
