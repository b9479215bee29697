// What a study's options mean: values, ranges, combinations, names, and the complaints before anything runs.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, parseSweep } from '../../src/config/load.js';
import { sweepValues } from '../../src/config/sweep.js';
import { resolveVariant } from '../../src/experiments/choose-run.js';
import { matters } from '../../src/methods/bearing.js';
import { methodNamed, methods } from '../../src/methods/registry.js';
import { toyRun } from '../training/toy.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-sweep-'));
afterAll(() => rmSync(root, { recursive: true }));

const written = (name: string, text: string) => {
  const file = path.join(root, name);
  writeFileSync(file, text);
  return file;
};

describe('values', () => {
  const cases: [string, string[]][] = [
    ['10,20', ['10', '20']],
    ['0..3', ['0', '1', '2', '3']],
    ['10..40:10,60', ['10', '20', '30', '40', '60']],
    ['0.1..0.5:0.2', ['0.1', '0.3', '0.5']],
    ['[0.3, 0.1],0.2', ['[0.3, 0.1]', '0.2']],
    ['{start: 0, max: 1},null', ['{start: 0, max: 1}', 'null']],
    ["'a,b',c,c", ["'a,b'", 'c']],
  ];
  it.each(cases)('%s', (text, values) => expect(sweepValues(text, 'x')).toEqual(values));

  it.each(['5..1', '1..9:0', '0..9999', '1,,2', ''])('refuses %j', (text) => {
    expect(() => sweepValues(text, 'x')).toThrow(/^x: /);
  });
});

describe('points', () => {
  it('are every combination, those of a file with each', () => {
    const file = written('sizes.yaml', 'small: { model: { hiddenSize: 8 } }\nlarge: { model: { hiddenSize: 16 } }\n');
    const points = parseSweep(['optimizer.learningRate=0.1,1', 'model.latentSize=2..3'], methods(), { file });
    expect(points.map((point) => point.map(({ label }) => label).join('-'))).toEqual(
      ['small', 'large'].flatMap((size) =>
        ['0.1', '1'].flatMap((rate) => [2, 3].map((z) => `${size}-learningRate-${rate}-latentSize-${z}`)),
      ),
    );
    expect(parseSweep([], methods())).toEqual([[]]);
  });

  const refusals: [string[], RegExp][] = [
    [['model.hidenSize=1,2'], /--sweep model\.hidenSize=1: model\.hidenSize: no such key; did you mean hiddenSize\?/],
    [['model.hiddenSize=8,big'], /--sweep model\.hiddenSize=big: model\.hiddenSize: "big" will not do/],
    [['model.hiddenSize'], /--sweep model\.hiddenSize: expected path\.to\.key=value/],
    [['seed=1,2'], /seed cannot vary within a study: say --seeds/],
    [['data.maxLength=5,6'], /data\.maxLength cannot vary within a study: a corpus is as it was prepared/],
    [['training.logEvery=1,2'], /training\.logEvery cannot vary within a study: it changes nothing of what is learned/],
    [['training.keepEpochs=[1],[2]'], /training\.keepEpochs cannot vary within a study/],
    [['training={checkpointEvery: 1},{checkpointEvery: 2}'], /training\.checkpointEvery cannot vary within a study/],
    [['model.hiddenSize=8', 'model.hiddenSize=16'], /model\.hiddenSize: it varies twice/],
  ];
  it.each(refusals)('refuses %j', (texts, complaint) => expect(() => parseSweep(texts, methods())).toThrow(complaint));

  it('refuses in a file what changes nothing of what is learned', () => {
    const file = written('logs.yaml', 'often:\n  training:\n    epochs: 3\n    logEvery: 1\n');
    expect(() => parseSweep([], methods(), { file })).toThrow(/logs\.yaml:4: .*training\.logEvery cannot vary/);
  });

  it('names the line of a file that is wrong', () => {
    const file = written('wrong.yaml', 'small:\n  model: { hidenSize: 8 }\n');
    expect(() => parseSweep([], methods(), { file })).toThrow(
      /wrong\.yaml:2: model\.hidenSize: no such key; did you mean hiddenSize/,
    );
    expect(() => parseSweep([], methods(), { file: path.join(root, 'none.yaml') })).toThrow(/no such file/);
  });
});

