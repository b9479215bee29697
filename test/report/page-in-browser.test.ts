import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportPage } from '../../src/report/report-page.js';
import { table1 } from '../../src/report/table1.js';
import { findRuns, readRun } from '../../src/runs/measured-run.js';
import { POSTERIOR, POSTERIOR_MAP, POSTERIOR_SUMMARY } from '../../src/runs/posterior-files.js';
import { chromiumFile, openBrowser } from './browser.js';
import { makeRun } from './runs.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-browser-'));
const file = path.join(root, 'report.html');
const provenance = { epoch: 5, backend: 'native', threads: 2, commit: null, weights: 'cafe0', dataHash: 'f00d' };
const METHODS = ['lstm-lm', 'ae', 'anneal-vae', 'cyclical-vae', 'fb-vae', 'sri'];

let browser: Browser;
let page: Page;
const complaints: string[] = [];
const requests: string[] = [];

async function trained(method: string, seed: number, ppl: number): Promise<void> {
  const folder = await makeRun(
    root,
    'ptb',
    method,
    undefined,
    [{ metric: 'ppl', estimator: 'fitted', value: ppl }],
    seed,
  );
  const kl = (epoch: number) => (method === 'ae' && epoch === 3 ? 500 : 0.5);
  const losses = [1, 2, 3].map((epoch) => `${epoch},${10 * epoch},${8 - epoch + seed},${kl(epoch)}`);
  writeFileSync(folder.metrics, `${['epoch,iteration,validationLoss,validationKl', ...losses].join('\n')}\n`);
  if (method !== 'sri' || seed !== 0) return;
  const points = [
    { text: 'a glad <b> day', label: 'glad', x: -8, y: 0 },
    { text: 'a sad day', label: 'sad', x: 8, y: 1 },
    { text: 'near the sad one', label: 'sad', x: 7, y: 3 },
  ];
  const ways = [{ from: 0, to: 1, texts: ['a glad day', 'a day', 'a sad day'] }];
  const map = { ...provenance, points, prior: [[0, 0] as [number, number]], landmarks: [0, 1], ways };
  await folder.writeArtifact(POSTERIOR.points, POSTERIOR_MAP.write(map));
  const numbers = { sentences: 3, seed: 0, latentSize: 2, leaving: 1, threshold: 0.1, rms: 1, perplexity: 2 };
  const summary = { ...provenance, ...numbers, iterations: 10, dimensions: [], split: 'test' };
  await folder.writeArtifact(POSTERIOR.summary, POSTERIOR_SUMMARY.write(summary));
}

/** The numbers of a column of Table 1 that are shown, from above. */
const column = (at: number) => page.locator('table').first().locator(`tbody tr > :nth-child(${at})`).allInnerTexts();

