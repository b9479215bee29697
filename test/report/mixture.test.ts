import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { checkPrepared } from '../../src/experiments/train.js';
import { layOut } from '../../src/report/layout.js';
import { mixtureNotices } from '../../src/report/mixture.js';
import { readingTable1, table1 } from '../../src/report/table1.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { toyCorpus, toyRun } from '../training/toy.js';
import { type GivenRow, makeRun, manifest } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-mixture-'));
afterAll(() => rmSync(root, { recursive: true }));

const ppl: GivenRow = { metric: 'ppl', estimator: 'fitted', value: 90 };
const cells = (runs: Parameters<typeof table1>[0], name: string) => {
  const { columns, rows } = table1(runs);
  return rows.filter((row) => row[columns.indexOf('PPL')] !== '').map((row) => row[columns.indexOf(name)]);
};

it('a copied run folder is told, and is no second seed', async () => {
  const original = await makeRun(root, 'ptb', 'sri', undefined, [ppl], 0);
  const copy = path.join(root, 'ptb', 'sri', 'seed-1');
  cpSync(original.directory, copy, { recursive: true });
  const runs = [original, new RunFolder(copy)].map(readRun);
  expect(cells(runs, 'Seeds')).toEqual([1]);
  expect(mixtureNotices(runs, 'test')).toEqual([
    expect.stringMatching(/seed-1 is \S+seed-0 once more, .* no further seed/),
  ]);
  const other = await makeRun(root, 'ptb', 'sri', undefined, [{ ...ppl, weights: 'beef' }], 2);
  await other.writeManifest({ ...manifest, weights: { best: 'beef' } });
  const two = [original, other].map(readRun);
  expect(cells(two, 'Seeds')).toEqual([2]);
  expect(mixtureNotices(two, 'test')).toEqual([]);
});

it('a copied run folder whose config says another seed, or is trained on, is no second seed either', async () => {
  const place = mkdtempSync(path.join(root, 'edited-'));
  const weights = { best: 'c0de', last: 'beef' };
  const original = await makeRun(place, 'ptb', 'sri', undefined, [{ ...ppl, weights: 'c0de' }], 0);
  await original.writeManifest({ ...manifest, weights });
  const copy = new RunFolder(path.join(place, 'ptb', 'sri', 'seed-1'));
  cpSync(original.directory, copy.directory, { recursive: true });
  const file = path.join(copy.directory, 'config.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"seed":0', '"seed":1').replace('"seed": 0', '"seed": 1'));
  const both = () => [original, copy].map(readRun);
  expect(both().map(({ run }) => run.seed)).toEqual([0, 1]);
  const told = [expect.stringMatching(/seed-1 is \S+seed-0 once more, .*, though its config\.json says seed 1\.$/)];
  expect(cells(both(), 'Seeds')).toEqual([1]);
  expect(mixtureNotices(both(), 'test')).toEqual(told);
  await copy.writeManifest({ ...manifest, weights: { ...weights, last: 'f00d' } });
  expect(cells(both(), 'Seeds')).toEqual([1]);
  expect(mixtureNotices(both(), 'test')).toEqual(told);
  await copy.writeManifest({ ...manifest, weights: { best: 'ab1e', last: 'f00d' } });
  expect(mixtureNotices(both(), 'test')).toEqual([]);
});

it.each([
  ['a symbolic link', (from: string, to: string) => symlinkSync(from, to)],
  ['hard links', (from: string, to: string) => execFileSync('cp', ['-al', from, to])],
])('a run folder of %s is no second seed either', async (_, link) => {
  const place = mkdtempSync(path.join(root, 'linked-'));
  const original = await makeRun(place, 'ptb', 'sri', undefined, [ppl], 0);
  link(original.directory, path.join(place, 'ptb', 'sri', 'seed-1'));
  const runs = findRuns(place, 'ptb').map(readRun);
  expect(runs).toHaveLength(2);
  expect(cells(runs, 'Seeds')).toEqual([1]);
  expect(mixtureNotices(runs, 'test')).toEqual([
    expect.stringMatching(/seed-1 is \S+seed-0 once more, .* no further seed/),
  ]);
});

