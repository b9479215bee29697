import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { partNotice } from '../../src/report/part.js';
import { table1 } from '../../src/report/table1.js';
import { readRun } from '../../src/runs/measured-run.js';
import { makeRun, type manifest } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-part-'));
afterAll(() => rmSync(root, { recursive: true }));

const ROW = { metric: 'ppl', estimator: 'exact', value: 90 } as const;

async function runOf(dataSet: string, sentences: typeof manifest.sentences, seed: number) {
  const folder = await makeRun(root, dataSet, 'lstm-lm', undefined, [ROW], seed);
  await folder.writeManifest({ ...folder.manifest()!, sentences });
  return readRun(folder);
}

describe('runs on a part of a published set', () => {
  it('are told by their sizes, each once', async () => {
    const whole = await runOf('snli', { train: 100_000, valid: 10_000, test: 10_000 }, 1);
    const part = await runOf('snli', { train: 21_711, valid: 2_000, test: 2_000 }, 2);
    const another = await runOf('snli', { train: 100_000, valid: 10_000, test: 999 }, 3);
    const notice = partNotice([whole, part, part, another])!;
    expect(notice).toMatch(
      /part of snli: 21,711 \/ 2,000 \/ 2,000 and 100,000 \/ 10,000 \/ 999 .* of the 100,000 \/ 10,000 \/ 10,000 publ/,
    );
    expect(partNotice([whole])).toBeNull();
  });

  it('are not guessed at where nothing was published', async () => {
    const own = await runOf('sotu', { train: 5, valid: 5, test: 5 }, 1);
    expect(partNotice([own])).toBeNull();
  });

  it('have their size beside the published one in every line of a table', async () => {
    const { columns, rows } = table1([await runOf('yelp', { train: 20_000, valid: 2_000, test: 2_000 }, 1)]);
    const cell = (name: string) => rows[0]![columns.indexOf(name)];
    expect([cell('Training sentences'), cell('Published training sentences')]).toEqual([20_000, 100_000]);
  });
});