describe('a variant', () => {
  const loaded = loadConfig(
    written(
      'moods.yaml',
      `
dataSet: moods
model: { hiddenSize: 16 }
methods:
  lstm-lm: {}
  sri: { startFrom: { decoder: lstm-lm }, langevin: { temperature: { start: 0, growFromEpoch: 1, growPerEpoch: 0.1, max: 0.5 } } }
`,
    ),
    methods(),
  );
  const variant = (method: string, ...sweep: string[]) =>
    parseSweep(sweep, methods()).map((point) => resolveVariant(loaded, { method }, point));

  it('is named by what it changes; with the value of the config it is the plain run', () => {
    const runs = variant('sri', 'model.hiddenSize=16,32');
    expect(runs.map(({ name }) => name)).toEqual(['sri', 'sri@hiddenSize-32']);
    expect(runs.map(({ model }) => model.hiddenSize)).toEqual([16, 32]);
  });

  it('starts from the same variant, as far as that is another', () => {
    const [run] = variant('sri', 'model.hiddenSize=32', 'langevin.stepSize=0.2');
    expect(run!.name).toBe('sri@hiddenSize-32-stepSize-0.2');
    expect(run!.startFrom?.decoder).toBe('lstm-lm@hiddenSize-32');
    expect(variant('sri', 'langevin.stepSize=0.2')[0]!.startFrom?.decoder).toBe('lstm-lm');
  });

  it('is refused where runs start from each other in a circle', () => {
    const text =
      'dataSet: ring\nmethods: { ae: { startFrom: { decoder: lstm-lm } }, lstm-lm: { startFrom: { decoder: ae } } }\n';
    const ring = loadConfig(written('ring.yaml', text), methods());
    expect(() => resolveVariant(ring, { method: 'ae' }, [])).toThrow(/ae starts from lstm-lm starts from ae/);
  });

  it('is the run that the same number has by name', () => {
    expect(variant('sri', 'langevin.steps=40')).toEqual([
      resolveVariant(loaded, { method: 'sri', setting: 'steps-40' }, []),
    ]);
    const [named] = variant('sri', 'langevin.temperature.max=0.7');
    expect(named).toEqual(resolveVariant(loaded, { method: 'sri', setting: 'temperature-0.7' }, []));
    // Held at one temperature it is another run.
    expect(variant('sri', 'langevin.temperature=0.7')[0]!.name).toBe('sri@langevin.temperature-0.7');
  });

  it('leaves alone what it has no bearing on', () => {
    expect(variant('lstm-lm', 'langevin.steps=10,40').map(({ name }) => name)).toEqual(['lstm-lm', 'lstm-lm']);
  });

  it('knows what an encoder’s epochs are judged by: draws of its code, where that is no point', () => {
    const decides = (method: string, key: string) =>
      matters(`training.validation.${key}`, toyRun(method), methodNamed(method));
    expect(decides('anneal-vae', 'inferenceDraws')).toBe(true);
    expect(decides('anneal-vae', 'chains')).toBe(false);
    expect(decides('ae', 'inferenceDraws')).toBe(false);
    expect(decides('sri', 'chains')).toBe(true);
  });

  it('knows that bf16 is of every method, halves of those with a chain', () => {
    const names = (method: string) => variant(method, 'precision=f32,bf16,f16').map(({ name }) => name);
    expect(names('lstm-lm')).toEqual(['lstm-lm', 'lstm-lm@precision-bf16', 'lstm-lm']);
    expect(names('sri')).toEqual(['sri', 'sri@precision-bf16', 'sri@precision-f16']);
    expect(variant('sri', 'precision=bf16')[0]!.startFrom?.decoder).toBe('lstm-lm@precision-bf16');
  });
});
