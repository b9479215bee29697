// A study of two methods and two seeds on a real Slurm of one machine: munged, slurmctld and slurmd of the distribution's
// packages, on loopback, in a temporary folder. One task's process is killed midway; Slurm must queue it again, and the tables
// must be those of the same study without Slurm, to the last digit.
//
//     node scripts/test-slurm.mjs [--install]     as root; --install fetches Slurm by apt-get where it is missing

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SRI = fileURLToPath(new URL('../bin/sri.js', import.meta.url));
const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scontrol'];
const PACKAGES = ['slurm-wlm', 'slurmctld', 'slurmd', 'munge'];
const METHODS = ['lstm-lm', 'sri'];
const SEEDS = [0, 1];
/** Seconds within which each thing that is waited for must happen. */
const PATIENCE = 600;

const say = (line) => process.stdout.write(`slurm: ${line}\n`);
const skip = (reason) => {
  say(`THE TEST ON A REAL SLURM DOES NOT RUN: ${reason}`);
  process.exit(0);
};
const there = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

if (process.platform !== 'linux') skip('it needs Linux');
if (process.getuid() !== 0) skip('its daemons need root');
const missing = () => PROGRAMS.filter((program) => !there(program));
if (missing().length > 0 && process.argv.includes('--install')) {
  if (!there('apt-get')) skip(`${missing().join(', ')} are missing, and there is no apt-get to install them by`);
  // The packages' own services are not wanted, and in a container they could not start.
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  spawnSync('apt-get', ['update'], options);
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], options);
}
if (missing().length > 0) skip(`${missing().join(', ')} are missing; --install fetches ${PACKAGES.join(', ')}`);

const root = mkdtempSync(path.join(tmpdir(), 'sri-slurm-'));
const bed = path.join(root, 'bed');
const environment = {
  ...process.env,
  SLURM_CONF: path.join(bed, 'slurm.conf'),
  XDG_CACHE_HOME: path.join(root, 'cache'),
};
const run = (program, ...args) => execFileSync(program, args, { cwd: root, env: environment, encoding: 'utf8' });
const sri = (...args) => run(process.execPath, SRI, ...args);
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function until(what, holds) {
  for (let waited = 0; waited < PATIENCE; waited += 0.25) {
    const value = await holds();
    if (value) return value;
    await pause(0.25);
  }
  throw new Error(`${what} did not happen within ${PATIENCE} s`);
}

function startCluster() {
  for (const part of ['state', 'spool', 'run', 'log', 'munge']) mkdirSync(path.join(bed, part), { recursive: true });
  // munged minds who could read its folders.
  execFileSync('chmod', ['755', root, bed]);
  execFileSync('chmod', ['700', path.join(bed, 'munge')]);
  writeFileSync(path.join(bed, 'munge/munge.key'), randomBytes(1024), { mode: 0o400 });
  const host = hostname().split('.')[0];
  const memory = Math.floor((0.8 * totalmem()) / 2 ** 20);
  const settings = {
    ClusterName: 'bed',
    SlurmctldHost: `${host}(127.0.0.1)`,
    SlurmctldPort: 26817,
    SlurmdPort: 26818,
    SlurmUser: 'root',
    SlurmdUser: 'root',
    AuthType: 'auth/munge',
    AuthInfo: `socket=${bed}/run/munge.socket`,
    CredType: 'cred/munge',
    CommunicationParameters: 'NoCtldInAddrAny,NoInAddrAny',
    StateSaveLocation: `${bed}/state`,
    SlurmdSpoolDir: `${bed}/spool`,
    SlurmctldPidFile: `${bed}/run/slurmctld.pid`,
    SlurmdPidFile: `${bed}/run/slurmd.pid`,
    SlurmctldLogFile: `${bed}/log/slurmctld.log`,
    SlurmdLogFile: `${bed}/log/slurmd.log`,
    ProctrackType: 'proctrack/linuxproc',
    TaskPlugin: 'task/none',
    SwitchType: 'switch/none',
    MpiDefault: 'none',
    ReturnToService: 2,
    SelectType: 'select/cons_tres',
    SelectTypeParameters: 'CR_Core',
    AccountingStorageType: 'accounting_storage/none',
    JobCompType: 'jobcomp/none',
    JobAcctGatherType: 'jobacct_gather/none',
  };
  const node = `NodeName=${host} NodeAddr=127.0.0.1 CPUs=${availableParallelism()} RealMemory=${memory} State=UNKNOWN`;
  const partition = `PartitionName=main Nodes=${host} Default=YES MaxTime=INFINITE State=UP`;
  const lines = [...Object.entries(settings).map(([key, value]) => `${key}=${value}`), node, partition];
  writeFileSync(path.join(bed, 'slurm.conf'), `${lines.join('\n')}\n`);
  const daemon = (program, ...args) => execFileSync(program, args, { env: environment, stdio: 'ignore' });
  daemon(
    'munged',
    `--key-file=${bed}/munge/munge.key`,
    `--socket=${bed}/run/munge.socket`,
    `--pid-file=${bed}/run/munged.pid`,
    `--log-file=${bed}/log/munged.log`,
    `--seed-file=${bed}/munge/munged.seed`,
  );
  daemon('slurmctld', '-f', environment.SLURM_CONF, '-c');
  daemon('slurmd', '-f', environment.SLURM_CONF);
}

