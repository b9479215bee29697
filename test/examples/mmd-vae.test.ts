// The method of examples/mmd-vae: its mathematics by hand, and a run of it by the command, from a folder outside the program.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import type { Method } from '../../src/methods/define-method.js';
import { RandomStream } from '../../src/random/philox.js';

interface Example {
  default: Method;
  discrepancy(a: tf.Tensor2D, b: tf.Tensor2D, variance: number): tf.Scalar;
}
const plugin = new URL('../../examples/mmd-vae/mmd-vae.js', import.meta.url).href;
const { discrepancy }: Example = await import(plugin);

describe('discrepancy', () => {
  beforeAll(async () => {
    await useBackend('cpu', 1);
  });
  const sample = (n: number, epoch: number) => new RandomStream({ seed: 5, purpose: 'shuffle', epoch }).normals(n * 3);
  const [a, b] = [sample(5, 0), sample(7, 1)];

  /** Pair by pair, in double precision. */
  function plainly(left: ArrayLike<number>, right: ArrayLike<number>, variance: number): number {
    const kernel = (x: ArrayLike<number>, y: ArrayLike<number>) => {
      const [n, m] = [x.length / 3, y.length / 3];
      let sum = 0;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < m; j++) {
          let squared = 0;
          for (let d = 0; d < 3; d++) squared += (x[3 * i + d]! - y[3 * j + d]!) ** 2;
          sum += Math.exp(-squared / (2 * variance));
        }
      }
      return sum / (n * m);
    };
    return kernel(left, left) + kernel(right, right) - 2 * kernel(left, right);
  }
  const matrix = (values: Float32Array) => tf.tensor2d(values, [values.length / 3, 3]);

  it('is the mean kernel within each sample less twice that between them', () => {
    expect(discrepancy(matrix(a), matrix(b), 3).dataSync()[0]).toBeCloseTo(plainly(a, b, 3), 5);
    expect(discrepancy(matrix(a), matrix(a), 3).dataSync()[0]).toBeCloseTo(0, 6);
  });

  it('has the gradient that differences give', () => {
    const gradient = tf
      .grad((x) => discrepancy(x as tf.Tensor2D, matrix(b), 2))(matrix(a))
      .dataSync();
    for (const at of [0, 4, 11]) {
      const moved = (by: number) =>
        plainly(
          Float64Array.from(a, (value, i) => (i === at ? value + by : value)),
          b,
          2,
        );
      expect(gradient[at]).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 5);
    }
  });
});

it('says the same of itself in TypeScript', async () => {
  const [plain, typed] = [((await import(plugin)) as Example).default, (await import('./typed-mmd-vae.js')).default];
  expect(Object.keys(typed.config)).toEqual(Object.keys(plain.config));
  for (const part of ['name', 'label', 'inference', 'defaults', 'selects'] as const) {
    expect(typed[part]).toEqual(plain[part]);
  }
});

const SRI = fileURLToPath(new URL('../../bin/sri.js', import.meta.url));

