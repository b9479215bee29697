// All tables from text in one process, at a size that learns nothing: what is made, that nothing is made twice, what is
// foretold, and what becomes of failures.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../../src/random/philox.js';
import { sri } from '../in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-reproduce-'));
const before = process.cwd();

const CONFIG = `
dataSet: moods
backend: cpu
data: { vocabularySize: 20, maxLength: 6, labelColumn: required }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6, weightRange: 0.1 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 20, epochs: 1, validationSentences: 4 }
evaluation: { draws: { fitted: 20, encoder: 20 }, chains: 2, metropolisSteps: 4, inferenceChains: 3, featureDraws: 1,
  sentences: 8, perplexitySentences: 4, aisSentences: 3, temperatures: 5, klChains: { jacobian: 1, gaussian: 4 } }
methods:
  lstm-lm: {}
  ae: {}
  fb-vae: { startFrom: { encoder: ae }, freeBits: { target: 1 } }
  sri: { langevin: { steps: 2, stepSize: [0.3, 0.1], temperature: 0.1 } }
`;

const CONFIGURED = ['--config', 'moods.yaml'];

beforeAll(() => {
  process.chdir(root);
  writeFileSync('moods.yaml', CONFIG);
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = (_: unknown, i: number) => {
    const words = Array.from({ length: 3 + (i % 2) }, () => `${i % 3 ? 'gay' : 'sad'}${stream.integer(5)}`);
    return `${i % 3 ? 'good' : 'bad'}\t${words.join(' ')}`;
  };
  for (const [split, count] of Object.entries({ train: 40, valid: 10, test: 10 })) {
    writeFileSync(`moods.${split}.txt`, `${Array.from({ length: count }, sentence).join('\n')}\n`);
  }
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

/** Every file beneath a folder, with when it was written. */
function filesOf(folder: string): Record<string, number> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  return Object.fromEntries(
    names.filter((name) => statSync(name).isFile()).map((name) => [name, statSync(name).mtimeMs]),
  );
}

const csv = (name: string) =>
  readFileSync(`tables/moods/${name}.csv`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));

const events = (out: string, kind: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === kind);

/** The tasks of a dry run, `id: state`. */
async function dryRun(...args: string[]) {
  const { code, out, error } = await sri('reproduce', ...CONFIGURED, '--dry-run', '--json', ...args);
  expect(code, error).toBe(0);
  return events(out, 'task').map(({ id, state }: { id: string; state: string }) => `${id}: ${state}`);
}

describe('sri reproduce --dry-run', () => {
  it('tells the plan before there is anything, and makes nothing', async () => {
    const there = filesOf('.');
    const { code, out, error } = await sri('reproduce', ...CONFIGURED, '--tables', '4', '--dry-run');
    expect(code, error).toBe(0);
    expect(out.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'task state takes at most about',
      'prepare to do ?',
      'train ae, seed 0 to do ?',
      'noisy reconstruction of ae, seed 0 to do ?',
      'train fb-vae, seed 0 to do ?',
      'noisy reconstruction of fb-vae, seed 0 to do ?',
      'train sri, seed 0 to do ?',
      'noisy reconstruction of sri, seed 0 to do ?',
      'report to do ',
      'in all and more',
      'what it takes can be told once the text is prepared: sri prepare',
      '',
    ]);
    expect(filesOf('.')).toEqual(there);
  });

  it('has the runs of the ablation, that with the config’s own steps under its plain name', async () => {
    const tasks = await dryRun('--ablation', 'steps', '--set', 'training.epochs=3', '--seeds', '4,7');
    expect(tasks.filter((task) => task.startsWith('train'))).toEqual(
      [4, 7].flatMap((seed) => [10, 20, 40, 60].map((steps) => `train sri@steps-${steps} seed-${seed}: to do`)),
    );
  });
});

