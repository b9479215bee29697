// Figure 1: the codes of all sentences together. One draw of q(z | x) from each of many sentences is a sample of the
// aggregate posterior E_x[q(z | x)]. Were the prior what it claims to be, this sample would look like one of N(0, I); how it
// differs is shown by a map of both and by each dimension's own density, and said in a number a dimension.

import normalQuantile from '@stdlib/stats-base-dists-normal-quantile';
import { InputError } from '../errors.js';
import { RandomStream } from '../random/philox.js';
import { rootMeanSquare } from '../statistics.js';
import { joined } from '../typed-arrays.js';
import { type TsneOptions, tsne } from './t-sne.js';

/** One latent dimension of the aggregate posterior, whatever the others are. */
export interface Marginal {
  mean: number;
  standardDeviation: number;
  /** To N(0, 1); see {@link wassersteinToNormal}. */
  wasserstein: number;
  density: Density;
}

/** A density on a grid. */
export interface Density {
  /** Where, in increasing order and evenly spaced. */
  at: Float64Array;
  value: Float64Array;
}

export interface AggregatePosterior {
  /** Root mean square of all coordinates; 1 for the prior. */
  rms: number;
  /** [latentSize] */
  marginals: Marginal[];
  /** The distance to N(0, 1) that as many samples of the prior stay below in every dimension, 19 times of 20. */
  threshold: number;
  /** Dimensions that are farther from N(0, 1) than `threshold`. */
  leaving: number;
  /** As many samples of the prior; [sentences, latentSize]. */
  prior: Float32Array;
  /** Positions of the codes on a map that the prior's samples share, `[sentences, 2]`. */
  map: Float64Array;
  /** Positions of the prior's samples on that map, `[sentences, 2]`. */
  priorMap: Float64Array;
}

/**
 * Describes a sample of the aggregate posterior.
 *
 * @param z a code of each sentence, `[sentences, latentSize]`.
 * @throws {InputError} for fewer than two sentences, or codes that are not finite.
 * @throws {InterruptedError} if the signal stopped it.
 */
export async function aggregatePosterior(
  z: Float32Array,
  latentSize: number,
  options: TsneOptions,
  onProgress?: (done: number, total: number) => void,
): Promise<AggregatePosterior> {
  const sentences = z.length / latentSize;
  if (sentences < 2)
    throw new InputError(`the aggregate posterior is seen from two sentences or more, not ${sentences}`);
  const lost = rowsNotFinite(z, latentSize);
  if (lost > 0) {
    throw new InputError(
      `the codes of ${lost} of ${sentences} sentences are not finite: inference diverged; a smaller step size would not`,
    );
  }
  const prior = priorSample(sentences, latentSize, options.seed);
  const marginals = Array.from({ length: latentSize }, (_, d) => marginal(column(z, latentSize, d)));
  const threshold = wassersteinThreshold(sentences, latentSize);
  const map = await tsne(joined(Float32Array, [z, prior]), latentSize, options, onProgress);
  return {
    rms: rootMeanSquare(z),
    marginals,
    threshold,
    leaving: marginals.filter(({ wasserstein }) => wasserstein > threshold).length,
    prior,
    map: map.slice(0, 2 * sentences),
    priorMap: map.slice(2 * sentences),
  };
}

function marginal(values: Float64Array): Marginal {
  const { mean, standardDeviation } = moments(values);
  return { mean, standardDeviation, wasserstein: wassersteinToNormal(values), density: kernelDensity(values) };
}

/** Points of a density's grid: two to a bandwidth, but no fewer than look smooth and no more than a far value is worth. */
const POINTS = { perBandwidth: 2, least: 256, most: 4096 };

/** Bandwidths between the outermost samples and the ends of the grid; what a Gaussian kernel has beyond is 6e-5 of it. */
const MARGIN = 4;

/** The density of values by a Gaussian kernel, on a grid that all of them and their kernels lie in. */
export function kernelDensity(values: Float64Array): Density {
  const bandwidth = silvermanBandwidth(values);
  const sorted = values.toSorted();
  const low = sorted[0]! - MARGIN * bandwidth;
  const high = sorted[sorted.length - 1]! + MARGIN * bandwidth;
  const wanted = Math.ceil((POINTS.perBandwidth * (high - low)) / bandwidth);
  const points = Math.min(POINTS.most, Math.max(POINTS.least, wanted));
  const at = Float64Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));
  const scale = 1 / (values.length * bandwidth * Math.sqrt(2 * Math.PI));
  const value = at.map((x) => scale * sorted.reduce((sum, v) => sum + Math.exp(-(((x - v) / bandwidth) ** 2) / 2), 0));
  return { at, value };
}

