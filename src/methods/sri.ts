// SRI: the generator trained by short-run inference. `learn` is Algorithm 1 of Pang, Nijkamp, Han and Wu (EACL 2021),
// its lines numbered as there. The paper's setting (one step size, found by search; full noise) and that of the
// released code (a list of step sizes; a temperature that rises; gradients of the whole path) are configurations of it.

import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.js';
import { type Batch, drawSubset, equalLengthBatches } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { type SearchWarning, searchDynamics } from '../inference/dynamics-search.js';
import { LANGEVIN_DEFAULTS, type Langevin, langevin, lastTemperature } from '../inference/langevin-keys.js';
import { langevinSchedule, type Moment, stepsPerGradient } from '../inference/schedule.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import { ShortRunPosterior } from '../inference/short-run-posterior.js';
import { createDecoder } from '../model/decoders.js';
import { disposeMasks } from '../model/dropout-masks.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import { Parameters } from '../model/parameters.js';
import { inWholeTiles, type SampledVocabulary, sampleVocabulary } from '../model/sampled-vocabulary.js';
import { inPrecision } from '../ops/precision.js';
import { RandomStream, type StreamKey } from '../random/philox.js';
import { rootMeanSquare } from '../statistics.js';
import { chainMasks } from './chain-masks.js';
import { defineMethod } from './define-method.js';
import type { InferenceContext, Iteration, LatentVariableModel, Learner, Position } from './method.js';
import { codeWeights, teachingShortRun } from './path-gradients.js';

/** SRI's own keys. */
export type SriKeys = { langevin: Langevin };

class Sri implements LatentVariableModel {
  readonly hasLatent = true;
  readonly latentSize: number;
  readonly parameters: Parameters;
  readonly quantities: readonly string[];
  readonly decoder: LatentDecoder;
  /** What the last search chose to differ from the configured dynamics; nothing where none has run. */
  private chosen: SearchedDynamics = {};
  /** What the last search found of each candidate, by column. */
  private searched: Record<string, number> = {};
  /** By this process; one that goes on may say it once more. */
  private readonly warnedOf = new Set<SearchWarning['about']>();

  constructor(
    private readonly run: RunConfig<SriKeys>,
    private readonly corpus: PreparedCorpus,
  ) {
    const { model, seed } = run;
    this.latentSize = model.latentSize;
    this.quantities = ['latentRms', 'temperature', 'stepSize', ...searchColumns(run.langevin.search)];
    this.parameters = new Parameters(seed);
    this.decoder = createDecoder(this.parameters, run, corpus.vocabulary.size);
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const { seed } = this.run;
    const key = { seed, epoch: at.epoch, batch: at.batch };

    // 1. Draw observed examples x_i: the batch.

    // 5., for the coming iterations: every T_s iterations, update s.
    const said = this.searchIsDue(at) ? this.updateDynamics(at) : [];
    const langevin = this.dynamics;
    const schedule = langevinSchedule(langevin, momentOf(at));

    // 2. Draw latent vectors z_{i,0} ~ p(z).
    const size = batch.size * this.latentSize;
    const z0 = new RandomStream({ ...key, purpose: 'chain-start' }).normals(size);

    // 3. Infer z_{i,K} by K steps of dynamics (7) with step size s.
    const noise = new RandomStream({ ...key, purpose: 'chain-noise' }).normals(schedule.stepSizes.length * size);
    const weights = codeWeights(langevin, batch.size, key);
    const likelihood = this.decoder.likelihood(batch, chainMasks(this.decoder, batch, key, langevin.dropout), {
      precision: this.run.precision,
      vocabulary: this.chainVocabulary(batch, key),
    });
    const chain = { z0, noise, schedule };
    const { z: zK, gradients } = inPrecision(this.run.precision, () =>
      teachingShortRun(this, batch, likelihood, chain, weights.path, () =>
        chainMasks(this.decoder, batch, key, langevin.dropout),
      ),
    );
    likelihood.dispose();

    // 4. Update theta according to (9): p(z) has no weights, so log p(x, z) learns through log p(x | z) alone. Where the
    // path teaches as well as its end, the gradients of its codes are added.
    const z = tf.tensor2d(zK, [batch.size, this.latentSize]);
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', key);
    const update = learner.minimize(
      () => tf.mul(tf.mean(this.decoder.sentenceNll(batch, z, masks)), weights.end),
      undefined,
      gradients,
    );
    disposeMasks(masks);
    tf.dispose([z, ...gradients.values()]);

    const quantities = {
      latentRms: rootMeanSquare(zK),
      temperature: schedule.temperature,
      stepSize: schedule.stepSizes[0]! / stepsPerGradient(langevin)[0]!,
      ...this.searched,
    };
    const warning = said.length === 0 ? {} : { warning: `the search of epoch ${at.epoch}: ${said.join('; ')}` };
    return { ...update, loss: update.loss / weights.end, quantities, ...warning };
  }

  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    const { learnFrom, vocabulary } = this.run.langevin;
    const gradients = stepsPerGradient(this.dynamics).length;
    // What the targets add to a vocabulary's sample is little.
    const kept = vocabulary === null ? this.corpus.vocabulary.size : vocabulary.frequent + vocabulary.sampled;
    const inChain = this.decoder.flops(batch, Math.min(kept, this.corpus.vocabulary.size)).latent;
    // A gradient of the chain goes forward and back to z; the update goes forward and back to z and to the weights.
    const chain = gradients * 2 * inChain + words;
    // Where the chain has been forward and back, the weights' gradient is one product more; the words have theirs once.
    const points = typeof learnFrom === 'object' ? Math.min(learnFrom.points, gradients) : gradients;
    const ofPath = learnFrom === 'end' ? 0 : points * latent + 2 * words;
    return chain + ofPath + 3 * (words + latent);
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
    const langevin = this.dynamics;
    const schedule = langevinSchedule(langevin, { epoch, done: 1 });
    const temperature = langevin.evaluationTemperature ?? schedule.temperature;
    return new ShortRunPosterior(likelihood, { ...schedule, temperature }, keys, pathDraws);
  }

  state(): Record<string, unknown> {
    return { chosen: this.chosen, searched: this.searched };
  }

  restoreState(state: Record<string, unknown>): void {
    this.chosen = state.chosen as SearchedDynamics;
    this.searched = state.searched as Record<string, number>;
  }

  dispose(): void {
    this.parameters.dispose();
  }

  /** The words that the softmax inside a batch's chain sums over, drawn once for all of its steps; null for all. */
  private chainVocabulary(batch: Batch, key: Omit<StreamKey, 'purpose'>): SampledVocabulary | null {
    const { vocabulary } = this.run.langevin;
    if (vocabulary === null) return null;
    const streamKey = { ...key, purpose: 'chain-vocabulary' as const };
    const V = this.corpus.vocabulary.size;
    return inWholeTiles(sampleVocabulary(batch.targets, V, vocabulary, streamKey), V);
  }

  private searchIsDue({ batch, iteration }: Position): boolean {
    const search = this.run.langevin.search;
    if (search === null) return false;
    return search.every === 'epoch' ? batch === 0 : iteration % search.every === 0;
  }

  /** The configured dynamics with what the last search chose. */
  private get dynamics(): Langevin {
    return changedDynamics(this.run.langevin, this.chosen);
  }

  /**
   * s, and what else the grid says, <- argmax of Q~ (eq. 12), or of another criterion, on a few validation sentences.
   * @returns what is to be known of the choice and was not said of an earlier one: metrics.csv tells how it goes on.
   */
  private updateDynamics(at: Position): string[] {
    const { langevin, seed, training } = this.run;
    const search = langevin.search!;
    const split = this.corpus.splits.valid;
    const indices = drawSubset(split, search.sentences, seed);
    const batches = equalLengthBatches(split, training.batchSize, { indices });
    const likelihoods = Array.from(batches, (batch) => this.likelihood(batch));
    const candidates = search.grid.map((entry) => ({
      label: labelOf(entry),
      schedule: langevinSchedule(changedDynamics(langevin, changesOf(entry)), momentOf(at)),
    }));
    const result = searchDynamics(likelihoods, candidates, search, { seed, ...at });
    for (const likelihood of likelihoods) likelihood.dispose();
    // Where no candidate stayed finite, the dynamics in use are as good as any.
    if (result.best !== null) this.chosen = changesOf(search.grid[result.best]!);
    const found = result.candidates.flatMap(({ value, perplexity, notPositiveDefinite }) =>
      search.criterion === 'bound' ? [value, notPositiveDefinite] : [perplexity],
    );
    this.searched = Object.fromEntries(searchColumns(search).map((column, i) => [column, found[i]!]));
    const news = result.warnings.filter(({ about }) => !this.warnedOf.has(about));
    for (const { about } of news) this.warnedOf.add(about);
    return news.map(({ text }) => text);
  }
}

