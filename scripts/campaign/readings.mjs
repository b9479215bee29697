// What a command reads is nonsense, by kind. Most inputs go to the functions that commands call, which takes a thousandth of
// a command's time; some to the command. What is read without a complaint must be what was written, wherever a sum can tell.

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { judge } from './judge.mjs';
import { pick, someText, someValue, spoilBytes, spoilTree, toYaml } from './nonsense.mjs';
import { built, CONFIG, METHODS, Recorder, runOf, trainArgs } from './world.mjs';

/** The share of the inputs that a command is given. */
const BY_COMMAND = 0.02;

/** By kind: each a function of a source of chance and a folder that gives the endings and what is wrong, see campaign.mjs. */
export async function readings(world) {
  const { root, text, sri, stopped, differing } = world;
  const [
    { reportError },
    { openConfig },
    { planReproduction },
    { loadCorpus, corpusOrigin },
    { checkPrepared },
    { loadCheckpoint },
    { readRun, sentenceValues },
    { RunFolder },
    { ofText, prepare },
    { tables, tablesOf },
    { measurements },
    { mixtureNotices },
    { partNotice },
    { toCsv },
    { readEpochs },
    { commandsOf },
  ] = await Promise.all(
    [
      'cli/main.js',
      'experiments/choose-run.js',
      'experiments/reproduce/reproduce.js',
      'data/corpus-files.js',
      'experiments/train.js',
      'runs/checkpoint.js',
      'runs/measured-run.js',
      'runs/run-folder.js',
      'experiments/prepare.js',
      'report/tables.js',
      'report/table1.js',
      'report/mixture.js',
      'report/part.js',
      'report/table.js',
      'report/training-log.js',
      'experiments/commands.js',
    ].map(built),
  );

  /** As the command line ends where what a command calls throws. */
  const attempt = async (work) => {
    const io = { error: new Recorder() };
    try {
      return { code: 0, error: '', value: await work() };
    } catch (error) {
      return { code: reportError(error, io), error: io.error.text };
    }
  };
  const judged = (end, wrongly = () => null) => {
    const { ended, wrong } = judge(end);
    return { endings: [ended], wrong: wrong ?? (end.code === 0 ? wrongly(end.value) : null) };
  };
  const spoil = (file, random) => {
    const bytes = readFileSync(file);
    if (file.endsWith('.json') && random.uniform() < 0.5) {
      writeFileSync(file, JSON.stringify(spoilTree(JSON.parse(bytes), random)));
    } else writeFileSync(file, spoilBytes(bytes, random));
  };
  /** A copy of a folder with one of its files spoilt. */
  const spoiltCopy = (from, scratch, random, choose) => {
    const copy = path.join(scratch, 'copy');
    cpSync(from, copy, { recursive: true });
    spoil(path.join(copy, pick(random, choose(copy))), random);
    return copy;
  };
  const planOf = (loaded, overrides) =>
    planReproduction({
      loaded,
      overrides,
      tables: [1],
      figures: [],
      ais: false,
      split: 'test',
      runs: 'r',
      results: 'o',
    });
  const dryRun = (config, scratch, ...more) =>
    sri(['reproduce', '--config', config, '--table', '1', '--dry-run', '--runs', path.join(scratch, 'r')].concat(more));
  const lines = text.match(/.*\n/g);
  const loadedConfig = await openConfig('words.yaml');
  const corpus = path.join(root, 'data', 'words');
  const prepared = await loadCorpus(corpus);
  const run = new RunFolder(runOf(path.join(root, 'whole'), 'sri')).config();

  return {
    async config(random, scratch) {
      const file = path.join(scratch, 'some.yaml');
      const methods = ['lstm-lm', 'fb-vae', 'ae', pick(random, Object.keys(METHODS))];
      const config = { ...CONFIG, methods: Object.fromEntries(methods.map((method) => [method, METHODS[method]])) };
      const spoilt =
        random.uniform() < 0.5 ? toYaml(spoilTree(config, random)) : spoilBytes(Buffer.from(toYaml(config)), random);
      writeFileSync(file, spoilt);
      if (random.uniform() < BY_COMMAND) return judged(await dryRun(file, scratch));
      return judged(await attempt(async () => planOf(await openConfig(file), [])));
    },

    async override(random, scratch) {
      let keys = [];
      for (
        let node = CONFIG;
        typeof node === 'object' && node !== null && !Array.isArray(node);
        node = node[keys.at(-1)]
      ) {
        const key = pick(random, [...Object.keys(node), 'constructor']);
        keys = [...keys, key];
        if (!Object.hasOwn(node, key)) break;
      }
      const value = random.uniform() < 0.5 ? toYaml(someValue(random)) : someText(random);
      const given = `${keys.join('.')}=${value}`;
      writeFileSync(path.join(scratch, 'given.txt'), given);
      if (random.uniform() < BY_COMMAND) return judged(await dryRun('words.yaml', scratch, '--set', given));
      return judged(await attempt(() => planOf(loadedConfig, [given])));
    },

    async corpus(random, scratch) {
      const copy = spoiltCopy(corpus, scratch, random, (folder) => readdirSync(folder));
      if (random.uniform() < BY_COMMAND) {
        const args = [...trainArgs('lstm-lm', 'none').slice(0, -2), '--run', path.join(scratch, 'run')];
        return judged(await sri([...args, '--set', `data.directory=${copy}`]));
      }
      const read = async () => {
        const loaded = await loadCorpus(copy);
        checkPrepared(run, loaded);
        await corpusOrigin(copy);
        return loaded;
      };
      const same = ({ hash, statistics }) =>
        hash === prepared.hash && isDeepStrictEqual(statistics, prepared.statistics);
      return judged(await attempt(read), (loaded) =>
        same(loaded) ? null : 'another corpus was read without a complaint',
      );
    },

    async checkpoint(random, scratch) {
      // Of two checkpoints one is spoilt; what comes of it are the bits that were saved, or a complaint.
      const from = await stopped();
      const names = (folder) => readdirSync(path.join(folder, 'checkpoints')).filter((name) => /^\d/.test(name));
      const whole = new Set(names(from).map((name) => path.parse(name).name));
      const copy = spoiltCopy(from, scratch, random, (folder) =>
        names(folder).map((name) => path.join('checkpoints', name)),
      );
      if (random.uniform() < BY_COMMAND) {
        const end = await sri([...trainArgs('lstm-lm', 'none').slice(0, -2), '--run', copy]);
        return judged(end, () => differing(copy, runOf('whole', 'lstm-lm')) ?? null);
      }
      return judged(await attempt(async () => loadCheckpoint(path.join(copy, 'checkpoints'))), (loaded) => {
        const name = path.basename(loaded.file, '.safetensors');
        if (!whole.has(name)) return `${name} is no checkpoint that was saved`;
        const saved = (folder, end) => readFileSync(path.join(folder, 'checkpoints', `${name}.${end}`));
        const state = (folder) => ({ ...JSON.parse(saved(folder, 'json')), sum: null, tensors: null });
        // Of a file without its sum nothing else can be wrong: one thing is spoilt.
        const changed = [
          ...(isDeepStrictEqual(state(copy), state(from)) ? [] : ['json']),
          ...(saved(copy, 'safetensors').equals(saved(from, 'safetensors')) ? [] : ['safetensors']),
        ];
        return changed.length === 0 ? null : `${name}.${changed[0]} was read without a complaint`;
      });
    },

    async row(random, scratch) {
      const copy = spoiltCopy(runOf(path.join(root, 'reproduced'), 'sri'), scratch, random, (folder) => [
        ...['config.json', 'manifest.json', 'metrics.csv'],
        ...readdirSync(path.join(folder, 'rows')).map((name) => path.join('rows', name)),
      ]);
      const outside = new Set(readdirSync(root));
      const read = async () => {
        const measured = readRun(new RunFolder(copy));
        for (const row of measured.rows) sentenceValues(measured, row);
        for (const kind of tables()) {
          const table = kind.make([measured], 'test');
          toCsv(table);
          if (table.rows.length > 0) kind.read(table);
        }
        toCsv(measurements([measured]));
        partNotice([measured]);
        mixtureNotices([measured], 'test');
        readEpochs(new RunFolder(copy).metricsText());
        await commandsOf([measured], { tables: tablesOf([1]), split: 'test', config: 'words.yaml', copies: null });
      };
      const end =
        random.uniform() < BY_COMMAND
          ? await sri(['report', copy, '--html', '--results', path.join(scratch, 'results')])
          : await attempt(read);
      const stranger = readdirSync(root).find((name) => !outside.has(name));
      return stranger === undefined
        ? judged(end)
        : { ...judged(end), wrong: `it wrote ${stranger}, outside of --results` };
    },

    async text(random, scratch) {
      const file = path.join(scratch, 'text.txt');
      // A part of it, begun anywhere: the same kinds of lines, and a tenth of the work.
      const begin = random.integer(lines.length - 30);
      writeFileSync(file, spoilBytes(Buffer.from(lines.slice(begin, begin + 30).join('')), random));
      const [labels, distinct] = [random.uniform() < 0.5, random.uniform() < 0.2];
      const out = path.join(scratch, 'out');
      if (random.uniform() < BY_COMMAND) {
        const how = [...(labels ? ['--labels'] : []), ...(distinct ? ['--distinct'] : [])];
        return judged(await sri(['prepare', '--text', file, '--out', out, ...how]));
      }
      const read = () => prepare(ofText(file, null, { out, labels, distinct }));
      const same = async ({ hash }) => ((await loadCorpus(out)).hash === hash ? null : 'another corpus is read');
      const end = await attempt(read);
      const { endings, wrong } = judged(end);
      return { endings, wrong: wrong ?? (end.code === 0 ? await same(end.value) : null) };
    },

    async argument(random, scratch) {
      const command = pick(random, [...COMMANDS, someText(random)]);
      const options = [...OPTIONS, someText(random)];
      const values = [...VALUES, `${scratch}/x`, someText(random), someText(random)];
      const args = [command];
      for (let pairs = random.integer(6); pairs > 0; pairs--) args.push(pick(random, options), pick(random, values));
      // A text of its own would be found in this folder, and a run of a method be trained there.
      if (command === 'train' || command === 'reproduce') args.push('--backend', 'none');
      writeFileSync(path.join(scratch, 'arguments.json'), JSON.stringify(args));
      return judged(await sri(args));
    },
  };
}

const COMMANDS = [
  ...['prepare', 'train', 'eval', 'eval-ppl', 'classify', 'interpolate', 'generate', 'posterior', 'reproduce'],
  ...['report', 'noisy-recon', 'frontier', 'encode', 'decode', 'neighbours', 'transfer', 'compare', 'export', 'init'],
  ...['status', 'run-task', 'help', 'completion'],
];
const OPTIONS = [
  ...['--config', '--method', '--setting', '--seed', '--set', '--run', '--runs', '--backend', '--threads', '--weights'],
  ...['--split', '--limit', '--text', '--out', '--from', '--table', '--methods', '--sweep', '--sweep-file', '--metric'],
  ...['--format', '--seeds', '--jobs', '--export', '--plugin', '--draws', '--sets', '--results'],
];
const VALUES = ['words.yaml', 'sri', '0', 'none', '--json', 'text.tsv/x', '1e9', '-1'];
