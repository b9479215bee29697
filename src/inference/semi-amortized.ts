// Semi-amortized inference (Kim et al. 2018): the encoder's Gaussian is only where a few steps of gradient ascent on the
// ELBO start. To train through them, their adjoint needs second derivatives: in the code they come from differences of
// gradients along a direction, as in the paper, but centred and with a step that single precision can bear.

import type { ConditionalLikelihood } from '../model/likelihood.js';
import { joined } from '../typed-arrays.js';
import type { DiagonalGaussian } from './posterior.js';

export interface ElboOptions {
  /** beta, the weight of the KL. */
  klWeight: number;
  /** What each sentence's negative ELBO is divided by. */
  scale: number;
}

export interface RefinementOptions extends ElboOptions {
  steps: number;
  learningRate: number;
  momentum: number;
  /**
   * Half the distance of the adjoint's difference quotients, in units of lambda or z. Their error goes with its square, and
   * that of single precision with its inverse: at 0.01 both are about 1e-4. (The source takes 1e-5 on one side.)
   */
  difference: number;
  /** Whose loss a step descends: a sentence's own, or the mean over the batch. */
  scope: 'sentence' | 'batch';
  /**
   * Largest norm of what is clipped as one: with the scope `sentence` each sentence's gradient in (mean, log variance), with
   * `batch` the gradient in the means of all sentences, and that in their log variances.
   */
  clipNorm: number;
  /**
   * The source averages over the batch before it takes its steps; a fixed number in its place, with the scope `sentence`,
   * leaves a sentence's code to itself, whatever else is in its batch.
   */
  scale: number;
}

/** What a refinement went through, for its adjoint. */
export interface Refinement {
  /** After the last step. */
  gaussian: DiagonalGaussian;
  /** Before each step. */
  visited: DiagonalGaussian[];
  /** The gradient there before clipping, (mean, log variance), `[2, sentences, latentSize]`. */
  gradients: Float64Array[];
  /** eps of each step, `[sentences, latentSize]`. */
  noise: Float32Array[];
}

/**
 * lambda_{k+1} = lambda_k - learningRate v_{k+1}, v_{k+1} = momentum v_k + clip(g(lambda_k)), where lambda = (mean, log
 * variance) of each sentence and g is the gradient of (NLL(mean + exp(log variance / 2) eps_k) + klWeight KL) / scale.
 *
 * @param noise `[steps, sentences, latentSize]`.
 */
export function refine(
  likelihood: ConditionalLikelihood,
  start: DiagonalGaussian,
  noise: Float32Array,
  options: RefinementOptions,
): Refinement {
  const { steps, learningRate, momentum } = options;
  const size = start.mean.length;
  const result: Refinement = { gaussian: start, visited: [], gradients: [], noise: [] };
  const velocity = new Float64Array(2 * size);
  for (let k = 0; k < steps; k++) {
    const at = result.gaussian;
    const eps = noise.subarray(k * size, (k + 1) * size);
    const { gradient } = negativeElbo(likelihood, at, eps, options);
    result.visited.push(at);
    result.gradients.push(gradient);
    result.noise.push(eps);
    const clipped = clip(gradient, likelihood, options);
    for (let i = 0; i < 2 * size; i++) velocity[i] = momentum * velocity[i]! + clipped[i]!;
    result.gaussian = {
      mean: at.mean.map((value, i) => value - learningRate * velocity[i]!),
      logVariance: at.logVariance.map((value, i) => value - learningRate * velocity[size + i]!),
    };
  }
  return result;
}

/** Where in z the decoder's weights were read by a step: NLL(plus) - NLL(minus), weighted, is what the step's output owes them. */
export interface DecoderProbe {
  /** `[sentences, latentSize]`. */
  plus: Float32Array;
  minus: Float32Array;
  /** [sentences] */
  weight: Float32Array;
}

