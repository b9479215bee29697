// Which runs a study is of: what varies, for whom it matters, and what figures vary by themselves, all as sweeps.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadConfig, parseSweep } from '../../../src/config/load.js';
import { planReproduction, type ReproductionRequest } from '../../../src/experiments/reproduce/reproduce.js';
import type { EnergyPriorKeys } from '../../../src/methods/energy-learning.js';
import { methodNamed, methods } from '../../../src/methods/registry.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-varying-'));
afterAll(() => rmSync(root, { recursive: true }));

const file = path.join(root, 'moods.yaml');
writeFileSync(
  file,
  `
dataSet: moods
data: { directory: ${root}/none }
methods:
  lstm-lm: {}
  ae: {}
  fb-vae: { startFrom: { encoder: ae }, settings: { plain: {}, other: { freeBits: { target: 4 } } } }
  sri:
    startFrom: { decoder: lstm-lm }
    settings:
      held: { langevin: { temperature: 0.4 } }
      annealed: { langevin: { temperature: { start: 0, growFromEpoch: 1, growPerEpoch: 0.1, max: 0.5 } } }
`,
);
const loaded = loadConfig(file, methods());

/** The plan's runs and what was left out of it, before anything is prepared. */
async function planned(request: Partial<ReproductionRequest>, ...sweep: string[]) {
  const { tasks, leftOut } = await planReproduction({
    loaded,
    overrides: [],
    tables: [1],
    figures: [],
    ais: false,
    split: 'test',
    runs: path.join(root, 'runs'),
    results: path.join(root, 'tables'),
    sweep: parseSweep(sweep, methods()),
    ...request,
  });
  const trained = tasks.flatMap((task) => (task.kind === 'train' ? [task.run] : []));
  return { names: trained.map(({ name }) => name), trained, leftOut };
}

it('has a run of the frontier for each temperature and each target, and one for the language model', async () => {
  const names = ['lstm-lm', 'sri@annealed', 'fb-vae'];
  const frontier = await planned({ tables: ['frontier'], methods: names });
  const temperatures = [0.4, 0.55, 0.7, 0.8, 0.9];
  expect(frontier.names).toEqual([
    'lstm-lm',
    ...temperatures.map((value) => `sri@annealed-temperature-${value}`),
    'ae',
    ...[2, 4, 8, 16].map((value) => (value === 8 ? 'fb-vae' : `fb-vae@target-${value}`)),
  ]);
  const highest = frontier.trained.map((run) => (run as { langevin?: { temperature: object } }).langevin?.temperature);
  expect(highest.filter(Boolean)).toEqual(
    temperatures.map((max) => ({ start: 0, growFromEpoch: 1, growPerEpoch: 0.1, max })),
  );
  // A setting with one of the values is no second run.
  const held = await planned({ tables: ['frontier'], methods: ['sri'] });
  expect(held.names.slice(0, 3)).toEqual(['lstm-lm', 'sri', 'sri@temperature-0.55']);
});

it('has a curve of the frontier of every method that a number decides', async () => {
  const numbers = { 'beta-vae': 'beta', 'delta-vae': 'rate', 'multi-layer': 'temperature' };
  const others = path.join(root, 'others.yaml');
  const methodsOf = [...Object.keys(numbers), 'energy-prior', 'joint-energy-prior', 'anneal-vae'];
  writeFileSync(
    others,
    `dataSet: moods\ndata: { directory: ${root}/none }\nmethods:\n${methodsOf.map((name) => `  ${name}: {}\n`).join('')}`,
  );
  const from = { loaded: loadConfig(others, methods()), tables: ['frontier'] as const };
  for (const [method, quantity] of Object.entries(numbers)) {
    const { trained } = await planned({ ...from, methods: [method] });
    expect(trained.length).toBeGreaterThan(3);
    const values = trained.map((run) => methodNamed(method).variations![quantity as 'beta']!.of(run));
    expect(new Set(values).size).toBe(trained.length);
  }
  for (const method of ['energy-prior', 'joint-energy-prior']) {
    const { trained } = await planned({ ...from, methods: [method] });
    const posteriors = trained.map((run) => (run as unknown as EnergyPriorKeys).energyPrior.posterior);
    expect(posteriors.map(({ temperature }) => temperature)).toEqual([0.4, 0.55, 0.7, 0.8, 0.9]);
    expect(trained[0]!.name).toBe(`${method}@temperature-0.4`);
  }
  await expect(planned({ ...from, methods: ['anneal-vae'] })).rejects.toThrow(
    'anneal-vae has none of what it varies: temperature, target, beta, rate',
  );
});

