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
import { disposeMasks } from '../model/dropout-masks.js';
import { LayeredEnergy, tiltOf } from '../model/energy-prior.js';
import { codesOf, LAYER_PREFIX } from '../model/latent-layers.js';
import { type LayeredDecoder, LayeredLikelihood } from '../model/layered-decoder.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
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
import { createLayeredDecoder, LAYER_DEFAULTS, type Layers, layerShape } from './layers.js';
import type { InferenceContext, Iteration, LatentVariableModel, Learner, Position } from './method.js';

const layers = z.strictObject(layerShape).describe('the two layers of codes: {upper, hiddenSize, deviation}');

export type JointEnergyPriorKeys = EnergyPriorKeys & { layers: Layers };

const ofPrior = (name: string) => ofEnergy(name) || name.startsWith(LAYER_PREFIX);
const ofGenerator = (name: string) => !ofEnergy(name);

class JointEnergyPriorModel implements LatentVariableModel {
  readonly hasLatent = true;
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly decoder: LayeredDecoder;
  readonly quantities = ['latentRms', 'priorRms', 'energyGap'];
  private readonly energy: LayeredEnergy;
  private readonly known: KnownPrior;

  /** @throws InputError where z2 takes all dimensions. */
  constructor(
    private readonly run: RunConfig<JointEnergyPriorKeys>,
    corpus: PreparedCorpus,
  ) {
    const { model, seed } = run;
    this.latentSize = model.latentSize;
    this.parameters = new Parameters(seed);
    this.decoder = createLayeredDecoder(this.parameters, run, corpus.vocabulary.size, 'layers', run.layers);
    const { hiddenSize: hidden, learningRate } = run.energyPrior;
    this.energy = new LayeredEnergy(this.parameters, { ...this.decoder.sizes, hidden }, learningRate);
    // As those who measure see it: of the noise of codes, whose density is N(0, I) where f is 0.
    const ofNoise = (u: tf.Tensor2D) => this.energy.value(this.decoder.codes(u));
    this.known = new KnownPrior(this.parameters, ofPrior, () => this.tilt(ofNoise));
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { seed, energyPrior, precision } = this.run;
    const key = { seed, epoch: at.epoch, batch: at.batch };
    const size = batch.size * this.latentSize;

    // z- of both layers from the prior, z+ from the posterior.
    const masksOfChain = chainMasks(this.decoder, batch, key, energyPrior.dropout);
    const likelihood = this.decoder.likelihood(batch, masksOfChain, { precision });
    const joint = this.jointModel(likelihood);
    const shortRun = (model: JointModel, start: Float32Array, noise: Float32Array, chain: ConstantChain) =>
      layeredRun(new JointEnergy(model), codesOf(model.layers, start), noise, scheduleOf(chain)).z;
    const fromPrior = new RandomStream({ ...key, purpose: 'prior-codes' });
    const start = fromPrior.normals(size);
    const noiseOfPrior = fromPrior.normals(energyPrior.prior.steps * size);
    const { layers, tilt } = joint;
    const minus = shortRun({ layers, sentences: 1, tilt }, start, noiseOfPrior, energyPrior.prior);
    const u0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);
    const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(energyPrior.posterior.steps * size);
    const plus = shortRun(joint, u0, noise, energyPrior.posterior);
    likelihood.dispose();

    // f: up at z+, down at z-.
    const [inferred, drawn] = [plus, minus].map((codes) => tf.tensor2d(codes, [batch.size, this.latentSize])) as [
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    const energyGap = learnEnergy(learner, this.energy, { inferred, drawn }, energyPrior.weightDecay);

    // The decoder: log p(x | z1+). p(z1 | z2): its log at z+ less that at z-.
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const update = learner.minimize(() => {
      const nll = tf.mean(this.decoder.inner.sentenceNll(batch, this.decoder.lowerCodes(inferred), masks));
      const ofLayers = tf.sub(this.decoder.meanLayerNll(inferred), this.decoder.meanLayerNll(drawn));
      return tf.add(nll, ofLayers);
    }, ofGenerator);
    disposeMasks(masks);
    tf.dispose([inferred, drawn]);
    return { ...update, quantities: { latentRms: rootMeanSquare(plus), priorRms: rootMeanSquare(minus), energyGap } };
  }

  /** The operations of the decoder; the layers above and f take next to nothing beside a vocabulary. */
  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    return this.run.energyPrior.posterior.steps * 2 * latent + words + 3 * (words + latent);
  }

  prior(): ConditionalLikelihood {
    return this.known.get();
  }

  likelihood(batch: Batch): LayeredLikelihood {
    return Object.assign(this.decoder.likelihood(batch), { prior: this.prior() });
  }

  /** @throws RangeError for a likelihood that is not this model's. */
  posterior(
    _: Batch,
    likelihood: ConditionalLikelihood,
    keys: SentenceKeys,
    { pathDraws }: InferenceContext,
  ): ChainPosterior {
    if (!(likelihood instanceof LayeredLikelihood)) throw new RangeError('of two layers the likelihood knows both');
    const towards = layeredChain(this.jointModel(likelihood), scheduleOf(this.run.energyPrior.posterior));
    return new ChainPosterior(likelihood, towards, keys, pathDraws);
  }

  state(): Record<string, unknown> {
    return {};
  }

  restoreState(): void {}

  dispose(): void {
    this.parameters.dispose();
  }

  private tilt(energyOf: (codes: tf.Tensor2D) => tf.Tensor1D): ConditionalLikelihood {
    return tiltOf(energyOf, this.latentSize, this.run.model.hessianDifference);
  }

  /** p(x, z1, z2) but for C, in z. */
  private jointModel({ layers, sentences, inner }: LayeredLikelihood): JointModel {
    return { layers, sentences, inner, tilt: this.tilt((codes) => this.energy.value(codes)) };
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
  selects: 'perplexity',
  cost: ({ energyPrior: { posterior } }) => ({ drawGradients: posterior.steps }),
  create: (run, corpus) => new JointEnergyPriorModel(run, corpus),
});
