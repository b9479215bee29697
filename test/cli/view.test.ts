// `sri view`: who may ask it and what, what it answers, how it follows the runs' folder, and how it ends. Then the same in a
// browser, as a person has it.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { chromiumFile, openBrowser } from '../report/browser.js';
import { sri } from './in-process.js';
import { trainOnWords } from './words.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-view-'));
const before = process.cwd();
const RUN = 'runs/words/anneal-vae/seed-0';
const METRICS = `${RUN}/metrics.csv`;

const stop = new AbortController();
const said = new PassThrough();
let ended: Promise<number>;
let address: URL;

/** What answers has the lowest priority of all, on a machine that may be busy. */
const PATIENTLY = { timeout: 15_000 };

beforeAll(async () => {
  process.chdir(root);
  await trainOnWords(['lstm-lm', 'anneal-vae', 'sri']);
  const out = new PassThrough();
  const io = { in: Readable.from([]), out, error: said, stop: stop.signal };
  ended = main(['view', '--json', '--backend', 'cpu'], io);
  const line = await new Promise<Buffer>((resolve) => out.once('data', resolve));
  address = new URL(JSON.parse(line.toString()).address);
  // The process that answers starts with the first question.
  expect((await ask({ ask: 'sample', run: RUN, number: 0 })).status).toBe(200);
}, 180_000);
afterAll(async () => {
  stop.abort();
  await ended;
  process.chdir(before);
  rmSync(root, { recursive: true });
});

const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(new URL('ask', address), { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });

/** An answer, or what is wrong: whichever the test looks for in it. */
// biome-ignore lint/suspicious/noExplicitAny: it is JSON, and the test says what it is.
async function ask(question: object): Promise<{ status: number; answer: any }> {
  const response = await post(JSON.stringify(question));
  return { status: response.status, answer: await response.json() };
}

/** With headers that `fetch` does not let one set. */
async function status(place: URL | string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request(new URL(place, address), { headers, method }, resolve).on('error', reject).end(),
  );
  response.destroy();
  return response.statusCode!;
}

