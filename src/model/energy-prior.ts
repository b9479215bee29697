// A prior that is learned: p(z) = exp(f(z)) N(z; 0, I) / C, f a small network (Pang, Han, Nijkamp, Zhu and Wu, NeurIPS 2020).
// What is known of it without C is known as a likelihood is: -f is the "NLL" of one sentence under which N(0, I) is the prior
// and p(z) the posterior, so that what samples and weighs posteriors does so with it.

import * as tf from '@tensorflow/tfjs-core';
import { gelu, geluWithSlope } from '../ops/gelu.js';
import { NO_DROPOUT } from './dropout-masks.js';
import type { ConditionalLikelihood, LatentGradient } from './likelihood.js';
import type { Parameters } from './parameters.js';
import { PortableLikelihood } from './portable-likelihood.js';

/** What the names of its weights begin with. */
export const ENERGY_PREFIX = 'prior.';

/** f of rows of codes, with weights that are learned. */
export interface Energy {
  /** f of each row, `[rows, latent]` to `[rows]`, differentiable in the weights and in z. */
  value(z: tf.Tensor2D): tf.Tensor1D;
  /** f and df/dz of each row, `[rows]` and `[rows, latent]`: short runs ask for little else, so both come in closed form. */
  valueAndSlope(z: tf.Tensor2D): ValueAndSlope;
  /** Half the sum of the squares of the weights. */
  halfSquares(): tf.Scalar;
}

/** f and df/dz of rows of codes. */
export interface ValueAndSlope {
  /** `[rows]` */
  value: tf.Tensor1D;
  /** `[rows, latent]` */
  slope: tf.Tensor2D;
}

/** f(z): two hidden layers with GELU and a number. */
export class EnergyNetwork implements Energy {
  private readonly kernels: tf.Variable<tf.Rank.R2>[];
  private readonly biases: tf.Variable<tf.Rank.R1>[];

  /**
   * Adds its weights to `parameters`, divided by `share`. A layer's begin from U(-r, r) with r = 1 / sqrt(its inputs).
   * @param share of a weight that moves as a weight of the model does: with Adam, the network learns at this share of the
   *   rate.
   * @param name what its weights' names have behind {@link ENERGY_PREFIX}, where there is more than one network.
   */
  constructor(
    parameters: Parameters,
    { latent, hidden }: { latent: number; hidden: number },
    private readonly share: number,
    name = '',
  ) {
    const sizes = [latent, hidden, hidden, 1];
    const layers = sizes.slice(1).map((outputs, layer) => {
      const inputs = sizes[layer]!;
      const range = 1 / Math.sqrt(inputs) / share;
      return {
        kernel: parameters.add<tf.Rank.R2>(`${ENERGY_PREFIX}${name}kernel${layer}`, [inputs, outputs], range),
        bias: parameters.add<tf.Rank.R1>(`${ENERGY_PREFIX}${name}bias${layer}`, [outputs], range),
      };
    });
    this.kernels = layers.map(({ kernel }) => kernel);
    this.biases = layers.map(({ bias }) => bias);
  }

  value(z: tf.Tensor2D): tf.Tensor1D {
    let hidden: tf.Tensor2D = z;
    this.kernels.forEach((_, layer) => {
      const affine = this.affine(hidden, layer);
      hidden = layer === this.kernels.length - 1 ? affine : gelu(affine);
    });
    return tf.reshape(hidden, [z.shape[0]]);
  }

  valueAndSlope(z: tf.Tensor2D): ValueAndSlope {
    const hiddenLayers = this.kernels.length - 1;
    const slopes: tf.Tensor2D[] = [];
    let hidden: tf.Tensor2D = z;
    for (let layer = 0; layer < hiddenLayers; layer++) {
      const { value, slope } = geluWithSlope(this.affine(hidden, layer));
      slopes.push(slope);
      hidden = value;
    }
    const value = tf.reshape<tf.Rank.R1>(this.affine(hidden, hiddenLayers), [z.shape[0]]);
    let slope: tf.Tensor2D = tf.mul(tf.transpose(this.kernels[hiddenLayers]!), this.share);
    for (let layer = hiddenLayers - 1; layer >= 0; layer--) {
      slope = tf.matMul(tf.mul(slope, slopes[layer]!), this.kernels[layer]!, false, true);
      slope = tf.mul(slope, this.share);
    }
    return { value, slope };
  }

