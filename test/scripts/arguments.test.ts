import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string) => readFileSync(path.join(root, name), 'utf8');
let scratch: string;
let program: string;

/** A program's ending. */
const run = (file: string, ...args: string[]) =>
  new Promise<{ code: unknown; out: string; error: string }>((settle) => {
    execFile(process.execPath, [file, ...args], { cwd: root }, (ended, out, error) =>
      settle({ code: ended?.code ?? 0, out, error }),
    );
  });

beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'sri-arguments-'));
  program = path.join(scratch, 'toy.mjs');
  writeFileSync(
    program,
    `// What it is for.
//
//   node toy.mjs --size N

import { argumentsOf, COUNT, orEnd, shapeOf, someOf } from '${path.join(root, 'scripts', 'arguments.mjs')}';
const values = argumentsOf(import.meta.url, {
  size: { type: 'string', required: true, form: COUNT },
  shape: { type: 'string', default: '3,4', form: shapeOf('B,T') },
  of: { type: 'string', multiple: true, default: ['a'], form: someOf(['a', 'b']) },
});
console.log(JSON.stringify(values));
if (values.size === '3') await orEnd(Promise.reject(Object.assign(new Error('not three'), { name: 'InputError' })));
`,
  );
});

afterAll(() => {
  rmSync(scratch, { recursive: true });
});

describe('a program that is run by hand', () => {
  it('reads its options, and tells of them what it opens with', async () => {
    const done = await run(program, '--size', '2', '--of', 'b', '--of', 'a,b');
    expect(JSON.parse(done.out)).toEqual({ size: '2', shape: '3,4', of: ['b', 'a,b'] });
    expect(await run(program, '--help')).toEqual({
      code: 0,
      out: 'What it is for.\n\n  node toy.mjs --size N\n',
      error: '',
    });
  });

  it.each([
    [['--sizes', '2'], "Unknown option '--sizes'; --help tells the options"],
    [['--size', '2', 'more'], "Unexpected argument 'more'; --help tells the options"],
    [['--size', '0'], '--size: 0 is not a whole number from 1; --help tells the options'],
    [['--size'], "Option '--size <value>' argument missing; --help tells the options"],
    [['--shape', '2,3'], '--size is missing; --help tells the options'],
    [
      ['--size', '2', '--shape', '2'],
      '--shape: 2 is not B,T: 2 whole numbers from 1, with commas; --help tells the options',
    ],
    [
      ['--size', '2', '--of', 'a', '--of', 'a,c'],
      '--of: a,c is not one of a, b, or several with commas; --help tells the options',
    ],
    [['--size', '3'], 'not three'],
  ])('ends with 2 and a line for %j', async (args, line) => {
    const { code, error } = await run(program, ...args);
    expect({ code, error }).toEqual({ code: 2, error: `toy.mjs: ${line}\n` });
  });

  const programs = readdirSync(path.join(root, 'bench'))
    .map((name) => ({ name: `bench/${name}`, text: name.endsWith('.js') ? read(`bench/${name}`) : '' }))
    .filter(({ text }) => text.includes('process.argv') || text.includes('parseArgs') || text.includes('argumentsOf('));

  it('is each of the benchmarks', () => {
    expect(programs.length).toBeGreaterThan(5);
    for (const { name, text } of programs) {
      expect(text, name).toMatch(/argumentsOf\(import\.meta\.url,/);
      expect(text, name).not.toMatch(/parseArgs|process\.argv/);
    }
  });

  it.each(['bench/bench.js', 'scripts/campaign.mjs'])(
    '%s has its help, and no stack for what it does not know',
    async (name) => {
      const [help, unknown] = await Promise.all([run(name, '--help'), run(name, '--unknown')]);
      expect(help.code).toBe(0);
      expect(help.out.split('\n')[0]).toBe(read(name).split('\n')[0]!.slice(3));
      expect(unknown).toEqual({
        code: 2,
        out: '',
        error: `${path.basename(name)}: Unknown option '--unknown'; --help tells the options\n`,
      });
    },
  );
});
