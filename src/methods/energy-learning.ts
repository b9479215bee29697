// What methods with an energy-based prior exp(f(z)) p0(z) / C share: their keys, their update (Pang, Han, Nijkamp, Zhu and Wu,
// NeurIPS 2020, Algorithm 1), and the prior as those who measure know it.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { Variations } from '../config/method-keys.js';
import { count, notNegative, positive } from '../config/numbers.js';
import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { Posterior } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { type DropoutMasks, disposeMasks } from '../model/dropout-masks.js';
import { ENERGY_PREFIX, type Energy } from '../model/energy-prior.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import { Parameters } from '../model/parameters.js';
import { Noted } from '../ops/noted.js';
import { RandomStream } from '../random/philox.js';
import { rootMeanSquare } from '../statistics.js';
import { chainMasks } from './chain-masks.js';
import type { InferenceContext, Iteration, LatentVariableModel, Learner, Position } from './method.js';

const chain = z.strictObject({
  steps: count.describe('steps of the chain; a whole number from 1'),
  stepSize: positive.describe(
    's of z - s dU/dz + tau sqrt(2 s) eps, half the square of what the source has; a number above 0',
  ),
  temperature: notNegative.describe('tau, the factor of the noise; a number from 0'),
});

/** A short run of a constant step size. */
export type ConstantChain = z.infer<typeof chain>;

const settings = z.strictObject({
  hiddenSize: count.describe('units of each of the two hidden layers of f; a whole number from 1'),
  learningRate: positive
    .max(1)
    .describe("learning rate of f as a share of the optimizer's, with Adam; a number above 0, to 1"),
  weightDecay: notNegative.describe('of half the squares of the weights of f in its loss; a number from 0'),
  clipNorm: positive
    .nullable()
    // Runs of before it was a key have none.
    .default(null)
    .describe(
      'largest norm of the gradient in the weights of f: a number above 0; or null for that of the optimizer, of the ' +
        'weights as they are stored, which is so many times as much of f as learningRate is below 1',
    ),
  prior: chain.describe('the short run from N(0, I) to the prior: {steps, stepSize, temperature}'),
  posterior: chain.describe('the short run from N(0, I) to the posterior: {steps, stepSize, temperature}'),
  dropout: z
    .boolean()
    .describe('whether the chain of the posterior sees dropout, one mask for the whole: true or false'),
});

export const energyPriorKeys = { energyPrior: settings };
export type EnergyPriorKeys = { energyPrior: z.infer<typeof settings> };

/** Of the program for text of Pang et al. 2020. */
export const ENERGY_PRIOR_DEFAULTS: EnergyPriorKeys = {
  energyPrior: {
    hiddenSize: 200,
    learningRate: 0.1,
    weightDecay: 0.001,
    clipNorm: 1,
    prior: { steps: 40, stepSize: 0.125, temperature: 1 },
    posterior: { steps: 20, stepSize: 0.125, temperature: 0 },
    dropout: true,
  },
};

/** What a frontier varies: the temperature of the chain from the posterior. */
export const ENERGY_PRIOR_VARIATIONS: Variations<EnergyPriorKeys> = {
  temperature: {
    key: () => 'energyPrior.posterior.temperature',
    of: ({ energyPrior }) => energyPrior.posterior.temperature,
    to: (temperature) => ({ energyPrior: { posterior: { temperature } } }),
  },
};

/** Whether a weight, by its name, is of f. */
export const ofEnergy = (name: string) => name.startsWith(ENERGY_PREFIX);

const ofGenerator = (name: string) => !ofEnergy(name);

/** What a short run begins with and the noise of its steps, `[rows, latent]` and `[steps, rows, latent]`, all N(0, I). */
export interface ChainNoise {
  start: Float32Array;
  noise: Float32Array;
}

/** Codes by short runs from the posterior and from the prior, `[rows, latent]` each. */
export interface CodePairs<Codes> {
  inferred: Codes;
  drawn: Codes;
}

/** A model of a decoder and an energy f that is a part of the prior, each learned at codes of short runs. */
export abstract class EnergyBasedModel<Keys extends EnergyPriorKeys> implements LatentVariableModel {
  readonly hasLatent = true;
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly quantities = ['latentRms', 'priorRms', 'energyGap'];
  abstract readonly decoder: LatentDecoder;
  protected abstract readonly energy: Energy;
  private readonly known: KnownPrior;

