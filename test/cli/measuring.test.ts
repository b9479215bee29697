// What becomes of numbers while they are measured: each is kept and shown as soon as it is known, whatever comes after.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.js';
import { RandomStream } from '../../src/random/philox.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { sri } from './in-process.js';

const CONFIG = `
dataSet: said
backend: cpu
data: { vocabularySize: 20, maxLength: 8, labelColumn: required }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 8, epochs: 1, validationSentences: 4, validation: { draws: 4, chains: 3, metropolisSteps: 2 } }
evaluation: { inferenceChains: 3, featureDraws: 1, draws: { fitted: 6 }, chains: 2, metropolisSteps: 2,
  sentences: 12, perplexitySentences: 4, klChains: { jacobian: 1, gaussian: 4 } }
methods: { sri: { langevin: { steps: 2 } } }
`;
const root = mkdtempSync(path.join(tmpdir(), 'sri-measuring-'));
const before = process.cwd();
const RUN = 'runs/said/sri/seed-0';

const rowFiles = () =>
  existsSync(`${RUN}/rows`) ? readdirSync(`${RUN}/rows`).filter((name) => name.endsWith('.json')) : [];
const variants = () => rowFiles().map((name) => JSON.parse(readFileSync(`${RUN}/rows/${name}`, 'utf8')).variant);

/** A command that is asked to stop as soon as it has shown something that matches. */
async function stoppedAt(shown: RegExp, ...args: string[]) {
  const stop = new AbortController();
  const texts = { out: '', error: '' };
  const recorder = (name: 'out' | 'error') =>
    new Writable({
      write(chunk, _, done) {
        texts[name] += chunk;
        if (shown.test(texts[name])) stop.abort('SIGINT');
        done();
      },
    });
  const io = { out: recorder('out'), error: recorder('error'), stop: stop.signal };
  const code = await main(args, io);
  return { code, ...texts };
}

beforeAll(async () => {
  process.chdir(root);
  writeFileSync('said.yaml', CONFIG);
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = () => Array.from({ length: 2 + stream.integer(5) }, () => `w${stream.integer(15)}`).join(' ');
  writeFileSync('said.txt', Array.from({ length: 160 }, (_, i) => `${i % 2 ? 'a' : 'b'}\t${sentence()}\n`).join(''));
  const prepared = await sri('prepare', '--config', 'said.yaml', '--text', 'said.txt');
  expect(prepared.code, prepared.error).toBe(0);
  const trained = await sri('train', '--config', 'said.yaml');
  expect(trained.code, trained.error).toBe(0);
}, 60_000);

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(`${RUN}/rows`, { recursive: true, force: true });
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('a row that is known', () => {
  it.each([
    ['noisy-recon', ['--swaps', '0,1,2'], ['swaps-0'], /swaps-0/],
    ['classify', ['--labels', '4,6,8', '--sets', '1'], ['labels-4'], /labels-4/],
  ])('is kept by sri %s, which is then asked to stop', async (command, options, kept, shown) => {
    const { code, out, error } = await stoppedAt(shown, command, '--run', RUN, ...options);
    expect(code, error).toBe(130);
    expect(out).toMatch(shown);
    expect(error).toMatch(/rows that were shown are kept/);
    expect(variants()).toEqual(kept);
  });

  it('is kept where it is of few sentences, before the many are seen', async () => {
    const { code, out, error } = await stoppedAt(/^ppl /, 'eval', '--run', RUN, '--metric', 'ppl,recon');
    expect(code, error).toBe(130);
    expect(out).toMatch(/^ppl .* 4 sentences of test/m);
    expect(rowFiles().map((name) => name.split('.')[0])).toEqual(['ppl']);
  });

  it('is kept by reproduce, whose next command goes on with the rest', async () => {
    const asked = ['reproduce', '--config', 'said.yaml', '--tables', '1', '--methods', 'sri'];
    const { code, error } = await stoppedAt(/^ppl /m, ...asked);
    expect(code, error).toBe(130);
    expect(rowFiles().map((name) => name.split('.')[0])).toEqual(['kl', 'kl', 'ppl']);
    const again = await sri(...asked, '--json');
    expect(again.code, again.error).toBe(0);
    const rows = again.out.split('\n').flatMap((line) => (line.includes('"event":"row"') ? [JSON.parse(line)] : []));
    expect(rows.map(({ metric }) => metric).sort()).toEqual(['au', 'recon']);
  });

  it('is shown where it cannot be kept, and the command fails with its file and the reason', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const writeRow = RunFolder.prototype.writeRow;
    vi.spyOn(RunFolder.prototype, 'writeRow').mockImplementation(function (this: RunFolder, row, ...rest) {
      return row.metric === 'recon' ? Promise.reject(full) : writeRow.call(this, row, ...rest);
    });
    const { code, out, error } = await sri('eval', '--run', RUN, '--metric', 'recon,au');
    expect(code).toBe(1);
    expect(out).toMatch(/^recon +\d+\.\d+ /m);
    expect(error).toMatch(/a row was measured and could not be kept.*\n.*rows\/recon\..*\.json: ENOSPC/);
    expect(error).toMatch(
      /ENOSPC.*\n.*make room there and give the command again; what training and measuring had kept is gone on from/,
    );
    expect(rowFiles().map((name) => name.split('.')[0])).toEqual(['au']);
  });
});

