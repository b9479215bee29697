import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/config/schema.js';
import type { SriKeys } from '../../src/methods/sri.js';
import { stepsLines, stepsTable } from '../../src/report/ablation.js';
import { defineFigure } from '../../src/report/define-figure.js';
import { figuresOf } from '../../src/report/figures.js';
import type { PageNumbers } from '../../src/report/page-numbers.js';
import { reportPage } from '../../src/report/report-page.js';
import { table1 } from '../../src/report/table1.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import { POSTERIOR, POSTERIOR_SUMMARY } from '../../src/runs/posterior-files.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { type Element, elementsOf } from './markup.js';
import { type GivenRow, makeRun, manifest } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-page-'));
afterAll(() => rmSync(root, { recursive: true }));

const NASTY = '<unk> & <script>alert(1)</script>';
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>drawn</text></svg>';
const texts = { columns: ['Method', 'Sample', 'Text'], rows: [['SRI', 1, `the ${NASTY} said`]] };

function summary(epoch: number): string {
  return POSTERIOR_SUMMARY.write({
    epoch,
    backend: 'native',
    threads: 2,
    commit: null,
    weights: 'cafe',
    dataHash: 'f00d',
    seed: 3,
    latentSize: 32,
    leaving: 21,
    threshold: 0.11,
    rms: 1.25,
    perplexity: 30,
    iterations: 1000,
    dimensions: [],
    sentences: 77,
    split: 'test',
  });
}

let sri: RunFolder;
/** The page, drawn once for all who only look at it. */
let elements: Element[];

async function measuredRun(method: string, setting: string | undefined, columns: string, rows: GivenRow[]) {
  const folder = await makeRun(root, 'ptb', method, setting, rows);
  const [names, ...values] = columns.split('\n');
  const lines = [`epoch,iteration,validationLoss,${names}`, ...values];
  writeFileSync(folder.metrics, `${lines.join('\n')}\n`);
  return folder;
}

beforeAll(async () => {
  await measuredRun('lstm-lm', undefined, 'x\n4,40,5,\n5,50,4.5,', [
    { metric: 'ppl', estimator: 'exact', value: 101.5 },
  ]);
  sri = await measuredRun(
    'sri',
    undefined,
    'klDimension[0],klDimension[1],gainPosition[1]\n4,40,5.5,9,9,9\n5,50,4.75,0.5,2,1',
    [
      { metric: 'ppl', estimator: 'fitted', value: 97.777, warnings: [`beware of ${NASTY}`] },
      { metric: 'kl', estimator: 'jacobian', value: 19.8 },
      { metric: 'recon', estimator: 'short-run', value: 80, split: 'valid', warnings: ['of another split'] },
    ],
  );
  await sri.writeManifest({ ...manifest, verdict: { collapse: 'active', reason: `z matters, ${NASTY}` } });
  await sri.writeArtifact(POSTERIOR.summary, summary(5));
  await sri.writeArtifact(POSTERIOR.map, SVG);
  await sri.writeArtifact(POSTERIOR.marginals, SVG);
  elements = await page();
});

async function page(): Promise<Element[]> {
  const runs = findRuns(root, 'ptb').map(readRun);
  const steps = stepsTable(stepsLines(runs, 'test'));
  const drawn = figuresOf(['ablation-steps']).flatMap(({ name, caption, beside, make }) => {
    const made = make(runs, 'test');
    return made === null ? [] : [{ name, caption, beside, made, dataSet: 'ptb' }];
  });
  const tables = [
    { name: 'table1', caption: 'Table 1: language models', table: table1(runs), dataSet: 'ptb' },
    { name: 'table3', caption: 'Table 3: generation', table: texts, dataSet: 'ptb' },
    ...(steps.rows.length === 0 ? [] : [{ name: 'ablation-steps', caption: 'Steps', table: steps, dataSet: 'ptb' }]),
  ];
  return elementsOf(
    await reportPage({
      split: 'test',
      runs,
      tables,
      figures: drawn,
      commandsOf: () => ['sri prepare --config ptb.yaml', 'sri report'],
    }),
  );
}

