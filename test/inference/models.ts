// Models small enough that every answer about them can be had another way: in closed form, or by a sum over a grid.

import { CholeskyDecomposition, inverse, Matrix } from 'ml-matrix';
import type { ConditionalLikelihood, LatentGradient, LatentHessian, LatentNll } from '../../src/model/likelihood.js';
import { RandomStream } from '../../src/random/philox.js';

/** The second-order Taylor expansion of -log p(x | z) of one sentence at a point. */
interface Expansion {
  value: number;
  gradient: ArrayLike<number>;
  hessian: ArrayLike<number>;
}

/** A likelihood from a function of one row, in double precision. */
abstract class RowLikelihood implements ConditionalLikelihood {
  abstract readonly sentences: number;
  abstract readonly latentSize: number;
  abstract readonly words: Int32Array;
  abstract at(sentence: number, z: ArrayLike<number>): Expansion;

  /** Each sentence is a single word as far as this goes. */
  tokenNll(z: Float32Array): Float32Array {
    return this.nll(z).nll;
  }

  nll(z: Float32Array): LatentNll {
    return { nll: Float32Array.from(this.expansions(z), ({ value }) => value) };
  }

  gradient(z: Float32Array): LatentGradient {
    const rows = this.expansions(z);
    return {
      nll: Float32Array.from(rows, ({ value }) => value),
      gradient: flat(rows.map(({ gradient }) => gradient)),
    };
  }

  hessian(z: Float32Array): LatentHessian {
    const rows = this.expansions(z);
    return {
      nll: Float32Array.from(rows, ({ value }) => value),
      gradient: flat(rows.map(({ gradient }) => gradient)),
      hessian: flat(rows.map(({ hessian }) => hessian)),
    };
  }

  dispose(): void {}

  private expansions(z: Float32Array): Expansion[] {
    const { latentSize, sentences } = this;
    return Array.from({ length: z.length / latentSize }, (_, row) =>
      this.at(row % sentences, z.subarray(row * latentSize, (row + 1) * latentSize)),
    );
  }
}

/** A likelihood with parts of its own; the others are `model`'s, but for a prior and a short run of its own. */
export function delegating(
  model: ConditionalLikelihood,
  own: Partial<ConditionalLikelihood> = {},
): ConditionalLikelihood {
  return {
    sentences: model.sentences,
    latentSize: model.latentSize,
    words: model.words,
    nll: (z) => model.nll(z),
    tokenNll: (z) => model.tokenNll(z),
    gradient: (z) => model.gradient(z),
    hessian: (z) => model.hessian(z),
    ...own,
  };
}

/** Weight, mean of the first dimension (of the others it is 0) and deviation of each component. */
type Component = readonly [weight: number, mean: number, deviation: number];

/** The ratio to N(0, I) of a mixture of spherical Gaussians whose weights add up to 1: a prior whose log C is 0. */
export class MixturePrior extends RowLikelihood {
  readonly sentences = 1;
  readonly words = Int32Array.of(1);

  constructor(
    readonly latentSize: number,
    private readonly components: readonly Component[],
  ) {
    super();
  }

  at(_: number, z: ArrayLike<number>): Expansion {
    const logs = this.components.map(([weight, mean, deviation]) => {
      let squares = 0;
      for (let d = 0; d < this.latentSize; d++) squares += (z[d]! - (d === 0 ? mean : 0)) ** 2;
      return Math.log(weight) - squares / (2 * deviation ** 2) - this.latentSize * Math.log(deviation);
    });
    const largest = Math.max(...logs);
    const shares = logs.map((log) => Math.exp(log - largest));
    const total = shares.reduce((sum, share) => sum + share, 0);
    const gradient = Array.from({ length: this.latentSize }, (_, d) => {
      let slope = -z[d]!;
      this.components.forEach(([, mean, deviation], k) => {
        slope += ((shares[k]! / total) * (z[d]! - (d === 0 ? mean : 0))) / deviation ** 2;
      });
      return slope;
    });
    let half = 0;
    for (let d = 0; d < this.latentSize; d++) half += z[d]! ** 2 / 2;
    return { value: -(largest + Math.log(total)) - half, gradient, hessian: [] };
  }
}

