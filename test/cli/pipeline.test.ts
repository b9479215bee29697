// From text to table in one process: what each command leaves behind is what the next one needs.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/random/philox.js';
import { rowName } from '../../src/runs/row.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-pipeline-'));
const before = process.cwd();

const CONFIG = `
dataSet: words
backend: cpu
data: { vocabularySize: 40, maxLength: 12, labelColumn: none }
model: { latentSize: 2, wordVectorSize: 6, hiddenSize: 8, weightRange: 0.1 }
optimizer: { name: adam, learningRate: 0.01 }
training: { batchSize: 8, epochs: 2, logEvery: 5, validationSentences: 6, keepEpochs: [1] }
evaluation: { draws: { fitted: 20, jacobian: 4 }, chains: 3, metropolisSteps: 5, perplexitySentences: 5, klChains: { gaussian: 6 } }
methods:
  lstm-lm: {}
  sri:
    langevin: { steps: 3 }
    settings:
      released: { langevin: { stepSize: [0.3, 0.1], temperature: 0.1 } }
      paper: { langevin: { stepSize: 0.1, search: { every: epoch, grid: [0.05, 0.1], sentences: 3 } } }
`;

/** Sentences in which a word says much about the next. */
function sentences(count: number): string[] {
  const stream = new RandomStream({ seed: 1, purpose: 'shuffle' });
  return Array.from({ length: count }, () => {
    let word = stream.integer(20);
    return Array.from({ length: 3 + stream.integer(5) }, () => {
      word = (word + 1 + stream.integer(2)) % 20;
      return `w${word}`;
    }).join(' ');
  });
}

beforeAll(() => {
  process.chdir(root);
  writeFileSync('words.yaml', CONFIG);
  for (const [split, count] of [
    ['train', 60],
    ['valid', 12],
    ['test', 12],
  ] as const) {
    writeFileSync(`words.${split}.txt`, `${sentences(count).join('\n')}\n`);
  }
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri reproduce', () => {
  it('prepares, trains, evaluates and writes Table 1', async () => {
    const { code, out, error } = await sri('reproduce', '--config', 'words.yaml', '--from', '.');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^Method +PPL +Recon +AU +KL +LSTM-LM .*PPL by( +KL by)?$/m);
    expect(out).toMatch(/^LSTM-LM +[\d.]+ ± /m);
    expect(out).toMatch(/^SRI +[\d.]+ ± /m);
    expect(error).toMatch(/lstm-lm epoch 2\/2: loss .* training, .* validation, nats a word/);
    expect(error).toMatch(/sri on words, seed 0: starts/);

    const lines = readFileSync('tables/words/table1.csv', 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => line.split(',')[0])).toEqual(['Method', 'LSTM-LM', 'SRI']);
    const columns = lines[0]!.split(',');
    const sriLine = Object.fromEntries(lines[2]!.split(',').map((cell, i) => [columns[i], cell]));
    expect(sriLine).toMatchObject({
      'PPL estimator': 'fitted',
      'KL estimator': 'jacobian',
      'PPL sentences': '5',
      'against LSTM-LM sentences': '5',
      'Recon sentences': '12',
      Epochs: '2',
      Backend: 'cpu',
      Setting: 'released',
    });
    for (const quantity of ['PPL', 'Recon', 'AU', 'KL', 'against LSTM-LM', 'against LSTM-LM standard error'])
      expect(Number(sriLine[quantity])).not.toBeNaN();
    expect(sriLine['Data hash']).toMatch(/^[0-9a-f]{64}$/);
    // A perplexity over 20 words that follow each other, after two epochs: between the text's own and a guess's.
    expect(Number(sriLine.PPL)).toBeGreaterThan(2);
    expect(Number(sriLine.PPL)).toBeLessThan(40);

    // What the runs were lies beside the table, as it lies in their folders.
    for (const name of ['config.json', 'manifest.json', 'metrics.csv']) {
      expect(readFileSync(`tables/words/runs/sri-seed-0/${name}`, 'utf8')).toBe(
        readFileSync(`runs/words/sri/seed-0/${name}`, 'utf8'),
      );
    }
  });

  it('leaves copies of runs without weights, which are compared as the runs themselves', async () => {
    const rowsOf = (run: string) => readdirSync(`${run}/rows`).sort();
    expect(rowsOf('tables/words/runs/sri-seed-0')).toEqual(rowsOf('runs/words/sri/seed-0'));
    const compared = async (...runs: string[]) => {
      const { code, out, error } = await sri('compare', ...runs, '--json');
      expect(code, error).toBe(0);
      return out.replaceAll(/"folder":"[^"]*"/g, '');
    };
    const copies = await compared('tables/words/runs/lstm-lm-seed-0', 'tables/words/runs/sri-seed-0');
    expect(copies).toBe(await compared('runs/words/lstm-lm/seed-0', 'runs/words/sri/seed-0'));
    expect(copies).toMatch(/"difference":\{"value":/);
  });

  it('does nothing twice', async () => {
    const row = path.join('runs/words/sri/seed-0/rows', readdirSync('runs/words/sri/seed-0/rows')[0]!);
    const text = readFileSync(row, 'utf8');
    const again = await sri('reproduce', '--config', 'words.yaml');
    expect(again.code, again.error).toBe(0);
    expect(readFileSync(row, 'utf8')).toBe(text);
    expect(again.error).not.toMatch(/epoch \d\/2: training/);
  });

  it('takes up a further setting of a method', async () => {
    const { code, out, error } = await sri('reproduce', '--config', 'words.yaml', '--methods', 'sri@paper', '--json');
    expect(code, error).toBe(0);
    expect(existsSync('runs/words/sri@paper/seed-0/manifest.json')).toBe(true);
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const of = (kind: string) => events.filter(({ event }) => event === kind);
    expect(of('epoch')).toHaveLength(2);
    expect(
      of('row')
        .map(({ metric, estimator }) => `${metric} ${estimator}`)
        .sort(),
    ).toEqual(['au short-run', 'kl gaussian', 'kl jacobian', 'ppl fitted', 'recon short-run']);
    expect(of('table')[0].rows.map(({ Method }: { Method: string }) => Method)).toEqual([
      'LSTM-LM',
      'SRI',
      'SRI (paper)',
    ]);
    expect(of('progress').length).toBeGreaterThan(0);
  });
});

