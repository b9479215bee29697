// Two layers of codes under one energy-based prior (Cui, Wu and Han, CVPR 2023): p(z1, z2) = exp(f1(z1) + f2(z2)) p(z1 | z2)
// p(z2) / C. The Gaussian layers say how z1 hangs on z2, the energies correct both at once. Codes come by short runs over both
// layers, from the prior and from the posterior, and everything learns by maximum likelihood: p(x | z1) at codes of the
// posterior, f and p(z1 | z2) at those less at codes of the prior, for C depends on both. With one layer it is Energy prior.

import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import {
  JointEnergy,
  type JointModel,
  type LayeredSchedule,
  layeredChain,
  layeredRun,
} from '../inference/layered-chain.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { ChainPosterior } from '../inference/short-run-posterior.js';
import type { DropoutMasks } from '../model/dropout-masks.js';
import { LayeredEnergy, type Tilting, tiltOf } from '../model/energy-prior.js';
import { codesOf, LAYER_PREFIX } from '../model/latent-layers.js';
import { type LayeredDecoder, LayeredLikelihood } from '../model/layered-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import { defineMethod } from './define-method.js';
import {
  type ChainNoise,
  type CodePairs,
  type ConstantChain,
  ENERGY_PRIOR_DEFAULTS,
  ENERGY_PRIOR_VARIATIONS,
  EnergyBasedModel,
  type EnergyPriorKeys,
  energyPriorKeys,
  ofEnergy,
} from './energy-learning.js';
import { createLayeredDecoder, LAYER_DEFAULTS, type Layers, layerShape } from './layers.js';
import type { InferenceContext } from './method.js';

const layers = z.strictObject(layerShape).describe('the two layers of codes: {upper, hiddenSize, deviation}');

export type JointEnergyPriorKeys = EnergyPriorKeys & { layers: Layers };

class JointEnergyPriorModel extends EnergyBasedModel<JointEnergyPriorKeys> {
  readonly decoder: LayeredDecoder;
  protected readonly energy: LayeredEnergy;

  /** @throws InputError where z2 takes all dimensions. */
  constructor(run: RunConfig<JointEnergyPriorKeys>, corpus: PreparedCorpus) {
    super(run, (name) => ofEnergy(name) || name.startsWith(LAYER_PREFIX));
    this.decoder = createLayeredDecoder(this.parameters, run, corpus.vocabulary.size, 'layers', run.layers);
    const { hiddenSize: hidden, learningRate } = run.energyPrior;
    this.energy = new LayeredEnergy(this.parameters, { ...this.decoder.sizes, hidden }, learningRate);
  }

  /** @throws RangeError for a likelihood that is not this model's. */
  posterior(
    _: Batch,
    likelihood: ConditionalLikelihood,
    keys: SentenceKeys,
    { pathDraws }: InferenceContext,
  ): ChainPosterior {
    const towards = layeredChain(this.jointModel(likelihood), scheduleOf(this.run.energyPrior.posterior));
    return new ChainPosterior(likelihood, towards, keys, pathDraws);
  }

  /** As those who measure see it: of the noise of codes, whose density is N(0, I) where f is 0. */
  protected makePrior(): ConditionalLikelihood {
    return this.tilt({ value: (u) => this.energy.value(this.decoder.codes(u)) });
  }

  protected shortRuns(likelihood: BatchLikelihood, ofPrior: ChainNoise, ofPosterior: ChainNoise) {
    const { prior, posterior } = this.run.energyPrior;
    const joint = this.jointModel(likelihood);
    const run = (model: JointModel, { start, noise }: ChainNoise, chain: ConstantChain) =>
      layeredRun(new JointEnergy(model), codesOf(model.layers, start), noise, scheduleOf(chain)).z;
    return {
      drawn: run({ layers: joint.layers, sentences: 1, tilt: joint.tilt }, ofPrior, prior),
      inferred: run(joint, ofPosterior, posterior),
    };
  }

  /** -log p(x | z1+), and of -log p(z1 | z2) the mean at z+ less that at z-. */
  protected generatorLoss(batch: Batch, { inferred, drawn }: CodePairs<tf.Tensor2D>, masks: DropoutMasks): tf.Scalar {
    const nll = tf.mean(this.decoder.inner.sentenceNll(batch, this.decoder.lowerCodes(inferred), masks));
    const ofLayers = tf.sub(this.decoder.meanLayerNll(inferred), this.decoder.meanLayerNll(drawn));
    return tf.add(nll, ofLayers);
  }

  private tilt(energy: Tilting): ConditionalLikelihood {
    return tiltOf(energy, this.latentSize, this.run.model.hessianDifference);
  }

  /** p(x, z1, z2) but for C, in z. @throws RangeError for a likelihood that is not this model's. */
  private jointModel(likelihood: ConditionalLikelihood): JointModel {
    if (!(likelihood instanceof LayeredLikelihood)) throw new RangeError('of two layers the likelihood knows both');
    const { layers, sentences, inner } = likelihood;
    return { layers, sentences, inner, tilt: this.tilt(this.energy) };
  }
}

function scheduleOf({ steps, stepSize, temperature }: ConstantChain): LayeredSchedule {
  return { stepSizes: Array.from({ length: steps }, () => [stepSize, stepSize] as const), temperature };
}

export const jointEnergyPrior = defineMethod({
  name: 'joint-energy-prior',
  label: 'Joint energy prior',
  inference: 'short-run',
  config: { ...energyPriorKeys, layers },
  defaults: { ...ENERGY_PRIOR_DEFAULTS, layers: LAYER_DEFAULTS },
  variations: ENERGY_PRIOR_VARIATIONS,
  selects: 'perplexity',
  cost: ({ energyPrior: { posterior } }) => ({ drawGradients: posterior.steps }),
  create: (run, corpus) => new JointEnergyPriorModel(run, corpus),
});
