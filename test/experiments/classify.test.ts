// Rows and refusals of classification, of a model that is made up.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULTS } from '../../src/config/schema.js';
import type { Batch } from '../../src/data/batches.js';
import { EncodedSplit, type PreparedCorpus } from '../../src/data/corpus.js';
import { InputError } from '../../src/errors.js';
import { classifyRun } from '../../src/experiments/classify.js';
import type { OpenRun } from '../../src/experiments/open-run.js';
import type { MeasuredRow } from '../../src/runs/row.js';
import { RunFolder } from '../../src/runs/run-folder.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-classify-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('classifyRun', () => {
  const told: object[] = [];
  const following = { onProgress: (event: { kind: string }) => event.kind !== 'stage' && told.push(event) };

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

  /** -log p(x | z) = |z - (word, 0)|^2 / 2, so that the posterior's mode is half of the word. */
  function pulledToItsWord({ targets, size }: Batch) {
    const gradient = (z: Float32Array) => {
      const residual = z.map((value, i) => (i % 2 === 0 ? value - targets[i / 2]! : value));
      const nll = Float32Array.from(
        { length: size },
        (_, i) => (residual[2 * i]! ** 2 + residual[2 * i + 1]! ** 2) / 2,
      );
      return { nll, gradient: residual };
    };
    return { sentences: size, latentSize: 2, gradient, dispose() {} };
  }

  /** An opened run of a model that infers of a sentence its word, and which draws it was asked for. */
  function opened(labels: string[] | null = ['sad', 'glad'], hasLatent = true, modeGradients = 0): OpenRun {
    const model = {
      hasLatent,
      latentSize: 2,
      inference: 'short-run',
      likelihood: pulledToItsWord,
      posterior: ({ targets, size, indices }: Batch) => ({
        mean: (draws: number) =>
          Float32Array.from([...targets.subarray(0, size)].flatMap((word, i) => [word, (draws * indices[i]!) / 1e4])),
      }),
    };
    const splits = { train: split('train', 60), valid: split('valid', 20), test: split('test', 30) };
    return {
      run: {
        name: 'sri',
        method: 'sri',
        seed: 3,
        training: { batchSize: 8 },
        evaluation: { ...DEFAULTS.evaluation, featureDraws: 5, modeGradients, sentences: null },
      } as OpenRun['run'],
      folder: new RunFolder(path.join(root, 'made-up')),
      corpus: { directory: 'data/moods', labels, splits } as unknown as PreparedCorpus,
      model: model as unknown as OpenRun['model'],
      decoder: null as unknown as OpenRun['decoder'],
      epoch: 4,
      provenance: { epoch: 4, backend: 'cpu', threads: 1, commit: 'abc', weights: 'cafe', dataHash: 'f00d' },
      caveat: null,
      dispose: () => {},
    };
  }

  it('classifies by what the model infers, and keeps rows with their provenance', async () => {
    const rows = await classifyRun(opened(), { labels: [0, 20], draws: 2, split: 'test' }, following);
    expect(rows).toMatchObject([
      {
        variant: 'labels-0',
        estimator: 'gaussian-mixture',
        value: 1,
        draws: 5,
        sentences: 30,
        epoch: 4,
        commit: 'abc',
        weights: 'cafe',
        dataHash: 'f00d',
      },
      { variant: 'labels-20', estimator: 'svm', value: 1, draws: 5, split: 'test', seed: 3, backend: 'cpu' },
    ]);
    const folder = path.join(root, 'made-up', 'rows');
    const kept = readdirSync(folder).map((name) => {
      const { format: _, ...row } = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
      return row;
    });
    expect(kept).toEqual(rows);
  });

  it('classifies by the modes of posteriors beside the means of chains, and says what a code of either took', async () => {
    const request = { labels: [0, 20], draws: 2, split: 'test' } as const;
    const rows = await classifyRun(opened(undefined, true, 6), request, following);
    expect(rows.map(({ variant, draws, value, settings }) => [variant, draws, value, settings.modeGradients])).toEqual([
      ['labels-0', 5, 1, undefined],
      ['labels-20', 5, 1, undefined],
      ['labels-0-mode', 0, 1, 6],
      ['labels-20-mode', 0, 1, 6],
    ]);
    for (const { facts } of rows) expect(facts!.codeMilliseconds).toBeGreaterThan(0);
    expect(rows[0]!.facts).not.toHaveProperty('slope');
    // The quadratic's second step ends at its bottom.
    expect(rows[2]!.facts!.slope).toBeLessThan(1e-3);
    const [, , sameAgain] = await classifyRun(opened(undefined, true, 6), request, following);
    expect(sameAgain!.value).toBe(rows[2]!.value);
  });

  it('gives the same numbers whatever else is asked for, and limits the items', async () => {
    const plain = ({ seconds, facts, ...row }: MeasuredRow) => {
      const { codeMilliseconds: _, ...others } = facts!;
      return { ...row, facts: others };
    };
    const [, alone] = await classifyRun(opened(), { labels: [0, 20], draws: 2, split: 'test' }, following);
    const [, among] = await classifyRun(opened(), { labels: [10, 20], draws: 2, split: 'test' }, following);
    expect(plain(among!)).toEqual(plain(alone!));
    const [limited] = await classifyRun(opened(), { labels: [0], draws: 1, split: 'valid', limit: 8 }, following);
    expect(limited).toMatchObject({ sentences: 8, split: 'valid', facts: { fittedItems: 8 } });
  });

  it('passes over more labels than there are, and says so', async () => {
    const rows = await classifyRun(opened(), { labels: [20, 100], draws: 1, split: 'test' }, following);
    expect(rows.map(({ variant }) => variant)).toEqual(['labels-20']);
    expect(told).toContainEqual({ kind: 'skipped-labels', labels: 100, trainingSentences: 60 });
  });

  it('refuses where every number of labels is more than there are', async () => {
    const measured = classifyRun(opened(), { labels: [61, 100], draws: 1, split: 'test' }, following);
    await expect(measured).rejects.toThrow(
      /--labels 61,100: .*data\/moods has 60 training sentences; give 0, or 2 to 60$/,
    );
  });

  it('refuses a model without a code, and a text without classes', async () => {
    const request = { labels: [0], draws: 1, split: 'test' } as const;
    const refusal = async (run: OpenRun) => {
      const error: unknown = await classifyRun(run, request, following).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    };
    expect(await refusal(opened(['sad', 'glad'], false))).toMatch(/sri has no latent code/);
    expect(await refusal(opened(null))).toMatch(/data\/moods has no labels; prepare a text of label<TAB>text lines/);
    expect(await refusal(opened(['all']))).toMatch(/one class alone/);
  });
});
