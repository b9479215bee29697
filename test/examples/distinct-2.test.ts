// The metric of examples/distinct-2, from its numbers by hand to the table that comes with it, planned, made and shown.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerMetric } from '../../src/evaluation/registry.js';
import { RandomStream } from '../../src/random/philox.js';
import { registerFigure } from '../../src/report/figures.js';
import { registerTable } from '../../src/report/tables.js';
import { sri } from '../cli/in-process.js';

const plugin = new URL('../../examples/distinct-2/distinct-2.js', import.meta.url).href;
const {
  default: [distinct2, variety, drawn],
  distinctPairs,
} = await import(plugin);

describe('distinctPairs', () => {
  const share = (sentences: number[][]) => {
    const pairs = sentences.flatMap((words) => words.slice(1).map((word, i) => `${words[i]} ${word}`));
    return (100 * new Set(pairs).size) / pairs.length;
  };

  it('is the share of different pairs, with the error of leaving out one sentence at a time', () => {
    const stream = new RandomStream({ seed: 3, purpose: 'shuffle' });
    const sentences = Array.from({ length: 9 }, () => Array.from({ length: 6 }, () => stream.integer(4)));
    const without = sentences.map((_, i) => share(sentences.filter((__, other) => other !== i)));
    const mean = without.reduce((sum, value) => sum + value) / 9;
    const variance = (8 / 9) * without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const { value, standardError } = distinctPairs(sentences);
    expect(value).toBeCloseTo(share(sentences), 10);
    expect(standardError).toBeCloseTo(Math.sqrt(variance), 10);
  });

  it('goes to zero where one sentence is written again and again', () => {
    expect(distinctPairs(Array.from({ length: 50 }, () => [1, 2, 3]))).toMatchObject({ value: 2 });
  });
});

