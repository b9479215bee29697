// Plugins: what is taken from a module, and what is said of one that will not do. That a plugin's `sri` is the program itself, and
// that a whole method comes by one, is tested with the examples.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveRun } from '../../src/config/load.js';
import type { Batch } from '../../src/data/batches.js';
import { estimatorSettings } from '../../src/evaluation/estimator-settings.js';
import type { ExactModel, LatentModel } from '../../src/evaluation/evaluated-model.js';
import { defineEstimator } from '../../src/evaluation/perplexity/define-estimator.js';
import { DefensiveMixture, estimateByImportance, proposalStream } from '../../src/evaluation/perplexity/importance.js';
import { PriorProposal } from '../../src/evaluation/perplexity/proposals.js';
import { createEstimator, estimatorName, registerEstimator } from '../../src/evaluation/perplexity/registry.js';
import { openConfig } from '../../src/experiments/choose-run.js';
import { withEstimator } from '../../src/experiments/evaluate.js';
import { evaluatedModel } from '../../src/experiments/evaluation.js';
import { loadPlugin, plugins } from '../../src/experiments/plugins.js';
import { PointPosterior } from '../../src/inference/amortized.js';
import { ShortRunPosterior } from '../../src/inference/short-run-posterior.js';
import type { Model } from '../../src/methods/method.js';
import { registerMethod } from '../../src/methods/registry.js';
import { sri as sriMethod } from '../../src/methods/sri.js';
import { createDecoder, languageModelLabel, registerDecoder } from '../../src/model/decoders.js';
import { defineDecoder } from '../../src/model/define-decoder.js';
import type { LatentDecoder, TokenBatch } from '../../src/model/latent-decoder.js';
import { Parameters } from '../../src/model/parameters.js';
import { count, z } from '../../src/parts.js';
import { sri } from '../cli/in-process.js';
import { constantSchedule, randomLinearGaussian } from '../inference/models.js';

const root = mkdtempSync(path.join(tmpdir(), 'sri-plugins-'));
const write = (name: string, text: string) => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  writeFileSync(path.join(root, name), text);
};
const metric = (name: string) =>
  `{ kind: 'metric', name: '${name}', label: '${name}', description: 'none', unit: '', command: null, needs: [] }`;

beforeAll(() => {
  write('one.js', `export default ${metric('norm')};`);
  write('node_modules/sri-two/package.json', '{ "type": "module", "exports": { "import": "./two.js" } }');
  write('node_modules/sri-two/two.js', `export default [${metric('two-a')}, ${metric('two-b')}];`);
  const nested = { import: { types: './index.d.ts', default: './index.js' } };
  write('node_modules/@own/nested/package.json', JSON.stringify({ type: 'module', exports: { './metric': nested } }));
  write('node_modules/@own/nested/index.js', `export default ${metric('nested')};`);
  const both = { '.': { require: './index.cjs', import: './index.mjs' } };
  write('node_modules/sri-both/package.json', JSON.stringify({ exports: both }));
  write('node_modules/sri-both/index.cjs', "throw new Error('not this one');");
  write('node_modules/sri-both/index.mjs', `export default ${metric('both')};`);
  write('node_modules/sri-main/package.json', '{ "type": "module", "main": "./own.js" }');
  write('node_modules/sri-main/own.js', `export default ${metric('by-main')};`);
  write('required.cjs', "require('sri');");
  write('nothing.js', 'export const metric = 3;');
  write('taken.js', `export default ${metric('ppl')};`);
  write('nameless.js', `export default ${metric('Not a name')};`);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a name', () => {
  it('is refused where it is a key of what a definition’s keys lie among, or another’s in tables', () => {
    const estimator = { description: 'none', draws: 2, create: () => ({ passes: () => 0, estimate: () => [] }) };
    expect(() => registerEstimator(defineEstimator({ ...estimator, name: 'chains' }))).toThrow(
      /chains, a key of evaluation/,
    );
    const decoder = { label: 'Mine', create: () => ({}) as LatentDecoder };
    expect(() => registerDecoder(defineDecoder({ ...decoder, name: 'decoder' }))).toThrow(/decoder, a key of model/);
    expect(() => registerMethod({ ...sriMethod, name: 'mine' })).toThrow(
      /tables call sri SRI already; give mine another/,
    );
  });
});

