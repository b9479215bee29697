// The campaign itself: a small corpus, every method trained on it once and left alone, and then each kind of case again and
// again, drawn by seed. Commands that are to die run as processes; what only reads nonsense runs in this one.

import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pick, someText, someValue, spoilBytes, spoilTree, toYaml } from './nonsense.mjs';

const SRI = fileURLToPath(new URL('../../bin/sri.js', import.meta.url));
const PRELOAD = fileURLToPath(new URL('./file-calls.cjs', import.meta.url));
const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);

/** Each in the order in which it is told; the deaths first. */
export const KINDS = [
  'kill',
  'signal',
  'fault',
  'config',
  'override',
  'corpus',
  'checkpoint',
  'row',
  'text',
  'argument',
];

/** Cases of the kinds that start processes, for each of those that do not. */
const PROCESSES = { kill: 0.1, signal: 0.1, fault: 0.1 };

/** Seconds of the processor that a case may take which starts no process, and seconds by the clock of one that does. */
const LONGEST = { reading: 60, process: 1800 };

const METHODS = {
  'lstm-lm': {},
  ae: {},
  'anneal-vae': { klWeight: { start: 0.1, warmupEpochs: 1, cycleEpochs: null } },
  'cyclical-vae': { klWeight: { start: 0.1, warmupEpochs: 1, cycleEpochs: 1 } },
  'lagging-vae': { aggressive: { updates: 2, window: 1, sentences: 4 } },
  'fb-vae': { startFrom: { encoder: 'ae' } },
  'fbp-vae': { startFrom: { encoder: 'ae' } },
  'sa-vae': { semiAmortized: { steps: 2 } },
  sri: { langevin: { steps: 3, search: { every: 4, grid: [0.05, 0.1], sentences: 4 } } },
};
const CONFIG = {
  dataSet: 'words',
  threads: 1,
  backend: 'cpu',
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

class Recorder extends Writable {
  text = '';
  _write(chunk, _encoding, done) {
    this.text += chunk;
    done();
  }
}

/**
 * @param minutes of all kinds together, where there is no count.
 * @param count of cases of each kind that reads; those that die are a tenth of it.
 * @param keep leaves the folder of the campaign.
 * @returns {counts, failures}: by kind, the cases and how they ended; what was not right, in words.
 */
export async function runCampaign({ kinds = KINDS, minutes, count, seed, keep = false, log }) {
  const [{ main }, { RandomStream }] = await Promise.all([built('cli/main.js'), built('random/philox.js')]);
  const root = mkdtempSync(path.join(tmpdir(), 'sri-campaign-'));
  const before = process.cwd();
  process.chdir(root);
  log(`seed ${seed}, in ${root}`);
  const failures = [];
  const counts = Object.fromEntries(kinds.map((kind) => [kind, { cases: 0, exits: {} }]));
  try {
    const world = await createWorld(root, main, RandomStream, seed);
    log('the runs that are left alone are trained');
    const cases = casesOf(world);
    const end = performance.now() + (minutes ?? 0) * 60_000;
    const wanted = (kind) =>
      count === undefined ? Number.POSITIVE_INFINITY : Math.ceil(count * (PROCESSES[kind] ?? 1));
    for (let round = 0; ; round++) {
      const due = kinds.filter((kind) => counts[kind].cases < wanted(kind));
      if (due.length === 0 || (count === undefined && performance.now() > end)) break;
      for (const kind of due) {
        const random = new RandomStream({ seed, purpose: 'shuffle', batch: KINDS.indexOf(kind), step: round });
        // In a time that a death takes, many inputs are read.
        const times = count === undefined && PROCESSES[kind] === undefined ? 10 : 1;
        for (let i = 0; i < times; i++) await one(kind, round, cases[kind], random);
      }
      if (round % 100 === 99) log(summary(counts));
    }
  } finally {
    process.chdir(before);
    if (keep || failures.length > 0) log(`what was made is left in ${root}`);
    else rmSync(root, { recursive: true, force: true });
  }
  log(summary(counts));
  log(`${failures.length} not as they should be${failures.length === 0 ? '' : ':'}`);
  for (const failure of failures) log(`  ${failure}`);
  return { counts, failures };

  async function one(kind, round, run, random) {
    const scratch = path.join(root, 'scratch');
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    // The clock would blame a case for what else the machine has to do; only of other processes is nothing else known.
    const [start, used] = [performance.now(), process.cpuUsage()];
    const { ended, wrong } = await run(random, scratch);
    const { user, system } = process.cpuUsage(used);
    const [seconds, longest] =
      PROCESSES[kind] === undefined
        ? [(user + system) / 1e6, LONGEST.reading]
        : [(performance.now() - start) / 1000, LONGEST.process];
    const complaint = wrong ?? (seconds > longest ? `took ${seconds.toFixed(0)} s` : null);
    counts[kind].cases++;
    counts[kind].exits[ended] = (counts[kind].exits[ended] ?? 0) + 1;
    if (complaint === null) return;
    const kept = path.join(root, 'failures', `${kind}-${round}-${counts[kind].cases}`);
    cpSync(scratch, kept, { recursive: true });
    writeFileSync(path.join(kept, 'complaint.txt'), complaint);
    failures.push(`${kind}, case ${counts[kind].cases} (${kept}): ${complaint.slice(0, 500)}`);
    log(failures.at(-1));
  }
}

function summary(counts) {
  const parts = Object.entries(counts).map(([kind, { cases, exits }]) => {
    const ends = Object.entries(exits).map(([exit, times]) => `${exit}: ${times}`);
    return `${kind} ${cases} (${ends.join(', ')})`;
  });
  return parts.join('; ');
}

/** The corpus, and every method trained on it once and left alone; what is started to see how much it does is counted once. */
async function createWorld(root, main, RandomStream, seed) {
  const random = new RandomStream({ seed, purpose: 'initialization' });
  const sentence = () => Array.from({ length: 2 + random.integer(7) }, () => `w${random.integer(20)}`).join(' ');
  const text = Array.from({ length: 160 }, (_, i) => `${i % 2 ? 'a' : 'b'}\t${sentence()}\n`).join('');
  writeFileSync('text.tsv', text);
  writeFileSync('words.yaml', toYaml(CONFIG));

  const sri = async (...args) => {
    const io = { out: new Recorder(), error: new Recorder(), stop: new AbortController().signal };
    const code = await main(args, io);
    return { code, signal: null, error: io.error.text, out: io.out.text };
  };
  const must = async (...args) => {
    const { code, error } = await sri(...args);
    if (code !== 0) throw new Error(`sri ${args.join(' ')} ended with ${code}: ${error}`);
  };
  const start = (args, env = {}, whenStarted = () => {}) =>
    new Promise((settle, fail) => {
      const child = spawn(process.execPath, ['--require', PRELOAD, SRI, ...args], {
        cwd: root,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let error = '';
      child.stderr.on('data', (chunk) => {
        error += chunk;
      });
      const hung = setTimeout(() => child.kill('SIGKILL'), 1000 * LONGEST.process);
      child.on('error', fail);
      child.on('close', (code, signal) => {
        clearTimeout(hung);
        settle({ code, signal, error, out: '' });
      });
      whenStarted(child);
    });

  await must('prepare', '--config', 'words.yaml', '--text', 'text.tsv');
  for (const method of Object.keys(METHODS)) await must(...trainArgs(method, 'whole'));
  await must('eval', '--run', 'whole/words/sri/seed-0', '--metric', 'ppl,recon,au,kl');

  const counted = new Map();
  /** Calls of the file system that a training or a reproduction makes, and the seconds that it takes; counted once. */
  const effort = async (name) => {
    if (!counted.has(name)) {
      const runs = path.join(root, 'counted', name);
      copySource(name, root, runs);
      const begun = performance.now();
      const ended = await start(argsOf(name, runs), { SRI_CAMPAIGN_COUNT: path.join(root, 'calls.txt') });
      if (ended.code !== 0) throw new Error(`${name} failed: ${ended.error}`);
      counted.set(name, {
        calls: Number(readFileSync('calls.txt', 'utf8')),
        seconds: (performance.now() - begun) / 1000,
      });
    }
    return counted.get(name);
  };
  let stoppedRun = null;
  /** A folder of a run that was killed on its last third: checkpoints are there, and something to go on with. */
  const stopped = async () => {
    if (stoppedRun === null) {
      const { calls } = await effort('lstm-lm');
      await start(trainArgs('lstm-lm', 'stopped'), { SRI_CAMPAIGN_KILL: String(Math.ceil(0.7 * calls)) });
      stoppedRun = path.join(root, 'stopped', 'words', 'lstm-lm', 'seed-0');
    }
    return stoppedRun;
  };
  return { root, sri, start, effort, stopped, text };
}

const DEADLY = [...Object.keys(METHODS), 'reproduce'];
const argsOf = (name, runs) => (name === 'reproduce' ? reproduceArgs(runs) : trainArgs(name, runs));

/** The run that a method starts from, where there is one, to where it looks for it. */
function copySource(name, root, runs) {
  const source = METHODS[name]?.startFrom?.encoder;
  const seat = ['words', source ?? '', 'seed-0'];
  if (source !== undefined) cpSync(path.join(root, 'whole', ...seat), path.join(runs, ...seat), { recursive: true });
}

const trainArgs = (method, runs) => ['train', '--config', 'words.yaml', '--method', method, '--runs', runs];
const reproduceArgs = (runs) => [
  'reproduce',
  '--config',
  'words.yaml',
  '--table',
  '1',
  '--methods',
  'lstm-lm,sri',
  '--runs',
  runs,
  '--results',
  `${runs}/results`,
];

/** What an ending says of itself, and what is wrong with it; nothing where it is one that a command may have. */
function judge({ code, signal, error }, allowed = [0, 1, 2]) {
  const ended = signal ?? String(code);
  if (/^\s+at .*(file:|node:|\/)/m.test(error)) return { ended, wrong: `a stack was printed: ${error}` };
  if (signal !== null || code === 0) return { ended, wrong: null };
  if (!allowed.includes(code)) return { ended, wrong: `it ended with ${code}: ${error}` };
  // Words of the runtime about our code, not about the input.
  const defect =
    /is not a function|is not iterable|cannot read propert|cannot destructure|maximum call stack|invalid array length|invalid typed array|map maximum|out of memory|is not defined|undefined is not|unexpected undefined|cannot convert|not extensible/i;
  if (defect.test(error)) return { ended, wrong: `a defect: ${error}` };
  if (!/^sri: \S/m.test(error)) return { ended, wrong: `it ended with ${code} and no reason: ${error}` };
  return { ended, wrong: null };
}

/** The weights that a run has in the end, by file. */
function weightsOf(folder) {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^[a-z].*\.safetensors$/.test(name)) : [];
  return new Map(files.map((name) => [name, readFileSync(path.join(folder, name))]));
}

/** What differs between a run that went through something and the one that was left alone; null for nothing. */
function differs(folder, whole) {
  const [got, wanted] = [weightsOf(folder), weightsOf(whole)];
  if (wanted.size === 0) throw new Error(`${whole} holds no weights`);
  for (const [name, bytes] of wanted) {
    if (!got.has(name)) return `${name} is missing`;
    if (!got.get(name).equals(bytes)) return `${name} has other bits`;
  }
  const left = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.tmp'));
  return left.length > 0 ? `${left.join(', ')} is left behind` : null;
}

function casesOf(world) {
  const { root, sri, start, effort, stopped } = world;
  const whole = (method) => path.join(root, 'whole', 'words', method, 'seed-0');

  /** Something befalls a training or a reproduction once or twice; then it is done again and must end as if nothing had. */
  const deadly = (befall, mayEnd) => async (random, scratch) => {
    const name = pick(random, DEADLY);
    const runs = path.join(scratch, 'runs');
    const args = argsOf(name, runs);
    copySource(name, root, runs);
    let ended = 'none';
    for (let times = 1 + random.integer(2); times > 0; times--) {
      const end = await befall(args, name, random);
      const judged = judge(end, mayEnd);
      ended = judged.ended;
      if (judged.wrong !== null) return judged;
    }
    const again = await sri(...args);
    if (again.code !== 0) return { ended, wrong: `${name} could not go on: ${again.code}: ${again.error}` };
    const methods = name === 'reproduce' ? ['lstm-lm', 'sri'] : [name];
    const wrong = methods
      .map((method) => [method, differs(path.join(runs, 'words', method, 'seed-0'), whole(method))])
      .find(([, difference]) => difference !== null);
    return { ended, wrong: wrong === undefined ? null : `${name}: ${wrong.join(': ')}` };
  };

  const whichCall = async (name, random) => 1 + random.integer((await effort(name)).calls);
  const copied = (scratch, from) => {
    const to = path.join(scratch, 'copy');
    cpSync(from, to, { recursive: true });
    return to;
  };
  const spoilJson = (file, random) => {
    if (random.uniform() < 0.5)
      writeFileSync(file, JSON.stringify(spoilTree(JSON.parse(readFileSync(file, 'utf8')), random)));
    else writeFileSync(file, spoilBytes(readFileSync(file), random));
  };
  const reading = async (...args) => judge(await sri(...args), [1, 2]);
  const dryRun = (scratch, config, ...more) =>
    reading(
      'reproduce',
      '--config',
      config,
      '--table',
      '1',
      '--dry-run',
      '--runs',
      path.join(scratch, 'r'),
      '--results',
      path.join(scratch, 'o'),
      ...more,
    );

  return {
    kill: deadly(async (args, name, random) =>
      start(args, { SRI_CAMPAIGN_KILL: String((await whichCall(name, random)) + (random.uniform() < 0.3 ? 0.5 : 0)) }),
    ),
    signal: deadly(
      async (args, name, random) => {
        const { seconds } = await effort(name);
        return start(args, {}, (child) => {
          const signal = pick(random, ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL']);
          const timer = setTimeout(() => child.kill(signal), 1000 * seconds * random.uniform());
          child.on('close', () => clearTimeout(timer));
        });
      },
      [0, 1, 2, 130, 143, 129],
    ),
    fault: deadly(async (args, name, random) =>
      start(args, { SRI_CAMPAIGN_FAIL: `${await whichCall(name, random)}:${pick(random, ['ENOSPC', 'EIO'])}` }),
    ),
    async config(random, scratch) {
      const file = path.join(scratch, 'some.yaml');
      const spoilt =
        random.uniform() < 0.5 ? toYaml(spoilTree(CONFIG, random)) : spoilBytes(Buffer.from(toYaml(CONFIG)), random);
      writeFileSync(file, spoilt);
      const judged = await dryRun(scratch, file);
      return judged;
    },
    async override(random, scratch) {
      let keys = [];
      for (
        let node = CONFIG;
        typeof node === 'object' && node !== null && !Array.isArray(node);
        node = node[keys.at(-1)]
      ) {
        const [key] = [pick(random, [...Object.keys(node), 'constructor'])];
        keys = [...keys, key];
        if (!Object.hasOwn(node, key)) break;
      }
      const value = random.uniform() < 0.5 ? toYaml(someValue(random)) : someText(random);
      const given = `${keys.join('.')}=${value}`;
      writeFileSync(path.join(scratch, 'given.txt'), given);
      return dryRun(scratch, 'words.yaml', '--set', given);
    },
    async corpus(random, scratch) {
      const copy = copied(scratch, path.join(root, 'data', 'words'));
      const file = path.join(copy, pick(random, readdirSync(copy)));
      if (file.endsWith('.json')) spoilJson(file, random);
      else writeFileSync(file, spoilBytes(readFileSync(file), random));
      const run = path.join(scratch, 'run');
      return reading(...trainArgs('lstm-lm', 'none').slice(0, -2), '--run', run, '--set', `data.directory=${copy}`);
    },
    async checkpoint(random, scratch) {
      // A run that was stopped in its second epoch: one checkpoint spoilt, the other whole; what comes of it are the bits of
      // the run that was left alone, or a complaint.
      const copy = copied(scratch, await stopped());
      const folder = path.join(copy, 'checkpoints');
      const names = readdirSync(folder).filter((name) => /^\d/.test(name));
      const file = path.join(folder, pick(random, names));
      if (file.endsWith('.json')) spoilJson(file, random);
      else writeFileSync(file, spoilBytes(readFileSync(file), random));
      const end = await sri(...trainArgs('lstm-lm', 'none').slice(0, -2), '--run', copy);
      const judged = judge(end, [1, 2]);
      return end.code === 0 && judged.wrong === null ? { ...judged, wrong: differs(copy, whole('lstm-lm')) } : judged;
    },
    async row(random, scratch) {
      const copy = copied(scratch, whole('sri'));
      const files = [
        'config.json',
        'manifest.json',
        'metrics.csv',
        ...readdirSync(path.join(copy, 'rows')).map((name) => `rows/${name}`),
      ];
      const file = path.join(copy, pick(random, files));
      if (file.endsWith('.json')) spoilJson(file, random);
      else writeFileSync(file, spoilBytes(readFileSync(file), random));
      const outside = new Set(readdirSync(root));
      const judged = await reading('report', copy, '--results', path.join(scratch, 'results'));
      const stranger = readdirSync(root).find((name) => !outside.has(name));
      return stranger === undefined ? judged : { ...judged, wrong: `it wrote ${stranger}, outside of --results` };
    },
    async text(random, scratch) {
      const file = path.join(scratch, 'text.txt');
      writeFileSync(file, spoilBytes(Buffer.from(world.text), random));
      const how = [...(random.uniform() < 0.5 ? ['--labels'] : []), ...(random.uniform() < 0.2 ? ['--distinct'] : [])];
      return reading('prepare', '--text', file, '--out', path.join(scratch, 'out'), ...how);
    },
    async argument(random, scratch) {
      const command = pick(random, [
        'prepare',
        'train',
        'eval',
        'eval-ppl',
        'classify',
        'interpolate',
        'generate',
        'posterior',
        'reproduce',
        'report',
        'noisy-recon',
        someText(random),
      ]);
      const options = [
        '--config',
        '--method',
        '--setting',
        '--seed',
        '--set',
        '--run',
        '--runs',
        '--backend',
        '--threads',
        '--weights',
        '--split',
        '--limit',
        '--text',
        '--out',
        '--from',
        '--table',
        '--methods',
        someText(random),
      ];
      const values = [
        'words.yaml',
        'sri',
        '0',
        'none',
        '--json',
        'text.tsv/x',
        '1e9',
        '-1',
        `${scratch}/x`,
        someText(random),
        someText(random),
      ];
      const args = [command];
      for (let pairs = random.integer(6); pairs > 0; pairs--) args.push(pick(random, options), pick(random, values));
      // A text of its own would be found in this folder, and a run of a method be trained there.
      if (command === 'train' || command === 'reproduce') args.push('--backend', 'none');
      writeFileSync(path.join(scratch, 'arguments.json'), JSON.stringify(args));
      return reading(...args);
    },
  };
}
