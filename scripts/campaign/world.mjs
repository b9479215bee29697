// What a campaign happens to: a small corpus, every method trained on it once and left alone, a reproduction, and the ways to
// start a command: in this process, or as one of its own.

import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { toYaml } from './nonsense.mjs';

// Before the program is loaded, whose calls of the file system it counts.
const FILE_CALLS = fileURLToPath(new URL('./file-calls.cjs', import.meta.url));
const fileCalls = createRequire(import.meta.url)(FILE_CALLS);

const SRI = fileURLToPath(new URL('../../bin/sri.js', import.meta.url));
export const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);

/** Seconds after which a process that does not end is one that hangs. */
const HUNG = 1800;

/** Above every number that Linux gives a process: who has one is dead as soon as its command is over. */
const FIRST_PID = 5_000_000;

export const METHODS = {
  'lstm-lm': {},
  ae: {},
  'anneal-vae': { klWeight: { start: 0.1, warmupEpochs: 1, cycleEpochs: null } },
  'cyclical-vae': { klWeight: { start: 0.1, warmupEpochs: 1, cycleEpochs: 1 } },
  'lagging-vae': { aggressive: { updates: 2, window: 1, sentences: 4 } },
  'fb-vae': { startFrom: { encoder: 'ae' } },
  'fbp-vae': { startFrom: { encoder: 'ae' } },
  'sa-vae': { semiAmortized: { steps: 2 } },
  sri: { langevin: { steps: 3, search: { every: 4, grid: [0.05, 0.1], sentences: 4 } } },
  'beta-vae': {},
  'delta-vae': {},
  'pooling-vae': {},
  'skip-vae': {},
  'info-vae': {},
  'multi-layer': { layered: { hiddenSize: 4, steps: 2, learnSteps: { every: 4, sentences: 2 } } },
  'energy-prior': { energyPrior: { hiddenSize: 4, prior: { steps: 2 }, posterior: { steps: 2 } } },
  'joint-energy-prior': {
    layers: { upper: 1, hiddenSize: 4 },
    energyPrior: { hiddenSize: 4, prior: { steps: 2 }, posterior: { steps: 2 } },
  },
};

export const CONFIG = {
  dataSet: 'words',
  threads: 1,
  backend: 'native',
  data: { vocabularySize: 24, maxLength: 8, labelColumn: 'required' },
  model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 },
  optimizer: { name: 'adam', learningRate: 0.01 },
  training: {
    batchSize: 16,
    epochs: 2,
    logEvery: 2,
    checkpointEvery: 0.01,
    validationSentences: 4,
    validation: { draws: 3, chains: 3, metropolisSteps: 1 },
  },
  evaluation: {
    draws: { fitted: 4, encoder: 4, jacobian: 2, ais: 2 },
    chains: 2,
    metropolisSteps: 1,
    inferenceChains: 3,
    featureDraws: 1,
    sentences: 4,
    perplexitySentences: 3,
    aisSentences: 2,
    temperatures: 2,
    klChains: { jacobian: 1, gaussian: 4 },
  },
  methods: METHODS,
};

export const REPRODUCTION = 'reproduce';
/** What is killed, stopped and failed: the training of each method, and a reproduction. */
export const UNDERTAKINGS = [...Object.keys(METHODS), REPRODUCTION];
const REPRODUCED = ['lstm-lm', 'sri'];

export const trainArgs = (method, runs) => ['train', '--config', 'words.yaml', '--method', method, '--runs', runs];
export const argsOf = (name, runs) =>
  name === REPRODUCTION
    ? ['reproduce', '--config', 'words.yaml', '--table', '1', '--methods', REPRODUCED.join(), '--runs', runs].concat([
        '--results',
        `${runs}/results`,
      ])
    : trainArgs(name, runs);
export const runOf = (runs, method) => path.join(runs, 'words', method, 'seed-0');

export class Recorder extends Writable {
  text = '';
  _write(chunk, _encoding, done) {
    this.text += chunk;
    done();
  }
}

