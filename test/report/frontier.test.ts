import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparePage, writeResults } from '../../src/experiments/report.js';
import { frontierFigureOf, frontierLines } from '../../src/report/frontier.js';
import type { PageNumbers } from '../../src/report/page-numbers.js';
import { findRuns, type MeasuredRun, readRun } from '../../src/runs/measured-run.js';
import { makeRun, onCorpus } from './runs.js';

let root: string;
let runs: MeasuredRun[];

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'sri-frontier-'));
  const point = (ppl: number, kl: number, estimators: [string, string]) => [
    { metric: 'ppl' as const, estimator: estimators[0], value: ppl },
    { metric: 'kl' as const, estimator: estimators[1], value: kl },
  ];
  const short = ['fitted', 'gaussian'] as [string, string];
  await makeRun(root, 'ptb', 'lstm-lm', undefined, [{ metric: 'ppl', estimator: 'exact', value: 96, draws: 0 }]);
  await makeRun(root, 'ptb', 'sri', 'temperature-0.8', point(95, 4, short));
  await makeRun(root, 'ptb', 'sri', undefined, point(94, 9, short));
  await makeRun(root, 'ptb', 'sri', 'steps-40', point(90, 1, short));
  // A curve of one point is none.
  await makeRun(root, 'ptb', 'sri', 'annealed', point(99, 5, short));
  await makeRun(root, 'ptb', 'fb-vae', 'target-4', point(98, 4.2, ['encoder', 'closed-form']));
  await makeRun(root, 'ptb', 'fb-vae', undefined, point(97, 8.3, ['encoder', 'closed-form']));
  runs = findRuns(root, 'ptb').map(readRun);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('the frontier', () => {
  it('has a curve for each setting that varies, in order, and the language model as a line', () => {
    const lines = frontierLines(runs, 'test');
    expect(lines.map(({ curve, varied, ppl, kl }) => [curve, varied?.value, ppl?.value, kl?.value])).toEqual([
      ['LSTM-LM', undefined, 96, undefined],
      ['FB-VAE (decoder-reset)', 4, 98, 4.2],
      ['FB-VAE (decoder-reset)', 8, 97, 8.3],
      ['SRI (from-lm)', 0.55, 94, 9],
      ['SRI (from-lm)', 0.8, 95, 4],
    ]);
    expect(frontierLines(runs.filter(({ run }) => run.method !== 'fb-vae').slice(0, 2), 'test')).toEqual([]);
  });

  it('has curves of its own for what a study varies beside, with the language model of that variant', () => {
    const swept = runs.map((measured): MeasuredRun => {
      const { run } = measured;
      const name = `${run.name}${run.name.includes('@') ? '-' : '@'}hiddenSize-64`;
      return { ...measured, run: { ...run, name, model: { ...run.model, hiddenSize: 64 } } };
    });
    const curves = (of: readonly MeasuredRun[]) =>
      frontierLines(of, 'test').map(({ curve, varied }) => [curve, varied?.value]);
    const small = [
      ['FB-VAE (decoder-reset-hiddenSize-64)', 4],
      ['FB-VAE (decoder-reset-hiddenSize-64)', 8],
      ['SRI (from-lm-hiddenSize-64)', 0.55],
      ['SRI (from-lm-hiddenSize-64)', 0.8],
    ];
    expect(curves(swept)).toEqual([['LSTM-LM (hiddenSize-64)', undefined], ...small]);
    const both = curves([...runs, ...swept]);
    expect(both).toHaveLength(10);
    expect(both).toEqual(expect.arrayContaining([...curves(runs), ...small]));
    // The language model of a variant that has no curve is not there.
    const models = swept.filter(({ run }) => run.method === 'lstm-lm');
    expect(curves([...runs, ...models])).toEqual(curves(runs));
  });

  it('draws no curve through runs on different corpora, and tells those of each apart', () => {
    const named = (name: string) => runs.filter(({ run }) => run.name === name);
    const elsewhere = (of: readonly MeasuredRun[]) => of.map((measured) => onCorpus(measured, 'beef'));
    expect(frontierLines([...named('sri'), ...elsewhere(named('sri@temperature-0.8'))], 'test')).toEqual([]);
    const { curves } = frontierFigureOf(frontierLines([...runs, ...elsewhere(runs)], 'test'));
    expect(curves.map(({ label, points }) => [label, points.length])).toEqual(
      ['FB-VAE (decoder-reset)', 'SRI (from-lm)'].flatMap((label) =>
        ['f00d', 'beef'].map((hash) => [`${label} of corpus ${hash}`, 2]),
      ),
    );
  });

  it('has the KL of all short runs by one estimator, which none of them disowns', async () => {
    const mixed = path.join(root, 'mixed');
    const kls = (jacobian: number, gaussian: number, notPositiveDefinite: number) => [
      { metric: 'ppl' as const, estimator: 'fitted', value: 90 },
      { metric: 'kl' as const, estimator: 'jacobian', value: jacobian, notPositiveDefinite },
      { metric: 'kl' as const, estimator: 'gaussian', value: gaussian },
    ];
    await makeRun(mixed, 'ptb', 'sri', undefined, kls(20, 9, 0.5));
    await makeRun(mixed, 'ptb', 'sri', 'temperature-0.8', kls(13, 4, 0));
    const found = () => frontierLines(findRuns(mixed, 'ptb').map(readRun), 'test').map(({ kl }) => kl?.value);
    expect(found()).toEqual([9, 4]);
    await makeRun(mixed, 'ptb', 'sri', undefined, kls(20, 9, 0));
    expect(found()).toEqual([20, 13]);
  });

  it('is drawn with whiskers, the value beside each point', () => {
    const { curves, references } = frontierFigureOf(frontierLines(runs, 'test'));
    expect(references).toEqual([{ label: 'LSTM-LM', ppl: { value: 96, standardError: 0.123456 } }]);
    expect(curves.map(({ label, points }) => [label, points.length])).toEqual([
      ['FB-VAE (decoder-reset)', 2],
      ['SRI (from-lm)', 2],
    ]);
    expect(curves[1]!.points[0]).toEqual({
      value: 0.55,
      ppl: { value: 94, standardError: 0.123456 },
      kl: { value: 9, standardError: 0.123456 },
    });
  });

  it('stands on the page with its table, each point with what varies there, beside the language model', async () => {
    const page = await comparePage(runs, 'test');
    const section = page.slice(page.indexOf('<h2>Perplexity against KL</h2>')).split('</section>')[0]!;
    expect(section).toContain('<figure class="chart" id="frontier-ptb">');
    expect(section).toMatch(/<th scope="row">SRI \(from-lm\)<\/th><td>temperature<\/td>\s*<td class="number">0\.8</);
    const { charts } = JSON.parse(page.match(/id="numbers">(.*?)<\/script>/s)![1]!) as PageNumbers;
    const [view] = charts.find(({ id }) => id === 'frontier-ptb')!.views;
    expect(view!.series.map(({ label, x, y, notes }) => ({ label, x, y, notes }))).toEqual([
      { label: 'FB-VAE (decoder-reset)', x: [4.2, 8.3], y: [98, 97], notes: ['at 4', 'at 8'] },
      { label: 'SRI (from-lm)', x: [4, 9], y: [95, 94], notes: ['at 0.8', 'at 0.55'] },
      { label: 'LSTM-LM', x: [4, 9], y: [96, 96], notes: undefined },
    ]);
    expect(view!.series[1]!.high![0]).toBeCloseTo(95.123456);
  });

  it('lies beside the tables, as CSV and as SVG', async () => {
    const request = { asked: [], missing: 'pass over', split: 'test', results: path.join(root, 'results') } as const;
    const { files } = await writeResults(runs, request);
    expect(files).toEqual(expect.arrayContaining(['frontier.csv', 'frontier.svg']));
  });
});
