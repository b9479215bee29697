// What the page says makes its numbers again, given to a shell in another folder, makes the same weights and the same numbers.

import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/random/philox.js';
import { rowName } from '../../src/runs/row.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { sri } from './in-process.js';

const CONFIG = `
dataSet: said
backend: cpu
data: { vocabularySize: 20, maxLength: 8, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 6 }
training: { batchSize: 16, epochs: 1, validationSentences: 4, validation: { draws: 4, chains: 3, metropolisSteps: 2 } }
evaluation: { inferenceChains: 3, sentences: 6, perplexitySentences: 4, draws: { fitted: 6 }, chains: 2, metropolisSteps: 2,
  klChains: { jacobian: 1, gaussian: 4 } }
methods:
  lstm-lm: {}
  sri: { startFrom: { decoder: lstm-lm }, langevin: { steps: 2 } }
`;
const root = mkdtempSync(path.join(tmpdir(), 'sri-remaking-'));
const before = process.cwd();
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

const RUNS = ['runs/said/lstm-lm/seed-2', 'runs/said/sri/seed-2', 'trial'];

/** The arguments of a command line, as a shell has them. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);

async function done(...args: string[]): Promise<void> {
  const { code, error } = await sri(...args);
  expect(code, `sri ${args.join(' ')}: ${error}`).toBe(0);
}

function found(): { weights: string; rows: [string, number | null][] }[] {
  return RUNS.map((directory) => ({
    weights: createHash('sha256')
      .update(readFileSync(path.join(directory, 'best.safetensors')))
      .digest('hex'),
    rows: new RunFolder(directory).rows().map((row) => [rowName(row), row.value]),
  }));
}

function enter(folder: string): void {
  mkdirSync(path.join(root, folder));
  process.chdir(path.join(root, folder));
  writeFileSync('said.yaml', CONFIG);
}

it('makes the runs and the numbers again, whatever was set by hand', async () => {
  enter('first');
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  const sentence = () => Array.from({ length: 2 + stream.integer(5) }, () => `w${stream.integer(15)}`).join(' ');
  writeFileSync('said by all.txt', Array.from({ length: 120 }, () => `${sentence()}\n`).join(''));
  const text = ['--text', 'said by all.txt', '--distinct', '--seed', '3'];
  await done('prepare', '--config', 'said.yaml', ...text, '--set', 'data.vocabularySize=15');
  const set = ['data.vocabularySize=15', 'model.hiddenSize=5', 'langevin.stepSize=[0.2, 0.1]', 'evaluation.chains=3'];
  const given = set.flatMap((one) => ['--set', one]);
  await done('reproduce', '--config', 'said.yaml', '--methods', 'lstm-lm,sri', '--seed', '2', ...given);
  await done('eval-ppl', '--run', RUNS[1]!, '--limit', '3', '--draws', '4', '--set', 'evaluation.metropolisSteps=4');
  await done('noisy-recon', '--run', RUNS[1]!, '--swaps', '2', '--noise-draws', '2', '--limit', '4');
  await done('train', '--config', `${RUNS[1]}/config.json`, '--set', 'training.batchSize=8', '--run', 'trial');
  await done('eval', '--run', 'trial', '--metric', 'recon,mi');
  await done('report', ...RUNS, '--config', 'said.yaml', '--html');
  const [, code] = readFileSync('tables/said/report.html', 'utf8').match(/<pre><code>(.*?)<\/code><\/pre>/s)!;
  const lines = code!
    .replace(/<[^>]*>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .split('\n');
  const first = found();
  expect(first.map(({ rows }) => rows.length)).toEqual([1, 7, 2]);

  enter('second');
  copyFileSync('../first/said by all.txt', 'said by all.txt');
  cpSync('../first/tables/said/runs', 'tables/said/runs', { recursive: true });
  for (const line of lines) {
    const [program, ...args] = words(line);
    expect(program).toBe('sri');
    await done(...args);
  }
  expect(found(), lines.join('\n')).toEqual(first);
}, 300_000);
