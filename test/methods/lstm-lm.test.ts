import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { equalLengthBatches } from '../../src/data/batches.js';
import { exactPerplexity } from '../../src/evaluation/perplexity/perplexity.js';
import { lstmLm } from '../../src/methods/lstm-lm.js';
import type { LanguageModel } from '../../src/methods/method.js';
import { lstm, tokenNll } from '../ops/reference.js';
import { toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(12);
const run = toyRun('lstm-lm');

beforeAll(async () => {
  await useBackend('cpu', 1);
});

/** Perplexity on the test split, as evaluation computes it. */
function perplexityOf(model: LanguageModel): number {
  const batches = [...equalLengthBatches(corpus.splits.test, 4)];
  const nll = batches.flatMap((batch) => [...model.sentenceNll(batch)]);
  const words = batches.flatMap((batch) => Array<number>(batch.size).fill(batch.tokens));
  return exactPerplexity(nll, words).value;
}

describe('LSTM-LM', () => {
  it('has perplexity V when it knows nothing', () => {
    const model = lstmLm.create(run, corpus);
    const zeros = new Map(
      [...model.parameters.store()].map(([name, { shape, data }]) => [name, { shape, data: data.map(() => 0) }]),
    );
    model.parameters.restore(zeros, 'zeros');
    expect(perplexityOf(model)).toBeCloseTo(corpus.vocabulary.size, 4);
    model.dispose();
  });

  it('has the frequency of a word as its probability when only the output bias says anything', () => {
    const model = lstmLm.create(run, corpus);
    const probability = [0.01, 0.01, 0.01, 0.17, 0.1, 0.1, 0.1, 0.2, 0.2, 0.1];
    const weights = new Map(
      [...model.parameters.store()].map(([name, { shape, data }]) => {
        const values = name === 'decoder.outputBias' ? Float32Array.from(probability, Math.log) : data.map(() => 0);
        return [name, { shape, data: values }];
      }),
    );
    model.parameters.restore(weights, 'by hand');
    const { test } = corpus.splits;
    let sum = 0;
    let words = 0;
    for (let i = 0; i < test.length; i++) {
      // `</s>` has id 3.
      for (const id of [...test.sentence(i), 3]) {
        sum -= Math.log(probability[id]!);
        words++;
      }
    }
    expect(perplexityOf(model)).toBeCloseTo(Math.exp(sum / words), 4);
    model.dispose();
  });

  it('agrees, sentence by sentence, with the same LSTM in double-precision loops', () => {
    const model = lstmLm.create(run, corpus);
    const stored = model.parameters.store();
    const weight = (name: string) => Float64Array.from(stored.get(`decoder.${name}`)!.data);
    const { wordVectorSize: E, hiddenSize: H } = run.model;
    const { test } = corpus.splits;
    for (const batch of equalLengthBatches(test, 4)) {
      const nll = model.sentenceNll(batch);
      batch.indices.forEach((which, column) => {
        const words = [...test.sentence(which)];
        const [vectors, kernel] = [weight('wordVectors'), weight('wordKernel')];
        const gates = new Float64Array((words.length + 1) * 4 * H);
        // `<s>` has id 2.
        [2, ...words].forEach((id, t) => {
          for (let j = 0; j < 4 * H; j++) {
            for (let e = 0; e < E; e++) gates[t * 4 * H + j]! += vectors[id * E + e]! * kernel[e * 4 * H + j]!;
          }
        });
        const sizes = { tokens: words.length + 1, batch: 1, rows: 1, hiddenSize: H };
        const hidden = lstm(sizes, gates, weight('gateBias'), null, weight('recurrentKernel'));
        const targets = Int32Array.from([...words, 3]);
        const wanted = tokenNll(H, hidden, weight('outputKernel'), weight('outputBias'), targets).nll;
        expect(nll[column]).toBeCloseTo(
          wanted.reduce((a, b) => a + b),
          4,
        );
      });
    }
    model.dispose();
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    const model = lstmLm.create(run, corpus);
    perplexityOf(model);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