describe('what another process measures of a run', () => {
  it.each([
    ['eval', ['--metric', 'recon'], 'recon'],
    ['eval-ppl', ['--estimator', 'jacobian', '--draws', '2'], 'ppl-jacobian'],
    ['noisy-recon', ['--swaps', '0'], 'noisy-recon'],
    ['classify', ['--labels', '4', '--sets', '1'], 'classification'],
    ['posterior', ['--sentences', '4'], 'posterior'],
  ])('sri %s does not measure beside it', async (command, options, quantity) => {
    const lock = new RunFolder(RUN).lockMeasuring(quantity, 'test');
    expect(() => new RunFolder(RUN).lockMeasuring(quantity, 'test')).toThrow(
      `is being measured (${quantity} of test) by process ${process.pid}; wait for it`,
    );
    const stop = AbortSignal.timeout(600);
    const texts = { out: new PassThrough(), error: new PassThrough() };
    const code = await main([command, '--run', RUN, ...options], { ...texts, stop });
    lock.release();
    const [out, error] = [texts.out, texts.error].map((text) => String(text.read() ?? ''));
    expect(code, error).toBe(130);
    expect(error).toMatch(/stopped before: \S+ of sri/);
    expect(out).toBe('');
  });

  it('is measured after it, and nothing is left held', async () => {
    const lock = new RunFolder(RUN).lockMeasuring('recon', 'test');
    const measuring = sri('eval', '--run', RUN, '--metric', 'recon');
    await pause(800);
    expect(rowFiles()).toEqual([]);
    lock.release();
    const { code, error } = await measuring;
    expect(code, error).toBe(0);
    expect(rowFiles()).toHaveLength(1);
    expect(readdirSync(RUN).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });

  it('is not waited for by what measures another quantity, estimator or split', async () => {
    const folder = new RunFolder(RUN);
    const locks = [
      folder.lockMeasuring('recon', 'valid'),
      folder.lockMeasuring('au', 'test'),
      folder.lockMeasuring('ppl-ais', 'test'),
    ];
    const { code, error } = await sri('eval', '--run', RUN, '--metric', 'recon,ppl');
    for (const lock of locks) lock.release();
    expect(code, error).toBe(0);
    expect(error).not.toMatch(/waiting/);
  });
});

describe('where nothing can be written', () => {
  it.each([
    ['eval', ['--metric', 'recon'], 'rows'],
    ['noisy-recon', [], 'rows'],
    ['classify', ['--labels', '4'], 'rows'],
    ['posterior', [], 'artifacts'],
    ['generate', [], 'artifacts'],
    ['interpolate', [], 'artifacts'],
  ])('sri %s says so before it measures', async (command, options, part) => {
    rmSync(`${RUN}/${part}`, { recursive: true, force: true });
    writeFileSync(`${RUN}/${part}`, 'a file');
    const { code, out, error } = await sri(command, '--run', RUN, ...options);
    rmSync(`${RUN}/${part}`);
    expect(error).toMatch(new RegExp(`${part}: a part of it is a file`));
    expect(code).toBe(2);
    expect(out).toBe('');
  });

  it('sri train and sri reproduce say so before they learn', async () => {
    writeFileSync('taken', 'a file');
    const train = await sri('train', '--config', 'said.yaml', '--runs', 'taken');
    expect(train.error).toMatch(/a part of it is a file/);
    expect(train.code).toBe(2);
    const results = await sri('reproduce', '--config', 'said.yaml', '--runs', 'fresh', '--results', 'taken');
    expect(results.error).toMatch(/taken\/said: a part of it is a file/);
    expect(results.code).toBe(2);
    expect(existsSync('fresh')).toBe(false);
  });
});

it('sri train --restart trains a run anew, and without it does nothing to one that is done', async () => {
  const trained = () => new RunFolder(RUN).manifest()!.trainingSeconds;
  const first = trained();
  expect((await sri('train', '--config', 'said.yaml')).code).toBe(0);
  expect(trained()).toBe(first);
  const { code, error } = await sri('train', '--config', 'said.yaml', '--restart');
  expect(code, error).toBe(0);
  expect(error).toMatch(/starts, 1 epoch at most/);
  expect(trained()).not.toBe(first);
});
