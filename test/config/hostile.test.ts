// Configs that nobody writes by hand: each ends with file and line, quickly.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, overrideRun, resolveRun } from '../../src/config/load.js';
import { isRunName } from '../../src/config/variations.js';
import { InputError } from '../../src/errors.js';
import { checkMemory } from '../../src/experiments/machine.js';
import { methods } from '../../src/methods/registry.js';
import { RunFolder } from '../../src/runs/run-folder.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-hostile-config-'));
afterAll(() => rmSync(root, { recursive: true }));

function refused(text: string | Uint8Array): string {
  const file = path.join(root, 'some.yaml');
  writeFileSync(file, text);
  const start = performance.now();
  try {
    loadConfig(file, methods());
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    // Seconds, on a machine that has much else to do: what is not linear takes minutes.
    expect(performance.now() - start).toBeLessThan(10_000);
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

const head = 'dataSet: words\nmethods: { sri: {} }\n';

describe('a config file', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++) {
    const [before, name] = [i - 1, i].map((n) => String.fromCharCode(97 + n));
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`);
  }
  it.each([
    ['a bomb of aliases', `${head}${bomb.join('\n')}\n`, /some\.yaml:\d+: aliases of aliases/],
    ['a list in itself', `${head}data: &d\n  directory: *d\n`, /some\.yaml:4: \*d stands for what it is in/],
    ['an alias of nothing', `${head}seed: *none\n`, /some\.yaml:3: \*none is no anchor/],
    ['brackets without an end', `${head}seed: ${'['.repeat(50_000)}`, /some\.yaml:3: more than 32 lists and objects/],
    ['deep brackets', `${head}seed: ${'['.repeat(60)}${']'.repeat(60)}`, /some\.yaml:3: more than 32 lists/],
    [
      'deep indents',
      `${head}${Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}k:`).join('\n')}\n`,
      /some\.yaml:3\d: more than 32/,
    ],
    ['a key said twice', `${head}seed: 1\nseed: 2\n`, /some\.yaml:4: seed stands here twice/],
    ['a key that is a list', `${head}[a, b]: 2\n`, /some\.yaml:3: a key is a word/],
    ['null for an object', `${head}model: null\n`, /some\.yaml:3: model: null will not do/],
    ['a list for an object', `${head}model:\n  - 1\n`, /some\.yaml:3: model: \[1\] will not do/],
    ['not a tree of keys', '- 1\n', /some\.yaml:1: a config file is a list of keys/],
    ['nothing', '', /some\.yaml:1: a config file is a list of keys/],
    ['two documents', `${head}---\nseed: 1\n`, /some\.yaml:3: a second document begins; a config is one/],
    ['a NUL byte', 'dataSet: words\nmethods: \0\n', /some\.yaml:2: a NUL byte/],
    ['a size that is no size', `${head}model: { hiddenSize: 1.0e+300 }\n`, /some\.yaml:3: model\.hiddenSize/],
    [
      'names of properties',
      `${head}constructor: 1\n__proto__: { seed: 3 }\n`,
      /some\.yaml:3: constructor: no such key/,
    ],
  ])('with %s is refused with its line', (_, text, expected) => {
    expect(refused(text)).toMatch(expected);
  });

  it('with 20,000 unknown keys tells of ten, and counts the rest', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `unknown${i}: ${i}`).join('\n');
    const lines = refused(`${head}${keys}\n`).split('\n');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toMatch(/some\.yaml:3: unknown0: no such key/);
    expect(lines[10]).toBe('and 19990 more that are not right');
  });

  it('with a value or a key as long as a book is told of in a line', () => {
    const [value, key] = [
      refused(`${head}backend: ${'x'.repeat(500_000)}\n`),
      refused(`${head}${'k'.repeat(900)}: 1\n`),
    ];
    expect(value).toMatch(/some\.yaml:3: backend: "x+\[\.\.\.\]x+" will not do/);
    expect(value.length + key.length).toBeLessThan(1200);
  });

  it('larger than any is, or without an end, is refused', () => {
    expect(refused(`${head}#${'x'.repeat(2 << 20)}`)).toMatch(/some\.yaml:1: larger than 1 MiB/);
  });

  it('may use an anchor for what it says twice', () => {
    const file = path.join(root, 'anchor.yaml');
    writeFileSync(file, 'dataSet: words\noptimizer: &o { name: adam }\nmethods: { sri: { optimizer: *o } }\n');
    expect(resolveRun(loadConfig(file, methods()), { method: 'sri' }).optimizer.name).toBe('adam');
  });
});

