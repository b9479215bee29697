// What a row of Table 1 is to the rest of the program: a model that knows how to learn from a batch and how x is turned
// into z. The training loop, the checkpoints and every evaluation are written against this and know no method.

import type * as tf from '@tensorflow/tfjs-core';
import type { MethodName, RunConfig } from '../config/schema.js';
import type { Batch } from '../data/batches.js';
import type { PreparedCorpus } from '../data/corpus.js';
import type { DecoderLikelihood } from '../inference/decoder-likelihood.js';
import type { LangevinSchedule } from '../inference/likelihood.js';
import type { Parameters } from '../model/parameters.js';

/** Where in its run a model is. */
export interface Position {
  /** From 1. */
  epoch: number;
  /** Batches before this one in the epoch. */
  batch: number;
  /** Updates before this one in the run. */
  iteration: number;
}

/** One step of gradient descent on a loss: what a method may do to its weights. */
export interface Learner {
  /**
   * Takes the loss's gradient in every weight, clips it, and lets the optimizer step.
   * @param loss a scalar, nats.
   * @throws DivergenceError, before any weight is touched, if the loss or the gradient's norm is not finite.
   */
  minimize(loss: () => tf.Scalar): Update;
}

export interface Update {
  /** The loss's value, nats. */
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
}

/** What one iteration has to say for metrics.csv. */
export interface Iteration extends Update {
  /** A column each; every name is one of the model's `quantities`. */
  quantities: Record<string, number>;
}

export interface Model {
  readonly parameters: Parameters;
  /** 0 for a model without z. */
  readonly latentSize: number;
  /** The names of the quantities that `learn` reports. */
  readonly quantities: readonly string[];

  /** Learns from one batch. */
  learn(batch: Batch, at: Position, learner: Learner): Iteration;

  /** Floating-point operations of `learn` on such a batch, for the share of the machine's peak. */
  flops(batch: Pick<Batch, 'size' | 'tokens'>): number;

  /** -log p(x) of each sentence, nats; for a model without z, where it is exact. No dropout. */
  sentenceNll(batch: Batch): Float32Array;

  /** log p(x | z) of a batch, for a model with z; no dropout. The caller disposes it. */
  likelihood(batch: Batch): DecoderLikelihood;

  /** The dynamics by which the model infers z after this epoch (from 1); null for a model that has another way or no z. */
  schedule(epoch: number): LangevinSchedule | null;

  /** What a checkpoint must hold besides weights and optimizer. */
  state(): Record<string, unknown>;
  restoreState(state: Record<string, unknown>): void;

  dispose(): void;
}

export interface Method {
  readonly name: MethodName;
  /** A model with its initial weights. */
  create(run: RunConfig, corpus: PreparedCorpus): Model;
}
