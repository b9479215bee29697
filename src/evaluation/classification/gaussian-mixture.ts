// A mixture of Gaussians with full covariances, fitted by expectation-maximization (Dempster, Laird and Rubin 1977).
// Densities stay logarithms throughout: an item far from every component has densities that are zero in floating point,
// yet it belongs more to one component than to another.
//
// Start, regularization and stop are those of scikit-learn's GaussianMixture, which published clusterings were made with.

import { kmeans } from 'ml-kmeans';
import { Matrix } from 'ml-matrix';
import { RandomStream } from '../../random/philox.js';
import { GaussianProposal } from '../perplexity/proposals.js';

export interface MixtureComponent {
  /** Share of the items; the weights of a mixture sum to one. */
  weight: number;
  /** [size] */
  mean: Float64Array;
  /** [size, size], symmetric and positive definite. */
  covariance: Matrix;
}

export interface MixtureFit {
  mixture: GaussianMixture;
  /** Mean over items of log p(item), nats. */
  logLikelihood: number;
  iterations: number;
  /** False where `maxIterations` ended it. */
  converged: boolean;
}

export interface MixtureOptions {
  /** Fitting ends when `logLikelihood` moves by less in an iteration. */
  tolerance?: number | undefined;
  maxIterations?: number | undefined;
}

/** What is added to each variance, so that a component of a few items does not shrink to a point. */
const EXTRA_VARIANCE = 1e-6;

/** The least of that as a share of the mean variance: of codes that have run away 1e-6 is lost in rounding. */
const EXTRA_SHARE = 1e-10;

/** p(x) = sum_k weight_k N(x; mean_k, covariance_k). */
export class GaussianMixture {
  private readonly densities: readonly GaussianProposal[];

  /** Throws RangeError where a covariance is not positive definite. */
  constructor(readonly components: readonly MixtureComponent[]) {
    this.densities = components.map(({ mean, covariance }) => new GaussianProposal(mean, covariance));
  }

  /**
   * log(weight_k N(x; mean_k, covariance_k)) of every item and component.
   * @param points `[items, size]`.
   * @returns `[items, components]`.
   */
  logJoint(points: Float32Array): Float64Array {
    const { components, densities } = this;
    const size = components[0]!.mean.length;
    const logWeights = components.map(({ weight }) => Math.log(weight));
    const out = new Float64Array((points.length / size) * components.length);
    for (let at = 0, to = 0; at < points.length; at += size) {
      for (let k = 0; k < components.length; k++) out[to++] = logWeights[k]! + densities[k]!.logDensity(points, at);
    }
    return out;
  }

  /** The component that each item most likely comes from; [items]. */
  assign(points: Float32Array): Int32Array {
    const count = this.components.length;
    const joint = this.logJoint(points);
    return Int32Array.from({ length: joint.length / count }, (_, item) => {
      let best = 0;
      for (let k = 1; k < count; k++) if (joint[item * count + k]! > joint[item * count + best]!) best = k;
      return best;
    });
  }
}

/**
 * Fits a mixture from the best of several starts, each the clusters of k-means++ (Arthur and Vassilvitskii 2007): the
 * likelihood has local optima, and which one is reached depends on the start.
 * @param points `[items, size]`, at least as many items as components.
 */
export function fitMixture(
  points: Float32Array,
  size: number,
  count: number,
  { seed, restarts, ...options }: MixtureOptions & { seed: number; restarts: number },
): MixtureFit {
  const rows = Array.from({ length: points.length / size }, (_, item) =>
    Array.from(points.subarray(item * size, (item + 1) * size)),
  );
  const fits = Array.from({ length: restarts }, (_, restart) => {
    const startSeed = new RandomStream({ seed, purpose: 'mixture-start', step: restart }).next();
    const { clusters } = kmeans(rows, count, { seed: startSeed });
    return fitFrom(mixtureOfClusters(points, size, clusters, count), points, options);
  });
  return fits.reduce((best, fit) => (fit.logLikelihood > best.logLikelihood ? fit : best));
}

