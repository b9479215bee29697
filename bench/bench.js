// The benchmark: seconds and ratios of one short-run chain and one whole training iteration, ours beside the programs of
// others, all started together and asked in turn, round after round. A machine's speed drifts; a ratio within a round
// holds, and medians over rounds are printed.
//
//   npm run bench -- [--peers DIR] [--python PATH] [--jax-python PATH] [--shape B,T,E,H,Z,V,K] [--threads 2] [--rounds 7]
//
// DIR holds torch_chain.py, jax_chain.py and limit_chain.cpp, which speak the protocol of chain.js; PATH is a Python
// that has PyTorch, or JAX. What is not there is left out, and said.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PTB = '32,23,256,256,32,10000,20';
const { values } = parseArgs({
  options: {
    peers: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    'jax-python': { type: 'string' },
    shape: { type: 'string', default: PTB },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
  },
});
const { shape, threads, peers, python } = values;
const rounds = Number(values.rounds);
const out = (text) => process.stdout.write(`${text}\n`);
const here = path.dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'sri-bench-'));

/** A program that answers a line with seconds. */
class Contestant {
  constructor(name, command, args, asks = ['chain', 'iter']) {
    this.name = name;
    this.asks = asks;
    this.times = { chain: [], iter: [] };
    // Waiting threads that spin would take the cores from whoever is asked next.
    const env = { ...process.env, OMP_NUM_THREADS: threads, OMP_WAIT_POLICY: 'passive' };
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.errors = '';
    this.child.stderr.on('data', (chunk) => {
      this.errors += chunk;
    });
    this.child.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.failed = new Promise((resolve) => this.child.on('error', (error) => resolve({ done: true, error })));
  }

  /** The next line, or null once the program has ended. */
  async line() {
    const { value, done } = await Promise.race([this.lines.next(), this.failed]);
    return done ? null : value;
  }

  async ready() {
    for (let line = await this.line(); line !== null; line = await this.line()) {
      if (line.startsWith('ready')) return line;
    }
    return null;
  }

  async ask(what) {
    this.child.stdin.write(`${what}\n`);
    const seconds = Number(await this.line());
    if (!(seconds > 0)) throw new Error(`${this.name} did not answer: ${this.errors.trim().split('\n').at(-1)}`);
    this.times[what].push(seconds);
  }

  end() {
    this.child.stdin.end();
  }
}

function contestants() {
  const list = [];
  const own = (name, ...args) =>
    list.push(
      new Contestant(name, process.execPath, [
        path.join(here, 'chain.js'),
        '--shape',
        shape,
        '--threads',
        threads,
        ...args,
      ]),
    );
  own('sri native f32', '--backend', 'native');
  own('sri native bf16', '--backend', 'native', '--precision', 'bf16');
  own('sri tensorflow', '--backend', 'tensorflow');
  if (peers === undefined) {
    out('no --peers: only our own programs are timed');
    return list;
  }
  const torch = path.join(peers, 'torch_chain.py');
  for (const mode of ['official', 'latent', 'compile']) {
    list.push(new Contestant(`torch ${mode}`, python, [torch, mode, threads, '--shape', shape]));
  }
  if (values['jax-python']) {
    list.push(new Contestant('jax', values['jax-python'], [path.join(peers, 'jax_chain.py'), '--shape', shape]));
  }
  const limit = path.join(peers, 'limit_chain.cpp');
  if (shape !== PTB || threads !== '2' || !existsSync(limit)) {
    out('limit_chain is left out: it has the PTB shapes and two threads built in');
  } else {
    const binary = path.join(scratch, 'limit_chain');
    execFileSync('g++', ['-O3', '-march=native', '-fopenmp', limit, '-o', binary, '-ldnnl']);
    list.push(new Contestant('limit_chain', binary, ['B', '368', '384'], ['chain']));
  }
  return list;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median over rounds of the ratio within a round. */
function ratio(theirs, ours) {
  return median(theirs.map((seconds, round) => seconds / ours[round]));
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    out(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
  }
}

const running = [];
for (const contestant of contestants()) {
  const greeting = await contestant.ready();
  if (greeting === null) {
    out(`${contestant.name} is left out: ${contestant.errors.trim().split('\n').at(-1) || 'it does not start'}`);
  } else {
    out(`${contestant.name}: ${greeting}`);
    running.push(contestant);
  }
}
for (let round = 0; round < rounds; round++) {
  for (const what of ['chain', 'iter']) {
    for (const contestant of running) if (contestant.asks.includes(what)) await contestant.ask(what);
  }
}
for (const contestant of running) contestant.end();
rmSync(scratch, { recursive: true, force: true });

/** Seconds of a command that computes nothing, so that nothing may load for it. */
function startUp() {
  const began = performance.now();
  execFileSync(process.execPath, [path.join(here, '..', 'bin', 'sri.js'), '--help']);
  return (performance.now() - began) / 1000;
}

const ours = running[0];
out('');
out(`B,T,E,H,Z,V,K = ${shape}; ${threads} threads; ${rounds} rounds in turn; seconds are least and median;`);
out(`ratios are to ${ours.name}, medians of the rounds' own (above 1: slower than ours)`);
const cells = (contestant, what) => {
  const times = contestant.times[what];
  if (times.length === 0) return ['-', '-', '-'];
  const numbers = [Math.min(...times), median(times), ratio(times, ours.times[what])];
  return numbers.map((number, i) => number.toFixed(i === 2 ? 2 : 3));
};
table([
  ['', 'chain least', 'median', 'ratio', 'iteration least', 'median', 'ratio'],
  ...running.map((contestant) => [contestant.name, ...cells(contestant, 'chain'), ...cells(contestant, 'iter')]),
]);
out(`sri --help: ${median(Array.from({ length: 5 }, startUp)).toFixed(2)} s`);