describe('sri reproduce --all', () => {
  const tables = ['table1', 'table2', 'table3', 'table4', 'table5'];

  it('makes all tables and Figure 1', async () => {
    const { code, out, error } = await sri('reproduce', ...CONFIGURED, '--all', '--from', '.');
    expect(code, error).toBe(0);
    const methods = (name: string) => [...new Set(csv(name).map(([first]) => first))].slice(1);
    expect(tables.map(methods)).toEqual([
      ['LSTM-LM', 'FB-VAE', 'SRI'],
      ['FB-VAE', 'SRI'],
      ['FB-VAE', 'SRI'],
      ['AE', 'FB-VAE', 'SRI'],
      ['AE', 'FB-VAE', 'SRI', 'SRI by mode'],
    ]);
    for (const name of ['training-curves.svg', 'report.html', 'measurements.csv']) {
      expect(existsSync(`tables/moods/${name}`)).toBe(true);
    }
    for (const part of ['tsne.svg', 'marginals.svg']) {
      expect(readFileSync(`tables/moods/figure1-sri-seed-0-${part}`, 'utf8')).toMatch(/^<svg/);
    }
    expect(existsSync('tables/moods/ablation-steps.csv')).toBe(false);
    // Beside each estimate of a perplexity stands one by ais, of the same three sentences.
    const checks = csv('measurements').filter(
      ([, , , , metric, , , , , , sentences]) => metric === 'ppl' && sentences === '3',
    );
    expect(checks.map(([method, , , , , , estimator]) => [method, estimator])).toEqual([
      ['FB-VAE', 'ais'],
      ['FB-VAE', 'encoder-alone'],
      ['FB-VAE', 'encoder'],
      ['SRI', 'ais'],
      ['SRI', 'fitted'],
    ]);
    expect(out).toMatch(/^PPL on few: .*\nPPL by ais: /m);
    // Forty sentences show no accuracy with a hundred labels.
    expect(error).toMatch(/40 training sentences, so no accuracy with 100 labels/);
    for (const caption of ['Table 1', 'Table 2', 'Table 3', 'Table 4', 'Table 5']) expect(out).toContain(caption);
    expect(out).toMatch(/written to tables\/moods: table1\.csv, .*report\.html/);
  }, 60_000);

  it('does nothing twice', async () => {
    const runs = filesOf('runs');
    const made = Object.fromEntries(tables.map((name) => [name, csv(name)]));
    const { code, out, error } = await sri('reproduce', ...CONFIGURED, '--all', '--json');
    expect(code, error).toBe(0);
    expect(events(out, 'task')).toEqual([]);
    const settled = (name: string) => name.endsWith('config.json');
    const changed = Object.entries(filesOf('runs')).filter(([name, at]) => runs[name] !== at && !settled(name));
    expect(changed).toEqual([]);
    expect(Object.fromEntries(tables.map((name) => [name, csv(name)]))).toEqual(made);
    expect(events(out, 'table').map(({ table }) => table)).toEqual([1, 2, 3, 4, 5]);
  });

  it('foretells that nothing is left', async () => {
    const tasks = await dryRun('--all');
    expect(tasks.filter((task) => !task.endsWith(': done'))).toEqual(['report: to do']);
    expect(tasks).toHaveLength(1 + 4 + 3 + 2 + 2 + 2 + 3 + 3 + 2 + 1);
  });

  it('measures again what more sentences are asked of', async () => {
    const tasks = await dryRun('--table', '4', '--set', 'evaluation.sentences=10');
    expect(tasks.filter((task) => task.endsWith(': to do'))).toEqual([
      'noisy-recon ae seed-0: to do',
      'noisy-recon fb-vae seed-0: to do',
      'noisy-recon sri seed-0: to do',
      'report: to do',
    ]);
  });

  it('goes on with a run that is given more epochs, and foretells for how long', async () => {
    const args = ['--methods', 'lstm-lm', '--set', 'training.epochs=2'];
    expect(await dryRun(...args)).toEqual([
      'prepare: done',
      'train lstm-lm seed-0: goes on',
      'metrics lstm-lm seed-0: to do',
      'report: to do',
    ]);
    const { out } = await sri('reproduce', ...CONFIGURED, '--dry-run', ...args);
    expect(out).toMatch(/^train lstm-lm, seed 0 +goes on from epoch 1 +\d+ s$/m);
    const forever = ['--methods', 'lstm-lm', '--set', 'training.epochs=1000000000', '--seeds', '0,1', '--jobs', '2'];
    const marked = await sri('reproduce', ...CONFIGURED, '--dry-run', ...forever);
    for (const line of [/^train lstm-lm, seed 0/, /^in all/, /^2 at a time/]) {
      expect(marked.out.split('\n').find((one) => line.test(one))).toMatch(/ \d+ d \d+ h, more than a week$/);
    }
    expect(marked.out).toMatch(/^measure lstm-lm, seed 0 .* s$/m);
  });
});

