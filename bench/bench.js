// The benchmark: seconds and ratios of one short-run chain and of one training iteration of SRI, by its settings too, of
// LSTM-LM and of Anneal-VAE, ours beside the same in PyTorch and JAX, all started together and asked in turn, round after round. A machine's speed
// drifts; a ratio within a round holds, and medians over rounds are printed.
//
//   npm run bench -- [--backend NAME] [--peers] [--python PATH] [--jax-python PATH] [--also NAME[:QUESTION,...]=COMMAND]
//                    [--questions chain,iter,released,annealed,lm,vae] [--shape B,T,E,H,Z,V,K] [--threads 2] [--rounds 7]
//
// --backend, as often as wanted, names our backends; native and tensorflow unless given. Ratios are to the first. With
// --peers the programs in bench/peers are asked too; PATH is a Python that has PyTorch, or JAX (the same one unless
// another is named). --also, as often as wanted, adds any program that speaks the protocol of chain.js. What does not
// start is left out, and said. Answers are shown as they come, on stderr. SIGINT and SIGTERM end the asking at once, whoever is
// about to answer, and the table is of what was answered until then.

import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BACKEND_NAMES } from '../dist/config/choices.js';
import { argumentsOf, COUNT, end, oneOf, shapeOf, someOf, wrongUse } from '../scripts/arguments.mjs';
import { median } from './median.js';

const QUESTIONS = {
  chain: 'one short-run chain',
  iter: 'one training iteration of SRI',
  released: 'one training iteration of SRI by its setting `released`',
  annealed: 'one training iteration of SRI by its setting `annealed`',
  lm: 'one training iteration of LSTM-LM',
  vae: 'one training iteration of Anneal-VAE',
};
const values = argumentsOf(import.meta.url, {
  backend: { type: 'string', multiple: true, default: ['native', 'tensorflow'], form: oneOf(BACKEND_NAMES) },
  peers: { type: 'boolean', default: false },
  python: { type: 'string', default: 'python3' },
  'jax-python': { type: 'string' },
  also: { type: 'string', multiple: true, default: [] },
  questions: { type: 'string', default: Object.keys(QUESTIONS).join(','), form: someOf(Object.keys(QUESTIONS)) },
  shape: { type: 'string', default: '32,23,256,256,32,10000,20', form: shapeOf('B,T,E,H,Z,V,K') },
  threads: { type: 'string', default: '2', form: COUNT },
  rounds: { type: 'string', default: '7', form: COUNT },
});
const { shape, threads, python } = values;
const rounds = Number(values.rounds);
const questions = values.questions.split(',');
const out = (text) => process.stdout.write(`${text}\n`);
const here = path.dirname(fileURLToPath(import.meta.url));