describe('sri eval', () => {
  const run = 'runs/words/sri/seed-0';
  const rows = () => readdirSync(path.join(run, 'rows'));

  it('keeps a row of its own for another estimator, split, epoch and number of sentences and draws', async () => {
    const old = rows();
    const ppl = [
      '--config',
      'words.yaml',
      '--method',
      'sri',
      '--split',
      'valid',
      '--limit',
      '4',
      '--weights',
      'epoch-1',
    ];
    const { code, out, error } = await sri('eval-ppl', ...ppl, '--estimator', 'jacobian', '--draws', '3');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^ppl +\S+ ± \S+ +by jacobian; 4 sentences of valid, 3 draws each/);
    const fresh = rows().filter((other) => !old.includes(other));
    const [name, values] = fresh as [string, string];
    expect(fresh).toHaveLength(2);
    expect(name).toMatch(/^ppl\.jacobian\.valid\.epoch-1\.4-sentences\.3-draws\.[0-9a-f]{12}\.json$/);
    expect(values).toBe(name.replace('.json', '.safetensors'));
    const row = new RunFolder(run).rows().find((other) => `${rowName(other)}.json` === name)!;
    expect(new RunFolder(run).rowValues(row)!.index).toHaveLength(4);
    expect(row).toMatchObject({ draws: 3, epoch: 1, seed: 0, backend: 'cpu' });
  });

  it.each(['fitted', 'ais'])('measures on --limit sentences by %s, whatever the config has', async (estimator) => {
    const few = ['--set', 'evaluation.perplexitySentences=2', '--set', 'evaluation.aisSentences=2'];
    const cheap = ['--draws', '2', '--set', 'evaluation.temperatures=3'];
    const asked = ['--run', run, '--estimator', estimator, '--limit', '5'];
    const { code, out, error } = await sri('eval-ppl', ...asked, ...few, ...cheap);
    expect(code, error).toBe(0);
    expect(out).toMatch(/; 5 sentences of test/);
  });

  it('gives the same numbers when asked again', async () => {
    const values = async () => {
      const { out } = await sri('eval', '--run', run, '--metric', 'recon,kl', '--limit', '4', '--json');
      return out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'row')
        .map(({ value }) => value);
    };
    const first = await values();
    expect(first).toHaveLength(3);
    expect(await values()).toEqual(first);
  });

  it('says what cannot be measured', async () => {
    const lm = await sri('eval', '--run', 'runs/words/lstm-lm/seed-0', '--metric', 'kl');
    expect(lm).toMatchObject({ code: 2 });
    expect(lm.error).toMatch(/without a latent code has no kl/);
    const unknown = await sri('eval', '--run', 'runs/words/lstm-lm/seed-0', '--metric', 'ppl,bleu');
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.error).toMatch(/bleu is no metric; there are ppl, recon, kl, au/);
    const elsewhere = await sri('eval', '--run', run, '--metric', 'accuracy');
    expect(elsewhere).toMatchObject({ code: 2 });
    expect(elsewhere.error).toMatch(/accuracy is measured by sri classify/);
    const draws = await sri('eval-ppl', '--run', 'runs/words/lstm-lm/seed-0', '--draws', '3');
    expect(draws).toMatchObject({ code: 2 });
    const other = await sri('eval-ppl', '--run', 'runs/words/lstm-lm/seed-0', '--estimator', 'ais');
    expect(other).toMatchObject({ code: 2 });
    expect(other.error).toMatch(/--estimator: lstm-lm has no code/);
    expect(draws.error).toMatch(/--draws: lstm-lm has no code, so its perplexity is exact/);
    const weights = await sri('eval', '--run', run, '--weights', 'epoch-9');
    expect(weights).toMatchObject({ code: 2 });
    expect(weights.error).toMatch(/epoch-9\.safetensors: no such weights/);
  });

  it('refuses a corpus that is not the one the run learned from', async () => {
    await sri('prepare', '--config', 'words.yaml', '--from', '.', '--set', 'data.vocabularySize=30', '--force');
    const { code, error } = await sri('eval', '--run', run);
    expect(error).toMatch(/data\/words is not the corpus that .* learned from/);
    expect(code).toBe(2);
  });

  it('is of no corpus that was prepared otherwise than the configuration says', async () => {
    const { code, error } = await sri('train', '--config', 'words.yaml', '--method', 'sri');
    expect(error).toMatch(/data\.vocabularySize: 30 there, 40 in the configuration/);
    expect(code).toBe(2);
    expect((await sri('prepare', '--config', 'words.yaml', '--from', '.')).code).toBe(0);
  });
});

