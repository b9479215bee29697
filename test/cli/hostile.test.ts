// What others wrote and what a shell made of it - words, labels, arguments, names of files - reaches the terminal as text.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadCorpus } from '../../src/data/corpus-files.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-hostile-'));
const CONFIG = `
dataSet: odd
threads: 1
data: { directory: ${root}/odd, vocabularySize: 30, maxLength: 8, labelColumn: required }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 16, epochs: 1, validationSentences: 4, validation: { draws: 4, chains: 3, metropolisSteps: 2 } }
evaluation: { sentences: 8, featureDraws: 2, inferenceChains: 3 }
methods: { sri: { langevin: { steps: 2 } } }
`;
const config = path.join(root, 'odd.yaml');
const text = path.join(root, 'odd.txt');
const run = path.join(root, 'run');
const sweep = (...more: string[]) => ['reproduce', '--config', config, '--dry-run', ...more];
const LABELS = ['constructor', '__proto__', '=1+1', 'a\x1b[2Jb'];

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

beforeAll(async () => {
  const words = ['=cmd', '\x1b[31mred', 'toString', '__proto__', 'plain', 'hasOwnProperty'];
  const lines = Array.from({ length: 120 }, (_, i) => {
    const sentence = Array.from({ length: 3 + (i % 4) }, (_, k) => words[(i * 7 + k * k) % words.length]);
    return `${LABELS[i % LABELS.length]}\t${sentence.join(' ')}`;
  });
  mkdirSync(path.join(root, 'folder.csv'));
  mkdirSync(path.join(root, 'locked', 'training.lock'), { recursive: true });
  writeFileSync(text, `${lines.join('\n')}\n`);
  writeFileSync(config, CONFIG);
  const prepared = await sri('prepare', '--config', config, '--text', text);
  expect(prepared.code, prepared.error).toBe(0);
  expect(prepared.out + prepared.error).not.toMatch(OBEYED);
  const trained = await sri('train', '--config', config, '--method', 'sri', '--run', run);
  expect(trained.code, trained.error).toBe(0);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true }));