/** A program that answers a line with seconds. */
class Contestant {
  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {string[]} asked what it can be asked.
   * @param {Record<string, string>} otherwise what it is asked in place of a question, where it knows no such settings.
   */
  constructor(name, command, args, asked = Object.keys(QUESTIONS), otherwise = {}) {
    this.name = name;
    this.asked = asked;
    this.otherwise = otherwise;
    /** @type {Record<string, number[]>} */
    this.times = Object.fromEntries(questions.map((question) => [question, []]));
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

  /** The seconds that it answered, null where it did not. */
  async ask(question) {
    this.child.stdin.write(`${this.otherwise[question] ?? question}\n`);
    const seconds = Number(await this.line());
    if (!(seconds > 0)) return null;
    this.times[question].push(seconds);
    return seconds;
  }

  /** Why it does not start or answer, as far as it said. */
  get reason() {
    const lines = this.errors.trim().split('\n');
    return lines.findLast((line) => /error|: /i.test(line)) ?? lines.at(-1);
  }

  end() {
    this.child.stdin.end();
    // It may still be at an answer that nobody waits for.
    this.child.kill();
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
  for (const backend of values.backend) {
    own(backend === 'native' ? 'sri native f32' : `sri ${backend}`, '--backend', backend);
    if (backend === 'native') own('sri native bf16', '--backend', 'native', '--precision', 'bf16');
    if (backend === 'webgpu') own('sri webgpu f16', '--backend', 'webgpu', '--precision', 'f16');
  }
  if (values.peers) {
    const peer = (name, interpreter, file, ...args) => {
      const program = [path.join(here, 'peers', file), ...args, '--shape', shape, '--threads', threads];
      // Theirs is the authors' iteration, of K gradients, whatever setting ours is held against it by.
      const iteration = { released: 'iter', annealed: 'iter' };
      list.push(new Contestant(name, interpreter, program, undefined, iteration));
    };
    for (const mode of ['official', 'latent', 'compile']) peer(`torch ${mode}`, python, 'torch_peer.py', mode);
    peer('jax', values['jax-python'] ?? python, 'jax_peer.py');
  } else {
    out('without --peers only our own programs are timed');
  }
  for (const also of values.also) {
    const [, name, asked, command] = /^([^:=]+)(?::([^=]+))?=(.+)$/.exec(also) ?? [];
    if (command === undefined) wrongUse(`--also is NAME=COMMAND or NAME:QUESTION,...=COMMAND, not ${also}`);
    const [program, ...args] = command.split(' ');
    list.push(new Contestant(name, program, args, asked?.split(',')));
  }
  return list;
}

/** Median of the ratio within a round, over the rounds in which both answered. */
function ratio(theirs, ours) {
  const both = theirs.slice(0, ours.length);
  return median(both.map((seconds, round) => seconds / ours[round]));
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    out(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
  }
}

/** @type {Contestant[]} */
let running = [];
for (const contestant of contestants()) {
  const greeting = await contestant.ready();
  if (greeting === null) {
    out(`${contestant.name} is left out: ${contestant.reason || 'it does not start'}`);
  } else {
    out(`${contestant.name}: ${greeting}`);
    // A GPU that the processor emulates is asked like any other, and says nothing of a GPU's speed.
    if (/the processor emulates/.test(greeting)) contestant.name += ' (software driver: no speed)';
    running.push(contestant);
  }
}
const ENDED = Symbol('ended');
const ended = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(ENDED));
});
asking: for (let round = 1; round <= rounds; round++) {
  for (const question of questions) {
    for (const contestant of running.filter(({ asked }) => asked.includes(question))) {
      const seconds = await Promise.race([contestant.ask(question), ended]);
      if (seconds === ENDED) break asking;
      if (seconds === null) {
        out(`${contestant.name} is left out: ${contestant.reason || 'it does not answer'}`);
        running = running.filter((other) => other !== contestant);
      } else {
        process.stderr.write(`round ${round} of ${rounds}, ${question}: ${contestant.name} ${seconds.toFixed(3)} s\n`);
      }
    }
  }
}
for (const contestant of running) contestant.end();

/** Seconds of a command that computes nothing, so that nothing may load for it. */
function startUp() {
  const began = performance.now();
  execFileSync(process.execPath, [path.join(here, '..', 'bin', 'sri.js'), '--help']);
  return (performance.now() - began) / 1000;
}

const ours = running[0];
if (ours === undefined) end('no program answered, so there is nothing to compare');
out('');
const done = Math.max(...questions.map((question) => ours.times[question].length));
out(`B,T,E,H,Z,V,K = ${shape}; ${threads} threads; ${done} rounds in turn; seconds are least and median;`);
out(`ratios are to ${ours.name}, medians of the rounds' own (above 1: slower than ours)`);
for (const question of questions) {
  out('');
  const rows = running.map(({ name, times }) => {
    const seconds = times[question];
    if (seconds.length === 0) return [name, '-', '-', '-'];
    const least = Math.min(...seconds);
    return [name, least.toFixed(3), median(seconds).toFixed(3), ratio(seconds, ours.times[question]).toFixed(2)];
  });
  table([[QUESTIONS[question], 'least', 'median', 'ratio'], ...rows]);
}
out('');
out(`sri --help: ${median(Array.from({ length: 5 }, startUp)).toFixed(2)} s`);
