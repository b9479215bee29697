// What methods with an energy-based prior exp(f(z)) p0(z) / C share: their keys, the update of f, and the prior as those who
// measure know it.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { count, notNegative, positive } from '../config/numbers.js';
import { ENERGY_PREFIX, type Energy } from '../model/energy-prior.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import type { Parameters } from '../model/parameters.js';
import type { Learner } from './method.js';

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
    prior: { steps: 40, stepSize: 0.125, temperature: 1 },
    posterior: { steps: 20, stepSize: 0.125, temperature: 0 },
    dropout: true,
  },
};

/** Whether a weight, by its name, is of f. */
export const ofEnergy = (name: string) => name.startsWith(ENERGY_PREFIX);

/**
 * An update of f: up at codes of the posterior, down at those of the prior (Pang et al. 2020, Algorithm 1).
 * @param inferred `[rows, latent]`
 * @param drawn `[rows, latent]`
 * @returns the mean of f at the former less that at the latter, before the update, nats.
 */
export function learnEnergy(
  learner: Learner,
  energy: Energy,
  { inferred, drawn }: { inferred: tf.Tensor2D; drawn: tf.Tensor2D },
  weightDecay: number,
): number {
  let energyGap = 0;
  learner.minimize(() => {
    const gap = tf.sub(tf.mean(energy.value(inferred)), tf.mean(energy.value(drawn)));
    energyGap = gap.dataSync()[0]!;
    return tf.sub(tf.mul(energy.halfSquares(), weightDecay), gap);
  }, ofEnergy);
  return energyGap;
}

/** A prior that is the same object for as long as the weights that it depends on stay as they are. */
export class KnownPrior {
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
