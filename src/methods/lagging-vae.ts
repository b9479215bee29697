// Lagging-VAE (He et al. 2019): posterior collapse seen as an encoder that lags behind its decoder. While the code's mutual
// information with the sentences still rises, the encoder is brought up to date before every update of the decoder;
// afterwards it is a VAE like Anneal-VAE.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { count } from '../config/numbers.js';
import { type Batch, type Batches, drawSubset, equalLengthBatches } from '../data/batches.js';
import { sampleGaussian } from '../inference/amortized.js';
import { mutualInformation } from '../inference/mutual-information.js';
import { ENCODER_PREFIX } from '../model/lstm/encoder.js';
import { Noted } from '../ops/noted.js';
import { numbersOf } from '../ops/numbers.js';
import { inPrecision } from '../ops/precision.js';
import { RandomStream } from '../random/philox.js';
import { joined } from '../typed-arrays.js';
import { dimensionKl, Vae } from './amortized-model.js';
import { defineMethod, type MethodCost, type TokenCost } from './define-method.js';
import { KL_WEIGHT_DEFAULTS, type KlWeightKeys, klWeightAt, klWeightKeys } from './kl-weight.js';
import type { Iteration, Learner, Position } from './method.js';

/**
 * The share of a run's iterations that are aggressive, which a plan assumes: that the mutual information falls is only seen in
 * training.
 */
const AGGRESSIVE_SHARE = 0.1;

const ofEncoder = (name: string) => name.startsWith(ENCODER_PREFIX);
const ofDecoder = (name: string) => !ofEncoder(name);
const ofBoth = () => true;

const aggressive = z.strictObject({
  updates: count.describe('encoder updates before a decoder update, at most; a whole number from 1'),
  window: count.describe('encoder updates whose mean loss must fall for them to go on; a whole number from 1'),
  sentences: count
    .nullable()
    .describe(
      'validation sentences, drawn at random, that the mutual information is measured on; while it rises, training ' +
        'stays aggressive; a whole number from 1, or null for all',
    ),
  information: z
    .enum(['sentences', 'batch'])
    .describe(
      'what the mutual information tells apart: `sentences`, all of them, or those of a batch, of which it knows at ' +
        'most log B nats',
    ),
  clipBy: z
    .enum(['updated', 'all'])
    .describe(
      "norm by which a gradient is clipped while training is aggressive: of the updated network's weights, or of all",
    ),
});

export type AggressiveKeys = { aggressive: z.infer<typeof aggressive> };

/**
 * When the encoder has caught up: every `window` updates the mean loss a word of these is held against that of the
 * window before, and once it has risen the encoder's updates end.
 */
export class InnerStopRule {
  private before = Number.POSITIVE_INFINITY;
  private loss = 0;
  private words = 0;
  private updates = 0;

  constructor(private readonly window: number) {}

  /**
   * @param loss of an update's batch, summed over its sentences, nats.
   * @param words of the batch.
   * @returns whether to stop here.
   */
  observe(loss: number, words: number): boolean {
    this.loss += loss;
    this.words += words;
    this.updates++;
    if (this.updates % this.window !== 0) return false;
    const mean = this.loss / this.words;
    const risen = mean > this.before;
    this.before = mean;
    this.loss = 0;
    this.words = 0;
    return risen;
  }
}

/** When aggressive training ends for good: after the first epoch in which the mutual information fell, or was no number. */
export class OuterStopRule {
  constructor(
    public aggressive = true,
    public best = Number.NEGATIVE_INFINITY,
  ) {}

  /** @param information I_q(x; z) after an epoch, nats. */
  observe(information: number): void {
    if (Number.isFinite(information) && information >= this.best) this.best = information;
    else this.aggressive = false;
  }
}

class LaggingVae extends Vae<KlWeightKeys & AggressiveKeys> {
  override readonly quantities = ['reconstruction', 'kl', 'klWeight', 'encoderUpdates', 'mutualInformation'];
  private outer = new OuterStopRule();
  /** I_q(x; z) after the last epoch that was measured; null before, and where it was no number. */
  private information: number | null = null;
  /** Updates of the encoder alone that the last iteration made. */
  private extraUpdates = 0;
  /** The epoch's batches, from which the encoder's extra ones are drawn. */
  private epochBatches: { epoch: number; batches: Batches } | null = null;

