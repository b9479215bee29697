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
import { disposeMasks } from '../model/dropout-masks.js';
import { EnergyNetwork, tiltOf } from '../model/energy-prior.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood, LangevinSchedule } from '../model/likelihood.js';
import { Parameters } from '../model/parameters.js';
import { RandomStream } from '../random/philox.js';
import { rootMeanSquare } from '../statistics.js';
import { chainMasks } from './chain-masks.js';
import { defineMethod } from './define-method.js';
import {
  type ConstantChain,
  ENERGY_PRIOR_DEFAULTS,
  type EnergyPriorKeys,
  energyPriorKeys,
  KnownPrior,
  learnEnergy,
  ofEnergy,
} from './energy-learning.js';
import type { InferenceContext, Iteration, LatentVariableModel, Learner, Position } from './method.js';

const ofDecoder = (name: string) => !ofEnergy(name);

class EnergyPriorModel implements LatentVariableModel {
  readonly hasLatent = true;
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly decoder: LatentDecoder;
  readonly quantities = ['latentRms', 'priorRms', 'energyGap'];
  private readonly energy: EnergyNetwork;
  private readonly known: KnownPrior;

  constructor(
    private readonly run: RunConfig<EnergyPriorKeys>,
    corpus: PreparedCorpus,
  ) {
    const { model, seed } = run;
    this.latentSize = model.latentSize;
    this.parameters = new Parameters(seed);
    this.decoder = createDecoder(this.parameters, run, corpus.vocabulary.size);
    const { hiddenSize, learningRate } = run.energyPrior;
    this.energy = new EnergyNetwork(this.parameters, { latent: model.latentSize, hidden: hiddenSize }, learningRate);
    this.known = new KnownPrior(this.parameters, ofEnergy, () => this.tilt());
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { seed, energyPrior, precision } = this.run;
    const key = { seed, epoch: at.epoch, batch: at.batch };
    const size = batch.size * this.latentSize;

    // z- from the prior, z+ from the posterior.
    const fromPrior = new RandomStream({ ...key, purpose: 'prior-codes' });
    const tilt = this.tilt();
    const start = fromPrior.normals(size);
    const priorSchedule = scheduleOf(energyPrior.prior);
    const minus = shortRun(tilt, start, fromPrior.normals(energyPrior.prior.steps * size), priorSchedule).z;
    const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
    const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(energyPrior.posterior.steps * size);
    const masksOfChain = chainMasks(this.decoder, batch, key, energyPrior.dropout);
    const likelihood = this.bearing(this.decoder.likelihood(batch, masksOfChain, { precision }), tilt);
    const plus = shortRun(jointLikelihood(likelihood), z0, noise, scheduleOf(energyPrior.posterior)).z;
    likelihood.dispose();

    // f: up at z+, down at z-.
    const [inferred, drawn] = [plus, minus].map((codes) => tf.tensor2d(codes, [batch.size, this.latentSize])) as [
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const energyGap = learnEnergy(learner, this.energy, { inferred, drawn }, energyPrior.weightDecay);

    // The decoder: log p(x | z+).
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const update = learner.minimize(() => tf.mean(this.decoder.sentenceNll(batch, inferred, masks)), ofDecoder);
    disposeMasks(masks);
    tf.dispose([inferred, drawn]);
    return { ...update, quantities: { latentRms: rootMeanSquare(plus), priorRms: rootMeanSquare(minus), energyGap } };
  }

  /** The operations of the decoder; the network of f takes next to nothing beside a vocabulary. */
  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    return this.run.energyPrior.posterior.steps * 2 * latent + words + 3 * (words + latent);
  }

  prior(): ConditionalLikelihood {
    return this.known.get();
  }

  likelihood(batch: Batch): BatchLikelihood {
    return this.bearing(this.decoder.likelihood(batch), this.prior());
  }

  posterior(_: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys, { pathDraws }: InferenceContext) {
    const towards = langevinChain(jointLikelihood(likelihood), scheduleOf(this.run.energyPrior.posterior));
    return new ChainPosterior(likelihood, towards, keys, pathDraws);
  }

  state(): Record<string, unknown> {
    return {};
  }

  restoreState(): void {}

  dispose(): void {
    this.parameters.dispose();
  }

  private tilt(): ConditionalLikelihood {
    return tiltOf((z) => this.energy.value(z), this.latentSize, this.run.model.hessianDifference);
  }

  private bearing(likelihood: BatchLikelihood, prior: ConditionalLikelihood): BatchLikelihood {
    return Object.assign(likelihood, { prior });
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
  selects: 'perplexity',
  cost: ({ energyPrior: { posterior } }) => ({ drawGradients: posterior.steps }),
  create: (run, corpus) => new EnergyPriorModel(run, corpus),
});