export interface RefinementAdjoint {
  /** dL/d(mean, log variance) at the start. */
  start: DiagonalGaussian;
  /**
   * One for each step: dL/d(decoder's weights), but for the loss's own, is the gradient of
   * sum over probes and sentences of weight (NLL(plus) - NLL(minus)).
   */
  probes: DecoderProbe[];
}

/**
 * The derivative of a loss of the refined (mean, log variance) through all steps of the refinement.
 * @param end dL/d(mean, log variance) after the last step, `[2, sentences, latentSize]`.
 */
export function refinementAdjoint(
  likelihood: ConditionalLikelihood,
  { visited, gradients, noise }: Refinement,
  end: Float64Array,
  options: RefinementOptions,
): RefinementAdjoint {
  const { learningRate, momentum, scale, difference } = options;
  const { sentences, latentSize } = likelihood;
  const size = end.length / 2;
  const position = end.slice();
  const velocity = new Float64Array(2 * size);
  const probes: DecoderProbe[] = [];
  for (let k = visited.length - 1; k >= 0; k--) {
    const { mean, logVariance } = visited[k]!;
    const eps = noise[k]!;
    for (let i = 0; i < 2 * size; i++) velocity[i] = momentum * velocity[i]! - learningRate * position[i]!;
    const toGradient = clipAdjoint(gradients[k]!, velocity, likelihood, options);

    // How the gradient's z-part moves with the decoder's weights: along dz = dmean + eps exp(log variance / 2) / 2 dlog variance.
    const z = new Float32Array(size);
    const along = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      const deviation = Math.exp(logVariance[i]! / 2) * eps[i]!;
      z[i] = mean[i]! + deviation;
      along[i] = (toGradient[i]! + (toGradient[size + i]! * deviation) / 2) / scale;
    }
    const lengths = norms(along, sentences, latentSize);
    const move = (sign: number) =>
      z.map((value, i) => {
        const length = lengths[Math.floor(i / latentSize)]!;
        return length === 0 ? value : value + (sign * difference * along[i]!) / length;
      });
    probes.push({
      plus: move(1),
      minus: move(-1),
      weight: Float32Array.from(lengths, (length) => length / (2 * difference)),
    });

    const product = hessianProduct(likelihood, visited[k]!, eps, toGradient, options);
    for (let i = 0; i < 2 * size; i++) position[i]! += product[i]!;
  }
  return {
    start: {
      mean: Float32Array.from(position.subarray(0, size)),
      logVariance: Float32Array.from(position.subarray(size)),
    },
    probes: probes.reverse(),
  };
}

/** d2(negative ELBO)/dlambda2 times a direction of each sentence, `[2, sentences, latentSize]`. */
function hessianProduct(
  likelihood: ConditionalLikelihood,
  { mean, logVariance }: DiagonalGaussian,
  eps: Float32Array,
  direction: Float64Array,
  options: RefinementOptions,
): Float64Array {
  const { sentences, latentSize } = likelihood;
  const { difference } = options;
  const size = mean.length;
  const lengths = norms(direction, sentences, latentSize);
  const step = (i: number) => {
    const length = lengths[Math.floor((i % size) / latentSize)]!;
    return length === 0 ? 0 : (difference * direction[i]!) / length;
  };
  const moved = (sign: number): DiagonalGaussian => ({
    mean: mean.map((value, i) => value + sign * step(i)),
    logVariance: logVariance.map((value, i) => value + sign * step(size + i)),
  });
  // Both sides are two draws of the same sentences, and share a call.
  const [plus, minus] = [moved(1), moved(-1)];
  const both = {
    mean: joined(Float32Array, [plus.mean, minus.mean]),
    logVariance: joined(Float32Array, [plus.logVariance, minus.logVariance]),
  };
  const { gradient } = negativeElbo(likelihood, both, joined(Float32Array, [eps, eps]), options);
  return Float64Array.from({ length: 2 * size }, (_, i) => {
    const [part, at] = [Math.floor(i / size), i % size];
    const change = gradient[2 * part * size + at]! - gradient[(2 * part + 1) * size + at]!;
    return (change * lengths[Math.floor(at / latentSize)]!) / (2 * difference);
  });
}