it('of rows that differ in a setting alone, both are kept, and that of the configuration is printed', async () => {
  const degrees = (studentDegrees: number | null, value: number): GivenRow => ({
    ...ppl,
    value,
    settings: { chains: 16, metropolisSteps: 40, studentDegrees },
  });
  for (const [i, rows] of [
    [degrees(null, 90), degrees(5, 91), degrees(7, 92)],
    [degrees(7, 92), degrees(5, 91), degrees(null, 90)],
  ].entries()) {
    const run = readRun(await makeRun(mkdtempSync(path.join(root, 'set-')), 'ptb', 'sri', undefined, rows, i));
    expect(run.rows).toHaveLength(3);
    expect(cells([run], 'PPL')).toEqual(['90.00']);
    const student = { ...run, run: { ...run.run, evaluation: { ...run.run.evaluation, studentDegrees: 7 } } };
    expect(cells([student], 'PPL')).toEqual(['92.00']);
    expect(mixtureNotices([run], 'test')).toEqual([]);
  }
});

it('numbers by one estimator with different settings are told', async () => {
  const settings = { chains: 16, metropolisSteps: 40, studentDegrees: 5 };
  const place = mkdtempSync(path.join(root, 'settings-'));
  const one = await makeRun(place, 'ptb', 'sri', undefined, [ppl]);
  const other = await makeRun(place, 'ptb', 'sri', 'annealed', [{ ...ppl, settings }]);
  expect(mixtureNotices([one, other].map(readRun), 'test')).toEqual([
    expect.stringMatching(
      /^PPL by fitted stands with different studentDegrees: none \(SRI\); 5 \(SRI \(annealed\)\)\.$/,
    ),
  ]);
});

it('accuracies by classifiers of different settings are told, and those of other labelled sets are not', async () => {
  const place = mkdtempSync(path.join(root, 'classifiers-'));
  const accuracy = (sets: number, settings: object, mode: object = {}): GivenRow[] => [
    {
      ...{ metric: 'accuracy', variant: 'labels-100', estimator: 'svm', value: 0.8 },
      settings: { sets, limit: null, ...settings },
    },
    {
      ...{ metric: 'accuracy', variant: 'labels-100-mode', estimator: 'svm', value: 0.8, draws: 0 },
      settings: { sets, limit: null, ...settings, ...mode },
    },
  ];
  const one = await makeRun(place, 'yelp', 'sri', undefined, accuracy(5, {}, { modeGradients: 50 }));
  const same = await makeRun(place, 'yelp', 'sri', 'annealed', accuracy(6, {}, { modeGradients: 50 }));
  expect(mixtureNotices([one, same].map(readRun), 'test')).toEqual([]);
  const other = await makeRun(place, 'yelp', 'sri', 'released', accuracy(5, { folds: 7 }, { modeGradients: 60 }));
  expect(mixtureNotices([one, other].map(readRun), 'test')).toEqual([
    'Accuracy by svm stands with different folds: none (SRI); 7 (SRI (released)).',
    'Accuracy by svm on modes stands with different modeGradients: 50 (SRI); 60 (SRI (released)).',
    'Accuracy by svm on modes stands with different folds: none (SRI); 7 (SRI (released)).',
  ]);
});

it('several corpora, and several backends of one run, are told', async () => {
  const one = await makeRun(root, 'ptb', 'lstm-lm', undefined, [], 0);
  const two = await makeRun(root, 'ptb', 'fb-vae', undefined, [], 0);
  await two.writeManifest({ ...manifest, dataHash: 'feed', backends: ['native', 'wasm'] });
  expect(mixtureNotices([one, two].map(readRun), 'test')).toEqual([
    expect.stringMatching(/^Runs on 2 different corpora stand here: f00d .*lstm-lm.*; feed .*fb-vae/),
    expect.stringMatching(/fb-vae\S+ was trained on native and then on wasm/),
  ]);
});

