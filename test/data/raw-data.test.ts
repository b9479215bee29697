// The known sets themselves, where SRI_RAW_DATA names a folder that holds their raw files (ptb/, yelp/, ...).
// The numbers are those of the papers that use them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { equalLengthBatches } from '../../src/data/batches.js';
import type { DataSetDefinition } from '../../src/data/define-data-set.js';
import { type PrepareOptions, prepareCorpus } from '../../src/data/prepare.js';
import { ptb } from '../../src/data/sets/ptb.js';
import { sotu } from '../../src/data/sets/sotu.js';
import { yelp } from '../../src/data/sets/yelp.js';
import { rawFiles } from '../../src/data/sources.js';

const from = process.env.SRI_RAW_DATA;
if (!from) process.stderr.write('SRI_RAW_DATA is not set: the tests on the Penn Treebank and Yelp do not run\n');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sri-raw-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function prepare(
  set: DataSetDefinition,
  settings: Pick<PrepareOptions, 'vocabularySize' | 'maxLength' | 'overLong'>,
) {
  const { name, format, published } = set;
  const splits = await rawFiles(set, { from, rawDirectory: join(directory, 'raw', name) });
  const output = join(directory, name);
  return prepareCorpus({ name, output, splits, published, ...format, ...settings });
}

describe.skipIf(!from)('raw data', () => {
  it('of the Penn Treebank has 10,000 types, 929,589 training tokens and no word left out', async () => {
    const { report, statistics, splits } = await prepare(ptb, {
      vocabularySize: 10_000,
      maxLength: 200,
      overLong: 'truncate',
    });
    expect(report.warnings).toEqual([]);
    expect(report.wordsBeyondLimit).toBe(0);
    expect(statistics.vocabulary).toBe(10_000 + 2);
    const { train, valid, test } = statistics.splits;
    expect([train.sentences, valid.sentences, test.sentences]).toEqual([42_068, 3_370, 3_761]);
    // Mikolov's counts, which include a </s> for each sentence.
    const tokens = [train, valid, test].map(({ words, sentences }) => words + sentences);
    expect(tokens).toEqual([929_589, 73_760, 82_430]);
    expect(train.types).toBe(9_998);
    expect(train.unknown).toBe(45_020);

    const batches = equalLengthBatches(splits.train, 32, { key: { seed: 0, epoch: 0 } });
    const covered = batches.shapes().reduce((sum, { size, tokens: length }) => sum + size * length, 0);
    expect(covered).toBe(929_589);
  });

  it('of Yelp has the sentiment as label', async () => {
    const { labels, statistics } = await prepare(yelp, { vocabularySize: 10_000, maxLength: 200, overLong: 'drop' });
    expect(labels).toEqual(['0', '1']);
    expect(statistics.splits.train.sentences).toBe(100_000);
    expect(statistics.vocabulary).toBeLessThan(10_002);
  });
});

describe('the State of the Union addresses', () => {
  it('come from the installed package, each party a label, and fit a small vocabulary', async () => {
    const splits = await rawFiles(sotu, { rawDirectory: join(directory, 'raw-sotu') });
    const corpus = await prepareCorpus({
      name: 'sotu',
      output: join(directory, 'sotu'),
      splits,
      vocabularySize: 5_000,
      maxLength: 20,
      overLong: 'drop',
      unknownToken: '<unk>',
      labelColumn: 'required',
    });
    expect(corpus.labels).toContain('Whig & Democratic');
    expect(corpus.vocabulary.size).toBe(5_002);
    const { train, valid, test } = corpus.statistics.splits;
    expect(train.maxLength).toBe(20);
    const share = (valid.sentences + test.sentences) / (train.sentences + valid.sentences + test.sentences);
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.25);
    for (const frequent of ['the', 'u.s.', 'mr.', 'N', '.', "america's"]) {
      expect(corpus.vocabulary.words).toContain(frequent);
    }
  });
});