  /** @param ofPrior whether the prior depends on a weight, by its name. */
  constructor(
    protected readonly run: RunConfig<Keys>,
    ofPrior: (name: string) => boolean,
  ) {
    this.latentSize = run.model.latentSize;
    this.parameters = new Parameters(run.seed);
    this.known = new KnownPrior(this.parameters, ofPrior, () => this.makePrior());
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { seed, energyPrior, precision } = this.run;
    const key = { seed, epoch: at.epoch, batch: at.batch };
    const size = batch.size * this.latentSize;

    // z- from the prior, z+ from the posterior.
    const fromPrior = new RandomStream({ ...key, purpose: 'prior-codes' });
    const ofPrior = { start: fromPrior.normals(size), noise: fromPrior.normals(energyPrior.prior.steps * size) };
    const ofPosterior = {
      start: new RandomStream({ ...key, purpose: 'chain-start' }).normals(size),
      noise: new RandomStream({ ...key, purpose: 'chain-noise' }).normals(energyPrior.posterior.steps * size),
    };
    const masksOfChain = chainMasks(this.decoder, batch, key, energyPrior.dropout);
    const likelihood = this.decoder.likelihood(batch, masksOfChain, { precision });
    const codes = this.shortRuns(likelihood, ofPrior, ofPosterior);
    likelihood.dispose();
    const tensorOf = (of: Float32Array) => tf.tensor2d(of, [batch.size, this.latentSize]);
    const pairs = { inferred: tensorOf(codes.inferred), drawn: tensorOf(codes.drawn) };

    // f: up at z+, down at z-.
    const energyGap = this.learnEnergy(learner, pairs);

    // The generator: the decoder, and whatever else of the prior is no energy.
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const update = learner.minimize(() => this.generatorLoss(batch, pairs, masks), ofGenerator);
    disposeMasks(masks);
    tf.dispose(pairs);
    const [latentRms, priorRms] = [codes.inferred, codes.drawn].map(rootMeanSquare) as [number, number];
    return { ...update, quantities: { latentRms, priorRms, energyGap } };
  }

  /** Those of the decoder; f, and layers above it, take next to nothing beside a vocabulary. */
  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    return this.run.energyPrior.posterior.steps * 2 * latent + words + 3 * (words + latent);
  }

  prior(): ConditionalLikelihood {
    return this.known.get();
  }

  likelihood(batch: Batch): BatchLikelihood {
    return Object.assign(this.decoder.likelihood(batch), { prior: this.prior() });
  }

  abstract posterior(
    batch: Batch,
    likelihood: ConditionalLikelihood,
    keys: SentenceKeys,
    context: InferenceContext,
  ): Posterior;

  state(): Record<string, unknown> {
    return {};
  }

  restoreState(): void {}

  dispose(): void {
    this.parameters.dispose();
  }

  /** The prior by the weights as they are. */
  protected abstract makePrior(): ConditionalLikelihood;

  /** Codes to learn from. @param likelihood the decoder's, of a batch. */
  protected abstract shortRuns(
    likelihood: BatchLikelihood,
    ofPrior: ChainNoise,
    ofPosterior: ChainNoise,
  ): CodePairs<Float32Array>;

  /** What all weights but those of f make smaller, nats a sentence. */
  protected abstract generatorLoss(batch: Batch, codes: CodePairs<tf.Tensor2D>, masks: DropoutMasks): tf.Scalar;

  /** @returns the mean of f at inferred codes less that at drawn ones, before the update, nats. */
  private learnEnergy(learner: Learner, { inferred, drawn }: CodePairs<tf.Tensor2D>): number {
    const { weightDecay, clipNorm, learningRate } = this.run.energyPrior;
    const noted = new Noted();
    const loss = (): tf.Scalar => {
      const gap: tf.Scalar = tf.sub(tf.mean(this.energy.value(inferred)), tf.mean(this.energy.value(drawn)));
      noted.keep(gap);
      return tf.sub(tf.mul(this.energy.halfSquares(), weightDecay), gap);
    };
    // A weight is the stored one times learningRate, and so the gradient in the stored one is that in the weight times it.
    const limit = clipNorm === null ? undefined : clipNorm * learningRate;
    learner.minimize(loss, ofEnergy, undefined, undefined, limit);
    const [energyGap = 0] = noted.read();
    return energyGap;
  }
}

/** A prior that is the same object for as long as the weights that it depends on stay as they are. */
class KnownPrior {
  private known: { prior: ConditionalLikelihood; weights: Float32Array[] } | null = null;

  /**
   * @param depends on which of the weights, by name.
   * @param make of the weights as they are.
   */
  constructor(
    private readonly parameters: Parameters,
    private readonly depends: (name: string) => boolean,
    private readonly make: () => ConditionalLikelihood,
  ) {}

  get(): ConditionalLikelihood {
    const { names, list } = this.parameters;
    const weights = list
      .filter((_, i) => this.depends(names[i]!))
      .map((weight) => weight.dataSync<'float32'>().slice());
    const same = this.known?.weights.every((before, i) => before.every((value, j) => value === weights[i]![j]));
    if (this.known === null || same !== true) this.known = { prior: this.make(), weights };
    return this.known.prior;
  }
}