describe('a run', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'sri-distinct-'));
  const before = process.cwd();
  const config = `
dataSet: words
backend: cpu
data: { vocabularySize: 20, maxLength: 8 }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
optimizer: { name: adam, learningRate: 0.1 }
training: { batchSize: 8, epochs: 8 }
evaluation: { inferenceChains: 3 }
methods: { ae: {} }
`;
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => `${`a b c d e`.slice(0, 3 + 2 * (i % 4))} f${i % 7}\n`).join('');

  beforeAll(async () => {
    process.chdir(root);
    registerMetric(distinct2);
    registerTable(variety);
    registerFigure(drawn);
    writeFileSync('words.yaml', config);
    for (const [split, count] of [
      ['train', 32],
      ['valid', 8],
      ['test', 12],
    ] as const) {
      writeFileSync(`words.${split}.txt`, lines(count));
    }
    await sri('prepare', '--config', 'words.yaml', '--from', '.');
    const { code, error } = await sri('train', '--config', 'words.yaml', '--method', 'ae');
    expect(code, error).toBe(0);
  }, 120_000);
  afterAll(() => {
    process.chdir(before);
    rmSync(root, { recursive: true });
  });

  it('has the metric in its rows, the measurements, its table and the page', async () => {
    const run = ['--config', 'words.yaml', '--method', 'ae'];
    const { code, out, error } = await sri('eval', ...run, '--metric', 'recon,distinct-2,gain');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^distinct-2 \d.* % +by greedy; 12 sentences of test/m);
    const report = await sri('report', '--config', 'words.yaml', '--html');
    expect(report.code, report.error).toBe(0);
    const written = (name: string) => readFileSync(path.join('tables', 'words', name), 'utf8');
    expect(written('measurements.csv')).toMatch(/^AE,.*,distinct-2,,greedy,\d/m);
    const [header, line] = written('further.csv').split('\n');
    expect(header).toMatch(
      /^Method,Gain over-other-sentence \(nats\),Gain over-prior \(nats\),Gain over-other-sentence /,
    );
    expect(line).toMatch(/^AE,-?[\d.e-]+,-?[\d.e-]+,/);
    expect(written('variety.csv')).toMatch(/^Method,Distinct-2 \(%\),Recon \(nats\),.*\nAE,[\d.]+,[\d.]+,/);
    expect(written('report.html')).toMatch(/Variety of what is said back[\s\S]*Distinct-2 \(%\)/);
    expect(written('report.html')).toMatch(/sri reproduce --config words\.yaml --tables 1,variety --methods ae/);
  });

  it('is planned for the table, as far as it lacks its rows, and shown by it in every form', async () => {
    const asked = ['--config', 'words.yaml', '--table', 'variety', '--methods', 'ae'];
    const foreseen = async () => (await sri('reproduce', ...asked, '--seed', '1', '--dry-run', '--json')).out;
    const tasks = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'task')
        .map(({ id, state }) => `${id}: ${state}`);
    const runs = ['train ae seed-1', 'metrics ae seed-1'];
    const stands = (state: string) => ['prepare: done', ...runs.map((id) => `${id}: ${state}`), 'report: to do'];
    expect(tasks(await foreseen())).toEqual(stands('to do'));
    const made = await sri('reproduce', ...asked, '--seed', '1');
    expect(made.code, made.error).toBe(0);
    expect(made.out).toMatch(/^Method +Distinct-2 \(%\) +Recon \(nats\).*\nAE +[\d.]+ ± [\d.]+ +[\d.]+ ± [\d.]+/m);
    expect(tasks(await foreseen())).toEqual(stands('done'));
    const markdown = await sri('report', '--config', 'words.yaml', '--table', 'variety', '--format', 'markdown');
    expect(markdown.out).toMatch(/^Variety of what is said back, on words\n\n\| Method \| Distinct-2 \(%\) \| Recon/);
    const json = JSON.parse(
      (await sri('report', '--config', 'words.yaml', '--table', 'variety', '--json')).out.split('\n')[0]!,
    );
    expect(json).toMatchObject({ event: 'table', table: 'variety', dataSet: 'words' });
  });

  it('is planned for the figure, which is drawn beside the table and charted beneath it', async () => {
    const asked = ['--config', 'words.yaml', '--figures', 'variety', '--methods', 'ae', '--seed', '2'];
    const foreseen = await sri('reproduce', ...asked, '--dry-run');
    expect(foreseen.out).toMatch(/^measure ae, seed 2.* +to do/m);
    const made = await sri('reproduce', ...asked);
    expect(made.code, made.error).toBe(0);
    expect((await sri('reproduce', ...asked, '--dry-run')).out).toMatch(/^measure ae, seed 2.* +done/m);
    const written = (name: string) => readFileSync(path.join('tables', 'words', name), 'utf8');
    const [header, line] = written('variety.csv')
      .split('\n')
      .map((text) => text.split(','));
    const [x, y] = ['Recon (nats)', 'Distinct-2 (%)'].map((name) => Number(line![header!.indexOf(name)]));
    expect(written('variety.svg')).toMatch(/^<svg [\s\S]*Variety over reconstruction/);
    const page = written('report.html');
    const section = page.slice(page.indexOf('<h2>Variety of what is said back</h2>')).split('</section>')[0]!;
    expect(section).toContain('<figure class="chart" id="variety-words">');
    const { charts } = JSON.parse(page.match(/id="numbers">(.*?)<\/script>/s)![1]!);
    const [view] = charts.find(({ id }: { id: string }) => id === 'variety-words').views;
    expect(view.series.map(({ label, seeds }: { label: string; seeds: number }) => [label, seeds])).toEqual([
      ['AE', 3],
    ]);
    expect(view.series[0].x[0]).toBeCloseTo(x!, 1);
    expect(view.series[0].y[0]).toBeCloseTo(y!, 1);
    const unknown = await sri('reproduce', '--config', 'words.yaml', '--figures', 'varieties');
    expect([unknown.code, unknown.error]).toEqual([
      2,
      expect.stringMatching(/no such figure as varieties; .*, variety/),
    ]);
    const unplanned = await sri('reproduce', '--config', 'words.yaml', '--figures', 'training-curves');
    expect(unplanned.error).toMatch(/no plan makes the figure training-curves: it is of what there is/);
  });

  it('is refused by a name that no table has, or where no plan makes it', async () => {
    const unknown = await sri('reproduce', '--config', 'words.yaml', '--table', 'varieties');
    expect([unknown.code, unknown.error]).toEqual([
      2,
      expect.stringMatching(/no such table as varieties; .*, variety/),
    ]);
    const unplanned = await sri('reproduce', '--config', 'words.yaml', '--table', 'further');
    expect(unplanned.error).toMatch(/no plan makes the table further: it is of what there is; see sri eval/);
  });

  it('is listed in help, and by what else there is to measure', async () => {
    expect((await sri('eval', '--help')).out).toMatch(/distinct-2 +different pairs .* of all, %/);
    const { error } = await sri('eval', '--config', 'words.yaml', '--method', 'ae', '--metric', 'kl');
    expect(error).toMatch(/a code that is a point has no kl; it has ppl, recon, au, gain, distinct-2/);
  });
});