/**
 * A one-draw estimate of each row's scaled negative ELBO, (NLL(z) + klWeight KL) / scale at z = mean + exp(log variance /
 * 2) eps, by what training needs of it.
 *
 * @param eps `[rows, latentSize]`.
 * @returns z, `[rows, latentSize]`; NLL(z), [rows]; and the gradient in (mean, log variance), `[2, rows, latentSize]`.
 */
export function negativeElbo(
  likelihood: ConditionalLikelihood,
  { mean, logVariance }: DiagonalGaussian,
  eps: Float32Array,
  { klWeight, scale }: ElboOptions,
): { z: Float32Array; nll: Float32Array; gradient: Float64Array } {
  const size = mean.length;
  const z = mean.map((value, i) => value + Math.exp(logVariance[i]! / 2) * eps[i]!);
  const { nll, gradient: inZ } = likelihood.gradient(z);
  const gradient = new Float64Array(2 * size);
  for (let i = 0; i < size; i++) {
    const deviation = Math.exp(logVariance[i]! / 2);
    gradient[i] = (inZ[i]! + klWeight * mean[i]!) / scale;
    gradient[size + i] = (0.5 * (inZ[i]! * deviation * eps[i]! + klWeight * (deviation * deviation - 1))) / scale;
  }
  return { z, nll, gradient };
}

/** The norm of each sentence's part of one or several `[sentences, latentSize]` arrays on end. */
function norms(values: Float64Array, sentences: number, latentSize: number): Float64Array {
  const squares = new Float64Array(sentences);
  values.forEach((value, i) => {
    squares[Math.floor(i / latentSize) % sentences]! += value * value;
  });
  return squares.map(Math.sqrt);
}

type ClipOptions = Pick<RefinementOptions, 'clipNorm' | 'scope'>;

/** Which of several groups, clipped each by its own norm, a place of `[2, sentences, latentSize]` belongs to. */
function clipGroups(
  { sentences, latentSize }: Pick<ConditionalLikelihood, 'sentences' | 'latentSize'>,
  { scope }: ClipOptions,
): { count: number; groupOf: (i: number) => number } {
  return scope === 'sentence'
    ? { count: sentences, groupOf: (i) => Math.floor(i / latentSize) % sentences }
    : { count: 2, groupOf: (i) => Math.floor(i / latentSize / sentences) };
}

/** The sum over each group of the products of two `[2, sentences, latentSize]` arrays. */
function groupProducts(
  one: Float64Array,
  other: Float64Array,
  { count, groupOf }: ReturnType<typeof clipGroups>,
): Float64Array {
  const products = new Float64Array(count);
  one.forEach((value, i) => {
    products[groupOf(i)]! += value * other[i]!;
  });
  return products;
}

function clip(gradient: Float64Array, likelihood: ConditionalLikelihood, options: ClipOptions): Float64Array {
  const groups = clipGroups(likelihood, options);
  const lengths = groupProducts(gradient, gradient, groups).map(Math.sqrt);
  const { clipNorm } = options;
  return gradient.map((value, i) => {
    const length = lengths[groups.groupOf(i)]!;
    return length > clipNorm ? (value * clipNorm) / length : value;
  });
}

/** Adjoint of `clip` at `gradient`: where it clips, c / |g| (I - g g' / |g|^2). */
function clipAdjoint(
  gradient: Float64Array,
  adjoint: Float64Array,
  likelihood: ConditionalLikelihood,
  options: ClipOptions,
): Float64Array {
  const groups = clipGroups(likelihood, options);
  const lengths = groupProducts(gradient, gradient, groups).map(Math.sqrt);
  const products = groupProducts(gradient, adjoint, groups);
  const { clipNorm } = options;
  return adjoint.map((value, i) => {
    const group = groups.groupOf(i);
    const length = lengths[group]!;
    if (length <= clipNorm) return value;
    return (clipNorm / length) * (value - (gradient[i]! * products[group]!) / (length * length));
  });
}
