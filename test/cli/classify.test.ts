// Classification from text to rows, in one process; and its rows and refusals, of a model that is made up.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifyRun } from '../../src/cli/classify.js';
import type { Io } from '../../src/cli/io.js';
import type { Progress } from '../../src/cli/progress.js';
import type { Batch } from '../../src/data/batches.js';
import { EncodedSplit, type PreparedCorpus } from '../../src/data/corpus.js';
import { InputError } from '../../src/errors.js';
import type { OpenRun } from '../../src/experiments/open-run.js';
import { RandomStream } from '../../src/random/philox.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-classify-'));
const before = process.cwd();
beforeAll(() => process.chdir(root));
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri classify', () => {
  const CONFIG = `
dataSet: moods
backend: cpu
data: { vocabularySize: 30, maxLength: 12, labelColumn: required }
model: { latentSize: 3, wordVectorSize: 6, hiddenSize: 8 }
training: { batchSize: 8, epochs: 1 }
methods: { ae: {} }
`;

  /** Lines of sentences whose words all come from one of two halves of the vocabulary: the label. */
  function lines(count: number): string {
    const stream = new RandomStream({ seed: count, purpose: 'shuffle' });
    const sentences = Array.from({ length: count }, (_, i) => {
      const words = Array.from({ length: 3 + stream.integer(2) }, () => `w${10 * (i % 2) + stream.integer(10)}`);
      return `${i % 2 ? 'glad' : 'sad'}\t${words.join(' ')}`;
    });
    return `${sentences.join('\n')}\n`;
  }

  beforeAll(async () => {
    writeFileSync('moods.yaml', CONFIG);
    writeFileSync('moods.train.txt', lines(40));
    writeFileSync('moods.valid.txt', lines(8));
    writeFileSync('moods.test.txt', lines(16));
    await sri('prepare', '--config', 'moods.yaml', '--from', '.');
    const { code, error } = await sri('train', '--config', 'moods.yaml', '--method', 'ae');
    expect(code, error).toBe(0);
  }, 60_000);

  it('prints and keeps a row for each number of labels, and says which the text has not', async () => {
    const args = ['--config', 'moods.yaml', '--method', 'ae', '--labels', '0,10,500', '--draws', '2'];
    const { code, out, error } = await sri('classify', ...args);
    expect(code, error).toBe(0);
    expect(out).toMatch(/^accuracy labels-0 .* by gaussian-mixture; 16 sentences of test, epoch 1/m);
    expect(out).toMatch(/^accuracy labels-10 .* by svm; 16 sentences of test/m);
    expect(error).toMatch(/40 training sentences, so no accuracy with 500 labels/);
    expect(readdirSync('runs/moods/ae/seed-0/rows').filter((name) => name.startsWith('accuracy'))).toEqual([
      'accuracy.labels-0.gaussian-mixture.test.epoch-1.16-sentences.json',
      'accuracy.labels-10.svm.test.epoch-1.16-sentences.json',
    ]);
  });

  it('refuses what is no number of labels', async () => {
    for (const labels of ['many', '', '1']) {
      const { code, error } = await sri('classify', '--config', 'moods.yaml', '--method', 'ae', '--labels', labels);
      expect(code, error).toBe(2);
    }
  });
});

describe('classifyRun', () => {
  const io: Io = { out: new Writable(), error: new Writable(), stop: new AbortController().signal };
  const told: object[] = [];
  const progress: Progress = { update: () => {}, say: (_, fields) => told.push(fields), end: () => {} };

  /** Sentences of one word, which is its label's: 10 or 11. */
  function split(name: string, count: number): EncodedSplit {
    const labels = Int32Array.from({ length: count }, (_, i) => Math.floor(i / 3) % 2);
    const offsets = Int32Array.from({ length: count + 1 }, (_, i) => i);
    return new EncodedSplit(
      name,
      labels.map((label) => 10 + label),
      offsets,
      labels,
    );
  }

  /** An opened run of a model that infers of a sentence its word, and which draws it was asked for. */
  function opened(labels: string[] | null = ['sad', 'glad'], hasLatent = true): OpenRun {
    const model = {
      hasLatent,
      latentSize: 2,
      inference: 'short-run',
      likelihood: () => ({ dispose() {} }),
      posterior: ({ targets, size }: Batch, _: unknown, { sentences }: { sentences: Int32Array }) => ({
        mean: (draws: number) =>
          Float32Array.from([...targets.subarray(0, size)].flatMap((word, i) => [word, (draws * sentences[i]!) / 1e4])),
      }),
    };
    const splits = { train: split('train', 60), valid: split('valid', 20), test: split('test', 30) };
    return {
      run: {
        name: 'sri',
        method: 'sri',
        seed: 3,
        training: { batchSize: 8 },
        evaluation: { featureDraws: 5, sentences: null },
      } as OpenRun['run'],
      folder: new RunFolder(path.join(root, 'made-up')),
      corpus: { directory: 'data/moods', labels, splits } as unknown as PreparedCorpus,
      model: model as unknown as OpenRun['model'],
      decoder: null as unknown as OpenRun['decoder'],
      epoch: 4,
      provenance: { epoch: 4, backend: 'cpu', threads: 1, commit: 'abc' },
      dispose: () => {},
    };
  }

  it('classifies by what the model infers, and keeps rows with their provenance', async () => {
    const rows = await classifyRun(opened(), { labels: [0, 20], draws: 2, split: 'test' }, io, progress);
    expect(rows).toMatchObject([
      {
        variant: 'labels-0',
        estimator: 'gaussian-mixture',
        value: 1,
        draws: 5,
        sentences: 30,
        epoch: 4,
        commit: 'abc',
      },
      { variant: 'labels-20', estimator: 'svm', value: 1, draws: 5, split: 'test', seed: 3, backend: 'cpu' },
    ]);
    const folder = path.join(root, 'made-up', 'rows');
    const kept = readdirSync(folder).map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
    expect(kept).toEqual(rows);
  });

  it('gives the same numbers whatever else is asked for, and limits the items', async () => {
    const plain = ({ seconds, ...row }: object & { seconds: number }) => row;
    const [, alone] = await classifyRun(opened(), { labels: [0, 20], draws: 2, split: 'test' }, io, progress);
    const [, among] = await classifyRun(opened(), { labels: [10, 20], draws: 2, split: 'test' }, io, progress);
    expect(plain(among!)).toEqual(plain(alone!));
    const [limited] = await classifyRun(opened(), { labels: [0], draws: 1, split: 'valid', limit: 8 }, io, progress);
    expect(limited).toMatchObject({ sentences: 8, split: 'valid', facts: { fittedItems: 8 } });
  });

  it('passes over more labels than there are, and says so', async () => {
    const rows = await classifyRun(opened(), { labels: [20, 100], draws: 1, split: 'test' }, io, progress);
    expect(rows.map(({ variant }) => variant)).toEqual(['labels-20']);
    expect(told.at(-1)).toEqual({ event: 'skipped', labels: 100, trainingSentences: 60 });
  });

  it('refuses a model without a code, and a text without classes', async () => {
    const request = { labels: [0], draws: 1, split: 'test' } as const;
    const refusal = async (run: OpenRun) => {
      const error: unknown = await classifyRun(run, request, io, progress).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    };
    expect(await refusal(opened(['sad', 'glad'], false))).toMatch(/sri has no latent code/);
    expect(await refusal(opened(null))).toMatch(/data\/moods has no labels; prepare a text of label<TAB>text lines/);
    expect(await refusal(opened(['all']))).toMatch(/one class alone/);
  });
});
