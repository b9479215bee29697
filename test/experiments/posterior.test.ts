// The numbers of Figure 1, of a model whose aggregate posterior is known.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/batches.js';
import { InputError, InterruptedError } from '../../src/errors.js';
import type { OpenRun } from '../../src/experiments/open-run.js';
import { farApart, posteriorRun } from '../../src/experiments/posterior.js';
import { RandomStream } from '../../src/random/philox.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { toyCorpus, toyRun } from '../training/toy.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-posterior-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('posteriorRun', () => {
  /** A model that draws N(0, 1), N(2, 1) and N(0, 0.01) in its three dimensions, whatever it reads. */
  function opened(changes: Partial<OpenRun> = {}): OpenRun {
    const model = {
      hasLatent: true,
      latentSize: 3,
      inference: 'short-run',
      likelihood: () => ({ dispose() {} }),
      posterior: (_: Batch, __: unknown, { seed, sentences }: { seed: number; sentences: Int32Array }) => {
        const draws = Array.from(sentences, (batch) =>
          Array.from(
            new RandomStream({ seed, purpose: 'posterior-sample', batch }).normals(3),
            (x, d) => [x, 2 + x, x / 10][d]!,
          ),
        );
        return { z: () => Float32Array.from(draws.flat()), mean: () => new Float32Array(3 * sentences.length) };
      },
    };
    // Says the same word until it is cut.
    const corpus = changes.corpus ?? toyCorpus(300);
    corpus.statistics.splits.train.maxLength = 4;
    const probabilities = (rows: number) => new Float32Array(rows * corpus.vocabulary.size);
    const state = { dispose() {} };
    const decoder = {
      latentSize: 3,
      start: () => state,
      step: (_: object, words: Int32Array) => ({ state, logProbabilities: probabilities(words.length) }),
      select: () => state,
    };
    return {
      run: toyRun('sri'),
      folder: new RunFolder(path.join(root, 'made-up')),
      corpus,
      model: model as unknown as OpenRun['model'],
      decoder: decoder as unknown as OpenRun['decoder'],
      epoch: 4,
      provenance: { epoch: 4, backend: 'cpu', threads: 1, commit: 'abc', weights: 'cafe', dataHash: 'f00d' },
      caveat: null,
      dispose: () => {},
      ...changes,
    };
  }

  it('keeps the numbers of the sentences that the seed draws', async () => {
    const { summary } = await posteriorRun(opened(), { sentences: 60, split: 'test' });
    const { format: _, ...kept } = JSON.parse(opened().folder.artifact('posterior.json')!);
    expect(kept).toEqual(summary);
    expect(summary).toMatchObject({ sentences: 60, split: 'test', epoch: 4, seed: 3, latentSize: 3, leaving: 2 });
    const within = (at: number) => 4 / Math.sqrt(at);
    expect(Math.abs(summary.dimensions[1]!.mean - 2)).toBeLessThan(within(60));
    expect(Math.abs(summary.dimensions[2]!.standardDeviation - 0.1)).toBeLessThan(0.1 * within(120));
    expect(summary.rms).toBeCloseTo(Math.sqrt((1 + 5 + 0.01) / 3), 0);

    const map = JSON.parse(opened().folder.artifact('posterior-map.json')!);
    expect(map.points).toHaveLength(60);
    expect(map.prior).toHaveLength(60);
    expect(map.ways).toHaveLength((10 * 9) / 2);
    expect(map.ways[0]).toMatchObject({ from: 0, to: 1, texts: { length: 7 } });

    const rows = opened()
      .folder.artifact('posterior.csv')!
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
    const codes = rows.filter(([sample]) => sample === 'posterior');
    expect(codes).toHaveLength(60);
    const [, sentence, label, , , ...columns] = codes[5]!;
    const [z, text] = [columns.slice(0, 3), columns[3]];
    const drawn = new RandomStream({ seed: 3, purpose: 'posterior-sample', batch: Number(sentence) }).normals(3);
    expect(label).toBe('');
    const { vocabulary, splits } = opened().corpus;
    expect(text).toBe(Array.from(splits.test.sentence(Number(sentence)), (id) => vocabulary.word(id)).join(' '));
    expect(z.map(Number)).toEqual([drawn[0], 2 + drawn[1]!, drawn[2]! / 10].map((x) => expect.closeTo(x!, 5)));
    const again = await posteriorRun(opened(), { sentences: 60, split: 'test' });
    expect(again.summary).toEqual(summary);
  });

  it('takes all of a split that has fewer sentences than were asked for', async () => {
    const { summary } = await posteriorRun(opened({ corpus: toyCorpus(20) }), { sentences: 1000, split: 'valid' });
    expect(summary.sentences).toBe(20);
    expect(summary.perplexity).toBe(13);
  });

  it('refuses a model without a code, and stops when asked', async () => {
    const exact = { hasLatent: false } as OpenRun['model'];
    const request = { sentences: 10, split: 'test' } as const;
    await expect(posteriorRun(opened({ model: exact }), request)).rejects.toThrow(InputError);
    await expect(posteriorRun(opened(), request, { signal: AbortSignal.abort() })).rejects.toThrow(InterruptedError);
  });
});

describe('farApart', () => {
  it('takes the corners before what is between, each once, and all where there are no more', () => {
    const corners = [0, 10].flatMap((x) => [0, 10].map((y) => ({ x, y })));
    const points = [...corners.slice(0, 1), { x: 5, y: 5 }, { x: 1, y: 0 }, ...corners.slice(1)];
    expect(farApart(points, 4).map((i) => points[i])).toEqual(expect.arrayContaining(corners));
    expect(farApart(points, 9).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(
      farApart(
        [
          { x: 0, y: 0 },
          { x: 0, y: 0 },
        ],
        2,
      ).sort(),
    ).toEqual([0, 1]);
  });
});