/** Bandwidth of values that are all the same, which have none of their own: a thousandth of the prior's deviation. */
const LEAST_BANDWIDTH = 1e-3;

/**
 * Silverman's rule of thumb: 0.9 min(standard deviation, interquartile range / 1.34) n^(-1/5) (Silverman 1986, eq. 3.31).
 */
export function silvermanBandwidth(values: Float64Array): number {
  const sorted = values.toSorted();
  const quantile = (share: number) => {
    const at = share * (sorted.length - 1);
    const below = sorted[Math.floor(at)]!;
    return below + (at % 1) * (sorted[Math.ceil(at)]! - below);
  };
  const { standardDeviation } = moments(values);
  const range = quantile(0.75) - quantile(0.25);
  const spread = range > 0 ? Math.min(standardDeviation, range / 1.34) : standardDeviation;
  return Math.max(LEAST_BANDWIDTH, 0.9 * spread * values.length ** -0.2);
}

/**
 * The 2-Wasserstein distance between a sample and N(0, 1), exact for the sample: the root mean square of how far its
 * values must move to become the normal's. It is sqrt(mean^2 + (deviation - 1)^2) where the values are normal themselves,
 * needs no estimate of a density, as a KL would, and is finite even for values that are all the same.
 */
export function wassersteinToNormal(values: ArrayLike<number>): number {
  return distanceOfSorted(Float64Array.from(values).sort(), normalPieces(values.length));
}

/**
 * In one dimension the nearest way is to match quantiles: integral of (F^-1(u) - Phi^-1(u))^2 du. F^-1 is the i-th smallest
 * value between (i - 1) / n and i / n, and the integral of Phi^-1 there is what `normalPieces` knows.
 */
function distanceOfSorted(sorted: Float64Array, pieces: Float64Array): number {
  const n = sorted.length;
  let squares = 0;
  let product = 0;
  for (let i = 0; i < n; i++) {
    squares += sorted[i]! ** 2 / n;
    product += sorted[i]! * pieces[i]!;
  }
  return Math.sqrt(Math.max(0, squares - 2 * product + 1));
}

/** Integral of Phi^-1(u) du from (i - 1) / n to i / n, for i = 1 .. n: phi at one end less phi at the other. */
function normalPieces(n: number): Float64Array {
  const edges = Float64Array.from({ length: n + 1 }, (_, i) => {
    const x = normalQuantile(i / n, 0, 1);
    return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  });
  return Float64Array.from({ length: n }, (_, i) => edges[i]! - edges[i + 1]!);
}

/** How often the prior is drawn anew to learn how far its own samples stray. */
const REPETITIONS = 100;
const CONFIDENCE = 0.95;

/**
 * How far from N(0, 1) `count` samples of N(0, 1) look by chance: the distance that the farthest of `dimensions` stays
 * below 95 times of 100, by drawing them. It depends on these two numbers alone.
 */
export function wassersteinThreshold(count: number, dimensions: number): number {
  const pieces = normalPieces(count);
  const farthest = Float64Array.from({ length: REPETITIONS }, (_, repetition) => {
    const stream = new RandomStream({ seed: 0, purpose: 'aggregate-posterior', batch: repetition });
    let most = 0;
    for (let d = 0; d < dimensions; d++) {
      const sample = Float64Array.from(stream.normals(count)).sort();
      most = Math.max(most, distanceOfSorted(sample, pieces));
    }
    return most;
  }).sort();
  return farthest[Math.ceil(CONFIDENCE * REPETITIONS) - 1]!;
}

function priorSample(count: number, latentSize: number, seed: number): Float32Array {
  // A step that the threshold's samples do not use, so that no seed gives the same numbers to both.
  return new RandomStream({ seed, purpose: 'aggregate-posterior', step: 1 }).normals(count * latentSize);
}

/** Mean, and the unbiased standard deviation. */
function moments(values: Float64Array): { mean: number; standardDeviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardDeviation: Math.sqrt(squares / (values.length - 1)) };
}

function column(z: Float32Array, latentSize: number, d: number): Float64Array {
  return Float64Array.from({ length: z.length / latentSize }, (_, i) => z[i * latentSize + d]!);
}

function rowsNotFinite(z: Float32Array, latentSize: number): number {
  let rows = 0;
  for (let at = 0; at < z.length; at += latentSize) {
    if (!z.subarray(at, at + latentSize).every(Number.isFinite)) rows++;
  }
  return rows;
}
