// Figure 1 from text to files, in one process; and its numbers, of a model whose aggregate posterior is known.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { addPosterior, posteriorRun } from '../../src/cli/posterior.js';
import type { Progress } from '../../src/cli/progress.js';
import type { Batch } from '../../src/data/batches.js';
import { InputError, InterruptedError } from '../../src/errors.js';
import type { OpenRun } from '../../src/experiments/open-run.js';
import { RandomStream } from '../../src/random/philox.js';
import { RunFolder } from '../../src/runs/run-folder.js';
import { toyCorpus, toyRun } from '../training/toy.js';
import { sri } from './in-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-posterior-'));
const before = process.cwd();
beforeAll(() => process.chdir(root));
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('sri posterior', () => {
  const CONFIG = `
dataSet: moods
backend: cpu
data: { vocabularySize: 30, maxLength: 12, labelColumn: required }
model: { latentSize: 3, wordVectorSize: 6, hiddenSize: 8 }
training: { batchSize: 8, epochs: 1, validationSentences: 4 }
evaluation: { draws: { encoder: 10 } }
methods: { anneal-vae: {} }
`;

  function lines(count: number): string {
    const stream = new RandomStream({ seed: count, purpose: 'shuffle' });
    const line = (_: unknown, i: number) =>
      `${i % 2 ? 'glad' : '<sad>'}\t${Array.from({ length: 3 + stream.integer(2) }, () => `w${stream.integer(20)}`).join(' ')}`;
    return `${Array.from({ length: count }, line).join('\n')}\n`;
  }

  /** The command in a program of its own. */
  async function run(...args: string[]): Promise<string> {
    let out = '';
    const collect = new Writable({
      write(chunk, _encoding, done) {
        out += chunk;
        done();
      },
    });
    const program = new Command().exitOverride();
    addPosterior(program, {
      out: collect,
      error: new Writable({ write: (_c, _e, done) => done() }),
      stop: new AbortController().signal,
    });
    await program.parseAsync(['posterior', ...args], { from: 'user' });
    return out;
  }

  beforeAll(async () => {
    writeFileSync('moods.yaml', CONFIG);
    for (const [split, count] of Object.entries({ train: 30, valid: 8, test: 14 })) {
      writeFileSync(`moods.${split}.txt`, lines(count));
    }
    await sri('prepare', '--config', 'moods.yaml', '--from', '.');
    const { code, error } = await sri('train', '--config', 'moods.yaml', '--method', 'anneal-vae');
    expect(code, error).toBe(0);
  }, 60_000);

  it('says what it found and where it is', async () => {
    const out = await run('--config', 'moods.yaml', '--method', 'anneal-vae', '--sentences', '10');
    expect(out).toMatch(/^a code of each of 10 sentences of test, weights of epoch 1$/m);
    expect(out).toMatch(/^\d of 3 dimensions leave N\(0, 1\)/m);
    const files = [...out.matchAll(/^written to (.*)$/gm)].map(([, file]) => file!);
    expect(files.map((file) => path.basename(file))).toEqual([
      'posterior.csv',
      'posterior-tsne.svg',
      'posterior-marginals.svg',
      'posterior.json',
    ]);
    for (const file of files) expect(existsSync(file)).toBe(true);
    const csv = readFileSync(files[0]!, 'utf8').trimEnd().split('\n');
    expect(csv).toHaveLength(1 + 10 + 10);
    expect(csv[1]).toMatch(/^posterior,\d+,(glad|<sad>),/);
    expect(readFileSync(files[1]!, 'utf8')).toContain('&lt;sad&gt;');
  });

  it('tells a program the same', async () => {
    const out = await run('--run', 'runs/moods/anneal-vae/seed-0', '--split', 'valid', '--json');
    const event = JSON.parse(out.trimEnd().split('\n').at(-1)!);
    expect(event).toMatchObject({
      event: 'posterior',
      split: 'valid',
      sentences: 8,
      epoch: 1,
      latentSize: 3,
      backend: 'cpu',
    });
    expect(event.dimensions).toHaveLength(3);
  });
});

