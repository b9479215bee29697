// What inference and evaluation know of a model: log p(x | z) of a few sentences, as a function of z.
// Everything about Langevin chains, densities and perplexity is written against this interface, so that the
// same code runs on an LSTM decoder and, in the tests, on models whose answers are known in closed form.

import type * as tf from '@tensorflow/tfjs-core';

/** NLL(z) = -log p(x | z) in nats, summed over each sentence's words and `</s>`. */
export interface LatentNll {
  /** [draws * sentences], row `draw * sentences + sentence`. */
  nll: Float32Array;
}

export interface LatentGradient extends LatentNll {
  /** dNLL/dz, [draws * sentences, latentSize]. */
  gradient: Float32Array;
}

export interface LatentHessian extends LatentGradient {
  /** d2NLL/dz2, [draws * sentences, latentSize, latentSize], symmetric. */
  hessian: Float32Array;
}

/**
 * The conditional likelihood of B sentences. Latent codes come as `[draws, sentences, latentSize]`, flat:
 * any whole number of draws for each of the sentences, draw by draw.
 */
export interface ConditionalLikelihood {
  /** B. */
  readonly sentences: number;
  /** Z. */
  readonly latentSize: number;
  /** Words of each sentence, counting `</s>`; [sentences]. */
  readonly words: Int32Array;
  /**
   * The prior, where it is not N(0, I): its ratio to it, but for a constant, as the exp(-NLL) of one sentence, whose tokens
   * mean nothing. Absent for N(0, I).
   */
  readonly prior?: ConditionalLikelihood;
  nll(z: Float32Array): LatentNll;
  /** The NLL of each word and of `</s>`, nats; [tokens, draws * sentences]. */
  tokenNll(z: Float32Array): Float32Array;
  gradient(z: Float32Array): LatentGradient;
  hessian(z: Float32Array): LatentHessian;
  /**
   * K Langevin steps (ARCHITECTURE.md, "The chain"; eq. 7 of Pang et al. 2021 with temperature) for every row of z.
   * Present where the model has something faster than calling `gradient` K times.
   */
  shortRun?(z: Float32Array, noise: Float32Array, schedule: LangevinSchedule, keepPath: boolean): ShortRunResult;
}

/** A likelihood that holds something of its batch; whoever asked for it gives it back. */
export interface BatchLikelihood extends ConditionalLikelihood {
  /**
   * A short run, and along it sum_k weights_k dNLL(z_k)/dtheta for k = 0 .. K-1, NLL summed over the rows, theta being the
   * model's weights. Present where the model has something faster than a pass of its own for each z_k.
   * @param weights [K].
   * @returns z_K, and the gradients, which are the caller's to dispose; null where the backend leaves nothing to gain.
   */
  shortRunWithGradients?(
    z: Float32Array,
    noise: Float32Array,
    schedule: LangevinSchedule,
    weights: Float32Array,
  ): { z: Float32Array; gradients: Map<tf.Variable, tf.Tensor> } | null;
  /** Frees what it holds, the dropout masks too; the model's weights stay. */
  dispose(): void;
}

/**
 * The dynamics z <- z - s_k (priorWeight z + dNLL/dz) + temperature sqrt(2 s_k) eps_k, for k = 0..K-1. Where steps of a
 * configuration share a gradient, they are one step here, and K counts the gradients.
 */
export interface LangevinSchedule {
  /** s_k, one for each of the K steps. */
  stepSizes: Float32Array;
  /** tau: 1 in the paper's equation 7; 0 is gradient descent. */
  temperature: number;
  /** Weight of the prior's term z in the drift; 1 but where a source anneals it. */
  priorWeight: number;
}

export interface ShortRunResult {
  /** z_K, [draws * sentences, latentSize]. */
  z: Float32Array;
  /** z_0 .. z_K, [K + 1, draws * sentences, latentSize]; present when asked for. */
  path?: Float32Array;
}
