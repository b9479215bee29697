// LSTM-LM: the decoder without z, by maximum likelihood; GRU-LM or Transformer-LM where `model.decoder` says so. The row
// every latent-variable model is held against.

import * as tf from '@tensorflow/tfjs-core';
import type { RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { createDecoder, languageModelLabel } from '../model/decoders.js';
import { disposeMasks } from '../model/dropout-masks.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import { Parameters } from '../model/parameters.js';
import { numbersOf } from '../ops/numbers.js';
import { defineMethod } from './define-method.js';
import type { Iteration, LanguageModel, Learner, Position } from './method.js';

class LstmLm implements LanguageModel {
  readonly hasLatent = false;
  readonly quantities = [];
  readonly parameters: Parameters;
  readonly decoder: LatentDecoder;

  constructor(
    private readonly run: RunConfig,
    corpus: PreparedCorpus,
  ) {
    this.parameters = new Parameters(run.seed);
    this.decoder = createDecoder(this.parameters, run, corpus.vocabulary.size, 0);
  }

  learn(batch: Batch, at: Position, learner: Learner): Iteration {
    const masks = this.decoder.masks(batch, 'word-dropout', 'output-dropout', { seed: this.run.seed, ...at });
    const update = learner.minimize(() => tf.mean(this.decoder.sentenceNll(batch, null, masks)));
    disposeMasks(masks);
    return { ...update, quantities: {} };
  }

  flops(batch: Pick<Batch, 'size' | 'tokens'>): number {
    const { words, latent } = this.decoder.flops(batch);
    return 3 * (words + latent);
  }

  sentenceNll(batch: Batch): Float32Array {
    return numbersOf(() => this.decoder.sentenceNll(batch, null).dataSync<'float32'>());
  }

  state(): Record<string, unknown> {
    return {};
  }

  restoreState(): void {}

  dispose(): void {
    this.parameters.dispose();
  }
}

export const lstmLm = defineMethod({
  name: 'lstm-lm',
  label: 'LSTM-LM',
  labelOf: ({ model }) => languageModelLabel(model),
  inference: 'none',
  config: {},
  defaults: {},
  selects: 'perplexity',
  create: (run, corpus) => new LstmLm(run, corpus),
});
