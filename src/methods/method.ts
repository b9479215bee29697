// What a method makes: a model that knows how to learn from a batch and how x is turned into z. The training loop, the checkpoints and every evaluation are written against this and know no method.

import type * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batches.js';
import type { Posterior } from '../inference/posterior.js';
import type { SentenceKeys } from '../inference/sentence-noise.js';
import type { LatentDecoder } from '../model/latent-decoder.js';
import type { BatchLikelihood, ConditionalLikelihood } from '../model/likelihood.js';
import type { Parameters } from '../model/parameters.js';

/** Where in its run a model is. */
export interface Position {
  /** From 1. */
  epoch: number;
  /** Batches before this one in the epoch. */
  batch: number;
  /** Batches of the epoch. */
  batches: number;
  /** Updates before this one in the run. */
  iteration: number;
}

/** One step of gradient descent on a loss: what a method may do to its weights. */
export interface Learner {
  /**
   * Takes the loss's gradient in the weights, clips it, and lets the optimizer step.
   * @param loss a scalar, nats; of several losses, for the sake of memory, the gradients are taken in turn and summed.
   * @param only the weights that may change, by name; all unless given.
   * @param added a gradient that is known already, by the weights' names: of a loss that is none of these. It counts in
   *   all that follows, the norm and the clipping too; the tensors stay the caller's.
   * @param clipBy the weights whose gradients' norm decides on the clipping; those that may change unless given.
   * @param clipNorm the largest norm that is let through; the optimizer's unless given.
   * @throws DivergenceError, before any weight is touched, if the loss or the gradient's norm is not finite.
   */
  minimize(
    loss: (() => tf.Scalar) | readonly (() => tf.Scalar)[],
    only?: (name: string) => boolean,
    added?: ReadonlyMap<string, tf.Tensor>,
    clipBy?: (name: string) => boolean,
    clipNorm?: number,
  ): Update;
}

export interface Update {
  /** The loss's value, nats; without that whose gradient was added. */
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
}

/** What one iteration has to say for metrics.csv. */
export interface Iteration extends Update {
  /** A column each; every name is one of the model's `quantities`. */
  quantities: Record<string, number>;
  /** What is to be known of how training goes, where it has just turned out: said, not written to metrics.csv. */
  warning?: string;
}

/**
 * How a method turns x into z: by short runs, with an encoder's Gaussian, as a single point, or not at all where there is
 * no z.
 */
export type Inference = 'none' | 'short-run' | 'gaussian' | 'point';

export interface InferenceContext {
  /** The epoch whose inference is meant, from 1. */
  epoch: number;
  /** The first so many short runs of each sentence can have their density asked for. */
  pathDraws: number;
}

/** What every model can do: learn, and be saved. */
interface TrainableModel {
  readonly parameters: Parameters;
  readonly decoder: LatentDecoder;
  /** The names of the quantities that `learn` reports. */
  readonly quantities: readonly string[];

  /** Learns from one batch. */
  learn(batch: Batch, at: Position, learner: Learner): Iteration;

  /** Floating-point operations of `learn` on such a batch, for the share of the machine's peak. */
  flops(batch: Pick<Batch, 'size' | 'tokens'>): number;

  /** What a checkpoint must hold besides weights and optimizer. */
  state(): Record<string, unknown>;
  restoreState(state: Record<string, unknown>): void;

  dispose(): void;
}

/** A model without z, whose likelihood is exact. */
export interface LanguageModel extends TrainableModel {
  readonly hasLatent: false;

  /** -log p(x) of each sentence, nats. No dropout. */
  sentenceNll(batch: Batch): Float32Array;
}

/** A model with z, which it infers; -log p(x) is for the estimators to say. */
export interface LatentVariableModel extends TrainableModel {
  readonly hasLatent: true;
  readonly latentSize: number;

  /**
   * p(z), where it is not N(0, I), as `ConditionalLikelihood.prior` is: the same object until the weights change. The
   * likelihoods of batches bear it too.
   */
  prior?(): ConditionalLikelihood;

  /** log p(x | z) of a batch; no dropout. The caller disposes it. */
  likelihood(batch: Batch): BatchLikelihood;

  /**
   * q(z | x) of a batch; good for as long as the likelihood is.
   * @param likelihood the batch's own.
   */
  posterior(batch: Batch, likelihood: ConditionalLikelihood, keys: SentenceKeys, context: InferenceContext): Posterior;
}

export type Model = LanguageModel | LatentVariableModel;
