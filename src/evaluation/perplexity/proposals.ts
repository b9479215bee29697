// Densities over z that can be drawn from and evaluated: what importance sampling proposes from.

import logGamma from '@stdlib/math-base-special-gammaln';
import { CholeskyDecomposition, type Matrix } from 'ml-matrix';
import { logStandardNormal } from '../../inference/path-density.js';
import type { RandomStream } from '../../random/philox.js';

export interface Proposal {
  /** Writes one draw to `out[at ..]`. */
  draw(stream: RandomStream, out: Float32Array, at: number): void;
  /** log density of the point at `z[at ..]`, nats. */
  logDensity(z: Float32Array, at: number): number;
}

/** The prior, N(0, I). */
export class PriorProposal implements Proposal {
  constructor(private readonly size: number) {}

  draw(stream: RandomStream, out: Float32Array, at: number): void {
    out.set(stream.normals(this.size), at);
  }

  logDensity(z: Float32Array, at: number): number {
    return logStandardNormal(z, at, this.size);
  }
}

/** A shift and a linear map of standard noise: what the Gaussian and Student's t have in common. */
class Ellipsoid {
  readonly size: number;
  readonly logVolume: number;
  private readonly factor: Float64Array;
  private readonly whitened: Float64Array;

  /** @param scale symmetric; throws RangeError where it is not positive definite. */
  constructor(
    readonly center: Float64Array,
    scale: Matrix,
  ) {
    this.size = center.length;
    const cholesky = new CholeskyDecomposition(scale);
    if (!cholesky.isPositiveDefinite()) throw new RangeError("a proposal's scale matrix is not positive definite");
    this.factor = Float64Array.from(cholesky.lowerTriangularMatrix.to1DArray());
    this.whitened = new Float64Array(this.size);
    this.logVolume = cholesky.lowerTriangularMatrix.diagonal().reduce((sum, entry) => sum + Math.log(entry), 0);
  }

  /** out = center + stretch L noise */
  place(noise: Float32Array, stretch: number, out: Float32Array, at: number): void {
    for (let i = 0; i < this.size; i++) {
      let sum = 0;
      for (let j = 0; j <= i; j++) sum += this.factor[i * this.size + j]! * noise[j]!;
      out[at + i] = this.center[i]! + stretch * sum;
    }
  }

  /** |L^-1 (z - center)|^2 */
  squaredDistance(z: Float32Array, at: number): number {
    let squared = 0;
    for (let i = 0; i < this.size; i++) {
      let rest = z[at + i]! - this.center[i]!;
      for (let j = 0; j < i; j++) rest -= this.factor[i * this.size + j]! * this.whitened[j]!;
      const value = rest / this.factor[i * this.size + i]!;
      this.whitened[i] = value;
      squared += value * value;
    }
    return squared;
  }
}

/** N(mean, covariance). */
export class GaussianProposal implements Proposal {
  private readonly shape: Ellipsoid;

  constructor(mean: Float64Array, covariance: Matrix) {
    this.shape = new Ellipsoid(mean, covariance);
  }

  draw(stream: RandomStream, out: Float32Array, at: number): void {
    this.shape.place(stream.normals(this.shape.size), 1, out, at);
  }

  logDensity(z: Float32Array, at: number): number {
    const { size, logVolume } = this.shape;
    return -0.5 * (this.shape.squaredDistance(z, at) + size * Math.log(2 * Math.PI)) - logVolume;
  }
}

/** Multivariate Student t: a Gaussian whose scale is drawn too, for heavier tails. */
export class StudentProposal implements Proposal {
  private readonly shape: Ellipsoid;
  private readonly logConstant: number;

  /** @param degrees of freedom, a whole number from 1; the covariance is degrees / (degrees - 2) times `scale`. */
  constructor(
    center: Float64Array,
    scale: Matrix,
    private readonly degrees: number,
  ) {
    if (!(Number.isInteger(degrees) && degrees > 0)) {
      throw new RangeError(`Student's t takes a positive whole number of degrees of freedom, not ${degrees}`);
    }
    this.shape = new Ellipsoid(center, scale);
    const { size, logVolume } = this.shape;
    this.logConstant =
      logGamma((degrees + size) / 2) - logGamma(degrees / 2) - 0.5 * size * Math.log(degrees * Math.PI) - logVolume;
  }

  draw(stream: RandomStream, out: Float32Array, at: number): void {
    const { size } = this.shape;
    const numbers = stream.normals(size + this.degrees);
    let chiSquared = 0;
    for (let i = size; i < numbers.length; i++) chiSquared += numbers[i]! * numbers[i]!;
    this.shape.place(numbers.subarray(0, size), Math.sqrt(this.degrees / chiSquared), out, at);
  }

  logDensity(z: Float32Array, at: number): number {
    const { size } = this.shape;
    const distance = this.shape.squaredDistance(z, at);
    return this.logConstant - 0.5 * (this.degrees + size) * Math.log1p(distance / this.degrees);
  }
}
