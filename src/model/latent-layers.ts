// Two layers of codes, z2 -> z1 -> x: z2 ~ N(0, I), z1 ~ N(mean(z2), deviation^2 I), and the text from z1 alone. Seen by
// their noise, u = ((z1 - mean(z2)) / deviation, z2), they are one code with the prior N(0, I), which is how the rest of the
// program knows them; their chains move z itself (inference/layered-chain.ts). Without z2 the two are the same.

import * as tf from '@tensorflow/tfjs-core';
import type { Parameters } from './parameters.js';

/** What the names of the weights of p(z1 | z2) begin with. */
export const LAYER_PREFIX = 'layer.';

/** mean(z2) with its derivatives, at one z2. */
export interface MeanExpansion {
  /** `[lower]` */
  mean: Float64Array;
  /** `[lower, upper]` */
  jacobian: Float64Array;
  /** sum_i weights_i d2 mean_i / dz2^2, `[upper, upper]`, of weights `[lower]`. */
  curvature(weights: Float64Array): Float64Array;
}

/** p(z1 | z2) = N(mean(z2), deviation^2 I), its weights held. A code is `[z1, z2]`, in this order. */
export interface LatentLayers {
  /** Dimensions of z1. */
  readonly lower: number;
  /** Dimensions of z2; 0 where there is one layer, whose mean is 0 and whose deviation is 1. */
  readonly upper: number;
  readonly deviation: number;
  /** At the z2 that stands at `z[from ..]`. */
  meanAt(z: ArrayLike<number>, from: number): MeanExpansion;
}

/** One layer. */
export function oneLayer(size: number): LatentLayers {
  const nothing = { mean: new Float64Array(size), jacobian: new Float64Array(0), curvature: () => new Float64Array(0) };
  return { lower: size, upper: 0, deviation: 1, meanAt: () => nothing };
}

/** Codes by the noise that makes them: `[rows, lower + upper]`, u to z. */
export function codesOf(layers: LatentLayers, u: Float32Array): Float32Array {
  return mapRows(layers, u, (value, mean) => mean + layers.deviation * value);
}

/** The noise that makes codes, z to u. */
export function noiseOf(layers: LatentLayers, z: Float32Array): Float32Array {
  return mapRows(layers, z, (value, mean) => (value - mean) / layers.deviation);
}

function mapRows(
  layers: LatentLayers,
  codes: Float32Array,
  lowerOf: (value: number, mean: number) => number,
): Float32Array {
  const { lower, upper } = layers;
  if (upper === 0) return codes.slice();
  const size = lower + upper;
  const out = codes.slice();
  for (let at = 0; at < codes.length; at += size) {
    const { mean } = layers.meanAt(codes, at + lower);
    for (let i = 0; i < lower; i++) out[at + i] = lowerOf(codes[at + i]!, mean[i]!);
  }
  return out;
}

/** mean(z2) = outputKernel' tanh(hiddenKernel' z2 + hiddenBias) + outputBias, a network with one hidden layer. */
export class LayerNetwork {
  private readonly hiddenKernel: tf.Variable<tf.Rank.R2>;
  private readonly hiddenBias: tf.Variable<tf.Rank.R1>;
  private readonly outputKernel: tf.Variable<tf.Rank.R2>;
  private readonly outputBias: tf.Variable<tf.Rank.R1>;

  /**
   * Adds its weights to `parameters`.
   * @param weightRange they start from U(-weightRange, weightRange).
   */
  constructor(
    parameters: Parameters,
    private readonly sizes: { lower: number; upper: number; hidden: number },
    private readonly deviation: number,
    weightRange: number,
  ) {
    const { lower, upper, hidden } = sizes;
    const add = <R extends tf.Rank>(name: string, shape: tf.ShapeMap[R]) =>
      parameters.add<R>(`${LAYER_PREFIX}${name}`, shape, weightRange);
    this.hiddenKernel = add<tf.Rank.R2>('hiddenKernel', [upper, hidden]);
    this.hiddenBias = add<tf.Rank.R1>('hiddenBias', [hidden]);
    this.outputKernel = add<tf.Rank.R2>('outputKernel', [hidden, lower]);
    this.outputBias = add<tf.Rank.R1>('outputBias', [lower]);
  }

  /** mean(z2), `[rows, upper]` to `[rows, lower]`, differentiable in the weights and in z2. */
  mean(upper: tf.Tensor2D): tf.Tensor2D {
    const hidden = tf.tanh(tf.add(tf.matMul(upper, this.hiddenKernel), this.hiddenBias));
    return tf.add(tf.matMul(hidden as tf.Tensor2D, this.outputKernel), this.outputBias);
  }

  /** The layers with the weights as they are now. */
  held(): LatentLayers {
    const { lower, upper, hidden } = this.sizes;
    const [w, b, v, c] = [this.hiddenKernel, this.hiddenBias, this.outputKernel, this.outputBias].map((weight) =>
      Float64Array.from(weight.dataSync()),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    return {
      lower,
      upper,
      deviation: this.deviation,
      meanAt(z, from) {
        const activation = b.slice();
        for (let j = 0; j < upper; j++) {
          for (let h = 0; h < hidden; h++) activation[h]! += z[from + j]! * w[j * hidden + h]!;
        }
        const value = activation.map(Math.tanh);
        const mean = c.slice();
        for (let h = 0; h < hidden; h++) {
          for (let i = 0; i < lower; i++) mean[i]! += value[h]! * v[h * lower + i]!;
        }
        const jacobian = new Float64Array(lower * upper);
        for (let h = 0; h < hidden; h++) {
          const slope = 1 - value[h]! ** 2;
          for (let i = 0; i < lower; i++) {
            const factor = v[h * lower + i]! * slope;
            for (let j = 0; j < upper; j++) jacobian[i * upper + j]! += factor * w[j * hidden + h]!;
          }
        }
        const curvature = (weights: Float64Array) => {
          const out = new Float64Array(upper * upper);
          for (let h = 0; h < hidden; h++) {
            let weight = 0;
            for (let i = 0; i < lower; i++) weight += weights[i]! * v[h * lower + i]!;
            const bend = -2 * value[h]! * (1 - value[h]! ** 2) * weight;
            for (let j = 0; j < upper; j++) {
              const first = bend * w[j * hidden + h]!;
              for (let k = 0; k < upper; k++) out[j * upper + k]! += first * w[k * hidden + h]!;
            }
          }
          return out;
        };
        return { mean, jacobian, curvature };
      },
    };
  }
}
