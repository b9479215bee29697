// Two layers of codes under a prior that is learned, through every command on a labelled language of a few words: whatever is
// measured, drawn or written of a method, is of this one, whose prior is not N(0, I) and whose codes are known by their noise.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LatentModel } from '../../src/evaluation/evaluated-model.js';
import { encode } from '../../src/experiments/encode.js';
import { generateRun } from '../../src/experiments/generate.js';
import { interpolateRun } from '../../src/experiments/interpolate.js';
import { type OpenRun, openRun } from '../../src/experiments/open-run.js';
import { Answerer } from '../../src/experiments/view/answerer.js';
import { drawNormals } from '../../src/inference/sentence-noise.js';
import { walkToPrior } from '../../src/inference/tilted-prior.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { decodeNpy } from '../../src/storage/npy.js';
import { sri, sriGiven } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-learned-prior-'));
const before = process.cwd();
const METHOD = ['--method', 'joint-energy-prior'];

const CONFIG = `
dataSet: moods
threads: 1
backend: cpu
data: { vocabularySize: 12, maxLength: 4, labelColumn: required }
model: { latentSize: 3, wordVectorSize: 4, hiddenSize: 6, weightRange: 0.6 }
optimizer: { name: adam, learningRate: 0.03 }
training: { batchSize: 8, epochs: 1, validationSentences: 2, validation: { draws: 4, chains: 3, metropolisSteps: 1 } }
evaluation:
  draws: { fitted: 20, jacobian: 2, ais: 2 }
  chains: 3
  metropolisSteps: 2
  temperatures: 2
  aisSentences: 2
  perplexitySentences: 6
  inferenceChains: 4
  featureDraws: 2
  klChains: { gaussian: 6 }
methods:
  lstm-lm: {}
  joint-energy-prior:
    startFrom: { decoder: lstm-lm }
    layers: { upper: 1, hiddenSize: 4 }
    energyPrior:
      hiddenSize: 4
      learningRate: 1
      prior: { steps: 3, stepSize: 0.1 }
      posterior: { steps: 3, stepSize: 0.1, temperature: 1 }
`;

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('moods.yaml', CONFIG);
  const line = (i: number) =>
    i % 2
      ? `glad\t${i % 3 ? 'we' : 'they'} ${i % 4 === 1 ? 'laugh' : 'sing'}`
      : `sad\t${i % 3 ? 'we' : 'they'} ${i % 4 ? 'weep' : 'sigh'}`;
  for (const [split, count] of [
    ['train', 32],
    ['valid', 8],
    ['test', 8],
  ] as const) {
    writeFileSync(`moods.${split}.txt`, `${Array.from({ length: count }, (_, i) => line(i)).join('\n')}\n`);
  }
  const { code, error } = await sri('reproduce', '--from', '.', '--tables', '1,4,5', '--methods', 'joint-energy-prior');
  expect(code, error).toBe(0);
}, 300_000);
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('a learned prior over two layers', () => {
  it('has its lines in Tables 1, 4 and 5', () => {
    for (const [table, columns] of [
      ['table1', ['ppl', 'recon', 'au']],
      ['table4', []],
      ['table5', []],
    ] as const) {
      const [head, ...lines] = readFileSync(`tables/moods/${table}.csv`, 'utf8').trimEnd().split('\n');
      const line = lines.find((one) => one.includes('Joint energy prior'));
      expect(line, table).toBeDefined();
      const cells = new Map(head!.split(',').map((name, i) => [name.toLowerCase(), line!.split(',')[i]!]));
      for (const column of columns) expect(Number.isFinite(Number(cells.get(column))), column).toBe(true);
    }
  });

  it('says of its perplexity what it knows of the constant', async () => {
    const { code, out, error } = await sri('eval-ppl', ...METHOD, '--estimator', 'ais', '--json');
    expect(code, error).toBe(0);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    const { value, facts } = rows.find(({ metric }) => metric === 'ppl');
    expect(value).toBeGreaterThan(1);
    expect(facts.pplWithNormalizerFromBelow).toBeGreaterThan(1);
    expect(Number.isFinite(facts.logNormalizerFromAbove)).toBe(true);
  });

  it('is encoded, decoded, moved, looked up, drawn and written', async () => {
    const encoded = await sriGiven(['encode', ...METHOD, '--format', 'npy'], 'we laugh\nthey weep\n');
    expect(encoded.code, encoded.error).toBe(0);
    expect(decodeNpy(encoded.out, 'out').shape).toEqual([2, 3]);
    const decoded = await sriGiven(['decode', ...METHOD], encoded.out);
    expect(decoded.code, decoded.error).toBe(0);
    expect(decoded.out.toString().trimEnd().split('\n')).toHaveLength(2);
    for (const command of [
      ['neighbours', '--count', '2'],
      ['transfer', '--labels', '20', '--to', 'glad'],
    ]) {
      const { code, error, out } = await sriGiven([...command, ...METHOD], 'we weep\n');
      expect(code, `${command[0]}: ${error}`).toBe(0);
      expect(out.length).toBeGreaterThan(0);
    }
    for (const command of ['generate --count 3', 'interpolate --points 3', 'posterior', 'report']) {
      const { code, error, out } = await sri(...command.split(' '), ...(command === 'report' ? [] : METHOD));
      expect(code, `${command}: ${error}`).toBe(0);
      expect(out.length).toBeGreaterThan(0);
    }
    expect(existsSync('runs/moods/joint-energy-prior/seed-0')).toBe(true);
  });

  it('has at the ends of a way between sentences the codes that they have elsewhere', async () => {
    const folder = new RunFolder('runs/moods/joint-energy-prior/seed-0');
    const opened = await openRun(folder.config(), folder);
    const seen: number[][] = [];
    const model: LatentModel = {
      ...(opened.model as LatentModel),
      posterior: (batch, likelihood, keys, pathDraws) => {
        seen.push([...keys.sentences]);
        return (opened.model as LatentModel).posterior(batch, likelihood, keys, pathDraws);
      },
    };
    await interpolateRun({ ...opened, model }, { between: { from: 'we laugh', to: 'glad\twe laugh' }, points: 2 });
    await encode({ ...opened, model }, { lines: ['they weep', 'we laugh'], source: 'a test' });
    const [[from, to], [, elsewhere]] = seen as [number[], number[]];
    expect([from, to]).toEqual([elsewhere, elsewhere]);
    opened.dispose();
  });

  it('is what sentences and the ends of their ways are drawn from', async () => {
    const folder = new RunFolder('runs/moods/joint-energy-prior/seed-0');
    const opened = await openRun(folder.config(), folder);
    const drawn = async (from: OpenRun) => {
      const request = {
        decoding: { method: 'sample', temperature: 1, seed: 3 },
        count: 3,
        pairs: 2,
        points: 2,
      } as const;
      const made = [await generateRun(from, request), await interpolateRun(from, request)];
      return made.map(({ items }) => items.map(({ logProbability }) => logProbability));
    };
    const { prior, ...model } = opened.model as LatentModel;
    expect(prior).toBeDefined();
    const [own, standard] = [await drawn(opened), await drawn({ ...opened, model })];
    for (const [i, command] of ['generate', 'interpolate'].entries()) expect(own[i], command).not.toEqual(standard[i]);
    // And the page's codes of the prior.
    const answerer = new Answerer({ backend: 'cpu', threads: 1 });
    const { code } = (await answerer.answer({ ask: 'sample', run: folder.directory, number: 5 })) as { code: number[] };
    const keys = { seed: opened.run.seed, sentences: Int32Array.of(5) };
    const normals = drawNormals(keys, 'prior-sample', { from: 0, to: 1, size: 3 });
    expect(code).toEqual([...walkToPrior(prior!(), normals, keys)]);
    expect(code).not.toEqual([...normals]);
    await answerer.dispose();
    opened.dispose();
  });
});