/** x = A z + noise of variance sigma^2: log p(x), p(z | x) and every Hessian are known. */
export class LinearGaussian extends RowLikelihood {
  readonly sentences: number;
  readonly latentSize: number;
  readonly words: Int32Array;
  /** Precision of z given x: I + A'A / sigma^2. */
  readonly precision: Matrix;

  /**
   * @param loading A, [observed, latent].
   * @param observations a row a sentence, [sentences, observed].
   */
  constructor(
    private readonly loading: Matrix,
    private readonly observations: number[][],
    private readonly sigma: number,
    words = 3,
  ) {
    super();
    this.sentences = observations.length;
    this.latentSize = loading.columns;
    this.words = new Int32Array(this.sentences).fill(words);
    this.precision = Matrix.add(this.curvature(), Matrix.eye(this.latentSize));
  }

  at(sentence: number, z: ArrayLike<number>): Expansion {
    const residual = this.residual(sentence, Array.from(z));
    const variance = this.sigma ** 2;
    const value = residual.dot(residual) / (2 * variance) + (this.loading.rows / 2) * Math.log(2 * Math.PI * variance);
    const gradient = this.loading.transpose().mmul(residual).div(variance).to1DArray();
    return { value, gradient, hessian: this.curvature().to1DArray() };
  }

  /** log p(x) of N(0, A A' + sigma^2 I). */
  logEvidence(sentence: number): number {
    const { rows } = this.loading;
    const covariance = this.loading.mmul(this.loading.transpose()).add(Matrix.eye(rows, rows, this.sigma ** 2));
    const x = Matrix.columnVector(this.observations[sentence]!);
    return -0.5 * (x.dot(inverse(covariance).mmul(x)) + logDeterminant(covariance) + rows * Math.log(2 * Math.PI));
  }

  posterior(sentence: number): { mean: number[]; covariance: Matrix } {
    const inverted = inverse(this.precision);
    const covariance = Matrix.add(inverted, inverted.transpose()).mul(0.5);
    return { mean: covariance.mmul(this.pull(sentence)).to1DArray(), covariance };
  }

  /** Mean and covariance of z_K over z_0 and noise, and the matrix of one step. */
  chainEnd(sentence: number, step: number, steps: number, temperature: number) {
    const size = this.latentSize;
    const jacobian = Matrix.sub(Matrix.eye(size), Matrix.mul(this.precision, step));
    let mean = Matrix.zeros(size, 1);
    let covariance = Matrix.eye(size);
    for (let k = 0; k < steps; k++) {
      mean = jacobian.mmul(mean).add(this.pull(sentence).mul(step));
      covariance = jacobian
        .mmul(covariance)
        .mmul(jacobian.transpose())
        .add(Matrix.eye(size, size, 2 * step * temperature ** 2));
    }
    return { mean, covariance, jacobian };
  }

  /** E[NLL(z)] under N(mean, covariance). */
  expectedNll(sentence: number, mean: Matrix, covariance: Matrix): number {
    return this.at(sentence, mean.to1DArray()).value + 0.5 * this.curvature().mmul(covariance).trace();
  }

  private curvature(): Matrix {
    return this.loading
      .transpose()
      .mmul(this.loading)
      .div(this.sigma ** 2);
  }

  /** A'x / sigma^2 */
  private pull(sentence: number): Matrix {
    return this.loading
      .transpose()
      .mmul(Matrix.columnVector(this.observations[sentence]!))
      .div(this.sigma ** 2);
  }

  private residual(sentence: number, z: number[]): Matrix {
    return this.loading.mmul(Matrix.columnVector(z)).sub(Matrix.columnVector(this.observations[sentence]!));
  }
}

