// What the methods with an encoder share: one encoder, one decoder, the parts of the ELBO. A method of the family says how
// the KL enters its loss, or which updates it makes; this says the rest.

import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { GaussianPosterior } from '../inference/amortized.js';
import type { DiagonalGaussian, Posterior } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { createDecoder } from '../model/decoders.js';
import { disposeMasks } from '../model/dropout-masks.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import { type EncodedBatch, Encoder } from '../model/lstm/encoder.js';
import { Parameters } from '../model/parameters.js';
import { Noted } from '../ops/noted.js';
import { numbersOf } from '../ops/numbers.js';
import { RandomStream, type StreamKey } from '../random/philox.js';
import { type KlWeightKeys, klWeightAt } from './kl-weight.js';
import type { InferenceContext, Iteration, LatentVariableModel, Learner, Position, Update } from './method.js';

/** What a loss was made of, means over a batch, nats a sentence. */
export interface LossParts {
  reconstruction: number;
  kl: number;
}

/** @typeParam Own the method's own keys. */
export abstract class AmortizedModel<Own = unknown> implements LatentVariableModel {
  readonly hasLatent = true;
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly encoder: Encoder;
  readonly decoder: LatentDecoder;
  abstract readonly quantities: readonly string[];

  constructor(
    protected readonly run: RunConfig<Own>,
    protected readonly corpus: PreparedCorpus,
  ) {
    const { model, seed } = run;
    this.latentSize = model.latentSize;
    this.parameters = new Parameters(seed);
    // The decoder first: its initial weights are then those of every other method that has a code, by the same seed.
    this.decoder = createDecoder(this.parameters, run, corpus.vocabulary.size);
    const shape = { ...model, vocabularySize: corpus.vocabulary.size };
    const { weightRange, wordVectorRange, encoderPooling } = model;
    this.encoder = new Encoder(this.parameters, shape, weightRange, wordVectorRange, encoderPooling);
  }

  abstract learn(batch: Batch, at: Position, learner: Learner): Iteration;

  /**
   * The KL's part of each sentence's loss: its sum over dimensions, unless a method overrides it.
   * @param kl of each dimension, nats, `[batch, latent]`.
   * @returns `[batch]`, to be multiplied with the KL weight.
   */
  protected klTerm(kl: tf.Tensor2D): tf.Tensor1D {
    return tf.sum(kl, 1);
  }

  /** q(z | x), differentiable: what the encoder says, unless a method overrides it. */
  protected encode(batch: Batch): EncodedBatch {
    return this.encoder.encode(batch);
  }

  /** z of the loss: a draw of q(z | x), unless a method overrides it. */
  protected code({ mean, logVariance }: EncodedBatch, noise: tf.Tensor2D): tf.Tensor2D {
    return tf.add(mean, tf.mul(tf.exp(tf.div(logVariance, 2)), noise));
  }

  /**
   * What the loss holds of a batch's codes together, beside what it holds of each; nothing, unless a method overrides it.
   * @param z `[batch, latent]`, differentiable.
   * @param key where in the run the update is.
   */
  protected batchTerm(_z: tf.Tensor2D, _key: Omit<StreamKey, 'purpose'>): tf.Scalar | null {
    return null;
  }

  /**
   * One update on the batch's mean loss NLL(z) + klWeight * klTerm, plus batchTerm where there is one.
   * @param step tells the noise of several updates at one place of the run apart.
   * @param only the weights that may change, by name.
   * @param clipBy the weights whose gradients' norm decides on the clipping, by name.
   */
  protected descend(
    batch: Batch,
    at: Position,
    klWeight: number,
    learner: Learner,
    step = 0,
    only?: (name: string) => boolean,
    clipBy?: (name: string) => boolean,
  ): Update & LossParts {
    const key = { seed: this.run.seed, epoch: at.epoch, batch: at.batch, step };
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const normals = new RandomStream({ ...key, purpose: 'reparameterization' }).normals(batch.size * this.latentSize);
    const noise = tf.tensor2d(normals, [batch.size, this.latentSize]);
    const parts = new Noted();
    const update = learner.minimize(
      () => {
        const encoded = this.encode(batch);
        const z = this.code(encoded, noise);
        const nll = this.decoder.sentenceNll(batch, z, masks);
        const kl = dimensionKl(encoded);
        parts.keep(tf.mean(nll), tf.mean(tf.sum(kl, 1)));
        const loss: tf.Scalar = tf.mean(tf.add(nll, tf.mul(this.klTerm(kl), klWeight)));
        const together = this.batchTerm(z, key);
        return together === null ? loss : tf.add(loss, together);
      },
      only,
      undefined,
      clipBy,
    );
    noise.dispose();
    disposeMasks(masks);
    const [reconstruction = 0, kl = 0] = parts.read();
    return { ...update, reconstruction, kl };
  }

  flops({ size, tokens }: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops({ size, tokens });
    return 3 * (words + latent + size * tokens * this.encoder.flopsPerToken);
  }

  likelihood(batch: Batch): BatchLikelihood {
    return this.decoder.likelihood(batch);
  }

  posterior(batch: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys, _: InferenceContext): Posterior {
    return new GaussianPosterior(likelihood, this.encoded(batch), keys);
  }

  state(): Record<string, unknown> {
    return {};
  }

  restoreState(_: Record<string, unknown>): void {}

  dispose(): void {
    this.parameters.dispose();
  }

  /** q(z | x) as plain numbers. */
  protected encoded(batch: Batch): DiagonalGaussian {
    return numbersOf(() => {
      const { mean, logVariance } = this.encode(batch);
      return { mean: mean.dataSync<'float32'>(), logVariance: logVariance.dataSync<'float32'>() };
    });
  }
}

/** A variational autoencoder: an update a batch on the ELBO, its KL weighted by `klWeight`. */
export class Vae<Own extends KlWeightKeys = KlWeightKeys> extends AmortizedModel<Own> {
  readonly quantities: readonly string[] = ['reconstruction', 'kl', 'klWeight'];

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const klWeight = this.klWeight(at);
    const { reconstruction, kl, ...update } = this.descend(batch, at, klWeight, learner);
    return { ...update, quantities: { reconstruction, kl, klWeight } };
  }

  /** The weight of the KL in the loss. */
  protected klWeight(at: Position): number {
    return klWeightAt(this.run.klWeight, at);
  }
}

/** KL(N(mean, variance) || N(0, 1)) of each dimension, nats, `[batch, latent]`. */
export function dimensionKl({ mean, logVariance }: EncodedBatch): tf.Tensor2D {
  const both = tf.add(tf.square(mean), tf.exp(logVariance));
  return tf.mul(tf.sub(tf.sub(both, logVariance), 1), 0.5);
}
