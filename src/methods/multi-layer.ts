// SRI with two layers of codes, z2 -> z1 -> x, p(z1 | z2) a Gaussian whose mean is learned (Nijkamp, Pang, Han, Zhou, Zhu and
// Wu, ECCV 2020). Short runs move both layers from the prior, and the step size of each layer at each step is itself learned,
// by stochastic gradient on the chain's bound. With no upper layer it is Algorithm 1 of Pang et al. 2021 with learned steps.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { count, notNegative, positive } from '../config/numbers.js';
import type { RunConfig } from '../config/schema.js';
import { type Batch, makeBatch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { growingTemperature, lastTemperature } from '../inference/langevin-keys.js';
import {
  boundGradient,
  JointEnergy,
  type LayeredSchedule,
  layeredChain,
  layeredRun,
} from '../inference/layered-chain.js';
import { temperatureAt } from '../inference/schedule.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { ChainPosterior } from '../inference/short-run-posterior.js';
import { disposeMasks } from '../model/dropout-masks.js';
import { codesOf } from '../model/latent-layers.js';
import { type LayeredDecoder, LayeredLikelihood } from '../model/layered-decoder.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { Parameters } from '../model/parameters.js';
import { formatNumber } from '../notation.js';
import { RandomStream } from '../random/philox.js';
import { rootMeanSquare } from '../statistics.js';
import { chainMasks } from './chain-masks.js';
import { defineMethod } from './define-method.js';
import { createLayeredDecoder, LAYER_DEFAULTS, layerShape } from './layers.js';
import type { InferenceContext, Iteration, LatentVariableModel, Learner, Position } from './method.js';

const layered = z.strictObject({
  ...layerShape,
  steps: count.describe('K, steps of the chain; a whole number from 1'),
  stepSize: positive.describe('s that every layer and step begins with; a number above 0'),
  temperature: z
    .union([notNegative, growingTemperature])
    .describe('tau, the factor of the noise: a number from 0, or {start, growFromEpoch, growPerEpoch, max}'),
  dropout: z.boolean().describe('whether the chain sees dropout, one mask for the whole chain: true or false'),
  learnSteps: z
    .strictObject({
      every: count.describe('iterations from one update of the step sizes to the next; a whole number from 1'),
      sentences: count.describe('sentences of the batch at hand whose bound an update climbs; a whole number from 1'),
      chains: count.describe('chains of each of those; a whole number from 1'),
      learningRate: positive.describe('of Adam on the logarithms of the step sizes; a number above 0'),
    })
    .nullable()
    .describe('how the step sizes are learned on the bound, or null for those that they begin with'),
});

export type LayeredKeys = { layered: z.infer<typeof layered> };

/** Adam's (Kingma and Ba 2015) decays of the moments of the step sizes' gradient, and its epsilon. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** Of the logarithm of all step sizes, where every chain of an update folds: so they are too long for any of it to count. */
const RETREAT = 0.1;

/** Retreats in a row after which they are spoken of: they may go on without end, as where numbers are not finite. */
const RETREATS_UNSAID = 5;

type Pairs = [lower: number, upper: number][];

/** What is learned of the step sizes, as a checkpoint has it. */
interface LearnedSteps {
  logSteps: Pairs;
  first: Pairs;
  second: Pairs;
  updates: number;
  /** The last update's; null before the first, and where no chain counted. */
  bound: number | null;
}

class MultiLayer implements LatentVariableModel {
  readonly hasLatent = true;
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly decoder: LayeredDecoder;
  readonly quantities: readonly string[];
  private learned: LearnedSteps;
  /** Retreats since a chain last counted, in this process. */
  private retreats = 0;
  /** Once it was spoken of, it is not again. */
  private warned = false;

  /** @throws InputError where z2 takes all dimensions. */
  constructor(
    private readonly run: RunConfig<LayeredKeys>,
    private readonly corpus: PreparedCorpus,
  ) {
    const { model, seed } = run;
    const { steps, stepSize } = run.layered;
    this.latentSize = model.latentSize;
    this.parameters = new Parameters(seed);
    this.decoder = createLayeredDecoder(this.parameters, run, corpus.vocabulary.size, 'layered', run.layered);
    const pairs = (value: number): Pairs => Array.from({ length: steps }, () => [value, value]);
    this.learned = { logSteps: pairs(Math.log(stepSize)), first: pairs(0), second: pairs(0), updates: 0, bound: null };
    this.quantities = ['latentRms', 'temperature', 'bound', ...stepColumns(steps, this.decoder.sizes.upper)];
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { seed, layered, precision } = this.run;
    const { learnSteps } = layered;
    const key = { seed, epoch: at.epoch, batch: at.batch };
    const updates = learnSteps !== null && at.iteration % learnSteps.every === 0;
    if (updates) this.updateSteps(batch, at);
    const schedule = this.schedule(at.epoch);
    const warning = !this.warned && this.retreats === RETREATS_UNSAID ? retreatWarning(schedule, at) : undefined;
    if (warning !== undefined) this.warned = true;

    // z_K of both layers, from the prior.
    const size = batch.size * this.latentSize;
    const u0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
    const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(layered.steps * size);
    const likelihood = this.decoder.likelihood(batch, chainMasks(this.decoder, batch, key, layered.dropout), {
      precision,
    });
    const energy = new JointEnergy(likelihood);
    const { z: zK } = layeredRun(energy, codesOf(energy.layers, u0), noise, schedule);
    likelihood.dispose();

    // log p(x, z1, z2) learns at z_K, through log p(x | z1) and log p(z1 | z2).
    const codes = tf.tensor2d(zK, [batch.size, this.latentSize]);
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const update = learner.minimize(() => {
      const nll = tf.mean(this.decoder.inner.sentenceNll(batch, this.decoder.lowerCodes(codes), masks));
      return tf.add(nll, this.decoder.meanLayerNll(codes));
    });
    disposeMasks(masks);
    codes.dispose();

    const { bound } = this.learned;
    const { upper } = this.decoder.sizes;
    const quantities: Record<string, number> = {
      latentRms: rootMeanSquare(zK),
      temperature: schedule.temperature,
      ...(bound === null ? {} : { bound }),
    };
    stepColumns(layered.steps, upper).forEach((column, i) => {
      const layers = upper === 0 ? 1 : 2;
      quantities[column] = schedule.stepSizes[Math.floor(i / layers)]![i % layers]!;
    });
    return { ...update, quantities, ...(warning === undefined ? {} : { warning }) };
  }

  /** The operations of the chain and the update; the bound's own are spread over the iterations between its updates. */
  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    const { steps, learnSteps } = this.run.layered;
    const chain = steps * 2 * latent + words;
    if (learnSteps === null) return chain + 3 * (words + latent);
    // A step of it has a Hessian, worth about a gradient and a half a dimension, and two gradients a dimension.
    const rows = Math.min(learnSteps.sentences, batch.size) * learnSteps.chains;
    const bound = (rows / batch.size) * steps * (1 + 3.5 * this.latentSize) * 2 * latent;
    return chain + 3 * (words + latent) + bound / learnSteps.every;
  }

  likelihood(batch: Batch): LayeredLikelihood {
    return this.decoder.likelihood(batch);
  }

  /** @throws RangeError for a likelihood that is not this model's. */
  posterior(
    _: Batch,
    likelihood: ConditionalLikelihood,
    keys: SentenceKeys,
    { epoch, pathDraws }: InferenceContext,
  ): ChainPosterior {
    if (!(likelihood instanceof LayeredLikelihood)) throw new RangeError('of two layers the likelihood knows both');
    return new ChainPosterior(likelihood, layeredChain(likelihood, this.schedule(epoch)), keys, pathDraws);
  }

  state(): Record<string, unknown> {
    return { ...this.learned };
  }

  restoreState(state: Record<string, unknown>): void {
    this.learned = state as unknown as LearnedSteps;
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private schedule(epoch: number): LayeredSchedule {
    return {
      stepSizes: this.learned.logSteps.map(([lower, upper]) => [Math.exp(lower), Math.exp(upper)]),
      temperature: temperatureAt(this.run.layered.temperature, epoch),
    };
  }

  /** One step of Adam up the bound of a few of the batch's sentences, without dropout, in the logarithms of the step sizes. */
  private updateSteps(batch: Batch, at: Position): void {
    const { seed, layered } = this.run;
    const { sentences, chains, learningRate } = layered.learnSteps!;
    const few = makeBatch(this.corpus.splits.train, batch.indices.subarray(0, sentences), batch.index);
    const likelihood = this.likelihood(few);
    const energy = new JointEnergy(likelihood);
    const stream = new RandomStream({
      seed,
      purpose: 'step-search',
      epoch: at.epoch,
      batch: at.batch,
      step: at.iteration,
    });
    const size = chains * few.size * this.latentSize;
    const z0 = codesOf(energy.layers, stream.normals(size));
    const schedule = this.schedule(at.epoch);
    const { bound, gradient } = boundGradient(energy, z0, stream.normals(layered.steps * size), schedule);
    likelihood.dispose();

    const { logSteps, first, second } = this.learned;
    if (Number.isNaN(bound)) {
      this.retreats++;
      this.learned = { ...this.learned, logSteps: logSteps.map(([a, b]) => [a - RETREAT, b - RETREAT]), bound: null };
      return;
    }
    this.retreats = 0;
    const updates = this.learned.updates + 1;
    const climbed: LearnedSteps = { logSteps: [], first: [], second: [], updates, bound };
    schedule.stepSizes.forEach((steps, k) => {
      for (const part of ['logSteps', 'first', 'second'] as const) climbed[part].push([0, 0]);
      for (const layer of [0, 1] as const) {
        const slope = steps[layer] * gradient[k]![layer];
        const m = ADAM.beta1 * first[k]![layer] + (1 - ADAM.beta1) * slope;
        const v = ADAM.beta2 * second[k]![layer] + (1 - ADAM.beta2) * slope * slope;
        const [unbiasedM, unbiasedV] = [m / (1 - ADAM.beta1 ** updates), v / (1 - ADAM.beta2 ** updates)];
        climbed.first[k]![layer] = m;
        climbed.second[k]![layer] = v;
        climbed.logSteps[k]![layer] =
          logSteps[k]![layer] + (learningRate * unbiasedM) / (Math.sqrt(unbiasedV) + ADAM.epsilon);
      }
    });
    this.learned = climbed;
  }
}

/** What to know, and to do, where no chain has counted for a while. */
function retreatWarning({ stepSizes }: LayeredSchedule, { epoch, iteration }: Position): string {
  const longest = formatNumber(Math.max(...stepSizes.flat()));
  return (
    `in epoch ${epoch}, update ${iteration}, the step sizes were to be learned for the ${RETREATS_UNSAID}th time in a row without a ` +
    'chain whose steps are all invertible, so that its bound is known: each time all of them only shrink by a tenth, to ' +
    `${longest} at most by now. Begin with a smaller layered.stepSize, give layered.learnSteps more sentences or chains, or ` +
    'keep the step sizes as they are, with learnSteps null'
  );
}

/** s of each step and layer, as metrics.csv names it, step by step. */
function stepColumns(steps: number, upper: number): string[] {
  return Array.from({ length: steps }, (_, k) => k).flatMap((k) =>
    (upper === 0 ? ['z1'] : ['z1', 'z2']).map((layer) => `stepSize[${k + 1}, ${layer}]`),
  );
}

export const multiLayer = defineMethod({
  name: 'multi-layer',
  label: 'Two-layer SRI',
  inference: 'short-run',
  config: { layered },
  defaults: {
    layered: {
      ...LAYER_DEFAULTS,
      steps: 20,
      stepSize: 0.1,
      temperature: 1,
      dropout: true,
      learnSteps: { every: 50, sentences: 4, chains: 1, learningRate: 0.03 },
    },
  },
  variations: { temperature: lastTemperature('layered', ({ layered }: LayeredKeys) => layered.temperature) },
  selects: 'perplexity',
  cost: ({ layered: { steps } }) => ({ drawGradients: steps }),
  create: (run, corpus) => new MultiLayer(run, corpus),
});