/** A linear-Gaussian model with a random loading, and observations drawn from it (or the same one for every sentence). */
export function randomLinearGaussian(
  sentences: number,
  latentSize: number,
  { observed = latentSize + 2, sigma = 1, seed = 1, same = false } = {},
): LinearGaussian {
  const stream = new RandomStream({ seed, purpose: 'initialization' });
  const loading = Matrix.from1DArray(observed, latentSize, Array.from(stream.normals(observed * latentSize)));
  loading.mul(1 / Math.sqrt(latentSize));
  const observe = () => {
    const z = Matrix.columnVector(Array.from(stream.normals(latentSize)));
    const noise = Matrix.columnVector(Array.from(stream.normals(observed))).mul(sigma);
    return loading.mmul(z).add(noise).to1DArray();
  };
  const first = observe();
  return new LinearGaussian(
    loading,
    Array.from({ length: sentences }, (_, i) => (same || i === 0 ? first : observe())),
    sigma,
  );
}

/** NLL = z^4 in one dimension: slopes that grow faster than any step size can serve. */
export class Quartic extends RowLikelihood {
  readonly sentences = 1;
  readonly latentSize = 1;
  readonly words = Int32Array.of(1);

  at(_: number, z: ArrayLike<number>): Expansion {
    const value = z[0]!;
    return { value: value ** 4, gradient: [4 * value ** 3], hessian: [12 * value ** 2] };
  }

  /** log p(x), by a sum over a grid. */
  logEvidence(): number {
    let total = 0;
    for (let z = -5; z <= 5; z += 0.01) total += 0.01 * Math.exp(-(z ** 4) - 0.5 * z * z - 0.5 * Math.log(2 * Math.PI));
    return Math.log(total);
  }
}

/** A number with its gradient and Hessian in z: exact derivatives by carrying them through every operation. */
class Jet {
  constructor(
    readonly value: number,
    readonly gradient: Float64Array,
    readonly hessian: Float64Array,
  ) {}

  static constant(value: number, size: number): Jet {
    return new Jet(value, new Float64Array(size), new Float64Array(size * size));
  }

  /** bias + sum of weight * jet */
  static affine(bias: number, terms: readonly (readonly [weight: number, jet: Jet])[]): Jet {
    const size = terms[0]![1].gradient.length;
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    let value = bias;
    for (const [weight, jet] of terms) {
      value += weight * jet.value;
      for (let i = 0; i < gradient.length; i++) gradient[i]! += weight * jet.gradient[i]!;
      for (let i = 0; i < hessian.length; i++) hessian[i]! += weight * jet.hessian[i]!;
    }
    return new Jet(value, gradient, hessian);
  }

  /** f(this), with f, f' and f'' there. */
  through(value: number, first: number, second: number): Jet {
    const size = this.gradient.length;
    const hessian = this.hessian.map(
      (entry, at) => first * entry + second * this.gradient[Math.floor(at / size)]! * this.gradient[at % size]!,
    );
    return new Jet(
      value,
      this.gradient.map((entry) => first * entry),
      hessian,
    );
  }

  tanh(): Jet {
    const value = Math.tanh(this.value);
    const slope = 1 - value * value;
    return this.through(value, slope, -2 * value * slope);
  }

  exp(): Jet {
    const value = Math.exp(this.value);
    return this.through(value, value, value);
  }

  log(): Jet {
    return this.through(Math.log(this.value), 1 / this.value, -1 / this.value ** 2);
  }
}

const HIDDEN = 3;
const VOCABULARY = 5;

/** A recurrent network with a softmax over five words: the shape of a decoder, with a posterior that is not Gaussian. */
export class TinyRnn extends RowLikelihood {
  readonly sentences: number;
  readonly words: Int32Array;
  private readonly weights: Record<'start' | 'latent' | 'recurrent' | 'word' | 'output', Float64Array>;

  /** @param scale size of the weights that meet z: how much a sentence says of it. */
  constructor(
    readonly texts: readonly (readonly number[])[],
    readonly latentSize: number,
    { scale = 1, seed = 3 } = {},
  ) {
    super();
    this.sentences = texts.length;
    this.words = Int32Array.from(texts, ({ length }) => length);
    const stream = new RandomStream({ seed, purpose: 'initialization' });
    const draw = (count: number, size: number) => Float64Array.from(stream.normals(count), (value) => size * value);
    this.weights = {
      start: draw(HIDDEN * latentSize, scale),
      latent: draw(HIDDEN * latentSize, scale / 2),
      recurrent: draw(HIDDEN * HIDDEN, 0.7),
      word: draw(VOCABULARY * HIDDEN, 1),
      output: draw(VOCABULARY * HIDDEN, 1.5),
    };
  }

