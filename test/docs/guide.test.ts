// Every `sri` command of the guide and of the README, as it stands there, one after the other in one folder: on texts of a
// few lines, and with configs of that size where the pages name one that is not written on the way.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-guide-'));
const before = process.cwd();
const page = (name: string) => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');

/** Lines of the page's shell blocks that are commands of ours, without what is said of them. */
function commandsOf(text: string): string[] {
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block]) => block!.split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => /^(sri|echo) /.test(line));
}

const SMALL = `
backend: cpu
model: { latentSize: 2, wordVectorSize: 4, hiddenSize: 4 }
training: { batchSize: 8, epochs: 1, validationSentences: 3, validation: { draws: 3, chains: 3, metropolisSteps: 1 } }
evaluation:
  { draws: { fitted: 4, jacobian: 2, encoder: 4 }, chains: 3, metropolisSteps: 1, sentences: 4, inferenceChains: 4,
    klChains: { jacobian: 2, gaussian: 8 } }
methods:
  lstm-lm: {}
  anneal-vae: {}
  sri:
    langevin: { steps: 5, stepSize: [0.3, 0.25, 0.2, 0.15, 0.1] }
    settings:
      from-lm: { startFrom: { decoder: lstm-lm }, langevin: { temperature: { start: 0.1, growFromEpoch: 1, growPerEpoch: 0.1, max: 0.2 } } }
      annealed: {}
`;

/** Runs a line: commands with pipes between, the first of which may be an echo. */
async function run(line: string): Promise<void> {
  let input: Buffer | undefined;
  for (const part of line.split('|')) {
    const [name, ...args] = [...part.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
    if (name === 'echo') {
      input = Buffer.from(`${args.join(' ')}\n`);
      continue;
    }
    const stop = new AbortController();
    const out = new PassThrough();
    // What serves until it is stopped has said where by then.
    if (args[0] === 'view') out.once('readable', () => stop.abort());
    const io = {
      ...(input && { in: Readable.from([input]) }),
      out,
      error: new PassThrough(),
      stop: stop.signal,
    };
    const code = await main(args, io);
    const said = String(io.error.read() ?? '');
    expect(code, `${line}\n${said}`).toBe(0);
    input = io.out.read() ?? Buffer.alloc(0);
    expect(input!.length + said.length, line).toBeGreaterThan(0);
  }
}

beforeAll(() => {
  process.chdir(root);
  const words = ['the food was good .', 'we ate it .', 'the food was bad .', 'it was good , and we ate it .'];
  const lines = (count: number) => `${Array.from({ length: count }, (_, i) => words[(i * i) % 4]!).join('\n')}\n`;
  writeFileSync('reviews.txt', lines(60));
  for (const split of ['train', 'valid', 'test']) writeFileSync(`${split}.txt`, lines(12));
  writeFileSync('queries.txt', lines(2));
});
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

describe('the guide', () => {
  const commands = commandsOf(page('docs/guide.md'));

  it('shows what it promises', () => {
    for (const command of [
      'init',
      'train',
      'eval',
      'encode',
      'decode',
      'neighbours',
      'generate',
      'reproduce',
      'report',
    ]) {
      expect(commands.some((line) => line.includes(`sri ${command}`))).toBe(true);
    }
  });

  it.each(commands)('%s', async (line) => {
    // A config of this name that is here is taken before the package's own.
    const named = line.includes('--config sotu.yaml');
    if (named) {
      writeFileSync(
        'sotu.yaml',
        `dataSet: sotu\ndata: { vocabularySize: 20, maxLength: 9, labelColumn: none }\n${SMALL}`,
      );
      await run('sri prepare --config sotu.yaml --train train.txt --valid valid.txt --test test.txt');
    }
    await run(line);
    if (named) rmSync('sotu.yaml');
    // What sri init writes is for an evening; the rest of the page is for a moment.
    if (line.startsWith('sri init')) {
      const data = readFileSync('reviews.yaml', 'utf8').match(/^data:\n(?: .*\n)+/m)![0];
      writeFileSync('reviews.yaml', `dataSet: reviews\n${data}${SMALL}`);
    }
  });
});

it('the README has the same commands as the pages it leads to', () => {
  const known = ['docs/guide.md', 'docs/study.md'].flatMap((name) => commandsOf(page(name)));
  // Of any corpus.
  const bare = (command: string) =>
    command.replace(/ --(config \S+\.yaml|array-limit \d+)/g, '').replace(/runs\/(reviews|ptb)\//g, 'runs/');
  for (const line of commandsOf(page('README.md'))) expect(known.map(bare)).toContain(bare(line));
});