/** By the numbers that the daemons left, and no others. */
function stopCluster() {
  for (const name of ['slurmd', 'slurmctld', 'munged']) {
    const file = path.join(bed, `run/${name}.pid`);
    try {
      if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGTERM');
    } catch {
      // Gone by itself.
    }
  }
}

function writeStudy() {
  writeFileSync(
    path.join(root, 'tiny.yaml'),
    `
dataSet: tiny
threads: 1
data: { vocabularySize: 20, maxLength: 6, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6, weightRange: 0.1 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 5, epochs: 30, checkpointEvery: 0.02, validationSentences: 4 }
evaluation: { draws: { fitted: 20 }, chains: 2, metropolisSteps: 4, inferenceChains: 3,
  sentences: 8, perplexitySentences: 4, klChains: { jacobian: 1, gaussian: 4 } }
methods:
  lstm-lm: {}
  sri: { startFrom: { decoder: lstm-lm }, langevin: { steps: 4, stepSize: [0.3, 0.1], temperature: 0.1 } }
`,
  );
  for (const [split, count] of Object.entries({ train: 60, valid: 10, test: 10 })) {
    const lines = Array.from({ length: count }, (_, i) =>
      Array.from({ length: 3 + (i % 2) }, (_, j) => `word${(7 * i * (j + 3) + 3 * j + split.length) % 8}`).join(' '),
    );
    writeFileSync(path.join(root, `tiny.${split}.txt`), `${lines.join('\n')}\n`);
  }
}

/** Without what two trainings never have in common: how long they took, of which source, and where they lie. */
function table(results) {
  const rows = readFileSync(path.join(root, results, 'tiny/table1.csv'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const own = rows[0].map((name) => ['Training seconds', 'Commit', 'Run'].includes(name));
  return rows.map((row) => row.filter((_, i) => !own[i]).join(',')).join('\n');
}

const study = (place) => [
  ...['reproduce', '--config', 'tiny.yaml', '--methods', METHODS.join(','), '--seeds', SEEDS.join(',')],
  ...['--runs', `runs-${place}`, '--results', `results-${place}`],
];

try {
  writeStudy();
  sri('prepare', '--config', 'tiny.yaml', '--from', '.');
  startCluster();
  await until('a node of the cluster', () => run('sinfo', '-h', '-o', '%T').includes('idle'));
  say('the cluster is up');

  say(
    sri(...study('slurm'), '--launcher', 'slurm', '--sbatch', '-c 1', '--array-limit', '2')
      .trimEnd()
      .replaceAll('\n', '; '),
  );
  const runs = path.join(root, 'runs-slurm/tiny');
  const plan = path.join(
    runs,
    readdirSync(runs).find((name) => name.startsWith('plan-')),
  );
  const status = () =>
    sri('status', plan, '--json')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const record = (number) => {
    const file = path.join(plan, `tasks/${number}.json`);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  };

  const victim = status().find(({ id }) => id === `train sri seed-${SEEDS[0]}`).number;
  const checkpoints = path.join(runs, `sri/seed-${SEEDS[0]}/checkpoints`);
  const { pid } = await until('a checkpoint of the task to kill', () => {
    const saved = existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.endsWith('.json'));
    return saved && record(victim)?.state === 'running' && record(victim);
  });
  process.kill(pid, 'SIGKILL');
  say(`killed process ${pid}, which did task ${victim}`);

  await until('the end of all jobs', () => run('squeue', '-h').trim() === '');
  const ended = status();
  const notDone = ended.filter(({ state }) => state !== 'done');
  if (notDone.length > 0) throw new Error(`not done: ${JSON.stringify(notDone)}`);
  const logs = ended
    .find(({ number }) => number === victim)
    .logs.map((file) => readFileSync(path.resolve(root, file), 'utf8'));
  if (!logs.join('').includes("queued again: the task's process was killed"))
    throw new Error('it was not queued again');
  if (record(victim).pid === pid) throw new Error('it was not done by another process');
  say('the killed task was queued again and done');

  sri(...study('local'));
  if (table('results-slurm') !== table('results-local')) {
    throw new Error(`the tables differ:\n${table('results-slurm')}\n${table('results-local')}`);
  }
  for (const method of METHODS) {
    for (const seed of SEEDS) {
      const weights = (place) =>
        readFileSync(path.join(root, `runs-${place}/tiny/${method}/seed-${seed}/best.safetensors`));
      if (!weights('slurm').equals(weights('local'))) throw new Error(`${method} of seed ${seed} has other weights`);
    }
  }
  say(
    `the tables and weights of ${METHODS.join(' and ')} with seeds ${SEEDS.join(' and ')} are those of a local study`,
  );
} catch (error) {
  process.exitCode = 1;
  say(`FAILED: ${error.message}${error.stderr ? `\n${error.stderr}` : ''}`);
  for (const name of ['slurmctld', 'slurmd', 'munged']) {
    const file = path.join(bed, `log/${name}.log`);
    if (existsSync(file)) say(`${name}:\n${readFileSync(file, 'utf8').split('\n').slice(-15).join('\n')}`);
  }
} finally {
  stopCluster();
  await pause(1);
  if (process.exitCode !== 1) rmSync(root, { recursive: true, force: true });
  else say(`what there is lies in ${root}`);
}