  at(sentence: number, z: ArrayLike<number>): Expansion {
    const { latentSize, weights } = this;
    const codes = Array.from({ length: latentSize }, (_, d) => {
      const jet = Jet.constant(z[d]!, latentSize);
      jet.gradient[d] = 1;
      return jet;
    });
    const product = (matrix: Float64Array, i: number, jets: Jet[]) =>
      jets.map((jet, j) => [matrix[i * jets.length + j]!, jet] as const);
    let hidden = Array.from({ length: HIDDEN }, (_, i) => Jet.affine(0, product(weights.start, i, codes)).tanh());
    let previous = 0;
    const losses: [number, Jet][] = [];
    for (const word of this.texts[sentence]!) {
      const before = hidden;
      hidden = Array.from({ length: HIDDEN }, (_, i) =>
        Jet.affine(weights.word[previous * HIDDEN + i]!, [
          ...product(weights.recurrent, i, before),
          ...product(weights.latent, i, codes),
        ]).tanh(),
      );
      const logits = Array.from({ length: VOCABULARY }, (_, v) => Jet.affine(0, product(weights.output, v, hidden)));
      const partition = Jet.affine(
        0,
        logits.map((logit) => [1, logit.exp()] as const),
      );
      losses.push([1, partition.log()], [-1, logits[word]!]);
      previous = word;
    }
    return Jet.affine(0, losses);
  }

  /** log p(x) and the posterior's mean and second moments, by a sum over a grid that reaches far into the prior's tails. */
  byQuadrature(sentence: number, spacing = 0.12): { logEvidence: number; mean: number[]; second: number[][] } {
    const { latentSize } = this;
    const side = Math.ceil(6 / spacing);
    const axis = Array.from({ length: 2 * side + 1 }, (_, i) => (i - side) * spacing);
    const points: number[][] = axis.flatMap((a) => (latentSize === 1 ? [[a]] : axis.map((b) => [a, b])));
    let total = 0;
    const mean = Array<number>(latentSize).fill(0);
    const second = Array.from({ length: latentSize }, () => Array<number>(latentSize).fill(0));
    for (const z of points) {
      const squared = z.reduce((sum, value) => sum + value * value, 0);
      const prior = Math.exp(-squared / 2) / (2 * Math.PI) ** (latentSize / 2);
      const mass = prior * Math.exp(-this.at(sentence, z).value) * spacing ** latentSize;
      total += mass;
      z.forEach((a, i) => {
        mean[i]! += mass * a;
        z.forEach((b, j) => {
          second[i]![j]! += mass * a * b;
        });
      });
    }
    return {
      logEvidence: Math.log(total),
      mean: mean.map((value) => value / total),
      second: second.map((row) => row.map((value) => value / total)),
    };
  }
}

export function logDeterminant(matrix: Matrix): number {
  const diagonal = new CholeskyDecomposition(matrix).lowerTriangularMatrix.diagonal();
  return diagonal.reduce((sum, entry) => sum + 2 * Math.log(entry), 0);
}

export function constantSchedule(step: number, steps: number, temperature = 1, priorWeight = 1) {
  return { stepSizes: new Float32Array(steps).fill(step), temperature, priorWeight };
}

export function normals(count: number, seed = 1): Float32Array {
  return new RandomStream({ seed, purpose: 'evaluation-start' }).normals(count);
}

/** Mean and its standard error. */
export function meanAndError(values: ArrayLike<number>): { mean: number; error: number } {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all.length - 1);
  return { mean, error: Math.sqrt(variance / all.length) };
}

function flat(rows: ArrayLike<number>[]): Float32Array {
  const size = rows[0]!.length;
  const out = new Float32Array(rows.length * size);
  rows.forEach((row, at) => {
    out.set(row, at * size);
  });
  return out;
}
