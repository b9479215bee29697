// A real process, killed with SIGKILL again and again at moments nobody chose, must end with the bits of one that was
// left alone; and one that is asked to stop must save first.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/random/philox.js';

const SRI = fileURLToPath(new URL('../../bin/sri.js', import.meta.url));
const root = mkdtempSync(path.join(tmpdir(), 'sri-kill-'));

const CONFIG = `
dataSet: words
threads: 1
data: { vocabularySize: 60, maxLength: 12, overLong: drop, labelColumn: none }
model: { latentSize: 4, wordVectorSize: 16, hiddenSize: 24 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 8, epochs: 3, logEvery: 5, checkpointEvery: 0.02, validationSentences: 8 }
methods: { sri: { langevin: { steps: 10, search: { every: 40, grid: [0.05, 0.1], sentences: 4 } } } }
`;

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [SRI, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Exit code and signal of a process that has ended, and what it wrote to standard error. */
async function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; errors: string }> {
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdout!.resume();
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, errors })));
}

function train(run: string): ChildProcess {
  return start('train', '--config', 'words.yaml', '--method', 'sri', '--run', run);
}

const checkpoints = (run: string) => path.join(root, run, 'checkpoints');

function newest(run: string, suffix: string): string {
  const files = readdirSync(checkpoints(run)).filter((file) => /^\d/.test(file) && file.endsWith(suffix));
  return path.join(checkpoints(run), files.sort().at(-1)!);
}

function newestOrNone(run: string): string | null {
  try {
    return newest(run, '.json');
  } catch {
    return null;
  }
}

beforeAll(async () => {
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = () => Array.from({ length: 3 + stream.integer(8) }, () => `w${stream.integer(50)}`).join(' ');
  writeFileSync(path.join(root, 'text.txt'), `${Array.from({ length: 500 }, sentence).join('\n')}\n`);
  writeFileSync(path.join(root, 'words.yaml'), CONFIG);
  const prepared = await ended(start('prepare', '--config', 'words.yaml', '--text', 'text.txt'));
  expect(prepared.code, prepared.errors).toBe(0);
  const whole = await ended(train('whole'));
  expect(whole.code, whole.errors).toBe(0);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('ends with the same bits after SIGKILL at arbitrary moments', async () => {
  const stream = new RandomStream({ seed: Date.now() % 2 ** 32, purpose: 'shuffle' });
  let kills = 0;
  for (;;) {
    const before = newestOrNone('killed');
    const child = train('killed');
    const end = ended(child);
    // Every third at any moment from the very start; the others some time after the process has saved something,
    // so that the run gets somewhere however slow the machine is, and later and later, so that it comes to its end.
    const early = kills % 3 === 2;
    const latest = early ? 400 : 400 * (1 + kills / 4);
    const kill = () => setTimeout(() => child.kill('SIGKILL'), latest * stream.uniform());
    if (early) kill();
    const poll = setInterval(() => {
      if (early || newestOrNone('killed') === before) return;
      clearInterval(poll);
      kill();
    }, 5);
    const { code, signal, errors } = await end;
    clearInterval(poll);
    if (code === 0) break;
    expect(signal, errors).toBe('SIGKILL');
    kills++;
  }
  expect(kills).toBeGreaterThan(2);
  const [killed, whole] = [newest('killed', '.safetensors'), newest('whole', '.safetensors')];
  expect(path.basename(killed)).toBe(path.basename(whole));
  expect(readFileSync(killed).equals(readFileSync(whole))).toBe(true);
  const best = (run: string) => readFileSync(path.join(root, run, 'best.safetensors'));
  expect(best('killed').equals(best('whole'))).toBe(true);
}, 240_000);

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  'saves on %s, leaves with %i, and goes on from there',
  async (signal, exit) => {
    const run = `interrupted-${signal}`;
    const child = train(run);
    const end = ended(child);
    // Once a checkpoint exists, training is under way.
    const poll = setInterval(() => {
      if (newestOrNone(run) === null) return;
      clearInterval(poll);
      child.kill(signal);
    }, 20);
    const { code, errors } = await end;
    clearInterval(poll);
    expect(code, errors).toBe(exit);
    const state = JSON.parse(readFileSync(newest(run, '.json'), 'utf8')) as { iteration: number };
    expect(state.iteration).toBeGreaterThan(0);
    const rest = await ended(train(run));
    expect(rest.code, rest.errors).toBe(0);
    expect(readFileSync(newest(run, '.safetensors')).equals(readFileSync(newest('whole', '.safetensors')))).toBe(true);
  },
  120_000,
);

it('works on when nobody reads what it says', async () => {
  const child = start('train', '--config', 'words.yaml', '--method', 'sri', '--run', 'unread', '--json');
  child.stdout!.once('data', () => child.stdout!.destroy());
  child.stderr!.destroy();
  const code = await new Promise((resolve) => child.on('exit', resolve));
  expect(code).toBe(0);
  expect(readFileSync(newest('unread', '.safetensors')).equals(readFileSync(newest('whole', '.safetensors')))).toBe(
    true,
  );
}, 120_000);