describe('the page of a data set', () => {
  it('says of each run whether its code is used', () => {
    const told = elements.filter(({ name }) => name === 'td').map(({ text }) => text);
    expect(told.slice(0, 4)).toEqual(['SRI', '3', 'active', `z matters, ${NASTY}`]);
  });

  it('has the tables, numbers beside the paper’s and texts as they are', () => {
    const cells = elements.filter(({ name, within }) => name === 'td' && !within.includes('details'));
    const shown = cells.map(({ text }) => text);
    expect(shown).toEqual(expect.arrayContaining(['97.78', '94.26', '19.80', '101.50', `the ${NASTY} said`]));
    expect(elements.some(({ name }) => name === 'unk')).toBe(false);
    expect(elements.filter(({ name }) => name === 'script')).toHaveLength(2);
  });

  it('draws the curves of the runs and the best epoch’s diagnosis', () => {
    const captions = elements.filter(({ name }) => name === 'figcaption').map(({ text }) => text);
    expect(captions).toHaveLength(5);
    expect(captions[0]).toMatch(/^What validation said/);
    expect(captions[1]).toMatch(/^KL of each dimension/);
    expect(captions[2]).toMatch(/^How much less a word/);
  });

  it('says how far each dimension moves between epochs, in signal and in noise', async () => {
    const one = await measuredRun(
      'fb-vae',
      undefined,
      'signalVariance[0],signalVariance[1],posteriorVariance[0],posteriorVariance[1]\n' +
        '3,30,6,0.1,0.5,1,1\n4,40,5.5,0.4,0.6,1,0.8\n5,50,4.75,0.2,0.5,1,0.2',
      [{ metric: 'ppl', estimator: 'encoder', value: 90 }],
    );
    const numbers = (await page()).find(({ attributes }) => attributes.id === 'numbers')!;
    const { charts } = JSON.parse(numbers.text) as PageNumbers;
    const { views } = charts.find(({ id }) => id === 'movement')!;
    expect(views.map(({ series }) => series.find(({ label }) => label.startsWith('FB-VAE'))!.y)).toEqual([
      [0.25, 0.1],
      [0.4, 0],
    ]);
    rmSync(one.directory, { recursive: true });
  });

  it('shows Figure 1 of the best weights, and not of others', async () => {
    const drawn = (of: Element[]) => of.filter(({ name, text }) => name === 'text' && text === 'drawn').length;
    expect(drawn(elements)).toBe(2);
    const [caption] = elements.filter(({ name, text }) => name === 'figcaption' && text.includes('t-SNE'));
    expect(caption!.text).toMatch(/^SRI: codes of 77 sentences of test .* 21 of 32 dimensions leave N\(0, 1\)/);
    await sri.writeArtifact(POSTERIOR.summary, summary(4));
    expect(drawn(await page())).toBe(0);
    await sri.writeArtifact(POSTERIOR.summary, summary(5));
  });

  it('warns as the rows of the split do', () => {
    const warned = elements.filter(({ name, within }) => name === 'li' && !within.includes('nav'));
    expect(warned.map(({ text }) => text)).toEqual([`SRI, ppl by fitted: beware of ${NASTY}`]);
  });

  it('says what made the runs and what makes them again', () => {
    const typed = elements.filter(({ name, within }) => name === 'span' && within.at(-1) === 'code');
    expect(typed.map(({ text }) => text)).toEqual(['sri prepare --config ptb.yaml', 'sri report']);
    const made = elements.filter(({ name, text }) => name === 'dd' && text.includes('Commit'));
    expect(made).toHaveLength(2);
    expect(made[1]!.text).toMatch(/Seed: 3; .*Weights of epoch: 5; .*Commit: abc123; Data hash: f00d; Run: /);
    expect(made[1]!.text).toContain(path.join(root, 'ptb/sri/seed-3'));
  });

  it('takes runs that learned by other settings for no seeds of one another', async () => {
    const folder = await makeRun(path.join(root, 'other'), 'ptb', 'lstm-lm', undefined, []);
    writeFileSync(folder.metrics, 'epoch,iteration,validationLoss\n4,40,5.5\n5,50,5.25\n');
    await folder.writeManifest({ ...manifest, weights: { best: 'babe' } });
    const config = folder.config();
    const narrow = { ...config, model: { ...config.model, hiddenSize: 7 } };
    writeFileSync(path.join(folder.directory, 'config.json'), JSON.stringify({ format: 2, ...narrow }));
    const directories = [path.join(root, 'ptb/lstm-lm/seed-3'), folder.directory];
    const drawn = await reportPage({
      split: 'test',
      runs: directories.map((directory) => readRun(new RunFolder(directory))),
      tables: [],
      commandsOf: () => [],
    });
    const numbers = elementsOf(drawn).find(({ name, text }) => name === 'script' && text.startsWith('{'))!.text;
    const { labels, charts } = JSON.parse(numbers) as PageNumbers;
    expect(labels).toEqual(directories.map((directory) => `LSTM-LM, ${directory}`));
    expect(charts[0]!.views[0]!.series.map(({ seeds, y }) => [seeds, y])).toEqual([
      [1, [5, 4.5]],
      [1, [5.5, 5.25]],
    ]);
  });

  it('shows a figure without a chart as its picture, in a place of its own', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4"/></svg>';
    const runs = findRuns(root, 'ptb').map(readRun);
    const of = (spec: object) => {
      const { name, caption, beside, make } = defineFigure({
        name: 'circle',
        caption: 'A circle',
        needs: [],
        show: (all: readonly unknown[]) => all.length,
        draw: () => svg,
        ...spec,
      });
      return [{ name, caption, beside, made: make(runs, 'test')!, dataSet: 'ptb' }];
    };
    const shown = async (figures: ReturnType<typeof of>) =>
      elementsOf(await reportPage({ split: 'test', runs, tables: [], figures, commandsOf: () => [] }));
    const titles = (all: Element[]) => all.filter(({ name }) => name === 'h2').map(({ text }) => text);
    const pictured = await shown(of({}));
    expect(titles(pictured)).toContain('A circle');
    expect(pictured.filter(({ name }) => name === 'circle')).toHaveLength(1);
    // As do more lines than can be told apart.
    const lines = (count: number) => ({
      chart: () => ({
        views: [
          {
            ...{ name: 'y', xTitle: 'x', zero: false },
            series: Array.from({ length: count }, (_, i) => ({ label: `m${i}`, seeds: 1, x: [i], y: [i] })),
          },
        ],
        caption: 'Points',
      }),
    });
    const circles = async (count: number) => (await shown(of(lines(count)))).filter(({ name }) => name === 'circle');
    expect(await circles(5)).toHaveLength(0);
    expect(await circles(6)).toHaveLength(1);
    // Where there is nothing to chart there is no section.
    expect(titles(await shown(of({ chart: () => null })))).not.toContain('A circle');
  });

  it('shows a copied run once, and says that it is a copy', async () => {
    const copy = path.join(root, 'copied');
    cpSync(sri.directory, copy, { recursive: true });
    const runs = [sri, new RunFolder(copy)].map(readRun);
    const drawn = elementsOf(await reportPage({ split: 'test', runs, tables: [], commandsOf: () => [] }));
    const told = drawn.filter(({ name }) => name === 'li').map(({ text }) => text);
    expect(told).toContainEqual(expect.stringMatching(/copied is .*seed-3 once more, a copy or a link/));
    expect(drawn.filter(({ name, text }) => name === 'td' && text === 'active')).toHaveLength(1);
  });

  it('compares numbers of steps where runs differ in nothing else', async () => {
    const captions = async () => (await page()).filter(({ name }) => name === 'figcaption').map(({ text }) => text);
    expect((await captions()).some((caption) => caption.startsWith('What K'))).toBe(false);
    const run = sri.config() as RunConfig<SriKeys>;
    const other = await measuredRun('sri', 'annealed', 'x\n5,50,4.25,', [
      { metric: 'ppl', estimator: 'fitted', value: 96 },
    ]);
    expect((await captions()).some((caption) => caption.startsWith('What K'))).toBe(false);
    const varied = { ...run, name: 'sri@k40', setting: 'k40', langevin: { ...run.langevin, steps: 40 } };
    writeFileSync(path.join(other.directory, 'config.json'), JSON.stringify({ format: 2, ...varied }));
    expect((await captions()).some((caption) => caption.startsWith('What K'))).toBe(true);
  });
});