describe('failures', () => {
  it('take with them what needs them, and nothing else', async () => {
    const other = ['--method', 'ae', '--seed', '1', '--set', 'model.hiddenSize=5'];
    const trained = await sri('train', ...CONFIGURED, ...other);
    expect(trained.code, trained.error).toBe(0);
    const methods = ['--methods', 'lstm-lm,fb-vae', '--seeds', '0,1'];
    const { code, out, error } = await sri('reproduce', ...CONFIGURED, ...methods);
    expect(code).toBe(1);
    expect(error).toMatch(/train ae, seed 1 failed: .*another configuration .*; the rest goes on/);
    expect(error).toMatch(
      /sri: 1 of \d+ tasks failed\n.*\n {2}so not done: train fb-vae, seed 1\n {2}so not done: measure/,
    );
    expect(existsSync('runs/moods/fb-vae/seed-1')).toBe(false);
    // What could be measured is in the table, the mean of two seeds among it.
    expect(out).toMatch(/^LSTM-LM +[\d.]+ ± .*^seeds: 2 \(LSTM-LM\); 1 /ms);
    const [columns, lm] = csv('table1');
    expect(lm![columns!.indexOf('Seeds')]).toBe('2');
    expect(Number(lm![columns!.indexOf('PPL sd')])).toBeGreaterThan(0);
  });

  it('end with the wrong input’s own message where nothing else was asked for', async () => {
    const { code, error } = await sri('reproduce', ...CONFIGURED, '--methods', 'fb-vae', '--seed', '1');
    expect(error).toMatch(/^sri: runs\/moods\/ae\/seed-1 holds a run with another configuration/m);
    expect(error).not.toMatch(/tasks failed|the rest goes on/);
    expect(code).toBe(2);
  });

  it('is training from an encoder of another corpus; elsewhere than beside it will do', async () => {
    const file = 'runs/moods/ae/seed-0/manifest.json';
    const manifest = readFileSync(file, 'utf8');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(manifest), dataHash: 'f00d' }));
    const trial = ['--method', 'fb-vae', '--run', 'trial'];
    const refused = await sri('train', ...CONFIGURED, ...trial);
    expect(refused.error).toMatch(/starts from the encoder of ae, and \S+ae\/seed-0 learned from another corpus/);
    expect(refused.code).toBe(2);
    writeFileSync(file, manifest);
    const { code, error } = await sri('train', ...CONFIGURED, ...trial);
    expect(code, error).toBe(0);
  });

  const refusals: [string[], RegExp][] = [
    [
      ['--methods', 'fb-vae', '--set', 'startFrom.encoder=ae'],
      /--set startFrom\.encoder=ae: startFrom\.encoder: ae cannot start from itself/,
    ],
    [['--methods', 'fb-vae', '--set', 'startFrom=ae'], /startFrom: "ae" will not do; .*\{encoder, decoder\}/],
    [['--table', '4', '--methods', 'lstm-lm,sri'], /--methods lstm-lm: no part in Table 4/],
    [['--table', '2', '--methods', 'lstm-lm'], /Table 2 is left out: no method that is asked for has a part in it/],
    [['--methods', 'lstm-lm@steps-40'], /lstm-lm@steps-40: lstm-lm has no steps to vary/],
    [['--methods', 'lstm-lm@temperature-0.5'], /lstm-lm@temperature-0\.5: lstm-lm has no temperature to vary/],
    [['--methods', 'sri@target-4'], /sri@target-4: sri has no target to vary/],
    [['--ablation', 'steps', '--set', 'langevin.steps=3'], /goes against the ablation of steps/],
    [['--table', '5', '--split', 'train'], /classification learns from that split/],
    [['--tables', '1,6'], /no such table as 6; the paper has 5/],
    [['--figures', '2'], /no such figure as 2; of the paper's there is 1/],
    [['--seeds', '1,x'], /must be whole numbers from 0/],
  ];
  it.each(refusals)('wrong use is refused before anything is done: %j', async (args, expected) => {
    const { code, out, error } = await sri('reproduce', ...CONFIGURED, ...args);
    expect(error).toMatch(expected);
    expect(code).toBe(2);
    expect(out).toBe('');
  });

  it('a config without what a method starts from is refused, too', async () => {
    writeFileSync('no-ae.yaml', CONFIG.replace(/^ {2}ae:.*\n/m, ''));
    const { code, error } = await sri('reproduce', '--config', 'no-ae.yaml', '--methods', 'fb-vae');
    expect(error).toMatch(
      /no-ae\.yaml:\d+: startFrom\.encoder: ae is none of this file's methods, .* add it to methods/,
    );
    expect(code).toBe(2);
  });
});

