import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  CONFIG_DIRECTORY,
  checkOverrides,
  loadConfig,
  overridesFor,
  resolveData,
  resolveRun,
} from '../../src/config/load.js';
import { configFileSchema, runConfigSchema } from '../../src/config/schema.js';
import { dataSets } from '../../src/data/registry.js';
import { InputError } from '../../src/errors.js';
import { methods } from '../../src/methods/registry.js';
import type { SriKeys } from '../../src/methods/sri.js';

const folder = mkdtempSync(path.join(tmpdir(), 'sri-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
function config(text: string): string {
  const file = path.join(folder, `config-${written++}.yaml`);
  writeFileSync(file, text);
  return file;
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  throw new Error('nothing was thrown');
}

const small = `dataSet: tiny
model:
  hiddenSize: 64
methods:
  lstm-lm:
    optimizer: {name: adam, learningRate: 0.001}
  sri:
    model: {hiddenSize: 48}
    langevin:
      temperature: {start: 0.05, growFromEpoch: 15, growPerEpoch: 0.05, max: 0.2}
    settings:
      released:
        langevin: {stepSize: [0.3, 0.2]}
      paper:
        langevin: {stepSize: 0.1, temperature: 1}
`;

describe('a run', () => {
  it('takes each key from the last layer that has it', () => {
    const loaded = loadConfig(config(small), methods());
    const run = resolveRun<SriKeys>(loaded, {
      method: 'sri',
      seed: 7,
      overrides: ['langevin.steps=5', 'model.hiddenSize=32'],
    });
    expect(run.model.hiddenSize).toBe(32);
    expect(run.langevin.steps).toBe(5);
    expect(run.langevin.stepSize).toEqual([0.3, 0.2]);
    expect(run.seed).toBe(7);
    expect(run.data.directory).toBe('data/tiny');
    expect(resolveRun<SriKeys>(loaded, { method: 'sri' }).model.hiddenSize).toBe(48);
    expect(resolveRun<SriKeys>(loaded, { method: 'lstm-lm' }).model.hiddenSize).toBe(64);
    expect(resolveRun<SriKeys>(loaded, { method: 'lstm-lm' }).optimizer.clipNorm).toBe(5);
  });

  it('is named by its method, and by its setting where that is not the first', () => {
    const loaded = loadConfig(config(small), methods());
    expect(resolveRun<SriKeys>(loaded, { method: 'sri' })).toMatchObject({ setting: 'released', name: 'sri' });
    expect(resolveRun<SriKeys>(loaded, { method: 'sri', setting: 'released' }).name).toBe('sri');
    expect(resolveRun<SriKeys>(loaded, { method: 'sri', setting: 'paper' })).toMatchObject({
      setting: 'paper',
      name: 'sri@paper',
      langevin: { temperature: 1 },
    });
    expect(resolveRun<SriKeys>(loaded, { method: 'lstm-lm' })).toMatchObject({ setting: null, name: 'lstm-lm' });
  });

  it('may differ from its setting in the number of Langevin steps, and is named so', () => {
    const loaded = loadConfig(config(small), methods());
    const steps = (setting: string) => resolveRun<SriKeys>(loaded, { method: 'sri', setting });
    expect(steps('steps-40')).toMatchObject({
      name: 'sri@steps-40',
      setting: 'released',
      langevin: { steps: 40, stepSize: [0.3, 0.2] },
    });
    expect(steps('paper-steps-40')).toMatchObject({
      name: 'sri@paper-steps-40',
      setting: 'paper',
      langevin: { steps: 40, stepSize: 0.1 },
    });
    // 20 steps are the setting's own.
    expect(steps('steps-20')).toEqual(resolveRun<SriKeys>(loaded, { method: 'sri' }));
    expect(messageOf(() => steps('quick-steps-40'))).toMatch(/sri has no setting quick; it has released, paper/);
    expect(messageOf(() => steps('steps-1'))).toMatch(
      /sri@steps-1: langevin\.stepSize: .* longer than langevin\.steps/,
    );
    expect(messageOf(() => steps('steps-0'))).toMatch(/sri has no setting steps-0/);
  });

  it('may differ from its setting in its last temperature or its free bits, and is named so', () => {
    const file = `${small}  fb-vae: {freeBits: {target: 8}}\n`;
    const of = (method: string, setting: string) =>
      resolveRun<SriKeys>(loadConfig(config(file), methods()), { method, setting });
    expect(of('sri', 'temperature-0.70')).toMatchObject({
      name: 'sri@temperature-0.7',
      setting: 'released',
      langevin: { temperature: { start: 0.05, growFromEpoch: 15, growPerEpoch: 0.05, max: 0.7 } },
    });
    expect(of('sri', 'paper-temperature-0.5')).toMatchObject({
      name: 'sri@paper-temperature-0.5',
      langevin: { temperature: 0.5 },
    });
    expect(of('sri', 'temperature-0.2').name).toBe('sri');
    expect(of('fb-vae', 'target-4')).toMatchObject({ name: 'fb-vae@target-4', freeBits: { target: 4 } });
    expect(of('fb-vae', 'target-8').name).toBe('fb-vae');
    expect(messageOf(() => of('sri', 'quick-temperature-0.5'))).toMatch(/sri has no setting quick/);
  });

  it('may share gradients among the steps, which another number of steps does not keep', () => {
    const file = small.replace('{stepSize: [0.3, 0.2]}', '{stepSize: [0.3, 0.2], gradients: [1, 1, 6, 12]}');
    const loaded = loadConfig(config(file), methods());
    const of = (setting: string | undefined, ...overrides: string[]) =>
      resolveRun<SriKeys>(loaded, { method: 'sri', ...(setting && { setting }), overrides }).langevin;
    expect(of(undefined).gradients).toEqual([1, 1, 6, 12]);
    expect(of('steps-40')).toMatchObject({ steps: 40, gradients: null });
    expect(of('paper').gradients).toBeNull();
    expect(of('paper', 'langevin.steps=3', 'langevin.gradients=[2, 1]').gradients).toEqual([2, 1]);
    expect(messageOf(() => of(undefined, 'langevin.steps=30'))).toMatch(
      /^--set langevin\.steps=30: langevin\.gradients: \[1,1,6,12\] will not do; the list adds up to 20 and langevin\.steps is 30/,
    );
    expect(messageOf(() => of(undefined, 'langevin.gradients=[20, 0]'))).toMatch(/gradients.*whole numbers from 1/);
  });

  it('learns from the end of its chains unless it says otherwise', () => {
    const loaded = loadConfig(config(small), methods());
    const of = (...overrides: string[]) => resolveRun<SriKeys>(loaded, { method: 'sri', overrides }).langevin.learnFrom;
    expect(of()).toBe('end');
    expect(of('langevin.learnFrom=path')).toBe('path');
    expect(of('langevin.learnFrom={points: 20}')).toEqual({ points: 20 });
    expect(messageOf(() => of('langevin.learnFrom={points: 21}'))).toMatch(
      /langevin\.learnFrom\.points: 21 will not do; the path has no more points .* than langevin\.steps/,
    );
    expect(messageOf(() => of('langevin.learnFrom=start'))).toMatch(
      /"start" will not do; codes that the decoder learns/,
    );
    expect(messageOf(() => of('langevin.learnFrom={point: 3}'))).toMatch(/did you mean points/);
  });

  it('searches among step sizes, or among dynamics that differ in more, by the paper’s criterion unless told', () => {
    const search = (...keys: string[]) =>
      resolveRun<SriKeys>(loadConfig(config(small), methods()), {
        method: 'sri',
        overrides: ['langevin.search={every: epoch, sentences: 4}', ...keys.map((key) => `langevin.search.${key}`)],
      }).langevin.search;
    expect(search('grid=[0.1, 0.2]')).toMatchObject({ criterion: 'bound' });
    const grid = '[0.1, {stepSize: 0.1, temperature: 0.5}, {steps: 10}]';
    expect(search(`grid=${grid}`, 'criterion=perplexity')).toMatchObject({
      grid: [0.1, { stepSize: 0.1, temperature: 0.5 }, { steps: 10 }],
      criterion: 'perplexity',
    });
    expect(messageOf(() => search('grid=[0.1, {step: 2}]'))).toMatch(
      /search\.grid\[1\]\.step: no such key; did you mean steps/,
    );
    expect(messageOf(() => search('grid=[0.1, {}]'))).toMatch(/a candidate says stepSize, temperature or steps/);
  });

  it('starts each part from where the last layer that speaks of it says', () => {
    const file = config(`dataSet: a
startFrom: null
methods:
  ae:
  lstm-lm:
  fb-vae:
    startFrom: {encoder: ae}
    settings:
      own: {}
      from-lm: {startFrom: {decoder: lstm-lm}}
      afresh: {startFrom: null}
`);
    const start = (setting: string, ...overrides: string[]) =>
      resolveRun<SriKeys>(loadConfig(file, methods()), { method: 'fb-vae', setting, overrides }).startFrom;
    expect(start('own')).toEqual({ encoder: 'ae', decoder: null });
    expect(start('from-lm')).toEqual({ encoder: 'ae', decoder: 'lstm-lm' });
    expect(start('afresh')).toBeNull();
    expect(start('afresh', 'startFrom.decoder=lstm-lm')).toEqual({ encoder: null, decoder: 'lstm-lm' });
    expect(start('own', 'startFrom.encoder=null')).toBeNull();
    expect(messageOf(() => start('own', 'startFrom.decoder=fb-vae'))).toBe(
      '--set startFrom.decoder=fb-vae: startFrom.decoder: fb-vae cannot start from itself; name another, or null',
    );
    expect(messageOf(() => start('own', 'startFrom.decoder=lstm-ml'))).toBe(
      "--set startFrom.decoder=lstm-ml: startFrom.decoder: lstm-ml is none of this file's methods, which are " +
        'lstm-lm, ae, fb-vae; did you mean lstm-lm? name one of those, add it to methods, or say null',
    );
  });

  it('says what would be right of a key with keys of its own, and of an override with the method’s name', () => {
    const file = config('dataSet: a\ntraining:\nmethods: {sri: }\n');
    expect(messageOf(() => loadConfig(file, methods()))).toMatch(
      /:2: training: null will not do; it has keys of its own: batchSize, /,
    );
    const run = (override: string) =>
      resolveRun(loadConfig(config(small), methods()), { method: 'sri', overrides: [override] });
    expect(messageOf(() => run('training=5'))).toMatch(/training: 5 will not do; it has keys of its own: batchSize, /);
    expect(messageOf(() => run('training.epochs=.inf'))).toMatch(/training\.epochs: Infinity will not do/);
    for (const above of ['methods.sri.', 'methods.sri.settings.own.']) {
      expect(messageOf(() => run(`${above}langevin.steps=3`))).toBe(
        `--set ${above}langevin.steps=3: it is for whichever method is named, so say --set langevin.steps=3`,
      );
    }
  });

  it('lets an override change one key of a schedule', () => {
    const run = resolveRun<SriKeys>(loadConfig(config(small), methods()), {
      method: 'sri',
      overrides: ['langevin.temperature.max=0.3'],
    });
    expect(run.langevin.temperature).toEqual({ start: 0.05, growFromEpoch: 15, growPerEpoch: 0.05, max: 0.3 });
  });
});

describe('a config that is not right', () => {
  const cases: [what: string, text: string, expected: RegExp][] = [
    [
      'a misspelt key',
      'dataSet: a\nmodel:\n  hidenSize: 3\nmethods: {}\n',
      /:3: model\.hidenSize: no such key; did you mean hiddenSize\?/,
    ],
    [
      'a key of the wrong case or with dashes',
      'dataSet: a\nmethods:\n  sri:\n    langevin:\n      step-size: 3\n',
      /:5: .*did you mean stepSize\?/,
    ],
    [
      'a key unlike any',
      'dataSet: a\noptimizer:\n  warp: 3\nmethods: {}\n',
      /:3: optimizer\.warp: no such key; known here: name, learningRate/,
    ],
    [
      'a value of the wrong type',
      'dataSet: a\nmethods:\n  sri:\n    langevin:\n      steps: many\n',
      /:5: methods\.sri\.langevin\.steps: "many" will not do; K, steps of the chain; a whole number from 1/,
    ],
    [
      'an unknown choice',
      'dataSet: a\nbackend: gpu\nmethods: {}\n',
      /:2: backend: "gpu" will not do; .*native, webgpu, tensorflow, wasm, cpu/,
    ],
    [
      'a wrong key inside one form of a union',
      'dataSet: a\nmethods:\n  sri:\n    langevin:\n      temperature:\n        start: 0.1\n        maximum: 3\n',
      /:7: methods\.sri\.langevin\.temperature\.maximum: no such key; known here: start, growFromEpoch, growPerEpoch, max/,
    ],
    [
      'a wrong value in a list',
      'dataSet: a\nmethods:\n  sri:\n    langevin:\n      stepSize:\n        - 0.1\n        - -1\n',
      /:7: methods\.sri\.langevin\.stepSize\[1\]: -1 will not do; s of eq\. 7/,
    ],
    [
      "a method's key above all methods",
      'dataSet: a\nlangevin: {steps: 3}\nmethods: {}\n',
      /:2: langevin: no such key; it is a key of sri, which a config file has under methods\.sri/,
    ],
    [
      'a key of other methods',
      'dataSet: a\nmethods:\n  ae:\n    freeBits: {target: 1}\n',
      /:4: methods\.ae\.freeBits: no such key; ae has none; it is a key of fbp-vae, fb-vae/,
    ],
    [
      'a misspelt key of the method, in a setting',
      'dataSet: a\nmethods:\n  fb-vae:\n    settings:\n      few:\n        freebit: {target: 1}\n',
      /:6: methods\.fb-vae\.settings\.few\.freebit: no such key; did you mean freeBits\?/,
    ],
    [
      'a method that is none',
      'dataSet: a\nmethods:\n  fbvae: {}\n',
      /:3: methods\.fbvae: no such method; did you mean (fb|fbp)-vae\?; one that a plugin defines needs --plugin/,
    ],
    ['a missing key', 'model: {}\nmethods: {}\n', /:1: dataSet: missing; name of the data set/],
    [
      'a key of a setting',
      'dataSet: a\nmethods:\n  sri:\n    settings:\n      paper:\n        trainin: {}\n',
      /:6: methods\.sri\.settings\.paper\.trainin: no such key; did you mean training\?/,
    ],
    ['text that is no YAML', 'dataSet: a\nmodel: {hiddenSize: 3\nmethods: {}\n', /:\d: not valid YAML/],
    ['a file that holds no keys', '- a\n- b\n', /:1: a config file is a list of keys/],
  ];
  it.each(cases)('names file, line and key for %s', (_, text, expected) => {
    expect(messageOf(() => loadConfig(config(text), methods()))).toMatch(expected);
  });

  it('takes for each method the overrides that it has, and refuses those that none has', () => {
    const overrides = ['langevin.steps=3', 'klWeight=0.5', 'seed=4', 'sede=4'];
    const taken = (method: string) => overridesFor(method, overrides, methods());
    expect(taken('sri')).toEqual(['langevin.steps=3', 'seed=4', 'sede=4']);
    expect(taken('fb-vae')).toEqual(['klWeight=0.5', 'seed=4', 'sede=4']);
    expect(taken('lstm-lm')).toEqual(['seed=4', 'sede=4']);
    expect(() => checkOverrides(['lstm-lm', 'sri'], ['langevin.steps=3', 'seed=4'], methods())).not.toThrow();
    expect(messageOf(() => checkOverrides(['lstm-lm', 'ae'], ['langevin.steps=3'], methods()))).toBe(
      '--set langevin.steps=3: langevin is a key of sri, and none of lstm-lm, ae has it',
    );
    const loaded = loadConfig(config(small), methods());
    expect(messageOf(() => resolveRun(loaded, { method: 'lstm-lm', overrides: ['langevin.steps=3'] }))).toMatch(
      /^--set langevin\.steps=3: langevin: no such key; .*a key of sri/,
    );
    expect(resolveRun(loaded, { method: 'lstm-lm' })).not.toHaveProperty('langevin');
  });

  it('tells all that is wrong at once', () => {
    const message = messageOf(() => loadConfig(config('dataSet: a\nsede: 1\nthreads: 0\nmethods: {}\n'), methods()));
    expect(message.split('\n')).toHaveLength(2);
  });

  it('says where a config was looked for', () => {
    expect(messageOf(() => loadConfig('no-such', methods()))).toMatch(
      /no-such: no such config file in this folder or in .*configs/,
    );
    expect(messageOf(() => loadConfig('./no/such.yaml', methods()))).toMatch(/no such config file there/);
  });
});

describe('a run that is not right', () => {
  const resolve = (choice: Partial<Parameters<typeof resolveRun>[1]>) =>
    messageOf(() => resolveRun<SriKeys>(loadConfig(config(small), methods()), { method: 'sri', ...choice }));

  it('names the override', () => {
    expect(resolve({ overrides: ['model.hidenSize=3'] })).toBe(
      '--set model.hidenSize=3: model.hidenSize: no such key; did you mean hiddenSize?',
    );
    expect(resolve({ overrides: ['langevin.steps=x'] })).toMatch(
      /^--set langevin\.steps=x: langevin\.steps: "x" will not do; K/,
    );
    expect(resolve({ overrides: ['steps'] })).toMatch(/expected path\.to\.key=value/);
    expect(resolve({ overrides: ['langevin.steps={'] })).toMatch(/not valid YAML/);
    expect(resolve({ overrides: ['langevin.stepSize='] })).toMatch(/null will not do/);
    expect(resolve({ overrides: ['langevin.steps=1'] })).toMatch(
      /^--set langevin\.steps=1: .*may not be longer than langevin\.steps/,
    );
    expect(resolve({ overrides: ['langevin.search.every=epoch'] })).toMatch(
      /^--set langevin\.search\.every=epoch: langevin\.search\.grid: missing/,
    );
    expect(resolve({ seed: -1 })).toMatch(/^--seed -1: seed: -1 will not do/);
  });

  it('names the line where only part of a schedule was written', () => {
    const file = config('dataSet: a\ntraining:\n  decay:\n    factor: 0.5\nmethods:\n  sri: {}\n');
    const message = messageOf(() => resolveRun<SriKeys>(loadConfig(file, methods()), { method: 'sri' }));
    expect(message).toMatch(/:3: training\.decay\.patience: missing; epochs without a better/);
  });

  it('lists the methods and settings there are', () => {
    expect(resolve({ method: 'ae' })).toMatch(/:4: methods has no ae; it has lstm-lm, sri/);
    expect(resolve({ setting: 'papr' })).toMatch(
      /:11: sri has no setting papr; did you mean paper\? it has released, paper/,
    );
    expect(resolve({ setting: 'warm' })).toMatch(/:11: sri has no setting warm; it has released, paper/);
    expect(resolve({ method: 'lstm-lm', setting: 'paper' })).toMatch(/:5: lstm-lm has no setting paper; it has none/);
  });
});

describe('a setting that has another name by now', () => {
  it('is named as what it is called today', () => {
    const renamed = loadConfig(config(small.replace('paper:', 'algorithm-1:')), methods());
    expect(messageOf(() => resolveRun<SriKeys>(renamed, { method: 'sri', setting: 'paper' }))).toMatch(
      /sri has no setting paper; did you mean algorithm-1\? it has released, algorithm-1/,
    );
  });
});

describe('the schema', () => {
  it('describes every key', () => {
    const undescribed: string[] = [];
    const walk = (schema: z.ZodType, at: string[]): void => {
      if (schema instanceof z.ZodObject) {
        for (const [key, child] of Object.entries(schema.shape)) walk(child as z.ZodType, [...at, key]);
        return;
      }
      if (schema.description === undefined) undescribed.push(at.join('.'));
      if (schema instanceof z.ZodNullable) walkNested(schema.unwrap() as z.ZodType, at);
      if (schema instanceof z.ZodUnion) for (const option of schema.options) walkNested(option as z.ZodType, at);
    };
    const walkNested = (schema: z.ZodType, at: string[]) => schema instanceof z.ZodObject && walk(schema, at);
    for (const method of methods()) walk(runConfigSchema(method), []);
    expect(undescribed).toEqual([]);
  });

  it('asks of a file for no more than a data set and methods', () => {
    expect(configFileSchema(methods()).safeParse({ dataSet: 'a', methods: { sri: null } }).success).toBe(true);
    expect(
      resolveRun<SriKeys>(loadConfig(config('dataSet: a\nmethods:\n  sri:\n'), methods()), { method: 'sri' }).name,
    ).toBe('sri');
    expect(configFileSchema(methods()).safeParse({ dataSet: 'a' }).success).toBe(false);
  });
});

describe('the configs of the package', () => {
  const files = readdirSync(CONFIG_DIRECTORY).filter((name) => name.endsWith('.yaml'));

  it.each(files)('%s resolves for each of its methods and settings', (file) => {
    const loaded = loadConfig(file, methods());
    for (const [method, overrides] of Object.entries(loaded.config.methods)) {
      for (const setting of [undefined, ...Object.keys(overrides?.settings ?? {})]) {
        const run = resolveRun<SriKeys>(loaded, { method, setting });
        expect(run.dataSet).toBe(file.replace('.yaml', ''));
      }
    }
  });

  it.each(dataSets())('$name reads its raw files as they are written, unless told otherwise', ({ name, format }) => {
    const loaded = loadConfig(name, methods());
    expect(resolveData(loaded, [])).toMatchObject(format);
    expect(resolveRun(loaded, { method: 'lstm-lm' }).data).toMatchObject(format);
    expect(resolveData(loaded, ['data.unknownToken=UNK']).unknownToken).toBe('UNK');
  });

  it('hold the sizes of the paper and its sources', () => {
    const sizes = (name: string) => {
      const { data, model } = resolveRun<SriKeys>(loadConfig(name, methods()), { method: 'sri' });
      return [model.wordVectorSize, model.hiddenSize, model.latentSize, Math.round(data.vocabularySize / 1000)];
    };
    expect(sizes('ptb')).toEqual([256, 256, 32, 10]);
    expect(sizes('snli')).toEqual([128, 512, 32, 10]);
    expect(sizes('yahoo')).toEqual([512, 1024, 32, 20]);
    expect(sizes('yelp').slice(0, 3)).toEqual([128, 512, 32]);
  });

  it('give SRI on PTB the released steps a_k = s_k^2 / 2 and the temperature that goes with them', () => {
    const { langevin } = resolveRun<SriKeys>(loadConfig('ptb', methods()), { method: 'sri', setting: 'released' });
    const released = [0.8, 0.7, 0.6, 0.5, 0.2, 0.2, 0.1, 0.1, ...Array<number>(12).fill(0.05)];
    expect(langevin.steps).toBe(released.length);
    const listed = langevin.stepSize as number[];
    const used = released.map((_, k) => listed[Math.min(k, listed.length - 1)]!);
    for (const [k, s] of released.entries()) expect(used[k]).toBeCloseTo(s ** 2 / 2, 12);
    expect(langevin.temperature).toEqual({ start: 0.05, growFromEpoch: 15, growPerEpoch: 0.05, max: 0.2 });
    const paper = resolveRun<SriKeys>(loadConfig('ptb', methods()), { method: 'sri', setting: 'algorithm-1' }).langevin;
    expect(paper).toMatchObject({ stepSize: 0.1, temperature: 1, steps: 20 });
    expect(paper.search?.every).toBe('epoch');
  });
});
