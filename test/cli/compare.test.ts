// Runs against each other over the same sentences, and a run handed on.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeSentenceValues, encodeSentenceValues } from '../../src/runs/sentence-values.js';
import { sri } from './in-process.js';
import { writeStudy } from './reproduce/study.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-compare-'));
const before = process.cwd();
const runs = [0, 1].map((seed) => `runs/tiny/lstm-lm/seed-${seed}`);

const done = async (...args: string[]) => {
  const { code, out, error } = await sri(...args);
  expect(code, error).toBe(0);
  return out;
};

beforeAll(async () => {
  process.chdir(root);
  writeStudy(root);
  await done('prepare', '--config', 'tiny.yaml', '--from', '.');
  for (const [seed, run] of runs.entries()) {
    await done('train', '--config', 'tiny.yaml', '--method', 'lstm-lm', '--seed', String(seed));
    await done('eval', '--run', run, '--metric', 'ppl');
  }
}, 120_000);
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

it('differs from the first run by the mean over common sentences', async () => {
  const out = await done('compare', ...runs, '--json');
  const [first, second] = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(first.difference).toBeNull();
  expect(second).toMatchObject({ metric: 'ppl', estimator: 'exact', split: 'test', folder: runs[1] });
  // The perplexities are exact and of the same words, so their logs differ by the difference over the words.
  const row = JSON.parse(readFileSync(path.join(runs[0]!, 'rows', rowsOf(runs[0]!)), 'utf8'));
  const nats = ((Math.log(second.value) - Math.log(first.value)) * row.words) / row.sentences;
  expect(second.difference.value).toBeCloseTo(nats, 4);
  expect(second.difference.count).toBe(row.sentences);
  expect(second.difference.standardError).toBeGreaterThan(0);
  expect(await done('compare', ...runs)).toMatch(
    /^ppl +lstm-lm seed 0 .* - +- +exact\n +lstm-lm seed 1 .* ± .*\d +exact$/m,
  );
});

function rowsOf(run: string): string {
  return readdirSync(path.join(run, 'rows')).find((name) => name.endsWith('.json'))!;
}

it('says how many sentences two rows have in common, and refuses rows that have none', async () => {
  const few = 'few';
  cpSync(runs[1]!, few, { recursive: true });
  for (const file of readdirSync(path.join(few, 'rows'))) rmSync(path.join(few, 'rows', file), { recursive: true });
  await done('eval', '--run', few, '--metric', 'ppl', '--limit', '3');
  const all = await done('compare', ...runs, '--json');
  const { sentences } = JSON.parse(all.split('\n')[0]!);
  expect(await done('compare', runs[0]!, few)).toMatch(
    new RegExp(`^ +lstm-lm seed 1 .* 3 of 3 and ${sentences} +exact$`, 'm'),
  );
  expect(JSON.parse((await done('compare', runs[0]!, few, '--json')).trimEnd().split('\n')[1]!)).toMatchObject({
    sentences: 3,
    ofFirst: sentences,
    difference: { count: 3 },
  });
  // As of another part of the split.
  const file = path.join(
    few,
    'rows',
    readdirSync(path.join(few, 'rows')).find((name) => name.endsWith('.safetensors'))!,
  );
  const values = decodeSentenceValues(readFileSync(file), file);
  const elsewhere = { ...values, index: values.index.map((place) => place + 1000) };
  writeFileSync(file, Buffer.concat(encodeSentenceValues(elsewhere)));
  const refused = await sri('compare', runs[0]!, few);
  expect(refused.error).toMatch(
    /ppl: few was measured on 3 sentences, none of them among the \d+ of runs.*sri eval --metric ppl/,
  );
  expect(refused.code).toBe(2);
});

it('says of which run nothing was measured, and what measures it', async () => {
  cpSync(runs[1]!, 'bare', { recursive: true });
  rmSync('bare/rows', { recursive: true });
  const { code, out, error } = await sri('compare', 'bare', runs[0]!);
  expect(code, error).toBe(0);
  expect(out).toMatch(/^ppl +lstm-lm seed 0 /m);
  expect(error).toBe('bare: nothing was measured of it on the test split yet: sri eval --run bare\n');
});

it('refuses one run, and what is none', async () => {
  expect((await sri('compare', runs[0]!)).error).toMatch(/takes two run folders or more/);
  expect((await sri('compare', runs[0]!, 'nowhere')).error).toMatch(/nowhere: no run here/);
  expect((await sri('compare', ...runs, '--split', 'valid')).error).toMatch(/nothing was measured .* valid split/);
});

it('is handed on as a folder that commands take, with the corpus elsewhere', async () => {
  const out = await done('export', runs[0]!, '--out', 'handed');
  for (const file of ['README.md', 'best.safetensors', 'config.json', 'manifest.json', 'vocabulary.txt']) {
    expect(out).toContain(file);
    expect(existsSync(path.join('handed', file))).toBe(true);
  }
  expect(readFileSync('handed/README.md', 'utf8')).toMatch(/^\| ppl \| \d+\.\d+ ± .* \| exact \| test \| 8 \|$/m);
  renameSync('data/tiny', 'elsewhere');
  const own = ['--run', 'handed', '--metric', 'ppl', '--split', 'valid'];
  expect((await sri('eval', ...own)).code).toBe(2);
  expect(await done('eval', ...own, '--set', 'data.directory=elsewhere')).toMatch(/^ppl +\d/);
  const byName = ['--config', 'tiny.yaml', '--method', 'lstm-lm', '--metric', 'ppl', '--split', 'valid'];
  expect(await done('eval', ...byName, '--set', 'data.directory=elsewhere')).toMatch(/^ppl +\d/);
  renameSync('elsewhere', 'data/tiny');
  expect(await sri('export', runs[1]!, '--out', '/proc/none')).toMatchObject({ code: 2 });
  expect((await sri('export', runs[1]!, '--out', 'handed')).error).toMatch(/--out handed: there is something/);
  expect((await sri('eval', ...own, '--set', 'data.maxLength=3')).error).toMatch(/what was trained stays as it is/);
});

it('leaves runs alone that lie where their copies would', async () => {
  await done('report', ...runs, '--results', 'published');
  const [first, second] = readdirSync('published/tiny/runs').map((name) => path.join('published/tiny/runs', name));
  const rows = () => [first!, second!].map((copy) => readdirSync(path.join(copy, 'rows')));
  const there = rows();
  await done('report', first!, second!, '--results', 'published');
  expect(rows()).toEqual(there);
  // One whose copy would lie upon the other.
  cpSync(runs[0]!, 'again', { recursive: true });
  renameSync(second!, `${first}-2`);
  const { code, error } = await sri('report', 'again', `${first}-2`, first!, '--results', 'published');
  expect([code, error]).toEqual([
    2,
    expect.stringMatching(/is where the copy of .* would lie.*; give another --results/),
  ]);
  expect(readdirSync(path.join(first!, 'rows'))).toEqual(there[0]);
});