/** The first line of what a request is answered that no client would make. */
function requestLine(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(address.port), address.hostname, () => {
      socket.write(`${line}\r\nHost: ${address.host}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('error', reject).once('data', (data) => resolve(String(data).split('\r\n')[0]!));
  });
}

/** The events from now on, as they come. */
async function* events(): AsyncGenerator<{ event: string; data: unknown }> {
  const response = await fetch(new URL('events', address));
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const messages = text.split('\n\n');
    text = messages.pop()!;
    for (const message of messages) {
      const [, event, data] = message.match(/^event: (.*)\ndata: (.*)$/m) ?? [];
      if (event !== undefined) yield { event, data: JSON.parse(data!) };
    }
  }
}

describe('who may ask', () => {
  it('gives the page to whoever has the address, on this machine alone', async () => {
    expect(address.hostname).toBe('127.0.0.1');
    expect(address.pathname).toMatch(/^\/[0-9a-f]{32}\/$/);
    const response = await fetch(address);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(await response.text()).toContain('<title>Results on words</title>');
    expect(await status(address, {}, 'HEAD')).toBe(200);
    expect(await status(address, { Host: `localhost:${address.port}` })).toBe(200);
  });

  it.each([
    ['without the token', '/', {}],
    ['with another token', `/${'0'.repeat(32)}/`, {}],
    ['by a name that was made to lead here', '', { Host: 'rebound.example' }],
    ['for a page of another origin', '', { Origin: 'http://elsewhere.example' }],
    ['for a page of another port', '', { Origin: 'http://127.0.0.1:1' }],
    ['for a page that has no origin', '', { Origin: 'null' }],
    ['for another site', '', { 'Sec-Fetch-Site': 'cross-site' }],
  ])('refuses %s', async (_, place, headers) => {
    expect(await status(place, headers)).toBe(403);
  });

  it('changes nothing, and has nothing else', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect(await status('', {}, method)).toBe(405);
    expect(await status('ask', {})).toBe(405);
    expect(await requestLine('GET // HTTP/1.1')).toMatch(/^HTTP\/1\.1 400 /);
    for (const place of ['config.json', 'ask/x', `${address.pathname}..%2f..%2fetc%2fpasswd`]) {
      expect(await status(place, {})).toBe(404);
    }
  });
});

describe('what may be asked', () => {
  it.each([
    ['{', {}, 400, /no JSON/],
    ['7', {}, 400, /no question/],
    ['{"ask":"remove","run":"x"}', {}, 400, /ask: .*'encode'/],
    [`{"ask":"encode","run":"${RUN}"}`, {}, 400, /text: .*expected string/],
    [`{"ask":"encode","run":"${RUN}","text":" "}`, {}, 400, /no words; type a sentence/],
    [`{"ask":"encode","run":"${RUN}","text":"a","keep":true}`, {}, 400, /keep/],
    [`{"ask":"encode","run":"${RUN}","text":"${'a '.repeat(2000)}"}`, {}, 400, /text: .*2000/],
    [`{"ask":"decode","run":"${RUN}","code":[1]}`, {}, 400, /vectors of 1 numbers, where .* has codes of 2/],
    [`{"ask":"decode","run":"${RUN}","code":[1,1e99]}`, {}, 400, /Infinity is no number/],
    [`{"ask":"interpolate","run":"${RUN}","from":{"text":"a"},"to":{}}`, {}, 400, /to: wanted/],
    ['{"ask":"sample","run":"runs/words/lstm-lm/seed-0","number":1}', {}, 400, /lstm-lm has no latent code/],
    ['{"ask":"sample","run":"../../etc","number":1}', {}, 404, /no run of this page/],
    ['{}', { 'Content-Type': 'text/plain' }, 415, /application\/json/],
    ['['.repeat(70_000), {}, 413, /65536 bytes at most/],
    ['['.repeat(60_000), {}, 400, /no JSON/],
  ] as const)('refuses %.80s', async (body, headers, expected, message) => {
    const response = await post(body, headers);
    expect(await response.json()).toEqual({ error: expect.stringMatching(message) });
    expect(response.status).toBe(expected);
  });

  it('answers as the commands do', async () => {
    const { answer: encoded } = await ask({ ask: 'encode', run: RUN, text: 'A b1 zebra' });
    expect(encoded).toMatchObject({ text: 'a b1 <unk>', unknown: ['zebra'] });
    const found = await pipe(['encode', '--json'], 'a b1 zebra\n');
    const own = JSON.parse(found.split('\n').find((line) => line.includes('"encoding"'))!);
    expect(encoded.mean).toEqual(own.mean);
    expect(encoded.standardDeviation).toEqual(own.standardDeviation);

    const [from, to] = [
      [0.5, -1],
      [2, 1],
    ];
    const midway = [1.25, 0];
    const written = (await pipe(['decode'], `${[from, midway, to].join('\n')}\n`)).trimEnd().split('\n');
    const way = await ask({ ask: 'interpolate', run: RUN, from: { code: from }, to: { code: to }, points: 3 });
    // A person is told besides what was cut.
    const alone = (text: string) => text.replace(/ \[cut\]$/, '');
    expect(way.answer.texts.map(alone)).toEqual(written);
    expect(alone((await ask({ ask: 'decode', run: RUN, code: midway })).answer.text)).toBe(written[1]);

    const near = await ask({ ask: 'neighbours', run: RUN, of: { text: 'a b1 c' }, limit: 9, count: 2 });
    expect(near.answer).toMatchObject({ among: 9, neighbours: [{ text: 'a b1 c', label: null }, { text: 'a b1 c' }] });
    expect(near.answer.neighbours[0].distance).toBeCloseTo(0, 5);

    const sample = async (number: number) => (await ask({ ask: 'sample', run: RUN, number })).answer.code;
    expect(await sample(1)).toEqual(await sample(1));
    expect(await sample(1)).not.toEqual(await sample(2));
    const drawn = { ask: 'decode', run: RUN, code: midway, how: 'sample', temperature: 3, seed: 4 };
    expect((await ask(drawn)).answer).toEqual((await ask(drawn)).answer);
  });

  async function pipe([command, ...options]: string[], input: string): Promise<string> {
    const out = new PassThrough();
    const io = { in: Readable.from([input]), out, error: new PassThrough(), stop: new AbortController().signal };
    expect(await main([command!, '--run', RUN, '--backend', 'cpu', ...options], io)).toBe(0);
    return String(out.read());
  }
});

describe('following', () => {
  it('tells its pages when something changed, and shows it', async () => {
    const stream = events();
    const first = (await stream.next()).value!;
    expect(first.event).toBe('changed');
    expect(await (await fetch(address)).text()).toContain(`"live":{"version":${first.data}}`);
    const [header, ...lines] = readFileSync(METRICS, 'utf8').trimEnd().split('\n');
    const cells = lines.at(-1)!.split(',');
    cells[header!.split(',').indexOf('validationLoss')] = '1.28125';
    appendFileSync(METRICS, `${cells.join(',').replace(/^1,/, '2,')}\n`);
    expect((await stream.next()).value).toEqual({ event: 'changed', data: (first.data as number) + 1 });
    expect(await (await fetch(address)).text()).toContain('1.28125');
    await stream.return(undefined);
  });

  it('shows how far a run is that is being trained, and says of one that it cannot be read', async () => {
    const lock = new RunFolder(RUN).lock();
    const manifest = 'runs/words/lstm-lm/seed-0/manifest.json';
    const whole = readFileSync(manifest);
    writeFileSync(manifest, '{');
    const stream = events();
    try {
      const shown = async () => (await fetch(address)).text();
      await expect.poll(shown, { timeout: 10_000 }).toContain('<h2>Training now</h2>');
      const page = await shown();
      expect(page).toContain('anneal-vae on words');
      expect(page).toContain('<h2>Left out</h2>');
      expect(page).toContain(`${manifest}: not valid JSON`);
    } finally {
      await stream.return(undefined);
      writeFileSync(manifest, whole);
      lock.release();
    }
  });
});

describe.skipIf(chromiumFile === null)('in a browser', () => {
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(address.href);
  });
  afterAll(() => browser?.close());

  it('lets a person type a sentence, move, go elsewhere and look around', async () => {
    const form = page.locator('#explorer');
    await form.locator('select[name=run]').selectOption(RUN);
    await form.getByLabel('Sentence', { exact: true }).fill('a b1 zebra');
    await form.getByLabel('Sentence', { exact: true }).press('Enter');
    await expect.poll(() => form.locator('.read').innerText(), PATIENTLY).toContain('Not in the vocabulary: zebra');
    const sliders = form.locator('.sliders input');
    expect(await sliders.count()).toBe(2);
    await expect.poll(() => form.locator('.written').innerText(), PATIENTLY).toMatch(/\S/);
    const code = [await sliders.nth(0).inputValue(), await sliders.nth(1).inputValue()].map(Number);
    const order = (await form.locator('.sliders label').allInnerTexts()).map((text) => Number(text.match(/z(\d)/)![1]));
    await sliders.nth(0).fill('3');
    const moved: number[] = [];
    order.forEach((d, i) => {
      moved[d] = i === 0 ? 3 : code[i]!;
    });
    const { answer } = await ask({ ask: 'decode', run: RUN, code: moved });
    await expect.poll(() => form.locator('.written').innerText(), PATIENTLY).toBe(answer.text);
    await form.getByLabel('Another sentence').fill('a b0 d e');
    await form.getByLabel('Another sentence').press('Enter');
    await expect.poll(() => form.locator('.way li').count(), PATIENTLY).toBe(7);
    expect(await form.locator('.way li').first().innerText()).toBe(answer.text);
    await form.getByRole('button', { name: 'Find the nearest' }).click();
    await expect.poll(() => form.locator('.near li').count(), PATIENTLY).toBe(8);
    // What was asked of one code is not shown of another, whichever answer comes first.
    await form.getByRole('button', { name: 'Find the nearest' }).click();
    await form.getByRole('button', { name: 'Draw a code of the prior' }).click();
    await expect.poll(() => form.locator('.read').innerText(), PATIENTLY).toBe('A sample of the prior.');
    expect(await form.locator('.near').innerText()).toBe('');
    await form.locator('select[name=how]').selectOption('sample');
    await form.locator('input[name=temperature]').fill('-3');
    await form.locator('input[name=temperature]').press('Tab');
    expect(await form.locator('input[name=temperature]:invalid').count()).toBe(1);
    await form.locator('input[name=temperature]').fill('1');
    await form.locator('select[name=how]').selectOption('greedy');
    await expect.poll(() => form.locator('.written:not(.waiting)').innerText(), PATIENTLY).toMatch(/\S/);
    expect(await form.locator('.wrong').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('takes in what changes, and leaves what a person typed', async () => {
    await page.locator('#explorer input[name=text]').fill('still here');
    await page
      .locator('details')
      .first()
      .evaluate((details) => details.setAttribute('open', ''));
    const { code } = await sri('eval', '--run', RUN, '--metric', 'au', '--limit', '4');
    expect(code).toBe(0);
    await expect.poll(() => page.locator('nav').innerText(), PATIENTLY).toContain('Table 1');
    expect(await page.locator('#explorer input[name=text]').inputValue()).toBe('still here');
    expect(await page.locator('#alive').innerText()).toBe('live');
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(chromiumFile === null)('in many tabs of a browser', () => {
  it('answers in each, and tells all of them, whichever is closed', async () => {
    const browser = await openBrowser();
    try {
      const context = await browser.newContext();
      const tabs: Page[] = [];
      for (let i = 0; i < 8; i++) {
        const tab = await context.newPage();
        await tab.goto(address.href);
        tabs.push(tab);
      }
      const live = (tab: Page) => expect.poll(() => tab.locator('#alive').innerText(), PATIENTLY).toBe('live');
      for (const tab of tabs) await live(tab);
      const [first, second, ...others] = tabs;
      await first!.close();
      const rows = path.join(RUN, 'metrics.csv');
      utimesSync(rows, new Date(), new Date());
      const before = await second!.evaluate('data.live.version');
      await expect.poll(() => second!.evaluate('data.live.version'), PATIENTLY).not.toBe(before);
      const last = others.at(-1)!;
      await last.locator('#explorer select[name=run]').selectOption(RUN);
      await last.getByRole('button', { name: 'Draw a code of the prior' }).click();
      await expect.poll(() => last.locator('.read').innerText(), PATIENTLY).toBe('A sample of the prior.');
    } finally {
      await browser.close();
    }
  });
});

it.each(['nowhere', 'words.yaml', 'runs/words'])('says of %s that there is no run', async (place) => {
  const { code, error } = await sri('view', place);
  expect(code).toBe(2);
  expect(error).toMatch(new RegExp(`^sri: ${place}: no run here \\(config\\.json is missing\\)`));
});

it('ends when it is asked to: pages are let go, and nobody listens any more', async () => {
  const stream = events();
  await stream.next();
  stop.abort();
  expect(await ended).toBe(0);
  expect((await stream.next().catch(() => ({ done: true }))).done).toBe(true);
  await expect(fetch(address)).rejects.toThrow();
  expect(said.read()?.toString() ?? '').toBe('');
});
