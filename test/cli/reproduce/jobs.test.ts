// A study in processes of its own: the same tables as in one process, Ctrl-C that saves, and how the plan then stands.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openConfig } from '../../../src/experiments/choose-run.js';
import { type JobsEvent, reproduceTogether } from '../../../src/experiments/reproduce/jobs.js';
import { COMMAND } from '../../../src/experiments/reproduce/task-command.js';
import { writeStudy } from './study.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-jobs-'));
const environment = { ...process.env, XDG_CACHE_HOME: path.join(root, 'cache') };

beforeAll(async () => {
  writeStudy(root);
  const prepared = await ended(start('prepare', '--config', 'tiny.yaml', '--from', '.'));
  expect(prepared.code, prepared.error).toBe(0);
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [COMMAND, ...args], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; error: string }> {
  const [out, error] = [child.stdout!, child.stderr!].map((stream) => {
    const told = { text: '' };
    stream.on('data', (chunk) => {
      told.text += chunk;
    });
    return told;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out: out!.text, error: error!.text })));
}

/** A table without what two trainings may not have in common: how long they took, of which source they are, and where they lie. */
function table(results: string): string[][] {
  const rows = readFileSync(path.join(root, results, 'tiny/table1.csv'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const own = rows[0]!.map((name) => ['Training seconds', 'Commit', 'Run'].includes(name));
  return rows.map((row) => row.filter((_, i) => !own[i]));
}

const study = (place: string) => [
  ...['reproduce', '--config', 'tiny.yaml', '--methods', 'lstm-lm,sri', '--seeds', '0..1'],
  ...['--runs', `runs-${place}`, '--results', `results-${place}`],
];

const planFolder = (place: string) => {
  const folder = path.join(root, `runs-${place}/tiny`);
  return path.join(folder, readdirSync(folder).find((name) => name.startsWith('plan-'))!);
};

it('makes the tables that one process makes', async () => {
  const alone = await ended(start(...study('alone')));
  expect(alone.code, alone.error).toBe(0);
  const { code, out, error } = await ended(start(...study('together'), '--jobs', '2'));
  expect(code, error).toBe(0);
  expect(table('results-together')).toEqual(table('results-alone'));
  expect(out).toMatch(/^Method +PPL/m);
  expect(error).toMatch(/train sri, seed 1: done after \d+/);
  // LSTM-LM of two seeds is trained at once, and SRI of a seed after it.
  const begun = error.split('\n').filter((line) => /^\d+: .*, log in/.test(line));
  expect(begun.slice(0, 2).every((line) => line.includes('train lstm-lm'))).toBe(true);
  const status = await ended(start('status', planFolder('together')));
  expect(status.code, status.error).toBe(0);
  expect(status.out).toMatch(/^\d+: train sri, seed 1 +done +\d+ s .*task-\d+\.log$/m);
}, 480_000);

it('tells how long the rest takes once the text is prepared', async () => {
  const place = path.join(root, 'unprepared');
  mkdirSync(place);
  writeStudy(place);
  const before = process.cwd();
  process.chdir(place);
  try {
    const request = {
      ...{ loaded: await openConfig('tiny.yaml'), overrides: [], tables: [1], figures: [], ais: false },
      ...{ methods: ['lstm-lm'], split: 'test' as const, runs: 'runs', results: 'results', from: '.' },
    };
    const events: JobsEvent[] = [];
    await reproduceTogether(request, 1, { onProgress: (event) => events.push(event) });
    const trains = events.findIndex((event) => event.kind === 'begun' && event.task.kind === 'train');
    const [earlier, next] = [events.slice(0, trains), events.slice(trains)].map((those) =>
      those.find((event) => event.kind === 'whole'),
    );
    expect(earlier!.secondsLeft).toBeNull();
    expect(next!.secondsLeft).toBeGreaterThan(0);
  } finally {
    process.chdir(before);
  }
}, 120_000);

it('saves all on Ctrl-C, says so, and goes on', async () => {
  const args = [...study('stopped'), '--jobs', '2', '--set', 'training.epochs=400', '--json'];
  const child = start(...args);
  let told = '';
  child.stdout!.on('data', (chunk) => {
    told += chunk;
    // Both trainings are under way.
    if (new Set(told.match(/"task":\d+,"event":"progress"/g)).size === 2) child.kill('SIGINT');
  });
  const stopped = await ended(child);
  expect(stopped.code, stopped.error).toBe(130);
  const status = await ended(start('status', planFolder('stopped'), '--json'));
  const states = status.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(states.filter(({ state }) => state === 'interrupted')).toHaveLength(2);
  expect(states.filter(({ state }) => state === 'running')).toHaveLength(0);
  for (const seed of [0, 1]) {
    expect(readdirSync(path.join(root, `runs-stopped/tiny/lstm-lm/seed-${seed}/checkpoints`))).not.toHaveLength(0);
  }
}, 240_000);

it('fails what fails, with its own words, and does the rest', async () => {
  const file = path.join(root, 'runs-together/tiny/sri/seed-0/config.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"steps": 2,/, '"steps": 3,'));
  rmSync(path.join(root, 'runs-together/tiny/sri/seed-1'), { recursive: true });
  const { code, out, error } = await ended(start(...study('together'), '--jobs', '2'));
  expect(code).toBe(1);
  expect(error).toMatch(
    /train sri, seed 0 failed: .*another configuration \(langevin\.steps: 3 there, 2 now\).*rest goes on/,
  );
  expect(error).toMatch(/so not done: measure sri, seed 0/);
  // What is done is not begun again.
  expect(error).not.toMatch(/train lstm-lm.*log in/);
  expect(out).toMatch(/^Method +PPL/m);
}, 240_000);
