// Figure 1 from text to files, in one process.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPosterior } from '../../src/cli/posterior.js';
import { RandomStream } from '../../src/random/philox.js';
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
      'posterior-map.json',
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