describe('sri train', () => {
  it('refuses a precision that the backend does not have, before it writes anything', async () => {
    const args = ['--config', 'words.yaml', '--method', 'sri', '--run', 'half'];
    const { code, error } = await sri('train', ...args, '--set', 'precision=bf16');
    expect(error).toMatch(/the cpu backend has no bf16 products/);
    expect(code).toBe(2);
    const halves = await sri('train', ...args, '--set', 'precision=f16');
    expect(halves.error).toMatch(/the cpu backend stores no weights in halves.* of the webgpu backend/);
    expect(halves.code).toBe(2);
    expect(existsSync('half')).toBe(false);
  });

  it('refuses to go on in a folder with another configuration', async () => {
    const { code, error } = await sri(
      'train',
      '--config',
      'words.yaml',
      '--method',
      'sri',
      '--set',
      'model.hiddenSize=9',
    );
    expect(code).toBe(2);
    expect(error).toMatch(/another configuration \(model\.hiddenSize: 8 there, 9 now\)/);
  });
});

describe('sri report', () => {
  it('assembles whatever runs there are', async () => {
    const { code, out, error } = await sri('report', '--config', 'words.yaml');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^LSTM-LM.*\nSRI .*\nSRI \(paper\)/m);
    const measurements = readFileSync('tables/words/measurements.csv', 'utf8');
    expect(measurements).toMatch(/jacobian.*valid/);
  });

  it('sets any runs beside each other on a page', async () => {
    const runs = ['runs/words/lstm-lm/seed-0', 'runs/words/sri/seed-0'];
    const { code, out, error } = await sri('report', ...runs, '--html', '--results', 'beside');
    expect(code, error).toBe(0);
    expect(out).toMatch(/^LSTM-LM.*\nSRI /m);
    expect(out).not.toMatch(/SRI \(paper\)/);
    const page = readFileSync('beside/words/report.html', 'utf8');
    expect(page).toMatch(/<th scope="row">SRI<\/th>/);
    expect(page).toMatch(/>KL \(nats\)</);
    for (const run of runs) expect(page).toContain(run);
  });
});