describe('sri report', () => {
  it('says what is wrong with the place that results are to go to, and with a row', async () => {
    const place = await sri('report', ...CONFIGURED, '--results', 'moods.yaml');
    expect(place.code).toBe(2);
    expect(place.error).toMatch(/^sri: moods\.yaml\/moods: a part of it is a file/);

    const row = 'runs/moods/lstm-lm/seed-0/rows/spoilt.json';
    writeFileSync(
      row,
      JSON.stringify({ format: 2, metric: 'ppl', estimator: 'x', split: 'test', sentences: 1, epoch: 1, draws: 0 }),
    );
    const spoilt = await sri('report', ...CONFIGURED);
    rmSync(row);
    expect(spoilt.code).toBe(2);
    expect(spoilt.error).toMatch(/spoilt\.json: no row of format 2: value: /);
  });

  it('passes over files among the runs, and does without a run’s curve', async () => {
    const metrics = 'runs/moods/lstm-lm/seed-0/metrics.csv';
    const text = readFileSync(metrics, 'utf8');
    rmSync(metrics);
    writeFileSync('runs/moods/.DS_Store', '');
    const { code, error } = await sri('report', ...CONFIGURED, '--html');
    writeFileSync(metrics, text);
    expect(code, error).toBe(0);
  });

  it('prints the tables asked for, one after the other, and writes all', async () => {
    rmSync('tables', { recursive: true });
    const { code, out, error } = await sri('report', ...CONFIGURED, '--tables', '4,1');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^Table 1: .*^Method +PPL .*^Table 4: .*^Method +k = 1 /ms);
    expect(out).not.toContain('Table 5');
    expect(existsSync('tables/moods/table5.csv')).toBe(true);
    expect(existsSync('tables/moods/report.html')).toBe(false);
  });

  it('makes the page where it is asked to', async () => {
    const { code, error } = await sri('report', ...CONFIGURED, '--html');
    expect(code, error).toBe(0);
    const page = readFileSync('tables/moods/report.html', 'utf8');
    for (const caption of ['Table 1', 'Table 2', 'Table 3', 'Table 4', 'Table 5'])
      expect(page).toContain(`${caption}:`);
    expect(page).toContain('sri report --config moods.yaml --html');
  });

  it('says what was not measured', async () => {
    const { code, error } = await sri('report', ...CONFIGURED, '--table', '4', '--split', 'valid');
    expect(error).toMatch(
      /Table 4: noisy reconstruction: nothing was measured on the valid split yet; see sri noisy-recon/,
    );
    expect(code).toBe(2);
  });
});