  /** Scaled behind the product, which has far fewer numbers than the kernel. */
  private affine(inputs: tf.Tensor2D, layer: number): tf.Tensor2D {
    return tf.mul(tf.add(tf.matMul(inputs, this.kernels[layer]!), this.biases[layer]!), this.share);
  }

  halfSquares(): tf.Scalar {
    const sums = [...this.kernels, ...this.biases].map((weight) => tf.sum(tf.square(tf.mul(weight, this.share))));
    return tf.mul(tf.addN(sums), 0.5);
  }
}

/** f(z1, z2) = f1(z1) + f2(z2) of codes `[z1, z2]`, a term a layer (Cui, Wu and Han, CVPR 2023). */
export class LayeredEnergy implements Energy {
  private readonly ofLower: EnergyNetwork;
  /** Null where there is one layer. */
  private readonly ofUpper: EnergyNetwork | null;

  /** Adds the weights of both networks to `parameters`, as {@link EnergyNetwork} does. */
  constructor(
    parameters: Parameters,
    private readonly sizes: { lower: number; upper: number; hidden: number },
    share: number,
  ) {
    const { lower, upper, hidden } = sizes;
    this.ofLower = new EnergyNetwork(parameters, { latent: lower, hidden }, share);
    this.ofUpper = upper === 0 ? null : new EnergyNetwork(parameters, { latent: upper, hidden }, share, 'upper.');
  }

  value(z: tf.Tensor2D): tf.Tensor1D {
    const { lower, upper } = this.sizes;
    if (this.ofUpper === null) return this.ofLower.value(z);
    const [z1, z2] = tf.split(z, [lower, upper], 1) as [tf.Tensor2D, tf.Tensor2D];
    return tf.add(this.ofLower.value(z1), this.ofUpper.value(z2));
  }

  valueAndSlope(z: tf.Tensor2D): ValueAndSlope {
    const { lower, upper } = this.sizes;
    if (this.ofUpper === null) return this.ofLower.valueAndSlope(z);
    const [z1, z2] = tf.split(z, [lower, upper], 1) as [tf.Tensor2D, tf.Tensor2D];
    const [ofLower, ofUpper] = [this.ofLower.valueAndSlope(z1), this.ofUpper.valueAndSlope(z2)];
    return { value: tf.add(ofLower.value, ofUpper.value), slope: tf.concat([ofLower.slope, ofUpper.slope], 1) };
  }

  halfSquares(): tf.Scalar {
    const ofLower = this.ofLower.halfSquares();
    return this.ofUpper === null ? ofLower : tf.add(ofLower, this.ofUpper.halfSquares());
  }
}

/** f as a tilt takes it: its slope is found by automatic differentiation where it does not bring one. */
export type Tilting = Pick<Energy, 'value'> & Partial<Pick<Energy, 'valueAndSlope'>>;

/**
 * -f as the NLL of one sentence.
 * @param energy f of rows `[rows, latentSize]`, of plain tfjs ops.
 * @param hessianDifference half the distance of the differences that a Hessian of f is made of.
 */
export function tiltOf(energy: Tilting, latentSize: number, hessianDifference: number): ConditionalLikelihood {
  const nll = (z: tf.Tensor2D): tf.Tensor2D => tf.reshape(tf.neg(energy.value(z)), [1, z.shape[0]]);
  const gradient = (z: tf.Tensor2D): LatentGradient => {
    const { value, slope } = energy.valueAndSlope!(z);
    return { nll: tf.neg(value).dataSync<'float32'>(), gradient: tf.neg(slope).dataSync<'float32'>() };
  };
  const known = energy.valueAndSlope === undefined ? undefined : gradient;
  return new PortableLikelihood({ size: 1, tokens: 1 }, latentSize, nll, NO_DROPOUT, hessianDifference, known);
}
