import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { studies } from '../../src/report/sweep.js';
import { type MeasuredRun, readRun } from '../../src/runs/measured-run.js';
import { makeRun } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-studies-'));
afterAll(() => rmSync(root, { recursive: true }));

/** The run with another hidden size, by the name that a sweep would give it. */
function variant(measured: MeasuredRun, hiddenSize: number): MeasuredRun {
  const { run } = measured;
  const name = `${run.name}@hiddenSize-${hiddenSize}`;
  return { ...measured, run: { ...run, name, model: { ...run.model, hiddenSize } } };
}

it('a study is of two variants of a setting or more, with the keys that they differ in', async () => {
  const [plain, languageModel] = await Promise.all(
    ['sri', 'lstm-lm'].map(async (method) => readRun(await makeRun(root, 'ptb', method, undefined, []))),
  );
  const other = variant(plain!, 8);
  expect(studies([other])).toEqual([]);
  expect(studies([plain!, variant(languageModel!, 8)])).toEqual([]);
  expect(studies([plain!, other, languageModel!])).toEqual([
    { variants: [[plain], [other]], keys: ['model.hiddenSize'] },
  ]);
});
