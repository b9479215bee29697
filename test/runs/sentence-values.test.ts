import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type MeasuredRow, rowName } from '../../src/runs/row.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { encodeSafetensors } from '../../src/storage/safetensors.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-values-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A row called `<metric>.e.test.epoch-1.2-sentences.` and a sum. */
function row(metric: MeasuredRow['metric']): MeasuredRow {
  const measured = { metric, estimator: 'e', split: 'test', value: 1, standardError: null, sentences: 2, draws: 0 };
  return {
    ...measured,
    seed: 0,
    seconds: 1,
    warnings: [],
    epoch: 1,
    backend: 'cpu',
    threads: 1,
    commit: null,
    weights: 'cafe',
    dataHash: 'f00d',
    settings: {},
  };
}

describe('values by sentence', () => {
  const folder = new RunFolder(path.join(root, 'run'));
  const perSentence = { index: Int32Array.of(2, 5), value: Float32Array.of(-31.5, Number.NEGATIVE_INFINITY) };

  it('lie beside their row under its name, and are no row themselves', async () => {
    await folder.writeRow(row('ppl'), perSentence);
    expect(readdirSync(path.join(folder.directory, 'rows')).sort()).toEqual([
      `${rowName(row('ppl'))}.json`,
      `${rowName(row('ppl'))}.safetensors`,
    ]);
    expect(folder.rows()).toEqual([row('ppl')]);
    expect(folder.rowValues(row('ppl'))).toEqual(perSentence);
    expect(folder.rowValues(row('kl'))).toBeNull();
  });

  it('go when their row is replaced by one that has none', async () => {
    await folder.writeRow(row('au'), perSentence);
    await folder.writeRow(row('au'));
    expect(folder.rowValues(row('au'))).toBeNull();
    expect(existsSync(path.join(folder.directory, 'rows', `${rowName(row('au'))}.json`))).toBe(true);
  });

  it('are named with their file where they are something else', () => {
    const file = path.join(folder.directory, 'rows', `${rowName(row('mi'))}.safetensors`);
    const tensors = new Map([['index', { shape: [1], data: Int32Array.of(1) }]]);
    writeFileSync(file, Buffer.concat(encodeSafetensors(tensors)));
    expect(() => folder.rowValues(row('mi'))).toThrow(/rows\/mi.*\.safetensors: index and value .* measure again/);
    writeFileSync(file, 'abc');
    expect(() => folder.rowValues(row('mi'))).toThrow(/mi.*\.safetensors: not a whole safetensors file/);
  });
});
