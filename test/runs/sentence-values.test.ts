import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../../src/runs/run-folder.js';
import { encodeSafetensors } from '../../src/storage/safetensors.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-values-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('values by sentence', () => {
  const folder = new RunFolder(path.join(root, 'run'));
  const perSentence = { index: Int32Array.of(2, 5), value: Float32Array.of(-31.5, Number.NEGATIVE_INFINITY) };

  it('lie beside their row under its name, and are no row themselves', async () => {
    await folder.writeRow('ppl.exact', { metric: 'ppl' }, perSentence);
    expect(readdirSync(path.join(folder.directory, 'rows')).sort()).toEqual([
      'ppl.exact.json',
      'ppl.exact.safetensors',
    ]);
    expect(folder.rows().map(({ name }) => name)).toEqual(['ppl.exact']);
    expect(folder.rowValues('ppl.exact')).toEqual(perSentence);
    expect(folder.rowValues('kl')).toBeNull();
  });

  it('go when their row is replaced by one that has none', async () => {
    await folder.writeRow('au', {}, perSentence);
    await folder.writeRow('au', {});
    expect(folder.rowValues('au')).toBeNull();
    expect(existsSync(path.join(folder.directory, 'rows', 'au.json'))).toBe(true);
  });

  it('are named with their file where they are something else', () => {
    const file = path.join(folder.directory, 'rows', 'x.safetensors');
    const tensors = new Map([['index', { shape: [1], data: Int32Array.of(1) }]]);
    writeFileSync(file, Buffer.concat(encodeSafetensors(tensors)));
    expect(() => folder.rowValues('x')).toThrow(/rows\/x\.safetensors: index and value .* measure again/);
    writeFileSync(file, 'abc');
    expect(() => folder.rowValues('x')).toThrow(/x\.safetensors: not a whole safetensors file/);
  });
});
