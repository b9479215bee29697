// A run that is opened while it is being trained: its new weights take their place a moment before its manifest knows them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRun } from '../../src/experiments/open-run.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { trainOnWords } from '../cli/words.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-open-run-'));
const before = process.cwd();
const folder = new RunFolder('runs/words/lstm-lm/seed-0');
const manifest = path.join(folder.directory, 'manifest.json');

beforeAll(async () => {
  process.chdir(root);
  await trainOnWords(['lstm-lm']);
}, 60_000);
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

it('waits for the manifest where the run is being trained, and refuses strange weights where it is not', async () => {
  const known = readFileSync(manifest, 'utf8');
  const { best } = folder.manifest()!.weights;
  writeFileSync(manifest, known.replaceAll(best!, 'f'.repeat(64)));
  await expect(openRun(folder.config(), folder)).rejects.toThrow(/not the weights .* sri train goes on/);
  const lock = folder.lock();
  try {
    const opening = openRun(folder.config(), folder);
    await setTimeout(300);
    writeFileSync(manifest, known);
    const opened = await opening;
    expect(opened.provenance.weights).toBe(best);
    opened.dispose();
  } finally {
    lock.release();
  }
});
