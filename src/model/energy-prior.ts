// A prior that is learned: p(z) = exp(f(z)) N(z; 0, I) / C, f a small network (Pang, Han, Nijkamp, Zhu and Wu, NeurIPS 2020).
// What is known of it without C is known as a likelihood is: -f is the "NLL" of one sentence under which N(0, I) is the prior
// and p(z) the posterior, so that what samples and weighs posteriors does so with it.

import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../ops/gelu.js';
import { NO_DROPOUT } from './dropout-masks.js';
import type { ConditionalLikelihood } from './likelihood.js';
import type { Parameters } from './parameters.js';
import { PortableLikelihood } from './portable-likelihood.js';

/** What the names of its weights begin with. */
export const ENERGY_PREFIX = 'prior.';

/** f(z): two hidden layers with GELU and a number. */
export class EnergyNetwork {
  private readonly kernels: tf.Variable<tf.Rank.R2>[];
  private readonly biases: tf.Variable<tf.Rank.R1>[];

  /**
   * Adds its weights to `parameters`, divided by `share`. A layer's begin from U(-r, r) with r = 1 / sqrt(its inputs).
   * @param share of a weight that moves as a weight of the model does: with Adam, the network learns at this share of the
   *   rate.
   * @param hessianDifference half the distance of the differences that a Hessian of f is made of.
   */
  constructor(
    parameters: Parameters,
    private readonly latentSize: number,
    hiddenSize: number,
    private readonly share: number,
    private readonly hessianDifference: number,
  ) {
    const sizes = [latentSize, hiddenSize, hiddenSize, 1];
    const layers = sizes.slice(1).map((outputs, layer) => {
      const inputs = sizes[layer]!;
      const range = 1 / Math.sqrt(inputs) / share;
      return {
        kernel: parameters.add<tf.Rank.R2>(`${ENERGY_PREFIX}kernel${layer}`, [inputs, outputs], range),
        bias: parameters.add<tf.Rank.R1>(`${ENERGY_PREFIX}bias${layer}`, [outputs], range),
      };
    });
    this.kernels = layers.map(({ kernel }) => kernel);
    this.biases = layers.map(({ bias }) => bias);
  }

  /** f of each row, `[rows, latent]` to `[rows]`, differentiable in the weights and in z. */
  value(z: tf.Tensor2D): tf.Tensor1D {
    let hidden: tf.Tensor2D = z;
    this.kernels.forEach((kernel, layer) => {
      const affine: tf.Tensor2D = tf.add(
        tf.matMul(hidden, tf.mul(kernel, this.share) as tf.Tensor2D),
        tf.mul(this.biases[layer]!, this.share),
      );
      hidden = layer === this.kernels.length - 1 ? affine : gelu(affine);
    });
    return tf.reshape(hidden, [z.shape[0]]);
  }

  /** Half the sum of the squares of the kernels and biases. */
  halfSquares(): tf.Scalar {
    const sums = [...this.kernels, ...this.biases].map((weight) => tf.sum(tf.square(tf.mul(weight, this.share))));
    return tf.mul(tf.addN(sums), 0.5);
  }

  /** -f as the NLL of one sentence. */
  likelihood(): ConditionalLikelihood {
    const minusValue = (z: tf.Tensor2D): tf.Tensor2D => tf.reshape(tf.neg(this.value(z)), [1, z.shape[0]]);
    return new PortableLikelihood(
      { size: 1, tokens: 1 },
      this.latentSize,
      minusValue,
      NO_DROPOUT,
      this.hessianDifference,
    );
  }

  /** The weights as they are, to tell whether they have changed. */
  weights(): Float32Array[] {
    return [...this.kernels, ...this.biases].map((weight) => weight.dataSync<'float32'>().slice());
  }
}
