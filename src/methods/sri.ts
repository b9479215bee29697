// SRI: the generator trained by short-run inference. `learn` is Algorithm 1 of Pang, Nijkamp, Han and Wu (EACL 2021),
// its lines numbered as there. The paper's setting (one step size, found by search; full noise) and that of the
// released code (a list of step sizes; a temperature that rises) are two configurations of it.

import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.js';
import { type Batch, drawSubset, equalLengthBatches } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { langevinSchedule } from '../inference/schedule.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { shortRun } from '../inference/short-run.js';
import { ShortRunPosterior } from '../inference/short-run-posterior.js';
import { searchStepSize } from '../inference/step-size-search.js';
import { createDecoder } from '../model/decoders.js';
import { disposeMasks, NO_DROPOUT } from '../model/dropout-masks.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import { Parameters } from '../model/parameters.js';
import { RandomStream } from '../random/philox.js';
import type { InferenceContext, Iteration, Learner, Method, Model, Position } from './method.js';

class Sri implements Model {
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly quantities: readonly string[];
  readonly decoder: LatentDecoder;
  /** s as the last search chose it; null where none has run. */
  private stepSize: number | null = null;
  /** What the last search found of each candidate: Q~, nats a sentence, and the share of its chains that fold. */
  private searched: Record<string, number> = {};

  constructor(
    private readonly run: RunConfig,
    private readonly corpus: PreparedCorpus,
  ) {
    const { model, seed } = run;
    this.latentSize = model.latentSize;
    this.quantities = [
      'latentRms',
      'temperature',
      'stepSize',
      ...(run.langevin.search?.grid ?? []).flatMap(searchColumns),
    ];
    this.parameters = new Parameters(seed);
    this.decoder = createDecoder(this.parameters, run, corpus.vocabulary.size);
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { langevin, seed } = this.run;
    const key = { seed, epoch: at.epoch, batch: at.batch };

    // 1. Draw observed examples x_i: the batch.

    // 5., for the coming iterations: every T_s iterations, update s.
    if (this.searchIsDue(at)) this.updateStepSize(at);
    const schedule = langevinSchedule(langevin, at.epoch, this.stepSize);

    // 2. Draw latent vectors z_{i,0} ~ p(z).
    const size = batch.size * this.latentSize;
    const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);

    // 3. Infer z_{i,K} by K steps of dynamics (7) with step size s.
    const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(langevin.steps * size);
    const chainMasks = langevin.dropout
      ? this.decoder.masks(batch, 'chain-word-dropout', 'chain-output-dropout', key)
      : NO_DROPOUT;
    const likelihood = this.decoder.likelihood(batch, chainMasks, this.run.precision);
    const zK = shortRun(likelihood, z0, noise, schedule).z;
    likelihood.dispose();

    // 4. Update theta according to (9): p(z) has no weights, so log p(x, z) learns through log p(x | z) alone.
    const z = tf.tensor2d(zK, [batch.size, this.latentSize]);
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const update = learner.minimize(() => tf.mean(this.decoder.sentenceNll(batch, z, masks)));
    disposeMasks(masks);
    z.dispose();

    const quantities = {
      latentRms: Math.sqrt(zK.reduce((sum, value) => sum + value * value, 0) / size),
      temperature: schedule.temperature,
      stepSize: schedule.stepSizes[0]!,
      ...this.searched,
    };
    return { ...update, quantities };
  }

  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    // A step goes forward and back to z; the update goes forward and back to z and to the weights.
    return this.run.langevin.steps * 2 * latent + words + 3 * (words + latent);
  }

  sentenceNll(): never {
    throw new Error('-log p(x) of a model with a latent code is estimated, not computed');
  }

  likelihood(batch: Batch): BatchLikelihood {
    return this.decoder.likelihood(batch);
  }

  posterior(
    _: Batch,
    likelihood: ConditionalLikelihood,
    keys: SentenceKeys,
    { epoch, pathDraws }: InferenceContext,
  ): ShortRunPosterior {
    const schedule = langevinSchedule(this.run.langevin, epoch, this.stepSize);
    return new ShortRunPosterior(likelihood, schedule, keys, pathDraws);
  }

  state(): Record<string, unknown> {
    return { stepSize: this.stepSize, searched: this.searched };
  }

  restoreState(state: Record<string, unknown>): void {
    this.stepSize = state.stepSize as number | null;
    this.searched = state.searched as Record<string, number>;
  }

  dispose(): void {
    this.parameters.dispose();
  }

  private searchIsDue({ batch, iteration }: Position): boolean {
    const search = this.run.langevin.search;
    if (search === null) return false;
    return search.every === 'epoch' ? batch === 0 : iteration % search.every === 0;
  }

  /** s <- argmax over the grid of Q~ (eq. 12) on a few validation sentences. */
  private updateStepSize(at: Position): void {
    const { langevin, seed, training } = this.run;
    const search = langevin.search!;
    const split = this.corpus.splits.valid;
    const indices = drawSubset(split, search.sentences, seed);
    const likelihoods = equalLengthBatches(split, training.batchSize, { indices }).map((batch) =>
      this.likelihood(batch),
    );
    const { temperature, priorWeight } = langevinSchedule(langevin, at.epoch, null);
    const dynamics = { steps: langevin.steps, temperature, priorWeight };
    const result = searchStepSize(likelihoods, search.grid, dynamics, { seed, ...at });
    for (const likelihood of likelihoods) likelihood.dispose();
    // Where no candidate stayed finite, the step size in use is as good as any.
    this.stepSize = result.best ?? this.stepSize;
    this.searched = Object.fromEntries(
      result.candidates.flatMap(({ stepSize, value, notPositiveDefinite }) => {
        const [bound, folding] = searchColumns(stepSize);
        return [
          [bound, value],
          [folding, notPositiveDefinite],
        ];
      }),
    );
  }
}

/** Of one candidate: Q~, and the share of its chains with a step whose Jacobian is not positive definite. */
function searchColumns(stepSize: number): [bound: string, folding: string] {
  return [`searchQ[${stepSize}]`, `searchFolding[${stepSize}]`];
}

export const sri: Method = {
  name: 'sri',
  label: 'SRI',
  inference: 'short-run',
  create: (run, corpus) => new Sri(run, corpus),
};