/** The mixture whose components are the given clusters: each a Gaussian of its members' mean and covariance. */
export function mixtureOfClusters(
  points: Float32Array,
  size: number,
  clusters: ArrayLike<number>,
  count: number,
): GaussianMixture {
  const memberships = new Float64Array(clusters.length * count);
  for (let item = 0; item < clusters.length; item++) memberships[item * count + clusters[item]!] = 1;
  return maximization(points, size, memberships, count);
}

/** Iterations of expectation-maximization from a given mixture. */
export function fitFrom(
  start: GaussianMixture,
  points: Float32Array,
  { tolerance = 1e-3, maxIterations = 200 }: MixtureOptions = {},
): MixtureFit {
  const count = start.components.length;
  const size = start.components[0]!.mean.length;
  let mixture = start;
  let previous = Number.NEGATIVE_INFINITY;
  let iterations = 0;
  let converged = false;
  while (!converged && iterations < maxIterations) {
    const { memberships, logLikelihood } = expectation(mixture, points);
    mixture = maximization(points, size, memberships, count);
    converged = Math.abs(logLikelihood - previous) < tolerance;
    previous = logLikelihood;
    iterations++;
  }
  return { mixture, logLikelihood: expectation(mixture, points).logLikelihood, iterations, converged };
}

/** p(component | item), `[items, components]`, and the mean of log p(item). */
function expectation(
  mixture: GaussianMixture,
  points: Float32Array,
): { memberships: Float64Array; logLikelihood: number } {
  const count = mixture.components.length;
  const memberships = mixture.logJoint(points);
  const items = memberships.length / count;
  let sum = 0;
  for (let item = 0; item < items; item++) {
    const joint = memberships.subarray(item * count, (item + 1) * count);
    const total = logSumExp(joint);
    for (let k = 0; k < count; k++) joint[k] = Math.exp(joint[k]! - total);
    sum += total;
  }
  return { memberships, logLikelihood: sum / items };
}

/** The mixture that makes items of the given memberships, `[items, components]`, most likely. */
function maximization(points: Float32Array, size: number, memberships: Float64Array, count: number): GaussianMixture {
  const items = memberships.length / count;
  const components = Array.from({ length: count }, (_, k): MixtureComponent => {
    // A component that no item belongs to keeps a weight above zero, whose logarithm is finite.
    let members = 10 * Number.EPSILON;
    const mean = new Float64Array(size);
    for (let item = 0; item < items; item++) {
      const membership = memberships[item * count + k]!;
      members += membership;
      for (let d = 0; d < size; d++) mean[d]! += membership * points[item * size + d]!;
    }
    for (let d = 0; d < size; d++) mean[d]! /= members;

    const products = new Float64Array(size * size);
    const centered = new Float64Array(size);
    for (let item = 0; item < items; item++) {
      // The root on both sides keeps the sum symmetric to the last bit, as its factorization demands.
      const root = Math.sqrt(memberships[item * count + k]!);
      for (let d = 0; d < size; d++) centered[d] = root * (points[item * size + d]! - mean[d]!);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) products[i * size + j]! += centered[i]! * centered[j]!;
      }
    }
    const covariance = Matrix.from1DArray(
      size,
      size,
      products.map((sum) => sum / members),
    );
    const extra = Math.max(EXTRA_VARIANCE, (EXTRA_SHARE * covariance.trace()) / size);
    return { weight: members, mean, covariance: covariance.add(Matrix.eye(size, size, extra)) };
  });
  const total = components.reduce((sum, { weight }) => sum + weight, 0);
  return new GaussianMixture(components.map((component) => ({ ...component, weight: component.weight / total })));
}

/** log sum_i exp(values_i), without overflow. */
export function logSumExp(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}