/** The compiled program, which is what a plugin's `sri` is: a process of its own. */
describe.skipIf(!existsSync(fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))))('the command', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-mmd-'));
  const sri = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SRI, ...args], { cwd: root, encoding: 'utf8' });
    return { code: status, out: stdout, error: stderr };
  };
  const config = (plugins: string, mmd = '{ weight: 20, priorDraws: 8 }') => `
dataSet: words
backend: cpu
${plugins}
data: { vocabularySize: 20, maxLength: 8 }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 8, epochs: 1 }
evaluation: { inferenceChains: 3, draws: { encoder: 8 } }
methods:
  fb-vae: {}
  mmd-vae: { mmd: ${mmd} }
`;

  beforeAll(() => {
    for (const name of ['mmd-vae', 'distinct-2']) {
      cpSync(new URL(`../../examples/${name}/${name}.js`, import.meta.url), path.join(root, 'plugins', `${name}.js`));
    }
    const lines = Array.from({ length: 60 }, (_, i) => `${`a b c d e`.slice(0, 3 + 2 * (i % 4))} f${i % 7}\n`);
    writeFileSync(path.join(root, 'words.txt'), lines.join(''));
    writeFileSync(path.join(root, 'words.yaml'), config('plugins: [plugins/mmd-vae.js]'));
    const { code, error } = sri('prepare', '--config', 'words.yaml', '--text', 'words.txt');
    expect(code, error).toBe(0);
  }, 120_000);
  afterAll(() => rmSync(root, { recursive: true }));

  it('trains, measures and tables it, each task in a process of its own', () => {
    const { code, out, error } = sri(
      ...['reproduce', '--config', 'words.yaml', '--tables', '1,4', '--methods', 'mmd-vae', '--jobs', '1'],
      ...['--plugin', 'plugins/distinct-2.js', '--json'],
    );
    expect(code, error + out).toBe(0);
    expect(readFileSync(path.join(root, 'tables/words/table1.csv'), 'utf8')).toMatch(/^MMD-VAE,[\d.]+,/m);
    expect(readFileSync(path.join(root, 'tables/words/table4.csv'), 'utf8')).toMatch(/^MMD-VAE,[\d.]+,/m);
    const folder = path.join(root, 'runs/words/mmd-vae/seed-0');
    expect(JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')).mmd).toEqual({
      weight: 20,
      priorDraws: 8,
      kernelVariance: null,
    });
    const { plugins } = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
    // As they were asked for, though a process of its own was told their files.
    const asked = ['plugins/distinct-2.js', 'plugins/mmd-vae.js'];
    expect(plugins.map(({ name }: { name: string }) => name)).toEqual(asked);
    expect(readFileSync(path.join(folder, 'metrics.csv'), 'utf8')).toMatch(/^epoch,.*,reconstruction,kl,mmd,/);
  }, 240_000);

  it('measures it by a metric of another plugin, and says without plugins what is missing', () => {
    const run = ['--run', 'runs/words/mmd-vae/seed-0'];
    const both = ['--plugin', 'plugins/mmd-vae.js', '--plugin=plugins/distinct-2.js'];
    const measured = sri('eval', ...run, ...both, '--metric', 'recon,distinct-2');
    expect(measured.code, measured.error).toBe(0);
    expect(measured.out).toMatch(/^distinct-2 .* % +by greedy/m);
    const without = sri('eval', ...run);
    expect(without.code).toBe(2);
    expect(without.error).toMatch(/"mmd-vae" is no method here; .*--plugin.*trained with --plugin .*mmd-vae\.js/);
  }, 120_000);

  it('is passed over by plans of others that do not load it', () => {
    writeFileSync(path.join(root, 'plain.yaml'), config('').replace(/^ {2}mmd-vae.*$/m, ''));
    const plan = ['reproduce', '--config', 'plain.yaml', '--table', '1', '--methods', 'fb-vae', '--dry-run'];
    const { code, out, error } = sri(...plan);
    expect(code, error).toBe(0);
    expect(out).toMatch(/train fb-vae/);
  }, 120_000);

  it("checks the method's keys where they stand, with their lines", () => {
    writeFileSync(path.join(root, 'wrong.yaml'), config('plugins: [./plugins/mmd-vae.js]', '{ weigth: 20 }'));
    const { code, error } = sri('train', '--config', 'wrong.yaml', '--method', 'mmd-vae');
    expect(code).toBe(2);
    expect(error).toMatch(/wrong\.yaml:11: methods\.mmd-vae\.mmd\.weigth: no such key; did you mean weight\?/);
  }, 120_000);

  it('runs TypeScript where Node does, and says else what would be right', () => {
    const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
    const source = readFileSync(path.join(root, 'plugins/distinct-2.js'), 'utf8').replaceAll('distinct-2', 'typed-2');
    writeFileSync(path.join(root, 'typed.ts'), `${source}\nexport const typed: number = 2;\n`);
    const { code, out, error } = sri('eval', '--help', '--plugin', './typed.ts');
    if (major > 22 || (major === 22 && minor >= 18)) {
      expect(code, error).toBe(0);
      expect(out).toMatch(/typed-2/);
    } else {
      expect(code).toBe(2);
      expect(error).toMatch(
        /--plugin \.\/typed\.ts: Node v.* runs no TypeScript, as Node 22\.18 does; compile .*typed\.ts/,
      );
    }
  }, 120_000);

  it('is refused with its line where it cannot be loaded', () => {
    writeFileSync(path.join(root, 'broken.js'), 'export const one = 1;\nthrow new Error("out of ink");\n');
    const thrown = sri('train', '--plugin', './broken.js');
    expect([thrown.code, thrown.error]).toEqual([
      2,
      expect.stringMatching(/broken\.js:2 cannot be loaded: out of ink/),
    ]);
    writeFileSync(path.join(root, 'broken.js'), 'export const one = 1;\nexport default (\n');
    const unread = sri('train', '--plugin', './broken.js');
    expect([unread.code, unread.error]).toEqual([
      2,
      expect.stringMatching(/broken\.js(:\d)? cannot be loaded: Unexpected/),
    ]);
  }, 120_000);
});
