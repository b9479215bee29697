// A run in PyTorch and back, by the scripts of examples/pytorch: the same perplexity in both, and weights that PyTorch changed
// measured here as they are measured there.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sri } from './cli/in-process.js';
import { writeStudy } from './cli/reproduce/study.js';

const EXAMPLES = fileURLToPath(new URL('../examples/pytorch/', import.meta.url));

/** A Python that has torch: SRI_PYTHON, or the one on the path. */
const python = [process.env.SRI_PYTHON, 'python3', 'python'].find(
  (candidate) => candidate !== undefined && spawnSync(candidate, ['-c', 'import torch']).status === 0,
);
if (python === undefined) {
  process.stderr.write('\nThe test of examples/pytorch DOES NOT RUN: no Python with torch; name one in SRI_PYTHON\n');
}

describe.skipIf(python === undefined)('examples/pytorch', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-pytorch-'));
  const before = process.cwd();
  const script = (name: string, ...args: string[]) =>
    execFileSync(python!, ['-B', path.join(EXAMPLES, name), ...args], { cwd: root, encoding: 'utf8' });
  const perplexity = async (run: string) => {
    const all = [
      '--metric',
      'ppl',
      '--set',
      'evaluation.sentences=null',
      '--set',
      'evaluation.perplexitySentences=null',
    ];
    const { code, out, error } = await sri('eval', '--run', run, ...all, '--json');
    expect(code, error).toBe(0);
    return JSON.parse(out.trimEnd().split('\n').at(-1)!).value as number;
  };

  beforeAll(async () => {
    process.chdir(root);
    writeStudy(root);
    for (const command of ['prepare --from .', 'train --method lstm-lm']) {
      const [name, ...args] = command.split(' ');
      const { code, error } = await sri(name!, '--config', 'tiny.yaml', ...args);
      expect(code, error).toBe(0);
    }
    const { code, error } = await sri('export', 'runs/tiny/lstm-lm/seed-0', '--out', 'lm');
    expect(code, error).toBe(0);
  }, 120_000);
  afterAll(() => {
    process.chdir(before);
    rmSync(root, { recursive: true });
  });

  it('gives the perplexity that we give', async () => {
    const ours = await perplexity('lm');
    expect(Number(script('perplexity.py', 'lm', 'tiny.test.txt'))).toBeCloseTo(ours, 4);
  }, 120_000);

  it('brings weights back that were trained there', async () => {
    script('finetune.py', 'lm', 'tiny.test.txt', 'tuned');
    // It reads the vocabulary of the run that it began as.
    execFileSync('cp', ['lm/vocabulary.txt', 'tuned']);
    const ours = await perplexity('tuned');
    expect(Number(script('perplexity.py', 'tuned', 'tiny.test.txt'))).toBeCloseTo(ours, 4);
    expect(ours).toBeLessThan(0.99 * (await perplexity('lm')));
    expect(readFileSync('tuned/best.safetensors').equals(readFileSync('lm/best.safetensors'))).toBe(false);
  }, 120_000);
});