type Search = NonNullable<Langevin['search']>;
type SearchedDynamics = Exclude<Search['grid'][number], number>;

/** A number in the grid is a step size. */
function changesOf(entry: Search['grid'][number]): SearchedDynamics {
  return typeof entry === 'number' ? { stepSize: entry } : entry;
}

/** `0.1`, or `stepSize=0.1 steps=10`. */
function labelOf(entry: Search['grid'][number]): string {
  if (typeof entry === 'number') return String(entry);
  return Object.entries(entry)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** Another number of steps has a gradient a step: how they should share does not follow from how the configured do. */
function changedDynamics(langevin: Langevin, changes: SearchedDynamics): Langevin {
  const { steps = langevin.steps, stepSize = langevin.stepSize, temperature = langevin.temperature } = changes;
  const gradients = steps === langevin.steps ? langevin.gradients : null;
  return { ...langevin, steps, stepSize, temperature, gradients };
}

function momentOf({ epoch, batch, batches }: Position): Moment {
  return { epoch, done: batch / batches };
}

/**
 * Of each candidate: Q~, nats a sentence, and the share of its chains with a step whose Jacobian is not positive definite;
 * or its perplexity.
 */
function searchColumns(search: Langevin['search']): string[] {
  if (search === null) return [];
  const names = search.criterion === 'bound' ? ['searchQ', 'searchFolding'] : ['searchPpl'];
  return search.grid.flatMap((entry) => names.map((name) => `${name}[${labelOf(entry)}]`));
}

export const sri = defineMethod({
  name: 'sri',
  label: 'SRI',
  inference: 'short-run',
  config: { langevin },
  defaults: { langevin: LANGEVIN_DEFAULTS },
  variations: {
    steps: {
      key: () => 'langevin.steps',
      of: ({ langevin }) => langevin.steps,
      // A gradient a step: how its steps should share gradients does not follow from how the setting's do.
      to: (steps) => ({ langevin: { steps, gradients: null } }),
      follow: ['langevin.steps', 'langevin.stepSize', 'langevin.gradients'],
    },
    temperature: lastTemperature('langevin', ({ langevin }: SriKeys) => langevin.temperature),
  },
  selects: 'perplexity',
  cost: ({ langevin }) => ({ drawGradients: stepsPerGradient(langevin).length }),
  create: (run, corpus) => new Sri(run, corpus),
});