describe.skipIf(chromiumFile === null)('the page in a browser', () => {
  beforeAll(async () => {
    for (const [i, method] of METHODS.entries()) await trained(method, 0, 100 - i);
    await trained('sri', 1, 97);
    const runs = findRuns(root, 'ptb').map(readRun);
    const tables = [{ name: 'table1', caption: 'Table 1', table: table1(runs), dataSet: 'ptb' }];
    writeFileSync(file, await reportPage({ split: 'test', runs, tables, commandsOf: () => [] }));
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true });
  });

  it('asks for nothing but itself, and nothing in it fails', () => {
    expect(requests).toEqual([pathToFileURL(file).href]);
    expect(complaints).toEqual([]);
  });

  it('is black on white on paper, its charts and maps too, whatever the screen has', async () => {
    const dark = await browser.newPage({ viewport: { width: 420, height: 900 }, colorScheme: 'dark' });
    await dark.goto(pathToFileURL(file).href);
    // In the browser, which types of Node know nothing of.
    const looks = () =>
      dark.evaluate(`({
        ink: getComputedStyle(document.documentElement).getPropertyValue('--ink').trim(),
        mark: document.querySelector('.point').getAttribute('fill'),
      })`) as Promise<{ ink: string; mark: string }>;
    const screen = await looks();
    await dark.evaluate("dispatchEvent(new Event('beforeprint'))");
    const paper = await looks();
    expect(paper.ink).toBe('#000000');
    expect(paper.mark).not.toBe(screen.mark);
    await dark.evaluate("dispatchEvent(new Event('afterprint'))");
    expect(await looks()).toEqual(screen);
    await dark.close();
  });

  it('sorts a table by a column, what is missing last', async () => {
    const numbers = async () => (await column(2)).map((text) => Number.parseFloat(text)).filter(Number.isFinite);
    const before = await numbers();
    await page.locator('table').first().getByRole('button', { name: 'ours' }).first().click();
    expect(await numbers()).toEqual(before.toSorted((a, b) => a - b));
    await page.locator('table').first().getByRole('button', { name: 'ours' }).first().click();
    expect(await numbers()).toEqual(before.toSorted((a, b) => b - a));
    expect((await column(2)).at(-1)).toBe('-');
  });

  it('shows no more lines than can be told apart without colour, each with a dash of its own', async () => {
    const boxes = page.locator('#chooser input');
    expect(await boxes.count()).toBe(6);
    expect(await page.locator('#chooser input:checked').count()).toBe(5);
    expect(await page.locator('#chooser input:disabled').count()).toBe(1);
    const dashes = await page
      .locator('#epochs .legend line')
      .evaluateAll((lines) => lines.map((line) => line.getAttribute('stroke-dasharray')));
    expect(dashes).toHaveLength(5);
    expect(new Set(dashes).size).toBe(5);
    // The language model that others are held against, and what stands nearest before the paper's own method.
    expect(await page.locator('#chooser label:has(input:disabled)').innerText()).toBe('AE');
    await page.locator('#chooser label', { hasText: 'FB-VAE' }).locator('input').uncheck();
    await page.locator('#chooser label', { hasText: 'AE' }).first().locator('input').check();
    expect(await page.locator('#epochs .legend').innerText()).toMatch(/^AE$/m);
    expect(await page.locator('#epochs .legend').innerText()).not.toMatch(/FB-VAE/);
  });

  it('has lines to choose where their names have changed', async () => {
    const other = await browser.newPage();
    await other.goto(pathToFileURL(file).href);
    // As `sri view` does when a second data set has come.
    await other.evaluate(`{
      const renamed = (labels) => labels.map((label) => label + ' on ptb');
      data = { ...data, labels: renamed(data.labels), first: renamed(data.first) };
      makeChooser(data.labels);
    }`);
    expect(await other.locator('#chooser input:checked').count()).toBe(5);
    await other.locator('#chooser input:checked').first().click();
    expect(await other.locator('#chooser input:disabled').count()).toBe(0);
    await other.close();
  });

  it('tells the numbers under the cursor, seeds as their mean between the least and the most', async () => {
    const plot = page.locator('#epochs .u-over');
    const told = () => page.locator('#epochs .tip').innerText();
    const { width } = (await plot.boundingBox())!;
    await plot.hover({ position: { x: width / 2, y: 30 } });
    await expect.poll(told).toMatch(/^epoch 2\n/);
    expect(await told()).toContain('SRI: 6.5 (6 to 7)');
    expect(await told()).toContain('LSTM-LM: 6\n');
    await page.locator('#epochs select').selectOption('validation KL, nats a sentence');
    await plot.hover({ position: { x: width - 4, y: 40 } });
    await expect.poll(told).toMatch(/^epoch 3\n(.*\n)*SRI: 0.5/);
  });

  it('ends an axis short of a run that diverges, unless that run is what is chosen', async () => {
    const end = () => page.evaluate("plots.get('epochs').scales.y.max") as Promise<number>;
    const boxOf = (method: string) => page.locator('#chooser label', { hasText: method }).first().locator('input');
    await page.locator('#epochs select').selectOption('validation KL, nats a sentence');
    await expect.poll(end).toBeLessThan(1);
    const others = ['LSTM-LM', 'Anneal-VAE', 'Cyclical-VAE', 'SRI'];
    for (const method of others) await boxOf(method).uncheck();
    await expect.poll(end).toBeGreaterThanOrEqual(500);
    for (const method of others) await boxOf(method).check();
    await expect.poll(end).toBeLessThan(1);
  });

  it('shows a sentence of the map, and what lies between two', async () => {
    const points = page.locator('.map .point');
    await points.nth(0).hover();
    const texts = await page.locator('.map .point').count();
    expect(texts).toBe(3);
    await page.locator('.map .landmark').nth(0).click();
    expect(await page.locator('.map .tip').innerText()).toBe('glad\na glad <b> day');
    expect(await page.locator('.way').innerText()).toContain('From: a glad <b> day');
    // One whose ways are not known stands for the nearest whose are.
    await page.locator('.map .point:not(.landmark)').click();
    expect(await page.locator('.way li').allInnerTexts()).toEqual(['a glad day', 'a day', 'a sad day']);
    expect(await page.locator('.map .legend').innerText()).toContain('sad');
  });

  it('fits a telephone, and draws itself anew for the dark and for paper', async () => {
    const stroke = () => page.locator('#epochs .legend line').first().getAttribute('stroke');
    const light = await stroke();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(stroke).not.toBe(light);
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(await stroke()).toBe(light);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    await page.setViewportSize({ width: 420, height: 800 });
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(420);
    // None while it is drawn anew.
    const width = async () => (await page.locator('#epochs .u-wrap').boundingBox())?.width;
    await expect.poll(width).toBeLessThanOrEqual(420);
    expect((await page.pdf()).length).toBeGreaterThan(10_000);
  });
});
