// The decoder as a likelihood of z: tensors on one side, the plain numbers that inference and the estimators work with
// on the other.

import * as tf from '@tensorflow/tfjs-core';
import { latentGradient, latentNll, latentTokenNll } from '../../ops/latent-nll.js';
import { posteriorHessian } from '../../ops/posterior-hessian.js';
import type { Precision, SentenceContext } from '../../ops/sentence-context.js';
import { shortRun } from '../../ops/short-run.js';
import type {
  ConditionalLikelihood,
  LangevinSchedule,
  LatentGradient,
  LatentHessian,
  LatentNll,
  ShortRunResult,
} from '../likelihood.js';
import { type Decoder, type DropoutMasks, disposeContext, NO_DROPOUT, type TokenBatch } from './decoder.js';

/** log p(x | z) of one equal-length batch under a decoder. Call `dispose` when done with the batch. */
export class DecoderLikelihood implements ConditionalLikelihood {
  readonly sentences: number;
  readonly latentSize: number;
  readonly words: Int32Array;
  private readonly context: SentenceContext;

  /**
   * @param masks the dropout that inference sees; the likelihood owns and frees them.
   * @param precision of the products inside `shortRun` and `gradient`.
   */
  constructor(
    decoder: Decoder,
    batch: TokenBatch,
    masks: DropoutMasks = NO_DROPOUT,
    private readonly precision: Precision = 'f32',
  ) {
    this.sentences = batch.size;
    this.latentSize = decoder.shape.latentSize;
    this.words = new Int32Array(batch.size).fill(batch.tokens);
    this.context = decoder.context(batch, masks);
    masks.words?.dispose();
  }

  nll(z: Float32Array): LatentNll {
    return tf.tidy(() => ({ nll: latentNll(this.context, this.codes(z)).dataSync<'float32'>() }));
  }

  tokenNll(z: Float32Array): Float32Array {
    return tf.tidy(() => latentTokenNll(this.context, this.codes(z)).dataSync<'float32'>());
  }

  gradient(z: Float32Array): LatentGradient {
    return tf.tidy(() => {
      const { nll, gradient } = latentGradient(this.context, this.codes(z), this.precision);
      return { nll: nll.dataSync<'float32'>(), gradient: gradient.dataSync<'float32'>() };
    });
  }

  hessian(z: Float32Array): LatentHessian {
    return tf.tidy(() => {
      const { nll, gradient, hessian } = posteriorHessian(this.context, this.codes(z));
      return {
        nll: nll.dataSync<'float32'>(),
        gradient: gradient.dataSync<'float32'>(),
        hessian: hessian.dataSync<'float32'>(),
      };
    });
  }

  shortRun(z: Float32Array, noise: Float32Array, schedule: LangevinSchedule, keepPath: boolean): ShortRunResult {
    return tf.tidy(() => {
      const z0 = this.codes(z);
      const eps = tf.tensor3d(noise, [schedule.stepSizes.length, ...z0.shape]);
      const result = shortRun(this.context, z0, eps, schedule, { keepPath, precision: this.precision });
      const end = { z: result.z.dataSync<'float32'>() };
      return result.path === null ? end : { ...end, path: result.path.dataSync<'float32'>() };
    });
  }

  dispose(): void {
    disposeContext(this.context);
  }

  private codes(z: Float32Array): tf.Tensor2D {
    return tf.tensor2d(z, [z.length / this.latentSize, this.latentSize]);
  }
}
