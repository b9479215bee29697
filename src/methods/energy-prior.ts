// A latent space with an energy-based prior (Pang, Han, Nijkamp, Zhu and Wu, NeurIPS 2020): p(z) = exp(f(z)) N(z; 0, I) / C,
// f learned beside the decoder. Codes come by short runs, from the prior and from the posterior; f rises where sentences have
// their codes and falls where it finds its own, and the decoder learns as in SRI.

import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { shortRun } from '../inference/short-run.js';
import { ChainPosterior, langevinChain } from '../inference/short-run-posterior.js';
import { jointLikelihood } from '../inference/tilted-prior.js';
import { createDecoder } from '../model/decoders.js';
import type { DropoutMasks } from '../model/dropout-masks.js';
import { EnergyNetwork, tiltOf } from '../model/energy-prior.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood, LangevinSchedule } from '../model/likelihood.js';
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
import type { InferenceContext } from './method.js';

class EnergyPriorModel extends EnergyBasedModel<EnergyPriorKeys> {
  readonly decoder: LatentDecoder;
  protected readonly energy: EnergyNetwork;

  constructor(run: RunConfig<EnergyPriorKeys>, corpus: PreparedCorpus) {
    super(run, ofEnergy);
    this.decoder = createDecoder(this.parameters, run, corpus.vocabulary.size);
    const { hiddenSize, learningRate } = run.energyPrior;
    this.energy = new EnergyNetwork(this.parameters, { latent: this.latentSize, hidden: hiddenSize }, learningRate);
  }

  posterior(_: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys, { pathDraws }: InferenceContext) {
    const towards = langevinChain(jointLikelihood(likelihood), scheduleOf(this.run.energyPrior.posterior));
    return new ChainPosterior(likelihood, towards, keys, pathDraws);
  }

  protected makePrior(): ConditionalLikelihood {
    return tiltOf(this.energy, this.latentSize, this.run.model.hessianDifference);
  }

  protected shortRuns(likelihood: BatchLikelihood, ofPrior: ChainNoise, ofPosterior: ChainNoise) {
    const { prior, posterior } = this.run.energyPrior;
    const tilt = this.makePrior();
    const joint = jointLikelihood(Object.assign(likelihood, { prior: tilt }));
    return {
      drawn: shortRun(tilt, ofPrior.start, ofPrior.noise, scheduleOf(prior)).z,
      inferred: shortRun(joint, ofPosterior.start, ofPosterior.noise, scheduleOf(posterior)).z,
    };
  }

  /** -log p(x | z+). */
  protected generatorLoss(batch: Batch, { inferred }: CodePairs<tf.Tensor2D>, masks: DropoutMasks): tf.Scalar {
    return tf.mean(this.decoder.sentenceNll(batch, inferred, masks));
  }
}

function scheduleOf({ steps, stepSize, temperature }: ConstantChain): LangevinSchedule {
  return { stepSizes: new Float32Array(steps).fill(stepSize), temperature, priorWeight: 1 };
}

export const energyPrior = defineMethod({
  name: 'energy-prior',
  label: 'Energy prior',
  inference: 'short-run',
  config: energyPriorKeys,
  defaults: ENERGY_PRIOR_DEFAULTS,
  variations: ENERGY_PRIOR_VARIATIONS,
  selects: 'perplexity',
  cost: ({ energyPrior: { posterior } }) => ({ drawGradients: posterior.steps }),
  create: (run, corpus) => new EnergyPriorModel(run, corpus),
});