it('numbers of different subsets of a split are told, and those of others of their metric are not', async () => {
  const runs = await Promise.all(
    [500, 3761, 3751].map(async (sentences, seed) => {
      const rows: GivenRow[] = [
        { ...ppl, sentences },
        { metric: 'ppl', estimator: 'ais', value: 9, sentences: 4000 },
        { metric: 'recon', estimator: 'short-run', value: 9, sentences: 500 },
        { metric: 'au', estimator: 'short-run', value: 9, sentences: 10 + seed, split: 'valid' },
        { metric: 'noisy-recon', estimator: 'short-run', value: 9, sentences: 90 - seed, facts: { skipped: seed } },
      ];
      return readRun(await makeRun(mkdtempSync(path.join(root, 'subsets-')), 'ptb', 'sri', undefined, rows, seed));
    }),
  );
  expect(mixtureNotices(runs, 'test').filter((notice) => notice.includes('sentences of'))).toEqual([
    'PPL stands on different sentences of test: 500 (SRI); 3751 (SRI); 3761 (SRI). Only numbers of the same sentences ' +
      'compare closely.',
  ]);
});

it('what was measured on fewer sentences than the split has is marked, and the share of <unk> stands beside', async () => {
  const rows: GivenRow[] = [
    { ...ppl, sentences: 500 },
    { metric: 'recon', estimator: 'short-run', value: 80 },
  ];
  const runs = [readRun(await makeRun(root, 'ptb', 'sri', 'annealed', rows, 0))];
  expect(cells(runs, 'Partial')).toEqual(['PPL']);
  expect(cells(runs, 'Unknown words')).toEqual([0.046]);
  const text = layOut(readingTable1(table1(runs))).join('\n');
  expect(text).toMatch(/90\.00 ± 0\.12\*/);
  expect(text).toMatch(/80\.00 ± 0\.12 /);
  expect(text).toMatch(/^\* on fewer sentences than the split has$/m);
});

it('a corpus that was prepared with other settings is refused, key by key', () => {
  const corpus = toyCorpus();
  const run = toyRun('sri');
  const data = { ...run.data, ...corpus.settings, labelColumn: 'auto' as const, header: false };
  const { division: _, ...fitting } = data as typeof data & { division?: unknown };
  expect(() => checkPrepared({ data: fitting }, corpus)).not.toThrow();
  const other = { ...fitting, maxLength: 99, lowercase: true };
  expect(() => checkPrepared({ data: other }, corpus)).toThrow(
    /data\.maxLength: 10 there, 99 in the configuration; data\.lowercase: false there, true in/,
  );
  expect(() => checkPrepared({ data: { ...fitting, labelColumn: 'required' } }, corpus)).toThrow(/data\.labelColumn/);
});

it('a run beside the one that it began with, which has been trained on since, is told', async () => {
  const place = mkdtempSync(path.join(root, 'starts-'));
  const model = await makeRun(place, 'ptb', 'lstm-lm', undefined, [ppl], 0);
  const sri = await makeRun(place, 'ptb', 'sri', undefined, [ppl], 0);
  const startedFrom = { decoder: { run: 'lstm-lm, seed 0', epoch: 2, sha256: 'young' } };
  await sri.writeManifest({ ...manifest, weights: { best: 'own' }, startedFrom });
  const notices = async (weights: Record<string, string>) => {
    await model.writeManifest({ ...manifest, weights });
    return mixtureNotices([model, sri].map(readRun), 'test');
  };
  expect(await notices({ best: 'young' })).toEqual([]);
  expect(await notices({ best: 'old', 'epoch-2': 'young' })).toEqual([]);
  expect(await notices({ best: 'old' })).toEqual([
    expect.stringMatching(
      /sri\/seed-0 began with the decoder of lstm-lm, seed 0, after epoch 2, and \S+lstm-lm\/seed-0 has other/,
    ),
  ]);
  // Of a run that was trained before sums were kept nothing can be said.
  expect(await notices({})).toEqual([]);
});