it('varies what a figure varies together with what is swept', async () => {
  const { names } = await planned(
    { tables: ['frontier'], methods: ['lstm-lm', 'fb-vae@other'] },
    'model.hiddenSize=64,256',
  );
  expect(names).toEqual(
    ['-hiddenSize-64', ''].flatMap((size) => [
      `lstm-lm${size.replace('-', '@')}`,
      `ae${size.replace('-', '@')}`,
      ...[2, 4, 8, 16].map((value) => `fb-vae@other${value === 4 ? '' : `-target-${value}`}${size}`),
    ]),
  );
  const steps = await planned({ tables: ['ablation-steps'], methods: ['sri@annealed'] });
  expect(steps.names).toEqual([
    'lstm-lm',
    ...[10, 20, 40, 60].map((value) => (value === 20 ? 'sri@annealed' : `sri@annealed-steps-${value}`)),
  ]);
});

it('trains the setting that another run starts from, and its variants', async () => {
  const wide = path.join(root, 'wide.yaml');
  writeFileSync(
    wide,
    `
dataSet: moods
data: { directory: ${root}/none }
methods:
  lstm-lm: { settings: { plain: {}, wide: { model: { hiddenSize: 96 } } } }
  fb-vae: { startFrom: { encoder: null, decoder: lstm-lm@wide } }
  sri: { startFrom: { decoder: lstm-lm@wide } }
`,
  );
  const request = { loaded: loadConfig(wide, methods()), methods: ['fb-vae', 'sri'] };
  expect((await planned(request)).names).toEqual(['lstm-lm@wide', 'fb-vae', 'sri']);
  const varied = await planned(request, 'model.wordVectorSize=16,32');
  expect(varied.names).toEqual(
    [16, 32].flatMap((size) =>
      ['lstm-lm@wide', 'fb-vae@', 'sri@'].map((name) =>
        name.endsWith('@') ? `${name}wordVectorSize-${size}` : `${name}-wordVectorSize-${size}`,
      ),
    ),
  );
  expect(varied.trained.map(({ startFrom }) => startFrom?.decoder ?? null)).toEqual(
    [16, 32].flatMap((size) => [null, ...Array(2).fill(`lstm-lm@wide-wordVectorSize-${size}`)]),
  );
});

it('has one run of a method that learns nothing else by what varies, and says so', async () => {
  const { names, trained, leftOut } = await planned({ methods: ['lstm-lm', 'sri'] }, 'model.latentSize=16,32');
  expect(names).toEqual(['lstm-lm', 'sri@latentSize-16', 'sri']);
  expect(trained.map(({ startFrom }) => startFrom?.decoder ?? null)).toEqual([null, 'lstm-lm', 'lstm-lm']);
  expect(leftOut).toEqual([
    { product: 'model.latentSize of lstm-lm', reason: expect.stringContaining('nothing that is learned there') },
  ]);
  const both = await planned({ methods: ['lstm-lm', 'sri'] }, 'model.latentSize=16,32', 'model.hiddenSize=64,256');
  expect(both.names.filter((name) => name.startsWith('lstm-lm'))).toEqual(['lstm-lm@hiddenSize-64', 'lstm-lm']);
  // What it starts from depends on it.
  const start = await planned({ methods: ['fb-vae'] }, 'autoencoder.sampled=true,false');
  expect(start.names).toHaveLength(4);
  expect(start.leftOut).toEqual([]);
});

it('refuses what changes nothing of what any method learns, or is given a value for all as well', async () => {
  const refused = (request: Partial<ReproductionRequest>, sweep: string, complaint: RegExp) =>
    expect(planned(request, ...(sweep === '' ? [] : [sweep]))).rejects.toThrow(complaint);
  await refused(
    { methods: ['lstm-lm'] },
    'langevin.steps=2,3',
    /--sweep langevin\.steps=2: none of lstm-lm depends on it/,
  );
  await refused(
    { methods: ['lstm-lm'] },
    'model.latentSize=2,3',
    /--sweep model\.latentSize=2: none of lstm-lm depends/,
  );
  await refused({}, 'model.transformer.layers=2,3', /none of .* depends on it/);
  await refused({}, 'optimizer.beta1=0.8,0.9', /none of .* depends on it/);
  // Only a chain's products and a fit to its end depend on these.
  const both = await planned({ methods: ['ae', 'sri'], tables: [4] }, 'training.validation.draws=50,100');
  expect(both.names).toEqual(['ae', 'lstm-lm', 'sri@draws-50', 'sri']);
  const adam = { overrides: ['optimizer.name=adam'], methods: ['lstm-lm'] };
  expect((await planned(adam, 'optimizer.beta1=0.8,0.9')).names).toEqual(['lstm-lm@beta1-0.8', 'lstm-lm']);
  await refused(
    { tables: ['ablation-steps'], overrides: ['langevin={steps: 3}'] },
    '',
    /--set langevin=\{steps: 3\} goes against the ablation of steps, which gives it several values/,
  );
  await refused(
    { overrides: ['langevin.stepSize=3'], tables: ['frontier'], methods: ['sri'] },
    'langevin.stepSize=1,2',
    /goes against --sweep/,
  );
  await refused({ tables: ['frontier'], methods: ['anneal-vae'] }, '', /methods has no anneal-vae/);
});
