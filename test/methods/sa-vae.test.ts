import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../src/backends/index.js';
import { type Batch, equalLengthBatches } from '../../src/data/batches.js';
import { GaussianPosterior } from '../../src/inference/amortized.js';
import type { Learner, Model, Position } from '../../src/methods/method.js';
import { saVae } from '../../src/methods/sa-vae.js';
import { OWN_DEFAULTS, toyCorpus, toyRun } from '../training/toy.js';

const corpus = toyCorpus(24);
const base = toyRun('sa-vae');
/** Steps long enough that what flows back through them is no small part of the derivative. */
const run = {
  ...base,
  model: { ...base.model, wordDropout: 0, outputDropout: 0, weightRange: 0.6 },
  semiAmortized: { ...OWN_DEFAULTS.semiAmortized, steps: 4, learningRate: 3, momentum: 0.5, clipNorm: 5 },
  klWeight: 0.7,
};
const at: Position = { epoch: 1, batch: 0, batches: 3, iteration: 0 };

beforeAll(async () => {
  await useBackend('cpu', 1);
});

function batchOf(): Batch {
  return equalLengthBatches(corpus.splits.train, 8).at(1);
}

/** The gradient that the optimizer would be given, and each of its terms apart. */
function gradientsOf(model: Model): Map<string, Float32Array[]> {
  const gradients = new Map<string, Float32Array[]>();
  const learner: Learner = {
    minimize(losses) {
      for (const term of losses as readonly (() => tf.Scalar)[]) {
        tf.tidy(() => {
          const { grads } = tf.variableGrads(term, model.parameters.list);
          model.parameters.list.forEach((variable, i) => {
            const fresh = grads[variable.name]?.dataSync<'float32'>().slice();
            if (fresh === undefined) return;
            const name = model.parameters.names[i]!;
            gradients.set(name, [...(gradients.get(name) ?? []), fresh]);
          });
        });
      }
      return { loss: 0, gradientNorm: 0 };
    },
  };
  model.learn(batchOf(), at, learner);
  return gradients;
}

const onlooker: Learner = { minimize: () => ({ loss: 0, gradientNorm: 0 }) };

describe('SA-VAE', () => {
  it.each(['sentence', 'batch'] as const)(
    'learns with the derivative of its loss through all steps, in the weights of both networks: %s',
    (scope) => {
      const model = saVae.create({ ...run, semiAmortized: { ...run.semiAmortized, scope } }, corpus);
      const gradients = gradientsOf(model);
      for (const name of [
        'encoder.outputKernel',
        'encoder.recurrentKernel',
        'decoder.latentKernel',
        'decoder.outputBias',
      ]) {
        const terms = gradients.get(name)!;
        const whole = terms[0]!.map((_, i) => terms.reduce((sum, term) => sum + term[i]!, 0));
        const norm = Math.hypot(...whole);
        const variable = model.parameters.list[model.parameters.names.indexOf(name)]!;
        const original = variable.dataSync().slice();
        const lossAt = (by: number) => {
          const values = original.map((value, i) => value + (by * whole[i]!) / norm);
          tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
          return model.learn(batchOf(), at, onlooker).loss;
        };
        const numeric = (lossAt(0.01) - lossAt(-0.01)) / 0.02;
        tf.tidy(() => variable.assign(tf.tensor(original, variable.shape)));
        expect(Math.abs(numeric - norm) / norm, name).toBeLessThan(0.01);
        if (name !== 'decoder.latentKernel') continue;
        // Without what the steps owe to the decoder's weights this would have failed.
        const direct = terms[0]!;
        const along = direct.reduce((sum, value, i) => sum + (value * whole[i]!) / norm, 0);
        expect(Math.abs(along - norm) / norm, `${name}, through the steps`).toBeGreaterThan(0.02);
      }
      model.dispose();
    },
  );

  it('of the whole batch trains by steps on the mean over the sentences that are there', () => {
    const [sentence, batch] = (['sentence', 'batch'] as const).map((scope) => {
      const training = { ...run.training, batchSize: 4 * batchOf().size };
      // Too long to clip anything, and one step so short that the KL moves in proportion, as far as the batch is smaller.
      const semiAmortized = { ...run.semiAmortized, steps: 1, learningRate: 0.01, clipNorm: 1e9, scope };
      const model = saVae.create({ ...run, training, semiAmortized }, corpus);
      const { kl, encoderKl } = model.learn(batchOf(), at, onlooker).quantities;
      model.dispose();
      return kl! - encoderKl!;
    });
    expect(Math.abs(sentence!)).toBeGreaterThan(1e-5);
    expect(batch! / sentence!).toBeCloseTo(4, 1);
  });

  it('infers a sentence by itself, whoever is measured with it', () => {
    // Every step is clipped, by the norm of the sentence's own gradient.
    const semiAmortized = { ...run.semiAmortized, scope: 'batch', clipNorm: 1e-3 } as const;
    const model = saVae.create({ ...run, semiAmortized }, corpus);
    const meansOf = (batch: Batch) => {
      const likelihood = model.likelihood(batch);
      const means = model.posterior(batch, likelihood, { seed: 4, sentences: batch.indices }).mean(1);
      likelihood.dispose();
      return means;
    };
    const whole = batchOf();
    const indices = whole.indices.slice(1, 2);
    const alone = equalLengthBatches(corpus.splits.train, 8, { indices }).at(0);
    const { latentSize } = run.model;
    expect(meansOf(alone)).toEqual(meansOf(whole).slice(latentSize, 2 * latentSize));
    model.dispose();
  });

  it('infers by refining: the ELBO of what the encoder says is lower', () => {
    const model = saVae.create({ ...run, semiAmortized: { ...run.semiAmortized, steps: 20, learningRate: 1 } }, corpus);
    const batch = batchOf();
    const likelihood = model.likelihood(batch);
    const keys = { seed: 4, sentences: batch.indices };
    const refined = model.posterior(batch, likelihood, keys);
    expect(refined.name).toBe('refined');
    const quantities = model.learn(batch, at, onlooker).quantities;
    expect(quantities.kl).not.toBeCloseTo(quantities.encoderKl!, 2);
    const elbo = ({
      gaussian,
      nll,
    }: {
      gaussian: { mean: Float32Array; logVariance: Float32Array };
      nll: Float32Array;
    }) => {
      const kl = gaussian.mean.reduce((sum, mean, i) => {
        const logVariance = gaussian.logVariance[i]!;
        return sum + 0.5 * (mean ** 2 + Math.exp(logVariance) - 1 - logVariance);
      }, 0);
      return -nll.reduce((sum, value) => sum + value, 0) / 64 - kl;
    };
    // The same weights, whose steps are too short to go anywhere.
    const still = saVae.create(
      { ...run, semiAmortized: { ...run.semiAmortized, steps: 1, learningRate: 1e-9 } },
      corpus,
    );
    const plain = still.posterior(batch, likelihood, keys).gaussian!;
    still.dispose();
    const started = new GaussianPosterior(likelihood, plain, keys);
    expect(elbo({ gaussian: refined.gaussian!, nll: refined.nll(64) })).toBeGreaterThan(
      elbo({ gaussian: plain, nll: started.nll(64) }),
    );
    likelihood.dispose();
    model.dispose();
  });
});
