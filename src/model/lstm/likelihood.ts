// The decoder as a likelihood of z: tensors on one side, the plain numbers that inference and the estimators work with
// on the other.

import * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../../config/choices.js';
import { latentGradient, latentNll, latentTokenNll } from '../../ops/latent-nll.js';
import { numbersOf } from '../../ops/numbers.js';
import { posteriorHessian } from '../../ops/posterior-hessian.js';
import type { ContextGradient, SentenceContext } from '../../ops/sentence-context.js';
import { shortRun, shortRunWithGradient } from '../../ops/short-run.js';
import type {
  BatchLikelihood,
  LangevinSchedule,
  LatentGradient,
  LatentHessian,
  LatentNll,
  ShortRunResult,
} from '../likelihood.js';

/** log p(x | z) of one equal-length batch under an LSTM decoder. */
export class LstmLikelihood implements BatchLikelihood {
  readonly sentences: number;
  readonly latentSize: number;
  readonly words: Int32Array;

  /**
   * @param context of the batch; the likelihood owns what is not the decoder's weights of it.
   * @param precision of the products inside `shortRun` and `gradient`.
   * @param wordMask that went into the context's word gates; the likelihood owns it too.
   * @param ofWeights what a gradient in the context is in the weights behind it, whose tensors are the caller's; null where
   *   the context's output layer is not the decoder's own: it is of a few words, and the likelihood's too.
   */
  constructor(
    private readonly context: SentenceContext,
    private readonly precision: Precision,
    private readonly wordMask: tf.Tensor3D | null,
    private readonly ofWeights: ((gradient: ContextGradient) => Map<tf.Variable, tf.Tensor>) | null,
  ) {
    const [tokens, batch] = context.wordGates.shape;
    this.sentences = batch;
    this.latentSize = context.latentKernel.shape[0];
    this.words = new Int32Array(batch).fill(tokens);
  }

  nll(z: Float32Array): LatentNll {
    return numbersOf(() => ({ nll: latentNll(this.context, this.codes(z)).dataSync<'float32'>() }));
  }

  tokenNll(z: Float32Array): Float32Array {
    return numbersOf(() => latentTokenNll(this.context, this.codes(z)).dataSync<'float32'>());
  }

  gradient(z: Float32Array): LatentGradient {
    return numbersOf(() => {
      const { nll, gradient } = latentGradient(this.context, this.codes(z), this.precision);
      return { nll: nll.dataSync<'float32'>(), gradient: gradient.dataSync<'float32'>() };
    });
  }

  hessian(z: Float32Array): LatentHessian {
    return numbersOf(() => {
      const { nll, gradient, hessian } = posteriorHessian(this.context, this.codes(z));
      return {
        nll: nll.dataSync<'float32'>(),
        gradient: gradient.dataSync<'float32'>(),
        hessian: hessian.dataSync<'float32'>(),
      };
    });
  }

  shortRun(z: Float32Array, noise: Float32Array, schedule: LangevinSchedule, keepPath: boolean): ShortRunResult {
    return numbersOf(() => {
      const z0 = this.codes(z);
      const eps = tf.tensor3d(noise, [schedule.stepSizes.length, ...z0.shape]);
      const result = shortRun(this.context, z0, eps, schedule, { keepPath, precision: this.precision });
      const end = { z: result.z.dataSync<'float32'>() };
      return result.path === null ? end : { ...end, path: result.path.dataSync<'float32'>() };
    });
  }

  shortRunWithGradients(z: Float32Array, noise: Float32Array, schedule: LangevinSchedule, weights: Float32Array) {
    const { ofWeights } = this;
    if (ofWeights === null) return null;
    const gradients = new Map<tf.Variable, tf.Tensor>();
    let end: Float32Array | null = null;
    tf.tidy(() => {
      const z0 = this.codes(z);
      const eps = tf.tensor3d(noise, [schedule.stepSizes.length, ...z0.shape]);
      const result = shortRunWithGradient(this.context, z0, eps, schedule, weights, this.precision);
      if (result === null) return;
      end = result.z.dataSync<'float32'>();
      for (const [weight, gradient] of ofWeights(result.gradient)) gradients.set(weight, tf.keep(gradient));
    });
    return end === null ? null : { z: end, gradients };
  }

  dispose(): void {
    const { wordGates, targets, outputMask, outputKernel, outputBias } = this.context;
    tf.dispose([wordGates, targets]);
    if (this.ofWeights === null) tf.dispose([outputKernel, outputBias]);
    outputMask?.dispose();
    this.wordMask?.dispose();
  }

  private codes(z: Float32Array): tf.Tensor2D {
    return tf.tensor2d(z, [z.length / this.latentSize, this.latentSize]);
  }
}