describe('loadPlugin', () => {
  it('takes one definition or a list, from a file or a package, once', async () => {
    await loadPlugin('./one.js', root, '--plugin');
    await loadPlugin(path.join(root, 'one.js'), '/', '--plugin');
    await loadPlugin('sri-two', root, '--plugin');
    expect(plugins().map(({ name }) => name)).toEqual(['./one.js', 'sri-two']);
    expect(plugins()[0]).toMatchObject({
      file: path.join(root, 'one.js'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const { out } = await sri('eval', '--help');
    for (const name of ['norm', 'two-a', 'two-b']) expect(out).toMatch(new RegExp(`^ +${name} +none$`, 'm'));
  });

  it('takes of a package what import takes of it', async () => {
    for (const name of ['@own/nested/metric', 'sri-both', 'sri-main']) await loadPlugin(name, root, '--plugin');
    const { out } = await sri('eval', '--help');
    for (const name of ['nested', 'both', 'by-main']) expect(out).toMatch(new RegExp(`^ +${name} +none$`, 'm'));
  });

  it('goes by the name that a person asked by, where that is another', async () => {
    write('asked.js', `export default ${metric('asked')};`);
    await loadPlugin(path.join(root, 'asked.js'), '/', 'plan.json: plugins', './asked.js');
    expect(plugins().at(-1)).toMatchObject({ name: './asked.js', file: path.join(root, 'asked.js') });
  });

  it.each([
    ['@own/nested', /^--plugin: .*@own\/nested: Missing "\." specifier in/],
    [
      './required.cjs',
      /^--plugin: .*required\.cjs asks for sri by require; a plugin is an ES module, which imports it$/,
    ],
    ['./gone.js', /^--plugin: .*gone\.js: no such file$/],
    ['sri-gone', /^--plugin: no such file, and no package sri-gone is installed for .*; a path begins with \.\/$/],
    [
      './nothing.js',
      /^--plugin: .*nothing\.js defines nothing that sri knows: its default export must be what defineMethod, /,
    ],
    ['./taken.js', /^--plugin: .*taken\.js: there is a metric ppl already; give this one another name$/],
    ['./nameless.js', /^--plugin: .*nameless\.js: "Not a name" will not do as the name of a metric/],
  ])('says of %s what is wrong', async (name, message) => {
    await expect(loadPlugin(name, root, '--plugin')).rejects.toThrow(message);
  });

  it('is asked for by a config, with the line of what will not do', async () => {
    const methods = 'methods: { lstm-lm: {} }';
    write('words.yaml', `dataSet: words\nplugins:\n  - ./one.js\n  - ./gone.js\n${methods}\n`);
    await expect(openConfig(path.join(root, 'words.yaml'))).rejects.toThrow(
      /words\.yaml:4: plugins: \.\/gone\.js: .*gone\.js: no such file/,
    );
    write('words.yaml', `dataSet: words\nplugins: ./one.js\n${methods}\n`);
    await expect(openConfig(path.join(root, 'words.yaml'))).rejects.toThrow(
      /words\.yaml:2: plugins: .* will not do; modules/,
    );
  });
});

describe('an estimator from outside', () => {
  const prior = defineEstimator({
    name: 'prior',
    description: 'importance draws from the prior alone',
    draws: 64,
    config: { halves: z.int().min(1).describe('of nothing, for the test; a whole number from 1') },
    defaults: { halves: 2 },
    create: ({ draws, own }) => ({
      passes: () => draws * own.halves,
      estimate(likelihood, { keys }) {
        const proposals = Array.from(likelihood.words, (_, i) => {
          const proposal = new PriorProposal(likelihood.latentSize);
          return new DefensiveMixture(proposal, likelihood.latentSize, 0, draws, proposalStream(keys, i));
        });
        return estimateByImportance(likelihood, proposals, draws);
      },
    }),
  });

  it('is named, drawn and given keys by a configuration, and says log p(x)', async () => {
    registerEstimator(prior);
    const keys = 'draws: { prior: 20000 }, prior: { halves: 3 }';
    write('prior.yaml', `dataSet: words\nevaluation: { estimator: prior, ${keys} }\nmethods: { sri: {} }\n`);
    const loaded = await openConfig(path.join(root, 'prior.yaml'));
    const run = resolveRun(loaded, { method: 'sri' });
    expect(estimatorName(run.evaluation, 'short-run')).toBe('prior');
    expect(estimatorSettings({ metric: 'ppl', estimator: 'prior' }, run)).toEqual({ halves: 3 });
    const estimator = createEstimator(run.evaluation, 'short-run');
    expect([estimator.name, estimator.draws, estimator.passes({ latentSize: 2, gradients: 1 })]).toEqual([
      'prior',
      20000,
      60000,
    ]);

    const model = randomLinearGaussian(2, 2, { seed: 3 });
    const posterior = new ShortRunPosterior(model, constantSchedule(0.1, 2), {
      seed: 1,
      sentences: Int32Array.of(0, 1),
    });
    estimator.estimate(model, posterior).forEach(({ logLikelihood, standardError }, i) => {
      expect(Math.abs(logLikelihood - model.logEvidence(i))).toBeLessThan(5 * standardError);
    });
  });

  it('draws as often as it is defined to where nothing is said, or as often as a command says', async () => {
    write('plain.yaml', 'dataSet: words\nmethods: { sri: {} }\n');
    const run = resolveRun(await openConfig(path.join(root, 'plain.yaml')), { method: 'sri' });
    const asked = withEstimator(run, 'prior');
    expect(createEstimator(asked.evaluation, 'short-run').draws).toBe(64);
    expect(estimatorSettings({ metric: 'ppl', estimator: 'prior' }, asked)).toEqual({ halves: 2 });
    expect(createEstimator(withEstimator(run, 'prior', 7).evaluation, 'short-run').draws).toBe(7);
    expect(() => withEstimator(run, 'priors')).toThrow(
      /priors is no estimator; did you mean prior\? there are fitted, jacobian, encoder, ais, prior/,
    );
    write(
      'wrong.yaml',
      'dataSet: words\nevaluation: { draws: { priors: 3 }, prior: { halves: 0 } }\nmethods: { sri: {} }\n',
    );
    await expect(openConfig(path.join(root, 'wrong.yaml'))).rejects.toThrow(
      /evaluation\.draws\.priors: no such key; did you mean prior\?[\s\S]*evaluation\.prior\.halves: 0 will not do; of nothing/,
    );
  });
});

describe('settings of an estimator from outside', () => {
  it('are all of its keys, text where they are no numbers, in rows by whichever of its names', async () => {
    registerEstimator(
      defineEstimator({
        name: 'walk',
        description: 'none',
        draws: 2,
        config: {
          kernel: z.enum(['plain', 'tempered']).describe('plain or tempered'),
          tuned: z.boolean().describe('true or false'),
          levels: z.array(z.number()).describe('a list of numbers'),
          most: z.number().nullable().describe('a number, or null'),
        },
        defaults: { kernel: 'plain', tuned: true, levels: [0.5, 1], most: null },
        rowName: (evaluation) => `walk-${(evaluation as unknown as { walk: { kernel: string } }).walk.kernel}`,
        create: () => ({ passes: () => 0, estimate: () => [] }),
      }),
    );
    write('walk.yaml', 'dataSet: words\nevaluation: { walk: { kernel: tempered } }\nmethods: { sri: {} }\n');
    const run = resolveRun(await openConfig(path.join(root, 'walk.yaml')), { method: 'sri' });
    const settings = { kernel: 'tempered', tuned: 'true', levels: '[0.5,1]', most: null };
    expect(estimatorSettings({ metric: 'ppl', estimator: 'walk-tempered' }, run)).toEqual(settings);
    expect(estimatorSettings({ metric: 'ppl', estimator: 'walk' }, run)).toEqual(settings);
    expect(estimatorSettings({ metric: 'ppl', estimator: 'walk-plain' }, run)).toEqual({});
  });
});

describe('a model of a method from outside', () => {
  const batch = { size: 2, indices: Int32Array.of(0, 1) } as Batch;

  it('gives a number for each sentence, or is named', () => {
    const answers = [new Float32Array(2), new Float32Array(3), undefined];
    const model = { hasLatent: false, sentenceNll: () => answers.shift() } as unknown as Model;
    const exact = evaluatedModel(model, { name: 'mine', inference: 'none' }, 1) as ExactModel;
    expect(exact.sentenceNll(batch)).toHaveLength(2);
    expect(() => exact.sentenceNll(batch)).toThrow(
      'the method mine: sentenceNll gave 3 numbers of 2 sentences; they are 2',
    );
    expect(() => exact.sentenceNll(batch)).toThrow('the method mine: sentenceNll gave no numbers of 2 sentences');
  });

  it('gives as many codes as are asked for, or is named; its posterior stays what it is', () => {
    const likelihood = randomLinearGaussian(2, 3, { seed: 3 });
    const keys = { seed: 1, sentences: batch.indices };
    const inferred = (posterior: unknown) => {
      const model = { hasLatent: true, latentSize: 3, posterior: () => posterior } as unknown as Model;
      const evaluated = evaluatedModel(model, { name: 'mine', inference: 'point' }, 1) as LatentModel;
      return evaluated.posterior(batch, likelihood, keys);
    };
    const own = new PointPosterior(likelihood, new Float32Array(6), keys);
    const right = inferred(own);
    expect(right).toBe(own);
    expect([right.z(4), right.nll(4), right.mean(4)].map(({ length }) => length)).toEqual([24, 8, 6]);
    const wrong = inferred({ z: () => new Float32Array(6), nll: () => new Float32Array(2), mean: () => [1] });
    expect(wrong.z(1)).toHaveLength(6);
    expect(() => wrong.z(2)).toThrow(
      'the method mine: z gave 6 numbers of 2 draws of each of 2 sentences; they are 12',
    );
    expect(() => wrong.nll(3)).toThrow(
      'the method mine: nll gave 2 numbers of 3 draws of each of 2 sentences; they are 6',
    );
    expect(() => wrong.mean(3)).toThrow('the method mine: mean gave 1 numbers of 2 sentences; they are 6');
    expect(() => inferred(undefined)).toThrow('the method mine: posterior: z is missing; it is a function');
  });
});

describe('a decoder from outside', () => {
  it('need not have keys of its own', async () => {
    registerDecoder(defineDecoder({ name: 'bare', label: 'Bare', create: () => ({}) as unknown as LatentDecoder }));
    write('bare.yaml', 'dataSet: words\nmodel: { decoder: bare }\nmethods: { sri: {} }\n');
    const run = resolveRun(await openConfig(path.join(root, 'bare.yaml')), { method: 'sri' });
    expect(run.model.decoder).toBe('bare');
    expect(run.model).not.toHaveProperty('bare');
    write('set.yaml', 'dataSet: words\nmethods: { sri: {} }\n');
    const set = { method: 'sri', overrides: ['model.decoder=bare'] };
    expect(resolveRun(await openConfig(path.join(root, 'set.yaml')), set).model.decoder).toBe('bare');
  });

  it('is named by model.decoder, and has its keys in its own runs alone', async () => {
    const made: unknown[] = [];
    let [numbers, shape] = [20, [2]];
    const answering = {
      step: () => ({ state: null, logProbabilities: new Float32Array(numbers) }),
      sentenceNll: () => ({ shape }),
    };
    registerDecoder(
      defineDecoder({
        name: 'bag',
        label: 'Bag',
        config: {
          widths: count.describe('widths; a whole number from 1'),
          deep: z.boolean().describe('true or false'),
        },
        defaults: { widths: 3, deep: false },
        create: (_, { hiddenSize }, { weightRange }, own) => {
          made.push({ hiddenSize, weightRange, own });
          return answering as unknown as LatentDecoder;
        },
      }),
    );
    write(
      'bag.yaml',
      'dataSet: words\nmodel: { decoder: bag, bag: { deep: true }, hiddenSize: 6 }\nmethods: { sri: {} }\n',
    );
    const loaded = await openConfig(path.join(root, 'bag.yaml'));
    const run = resolveRun(loaded, { method: 'sri' });
    expect((run.model as unknown as { bag: unknown }).bag).toEqual({ widths: 3, deep: true });
    const decoder = createDecoder(new Parameters(0), run, 10);
    const step = () => decoder.step({}, Int32Array.of(0, 0));
    const nll = () => decoder.sentenceNll({ size: 2 } as TokenBatch, null);
    expect(step().logProbabilities).toHaveLength(20);
    expect(nll().shape).toEqual([2]);
    [numbers, shape] = [3, [2, 1]];
    expect(step).toThrow('the decoder bag: step gave 3 logProbabilities of 2 rows; they are 20, one a word of each');
    expect(nll).toThrow('the decoder bag: sentenceNll gave a tensor of shape [2, 1]; it is a tensor of shape [2]');
    expect(made).toEqual([{ hiddenSize: 6, weightRange: 0.01, own: { widths: 3, deep: true } }]);
    expect(languageModelLabel(run.model)).toBe('Bag-LM');

    write('plain.yaml', 'dataSet: words\nmethods: { sri: {} }\n');
    const plain = resolveRun(await openConfig(path.join(root, 'plain.yaml')), { method: 'sri' });
    expect(plain.model).not.toHaveProperty('bag');
    expect(() => resolveRun(loaded, { method: 'sri', overrides: ['model.bag.widths=0'] })).toThrow(
      /model\.bag\.widths: 0 will not do; widths/,
    );
    expect(() => resolveRun(loaded, { method: 'sri', overrides: ['precision=bf16'] })).toThrow(
      /bf16 and f16 are for model.decoder: lstm/,
    );
  });
});