describe('posteriorRun', () => {
  const progress: Progress = { update: () => {}, say: () => {}, end: () => {} };
  const io = (stop = new AbortController().signal): Io => ({ out: new Writable(), error: new Writable(), stop });

  /** A model that draws N(0, 1), N(2, 1) and N(0, 0.01) in its three dimensions, whatever it reads. */
  function opened(changes: Partial<OpenRun> = {}): OpenRun {
    const model = {
      hasLatent: true,
      latentSize: 3,
      inference: 'short-run',
      likelihood: () => ({ dispose() {} }),
      posterior: (_: Batch, __: unknown, { seed, sentences }: { seed: number; sentences: Int32Array }) => {
        const draws = Array.from(sentences, (batch) =>
          Array.from(
            new RandomStream({ seed, purpose: 'posterior-sample', batch }).normals(3),
            (x, d) => [x, 2 + x, x / 10][d]!,
          ),
        );
        return { z: () => Float32Array.from(draws.flat()), mean: () => new Float32Array(3 * sentences.length) };
      },
    };
    return {
      run: toyRun('sri'),
      folder: new RunFolder(path.join(root, 'made-up')),
      corpus: toyCorpus(300),
      model: model as unknown as OpenRun['model'],
      decoder: null as unknown as OpenRun['decoder'],
      epoch: 4,
      provenance: { epoch: 4, backend: 'cpu', threads: 1, commit: 'abc' },
      dispose: () => {},
      ...changes,
    };
  }

  it('keeps the numbers of the sentences that the seed draws', async () => {
    const { summary } = await posteriorRun(opened(), { sentences: 60, split: 'test' }, io(), progress);
    const kept = JSON.parse(opened().folder.artifact('posterior.json')!);
    expect(kept).toEqual(summary);
    expect(summary).toMatchObject({ sentences: 60, split: 'test', epoch: 4, seed: 3, latentSize: 3, leaving: 2 });
    const within = (at: number) => 4 / Math.sqrt(at);
    expect(Math.abs(summary.dimensions[1]!.mean - 2)).toBeLessThan(within(60));
    expect(Math.abs(summary.dimensions[2]!.standardDeviation - 0.1)).toBeLessThan(0.1 * within(120));
    expect(summary.rms).toBeCloseTo(Math.sqrt((1 + 5 + 0.01) / 3), 0);

    const rows = opened()
      .folder.artifact('posterior.csv')!
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
    const codes = rows.filter(([sample]) => sample === 'posterior');
    expect(codes).toHaveLength(60);
    const [, sentence, label, , , ...z] = codes[5]!;
    const drawn = new RandomStream({ seed: 3, purpose: 'posterior-sample', batch: Number(sentence) }).normals(3);
    expect(label).toBe('');
    expect(z.map(Number)).toEqual([drawn[0], 2 + drawn[1]!, drawn[2]! / 10].map((x) => expect.closeTo(x!, 5)));
    const again = await posteriorRun(opened(), { sentences: 60, split: 'test' }, io(), progress);
    expect(again.summary).toEqual(summary);
  });

  it('takes all of a split that has fewer sentences than were asked for', async () => {
    const { summary } = await posteriorRun(
      opened({ corpus: toyCorpus(20) }),
      { sentences: 1000, split: 'valid' },
      io(),
      progress,
    );
    expect(summary.sentences).toBe(20);
    expect(summary.perplexity).toBe(13);
  });

  it('refuses a model without a code, and stops when asked', async () => {
    const exact = { hasLatent: false } as OpenRun['model'];
    const request = { sentences: 10, split: 'test' } as const;
    await expect(posteriorRun(opened({ model: exact }), request, io(), progress)).rejects.toThrow(InputError);
    await expect(posteriorRun(opened(), request, io(AbortSignal.abort()), progress)).rejects.toThrow(InterruptedError);
  });
});
