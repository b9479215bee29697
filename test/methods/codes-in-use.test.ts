// The methods beside the paper's, at toy size, as Table 5 and the decoding commands use them: features are what inference says
// of each sentence, and what is decoded of a code is as probable as the likelihood says.

import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { EncodedSplit, type PreparedCorpus } from '../../src/data/corpus.js';
import { classify, type Feature, inferFeatures } from '../../src/evaluation/classification/classification.js';
import { planClassification } from '../../src/evaluation/classification/labelled-sets.js';
import type { LatentModel } from '../../src/evaluation/evaluated-model.js';
import { evaluatedModel } from '../../src/experiments/evaluation.js';
import { posteriorMode } from '../../src/inference/posterior-mode.js';
import type { Method } from '../../src/methods/define-method.js';
import type { LatentVariableModel } from '../../src/methods/method.js';
import { methods } from '../../src/methods/registry.js';
import { decodeSentences } from '../../src/model/decoding.js';
import { RandomStream } from '../../src/random/philox.js';
import { OWN_DEFAULTS, toyCorpus, toyRun } from '../training/toy.js';
import { learnOnce } from './toy-model.js';

const order = methods().map(({ name }) => name);
const beside = methods().slice(order.indexOf('sri') + 1);

/** Sentences of 2 to 4 words, of a, b and c in one class and of d, e and f in the other. */
function labelled(name: string, count: number, seed: number): EncodedSplit {
  const stream = new RandomStream({ seed, purpose: 'shuffle' });
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const sentences = Array.from(labels, (label) =>
    Array.from({ length: 2 + stream.integer(3) }, () => 4 + 3 * label + stream.integer(3)),
  );
  const offsets = [0];
  for (const { length } of sentences) offsets.push(offsets.at(-1)! + length);
  return new EncodedSplit(name, Int32Array.from(sentences.flat()), Int32Array.from(offsets), labels);
}

const splits = { train: labelled('train', 30, 1), valid: labelled('valid', 6, 2), test: labelled('test', 20, 3) };
const corpus: PreparedCorpus = { ...toyCorpus(), labels: ['early', 'late'], splits };
const plan = planClassification(splits, { labelCounts: [0, 30], sets: 1, limit: null, classes: 2, seed: 1 });

/** An update from larger weights than usual, so that codes matter from the beginning. */
async function learned<T>(method: Method, work: (model: LatentVariableModel) => Promise<T>): Promise<T> {
  const base = toyRun(method.name);
  const { layered, layers, energyPrior } = OWN_DEFAULTS;
  const short = { steps: 2, stepSize: 0.1, temperature: 1 };
  const run = {
    ...base,
    model: { ...base.model, weightRange: 0.6 },
    ...(method.name === 'multi-layer' && { layered: { ...layered, upper: 1, steps: 2, learnSteps: null } }),
    ...(method.name.endsWith('energy-prior') && {
      energyPrior: { ...energyPrior, hiddenSize: 5, prior: short, posterior: short },
    }),
    ...(method.name === 'joint-energy-prior' && { layers: { ...layers, upper: 1 } }),
  };
  const model = method.create(run, corpus) as LatentVariableModel;
  try {
    const batch = equalLengthBatches(splits.train, 8).at(0);
    learnOnce(model, run, batch, { epoch: 1, batch: 0, batches: 8, iteration: 0 });
    return await work(model);
  } finally {
    model.dispose();
  }
}

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe.each(beside.map((method) => [method.name, method] as const))('%s', (_, method) => {
  const { inference } = method;

  it('has rows of Table 5, by features that each sentence has on its own', async () => {
    const feature: Feature = inference === 'short-run' ? { kind: 'mode', gradients: 4 } : { kind: 'mean', draws: 1 };
    await learned(method, async (model) => {
      const evaluated = evaluatedModel(model, method, 1) as LatentModel;
      const features = await inferFeatures(evaluated, splits, plan, { batchSize: 20, seed: 1, feature });
      for (const item of [0, 7, 19]) {
        const alone = equalLengthBatches(splits.test, 1, { indices: Int32Array.of(item) }).at(0);
        const likelihood = evaluated.likelihood(alone);
        const keys = { seed: 1, sentences: alone.indices };
        const code =
          feature.kind === 'mode'
            ? posteriorMode(likelihood, feature.gradients).z
            : evaluated.posterior(alone, likelihood, keys).mean(1);
        likelihood.dispose();
        code.forEach((value, d) => {
          expect(features.test.codes[item * model.latentSize + d]).toBeCloseTo(value, 4);
        });
      }
      const rows = await classify(features, plan, {
        classes: 2,
        split: 'test',
        draws: 0,
        feature: feature.kind,
        seed: 1,
      });
      expect(rows.map(({ estimator, sentences }) => [estimator, sentences])).toEqual([
        ['gaussian-mixture', 20],
        ['svm', 20],
      ]);
      for (const { value } of rows) expect(value! * 20).toBeCloseTo(Math.round(value! * 20), 9);
    });
  });

  it('decodes sentences that are as probable as their likelihood says', async () => {
    const told = await learned(method, async (model) => {
      const codes = new RandomStream({ seed: 4, purpose: 'shuffle' }).normals(6 * model.latentSize);
      const settings = { decoding: { method: 'sample', temperature: 1, seed: 2 }, maxLength: 10 } as const;
      const sentences = await decodeSentences(model.decoder, codes, 6, settings);
      return sentences.flatMap(({ words, ended, logProbability }, i) => {
        if (!ended || words.length === 0) return [];
        const split = new EncodedSplit('decoded', words, Int32Array.of(0, words.length), null);
        const likelihood = model.likelihood(equalLengthBatches(split, 1).at(0));
        const code = codes.slice(i * model.latentSize, (i + 1) * model.latentSize);
        const [nll] = likelihood.nll(code).nll;
        likelihood.dispose();
        return [[logProbability, -nll!]];
      });
    });
    expect(told.length).toBeGreaterThan(2);
    for (const [decoded, known] of told) expect(decoded).toBeCloseTo(known!, 3);
  });
});