describe('what does not fit together', () => {
  const run = resolveRun(loadConfig('ptb', methods()), { method: 'sri' });
  it.each([
    ['evaluation.inferenceChains=2', /inferenceChains: 2 will not do; .*from 3/],
    [
      `evaluation.klChains.gaussian=${run.model.latentSize + 1}`,
      /gaussian: \d+ will not do; 34 chains at least, more than/,
    ],
    ['model.decoder=gru', null],
  ])('%s is the schema’s to refuse, not the measurement’s', (override, expected) => {
    if (expected === null) expect(overrideRun(run, [override], methods()).model.decoder).toBe('gru');
    else expect(() => overrideRun(run, [override], methods())).toThrow(expected);
  });

  it('bf16 and f16 are for the lstm', () => {
    for (const precision of ['bf16', 'f16']) {
      expect(() => overrideRun(run, [`precision=${precision}`, 'model.decoder=gru'], methods())).toThrow(
        `precision: "${precision}" will not do`,
      );
    }
  });

  it.each([
    ['__proto__.seed=1'],
    ['constructor=1'],
    ['model.toString.x=1'],
    ['seed=&a [*a]'],
    ['seed=*a'],
    ['=1'],
    ['model=null'],
    ['model='],
    ['langevin.search.grid=[null, {}]'],
    ['seed=.inf'],
  ])('--set %s is refused', refusedOverride);
  it('so is one of a thousand keys, or lists', () => {
    refusedOverride(`${'a.'.repeat(5000)}b=1`);
    refusedOverride(`seed=${'['.repeat(20_000)}`);
  });

  function refusedOverride(override: string): void {
    expect(() => overrideRun(run, [override], methods())).toThrow(InputError);
    try {
      overrideRun(run, [override], methods());
    } catch (error) {
      expect((error as Error).message).toMatch(/^--set /);
      expect((error as Error).message.length).toBeLessThan(1500);
    }
  }
});

describe('sizes', () => {
  const run = resolveRun(loadConfig('ptb', methods()), { method: 'sri' });
  it('that no machine has are refused by name before anything is made', () => {
    expect(() => checkMemory(run, 10_000)).not.toThrow();
    for (const key of [
      'model.hiddenSize',
      'model.latentSize',
      'model.wordVectorSize',
      'langevin.steps',
      'evaluation.draws.fitted',
      'evaluation.chains',
      'evaluation.inferenceChains',
      'training.validation.draws',
    ]) {
      const huge = overrideRun(run, [`${key}=9007199254740991`, 'langevin.gradients=null'], methods());
      expect(() => checkMemory(huge, 10_000), key).toThrow(new RegExp(`^${key}: with this size`));
    }
  });
  it('count the weights, their gradients and what Adam keeps', () => {
    const { hiddenSize: h } = run.model;
    // The output layer alone, four times over, in bytes.
    const output = 4 * 4 * h * 10_000;
    const adam = { ...run, optimizer: { ...run.optimizer, name: 'adam' as const } };
    expect(() => checkMemory(adam, 10_000, output)).toThrow(/model\.hiddenSize/);
    expect(() => checkMemory(adam, 10_000, 16 * output)).not.toThrow();
  });
});

describe('the name of a run', () => {
  it.each([
    ['sri', 'sri', true],
    ['sri@released', 'sri', true],
    ['sri@annealed-temperature-0.7', 'sri', true],
    ['sri@hiddenSize-64-gradients-1_1_2', 'sri', true],
    ['sri@../../x', 'sri', false],
    ['sri@..', 'sri', false],
    ['sri@a/b', 'sri', false],
    ['../../../../x', 'sri', false],
    ['lstm-lm', 'sri', false],
    ['', 'sri', false],
  ])('%s of %s: %s', (name, method, right) => {
    expect(isRunName({ name, method })).toBe(right);
  });

  it('in a folder’s config.json leads nowhere else', async () => {
    const folder = new RunFolder(path.join(root, 'run'));
    const run = resolveRun(loadConfig('ptb', methods()), { method: 'sri' });
    await folder.settleConfig(run);
    const file = path.join(folder.directory, 'config.json');
    writeFileSync(file, JSON.stringify({ format: 2, ...run, name: '../../../../x' }));
    expect(() => folder.config()).toThrow(/config\.json: .*name: the name of a run is its method/);
  });
});