it('files of others are not written over: by a corpus, by a run', async () => {
  const lines = Array.from({ length: 60 }, (_, i) => `plain words ${i}`).join('\n');
  for (const [folder, name] of [
    ['self', 'vocabulary.txt'],
    ['self-json', 'corpus.json'],
    ['self-split', 'test.safetensors'],
  ] as const) {
    mkdirSync(path.join(root, folder));
    const file = path.join(root, folder, name);
    writeFileSync(file, lines);
    const { code, error } = await sri('prepare', '--text', file, '--out', path.join(root, folder));
    expect([code, error]).toEqual([
      2,
      expect.stringMatching(/the corpus is to have a file there; name another folder/),
    ]);
    const beside = path.join(root, 'beside.txt');
    writeFileSync(beside, lines);
    const foreign = await sri('prepare', '--text', beside, '--out', path.join(root, folder));
    expect([foreign.code, foreign.error]).toEqual([2, expect.stringMatching(/no part of a corpus/)]);
    expect(readFileSync(file, 'utf8')).toBe(lines);
  }
  mkdirSync(path.join(root, 'foreign'));
  const metrics = path.join(root, 'foreign', 'metrics.csv');
  writeFileSync(metrics, 'a,b\n1,2\n');
  for (const [folder, more, complaint] of [
    ['foreign', [], /foreign: no run's folder, and it has a file metrics\.csv; name another with --run/],
    ['foreign', ['--restart'], /foreign: no run's folder/],
    ['odd', [], /odd: no run's folder, and it has a corpus/],
  ] as const) {
    const own = ['train', '--config', config, '--method', 'sri', '--run', path.join(root, folder), ...more];
    const { code, error } = await sri(...own);
    expect([code, error]).toEqual([2, expect.stringMatching(complaint)]);
  }
  expect(readFileSync(metrics, 'utf8')).toBe('a,b\n1,2\n');
});

it('labels may be called anything, through prepare, posterior and classify', async () => {
  expect([...(await loadCorpus(path.join(root, 'odd'))).labels!].sort()).toEqual([...LABELS].sort());
  const posterior = await sri('posterior', '--run', run, '--sentences', '60', '--split', 'train');
  expect(posterior.code, posterior.error).toBe(0);
  const map = readFileSync(path.join(run, 'artifacts/posterior-tsne.svg'), 'utf8');
  for (const label of ['constructor', '__proto__', '=1+1', 'a\\x1b[2Jb']) expect(map).toContain(`>${label}<`);
  expect(map).not.toMatch(OBEYED);
  expect(readFileSync(path.join(run, 'artifacts/posterior.csv'), 'utf8')).toMatch(/^posterior,\d+,'=1\+1,/m);
  const classified = await sri('classify', '--run', run, '--labels', '0,8', '--sets', '2');
  expect(classified.code, classified.error).toBe(0);
});

it('words of a corpus are shown, not obeyed, and not run by a spreadsheet', async () => {
  const csv = path.join(root, 'texts.csv');
  for (const json of [[], ['--json']]) {
    const { code, out, error } = await sri('generate', '--run', run, '--count', '6', '--out', csv, ...json);
    expect(code, error).toBe(0);
    expect(out + error).not.toMatch(OBEYED);
  }
  const cells = readFileSync(csv, 'utf8').match(/(?<=^\d+,)[^,]*/gm)!;
  expect(cells).toHaveLength(6);
  for (const cell of cells) expect(cell).not.toMatch(/^[=+@-]/);
});

it.each([
  ['an option', ['train', '--\x1b[31mno-such']],
  ['a command', ['\x9b2Jtrian']],
  ['a method', ['train', '--config', config, '--method', '\x1b]0;owned\x07']],
  ['a file', ['train', '--config', 'no\x1b[5msuch.yaml', '--method', 'sri']],
  ['an override', ['train', '--config', config, '--method', 'sri', '--set', 'model.\x1b[1m=1']],
  ['a value', ['train', '--config', config, '--method', 'sri', '--seed', '\r7']],
  ['something long', ['train', '--config', config, '--method', 'x'.repeat(100_000)]],
  ['something long that commander tells of', ['train', '--seed', 'x'.repeat(100_000)]],
])('escapes in %s are shown, and what is long is cut', async (_, args) => {
  const { code, error } = await sri(...args);
  expect(code).toBe(2);
  expect(error).not.toMatch(OBEYED);
  expect(error.length).toBeLessThan(2000);
});

it.each([
  ['an empty --out', () => ['prepare', '--text', text, '--out', ''], /--out <folder>' argument '' is invalid.*empty/],
  ['an empty --runs', () => ['train', '--config', config, '--method', 'sri', '--runs', ''], /--runs.*empty/],
  ['an empty --run', () => ['eval', '--run', ''], /--run.*empty/],
  ['an empty folder', () => ['report', ''], /folders.*empty/],
  ['/proc', () => ['prepare', '--text', text, '--out', '/proc/none'], /\/proc\/none/],
  ['a file for --out', () => ['prepare', '--text', text, '--out', path.join(text, 'x')], /a part of it is a file/],
  ['a name too long', () => ['prepare', '--text', text, '--out', path.join(root, 'x'.repeat(300))], /shorter one/],
  [
    'a folder for --text',
    () => ['prepare', '--text', root, '--out', path.join(root, 'o')],
    /is a folder, not a text file/,
  ],
  ['a folder for sentences', () => ['encode', root, '--run', run], /this is a folder, where a file is wanted/],
  ['a folder for a CSV', () => ['init', path.join(root, 'folder.csv')], /this is a folder, where a file is wanted/],
  ['a folder for --sweep-file', () => sweep('--sweep-file', root), /this is a folder, where a file is wanted/],
  ['a folder for --config', () => ['train', '--config', root, '--method', 'sri'], /is a folder, not a config file/],
  [
    'a folder for the lock of a run',
    () => ['train', '--config', config, '--method', 'sri', '--run', path.join(root, 'locked')],
    /training\.lock: this is a folder, where a file is wanted/,
  ],
  [
    'hidden units without number',
    () => ['train', '--config', config, '--method', 'sri', '--run', `${run}2`, '--set', 'model.hiddenSize=1000000000'],
    /model\.hiddenSize: with this size a run needs .* GiB/,
  ],
])('%s ends with 2 and says why', async (_, args, expected) => {
  const { code, error } = await sri(...args());
  expect(error).toMatch(expected);
  expect(code).toBe(2);
});

it('says which keys make training diverge', async () => {
  const args = ['train', '--config', config, '--method', 'sri', '--run', `${run}3`];
  const { code, error } = await sri(...args, '--set', 'langevin.stepSize=1e20');
  expect([code, error]).toEqual([
    1,
    expect.stringMatching(/training diverged .*a shorter langevin\.stepSize may help/s),
  ]);
  expect(error).not.toContain('checkpoint is intact');
});

it('names the line of a config that is not UTF-8', async () => {
  const latin = path.join(root, 'latin.yaml');
  writeFileSync(latin, Buffer.from('dataSet: odd\n# caf\xe9\nmethods: { ae: {} }\n', 'latin1'));
  const { code, error } = await sri('train', '--config', latin, '--method', 'ae');
  expect([code, error]).toEqual([2, expect.stringMatching(/latin\.yaml:2: not UTF-8; convert it/)]);
});

it('null and lists where a file holds an object are told of, not stumbled over', async () => {
  const broken = path.join(root, 'broken');
  mkdirSync(broken, { recursive: true });
  for (const content of ['null', '[]', '7', '"x"', '{"format":1}', '{', '', `${'['.repeat(50_000)}`]) {
    writeFileSync(path.join(broken, 'config.json'), content);
    const { code, error } = await sri('eval', '--run', broken);
    expect(error, content.slice(0, 20)).toMatch(/config\.json: /);
    expect(code).toBe(2);
  }
});