/** Trains and measures what is left alone, in the present folder. */
export async function createWorld(seed) {
  const [{ main }, { RandomStream }] = await Promise.all([built('cli/main.js'), built('random/philox.js')]);
  const root = process.cwd();
  const random = new RandomStream({ seed, purpose: 'initialization' });
  const sentence = () => Array.from({ length: 2 + random.integer(7) }, () => `w${random.integer(20)}`).join(' ');
  const text = Array.from({ length: 160 }, (_, i) => `${i % 2 ? 'a' : 'b'}\t${sentence()}\n`).join('');
  writeFileSync('text.tsv', text);
  writeFileSync('words.yaml', toYaml(CONFIG));
  let pids = FIRST_PID;

  /** A command in this process. @param befall as `begin` of file-calls.cjs has it; nothing befalls it where absent. */
  const sri = async (args, { at, what, stop = new AbortController() } = {}) => {
    const io = { out: new Recorder(), error: new Recorder(), stop: stop.signal };
    fileCalls.begin({ at, what, pid: ++pids });
    const code = await main(args, io);
    const { calls, dead } = fileCalls.end();
    return { code, signal: dead ? 'SIGKILL' : null, error: io.error.text, out: io.out.text, calls };
  };
  /** A command as a process. */
  const start = (args, env = {}, whenStarted = () => {}) =>
    new Promise((settle, fail) => {
      const child = spawn(process.execPath, ['--require', FILE_CALLS, SRI, ...args], {
        cwd: root,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let error = '';
      child.stderr.on('data', (chunk) => {
        error += chunk;
      });
      const hung = setTimeout(() => child.kill('SIGKILL'), 1000 * HUNG);
      child.on('error', fail);
      child.on('close', (code, signal) => {
        clearTimeout(hung);
        settle({ code, signal, error, out: '' });
      });
      whenStarted(child);
    });

  /** Calls of the file system that each undertaking makes where nothing befalls it. */
  const calls = {};
  const must = async (...args) => {
    const ended = await sri(args);
    if (ended.code !== 0) throw new Error(`sri ${args.join(' ')} ended with ${ended.code}: ${ended.error}`);
    return ended;
  };
  await must('prepare', '--config', 'words.yaml', '--text', 'text.tsv');
  for (const method of Object.keys(METHODS)) calls[method] = (await must(...trainArgs(method, 'whole'))).calls;
  calls[REPRODUCTION] = (await must(...argsOf(REPRODUCTION, 'reproduced'))).calls;

  let stoppedRun = null;
  /** A folder of a run that was killed on its last third: checkpoints are there, and something to go on with. */
  const stopped = async () => {
    if (stoppedRun === null) {
      stoppedRun = path.join(root, runOf('stopped', 'lstm-lm'));
      await sri(trainArgs('lstm-lm', 'stopped'), { at: Math.ceil(0.7 * calls['lstm-lm']), what: 'kill' });
    }
    return stoppedRun;
  };
  /** What is wrong with what an undertaking left in its folder of runs, beside what it left where it was let alone. */
  const differs = (name, runs) =>
    name === REPRODUCTION
      ? REPRODUCED.map((method) => differing(runOf(runs, method), runOf('reproduced', method))).find(Boolean)
      : differing(runOf(runs, name), runOf('whole', name));
  return { root, text, sri, start, calls, stopped, differs, differing };
}

/** The run that a method starts from, where there is one, to where it looks for it. */
export function copySource(name, runs) {
  const source = METHODS[name]?.startFrom?.encoder;
  if (source !== undefined) cpSync(runOf('whole', source), runOf(runs, source), { recursive: true });
}

/**
 * Whether two rows of one quantity have one number. What needs no code is exact, and measured by itself, in the same batches each
 * time: it has the same bits. Quantities of codes that are measured in one go share their short runs, and those that are
 * measured one after the other draw them in batches of other sizes, whose products round otherwise: what is computed from
 * them in float32 agrees to that.
 */
function agree(row, other) {
  const tolerance = row.estimator === 'exact' ? 0 : 1e-6;
  return ['value', 'standardError'].every((name) => {
    const [a, b] = [row[name], other[name]];
    return a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
  });
}

/** What differs between a run that went through something and the one that was left alone, in words; undefined for nothing. */
function differing(folder, whole) {
  const [got, wanted] = [filesOf(folder), filesOf(whole)];
  if (wanted.size === 0) throw new Error(`${whole} holds no run`);
  for (const name of wanted) {
    if (!got.has(name)) return `${name} is missing`;
    if (!name.endsWith('.safetensors')) continue;
    if (!read(folder, name).equals(read(whole, name))) return `${name} has other bits`;
  }
  const left = [...got].filter((name) => !wanted.has(name));
  if (left.length > 0) return `${left.join(', ')} is left behind`;
  for (const name of wanted) {
    if (!/^rows.*\.json$/.test(name)) continue;
    const [own, other] = [folder, whole].map((run) => JSON.parse(read(run, name)));
    if (!agree(own, other)) return `${name} has another number`;
  }
  return undefined;
}

const read = (folder, name) => readFileSync(path.join(folder, name));

/** Files in a run's folder, of which an empty one says nothing. Between two ends of an epoch the clock chooses what is saved, so checkpoints may differ in name. */
function filesOf(folder) {
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
  return new Set(names.filter((name) => !/^checkpoints.\d{9}-\d{6}\.(json|safetensors)$/.test(name)));
}