  override learn(batch: Batch, at: Position, learner: Learner): Iteration {
    if (at.batch === 0 && at.epoch > 1 && this.outer.aggressive) {
      const information = this.measureInformation();
      this.outer.observe(information);
      // A checkpoint holds no NaN, and a run that goes on is to say what it would have said.
      this.information = Number.isFinite(information) ? information : null;
    }
    const klWeight = klWeightAt(this.run.klWeight, at);
    this.extraUpdates = this.outer.aggressive ? this.catchUp(batch, at, klWeight, learner) : 0;
    const only = this.outer.aggressive ? ofDecoder : undefined;
    const { reconstruction, kl, ...update } = this.descend(batch, at, klWeight, learner, 0, only, this.clipBy(only));
    const quantities: Record<string, number> = { reconstruction, kl, klWeight, encoderUpdates: this.extraUpdates || 1 };
    if (this.information !== null) quantities.mutualInformation = this.information;
    return { ...update, quantities };
  }

  /** The operations of the last iteration, as if the encoder's own updates had been made on batches like this one. */
  override flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const whole = super.flops(batch);
    if (this.run.aggressive.clipBy === 'all') return (1 + this.extraUpdates) * whole;
    const { words, latent } = this.decoder.flops(batch);
    // Forward and back to z through the decoder; forward, and back to the weights too, through the encoder, twice forward.
    const encoderUpdate = 2 * latent + words + 4 * batch.size * batch.tokens * this.encoder.flopsPerToken;
    return whole + this.extraUpdates * encoderUpdate;
  }

  /** @param only the weights that an update may change; all where undefined. */
  private clipBy(only: ((name: string) => boolean) | undefined): ((name: string) => boolean) | undefined {
    return this.run.aggressive.clipBy === 'all' ? ofBoth : only;
  }

  /** Updates of the encoder alone: first on the batch itself, then on batches drawn from the epoch's. */
  private catchUp(batch: Batch, at: Position, klWeight: number, learner: Learner): number {
    const { seed, aggressive } = this.run;
    const batches = this.batchesOf(at.epoch);
    const random = new RandomStream({ seed, purpose: 'encoder-updates', epoch: at.epoch, batch: at.batch });
    const rule = new InnerStopRule(aggressive.window);
    let drawn = batch;
    for (let update = 1; update <= aggressive.updates; update++) {
      const loss = this.updateEncoder(drawn, at, klWeight, learner, update);
      if (rule.observe(loss * drawn.size, drawn.size * drawn.tokens)) return update;
      drawn = batches.at(random.integer(batches.length));
    }
    return aggressive.updates;
  }

  /**
   * An update of the encoder's weights on the batch's mean loss, which it returns. Where they are clipped by their own norm,
   * the decoder is passed through once, to z and no further: its weights, which have most of a gradient's work in them, stay
   * as they are.
   */
  private updateEncoder(batch: Batch, at: Position, klWeight: number, learner: Learner, step: number): number {
    if (this.run.aggressive.clipBy === 'all') {
      return this.descend(batch, at, klWeight, learner, step, ofEncoder, ofBoth).loss;
    }
    const { seed } = this.run;
    // Halves are of a chain's weights, and here is none.
    const precision = this.run.precision === 'f16' ? 'f32' : this.run.precision;
    const key = { seed, epoch: at.epoch, batch: at.batch, step };
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const shape: [number, number] = [batch.size, this.latentSize];
    const noise = new RandomStream({ ...key, purpose: 'reparameterization' }).normals(batch.size * this.latentSize);
    const likelihood = this.decoder.likelihood(batch, masks, { precision });
    const encoded = () => inPrecision(precision, () => this.encoder.encode(batch));
    const { nll, gradient } = likelihood.gradient(
      numbersOf(() => this.code(encoded(), tf.tensor2d(noise, shape)).dataSync<'float32'>()),
    );
    likelihood.dispose();
    const noted = new Noted();
    learner.minimize(() => {
      const encoded = this.encoder.encode(batch);
      const klOfSentences = this.klTerm(dimensionKl(encoded));
      noted.keep(tf.mean(klOfSentences));
      // NLL(z) to first order: its value is another, its derivative the same.
      const linear = tf.sum(tf.mul(this.code(encoded, tf.tensor2d(noise, shape)), tf.tensor2d(gradient, shape)), 1);
      return tf.mean(tf.add(linear, tf.mul(klOfSentences, klWeight)));
    }, ofEncoder);
    const [kl = 0] = noted.read();
    return nll.reduce((sum, value) => sum + value, 0) / batch.size + klWeight * kl;
  }

  private batchesOf(epoch: number): Batches {
    if (this.epochBatches?.epoch !== epoch) {
      const { seed, training } = this.run;
      const batches = equalLengthBatches(this.corpus.splits.train, training.batchSize, { key: { seed, epoch } });
      this.epochBatches = { epoch, batches };
    }
    return this.epochBatches.batches;
  }

  /** I_q(x; z) of validation sentences, all of them together or, as in the source, batch by batch; nats. */
  private measureInformation(): number {
    const { seed, training, aggressive } = this.run;
    const split = this.corpus.splits.valid;
    const indices = drawSubset(split, aggressive.sentences ?? split.length, seed);
    const batches = Array.from(equalLengthBatches(split, training.batchSize, { indices }), (batch) => {
      const gaussian = this.encoded(batch);
      return { ...gaussian, z: sampleGaussian(gaussian, { seed, sentences: batch.indices }, 1), size: batch.size };
    });
    const groups = aggressive.information === 'batch' ? batches.map((batch) => [batch]) : [batches];
    const parts = groups.flatMap((group) => {
      const all = (of: (one: (typeof group)[number]) => Float32Array) => joined(Float32Array, group.map(of));
      const gaussian = { mean: all(({ mean }) => mean), logVariance: all(({ logVariance }) => logVariance) };
      const sentences = group.reduce((sum, { size }) => sum + size, 0);
      return Array.from(
        mutualInformation(
          gaussian,
          all(({ z }) => z),
          sentences,
        ),
      );
    });
    return parts.reduce((sum, value) => sum + value, 0) / parts.length;
  }

  override state(): Record<string, unknown> {
    const { aggressive, best } = this.outer;
    // JSON has no infinity.
    return { aggressive, best: Number.isFinite(best) ? best : null, information: this.information };
  }

  override restoreState(state: Record<string, unknown>): void {
    const best = (state.best as number | null) ?? Number.NEGATIVE_INFINITY;
    this.outer = new OuterStopRule(state.aggressive as boolean, best);
    this.information = state.information as number | null;
  }
}

/**
 * What the encoder's own updates make of a run. Their loss is compared between windows, so that an aggressive iteration makes
 * those of two windows, if it may make so many.
 */
function laggingCost({ aggressive }: AggressiveKeys, { learning, words, pass }: TokenCost): MethodCost {
  const updates = AGGRESSIVE_SHARE * Math.min(aggressive.updates, 2 * aggressive.window);
  if (aggressive.clipBy === 'all') return { iterations: 1 + updates };
  // As `LaggingVae.flops` has it, of what `Vae.flops` counts three times.
  const encoder = learning / 3 - words - pass;
  return { iterations: 1 + (updates * (2 * pass + words + 4 * encoder)) / learning };
}

export const laggingVae = defineMethod({
  name: 'lagging-vae',
  label: 'Lagging-VAE',
  inference: 'gaussian',
  config: { ...klWeightKeys, aggressive },
  defaults: {
    ...KL_WEIGHT_DEFAULTS,
    aggressive: { updates: 100, window: 15, sentences: 500, information: 'sentences', clipBy: 'updated' },
  },
  selects: 'negative-elbo',
  cost: laggingCost,
  create: (run, corpus) => new LaggingVae(run, corpus),
});
