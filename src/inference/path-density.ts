// How likely it was that a chain ended where it did. Given its noise, a chain is a deterministic map of its start, so
// the density of its end is that of its start divided by the volume change of every step on the way.
//
// The matrices are at most some dozens wide and there is one a step, beside a Hessian that costs thousands of times as
// much to form: ml-matrix's factorizations (about 0.05 ms for 32 x 32) are fast enough.

import { CholeskyDecomposition, LuDecomposition, Matrix } from 'ml-matrix';
import type { ConditionalLikelihood, LangevinSchedule } from '../model/likelihood.js';

export interface PathDensity {
  /** log q(z_K | eps), nats; [rows]. NaN where the path left the finite numbers. */
  logDensity: Float64Array;
  /**
   * Steps of each chain at which I - s_k (priorWeight I + H(z_k)) is not positive definite; [rows]. Such a step may
   * fold space onto itself; the density of a fold's other side is then missing from `logDensity`.
   */
  stepsNotPositiveDefinite: Int32Array;
}

/** Hessians asked for in one call, where a caller does not say. */
const HESSIANS_AT_ONCE = 64;

/**
 * log q(z_K | eps) = log N(z_0; 0, I) - sum_k log |det(I - s_k (priorWeight I + H(z_k)))| along paths that a short run
 * took (eq. 16-18 of Pang et al. 2021). Exact where the map from z_0 to z_K is one to one.
 *
 * @param path z_0 .. z_K, `[K + 1, draws * sentences, latentSize]`.
 * @param hessiansAtOnce bounds the memory of one call; at least one draw of every sentence is asked for.
 */
export function pathLogDensity(
  likelihood: ConditionalLikelihood,
  path: Float32Array,
  { stepSizes, priorWeight }: LangevinSchedule,
  hessiansAtOnce = HESSIANS_AT_ONCE,
): PathDensity {
  const { sentences, latentSize } = likelihood;
  const steps = stepSizes.length;
  const rows = path.length / ((steps + 1) * latentSize);
  if (!Number.isInteger(rows / sentences)) {
    throw new RangeError(`${path.length} numbers are no path of ${steps} steps of ${sentences} x ${latentSize}`);
  }
  const logDensity = new Float64Array(rows);
  const stepsNotPositiveDefinite = new Int32Array(rows);
  for (let row = 0; row < rows; row++) logDensity[row] = logStandardNormal(path, row * latentSize, latentSize);

  // To the likelihood a step is one more set of draws, so steps share a call where draws alone would not fill it.
  const visited = steps * rows;
  const atOnce = sentences * Math.max(1, Math.floor(hessiansAtOnce / sentences));
  for (let start = 0; start < visited; start += atOnce) {
    const count = Math.min(atOnce, visited - start);
    const { hessian } = likelihood.hessian(path.subarray(start * latentSize, (start + count) * latentSize));
    for (let i = 0; i < count; i++) {
      const row = (start + i) % rows;
      const step = stepSizes[Math.floor((start + i) / rows)]!;
      const jacobian = stepJacobian(hessian, i, latentSize, step, priorWeight);
      const { logDeterminant, positiveDefinite } = logAbsDeterminant(jacobian);
      logDensity[row]! -= logDeterminant;
      if (!positiveDefinite) stepsNotPositiveDefinite[row]!++;
    }
  }
  return { logDensity, stepsNotPositiveDefinite };
}

/** log N(z; 0, I) of the `size` numbers from `at`, nats. */
export function logStandardNormal(z: ArrayLike<number>, at: number, size: number): number {
  let squared = 0;
  for (let d = at; d < at + size; d++) squared += z[d]! * z[d]!;
  return -0.5 * (squared + size * Math.log(2 * Math.PI));
}

/** I - step (priorWeight I + H), with H the `index`-th of the Hessians, made exactly symmetric. */
function stepJacobian(hessians: Float32Array, index: number, size: number, step: number, priorWeight: number): Matrix {
  const base = index * size * size;
  const jacobian = new Matrix(size, size);
  for (let i = 0; i < size; i++) {
    jacobian.set(i, i, 1 - step * (priorWeight + hessians[base + i * size + i]!));
    for (let j = 0; j < i; j++) {
      const value = (-step / 2) * (hessians[base + i * size + j]! + hessians[base + j * size + i]!);
      jacobian.set(i, j, value);
      jacobian.set(j, i, value);
    }
  }
  return jacobian;
}

/** log |det| of a symmetric matrix, and whether it is positive definite; NaN where it holds a number that is not finite. */
export function logAbsDeterminant(matrix: Matrix): { logDeterminant: number; positiveDefinite: boolean } {
  if (!Number.isFinite(matrix.sum())) return { logDeterminant: Number.NaN, positiveDefinite: false };
  const cholesky = new CholeskyDecomposition(matrix);
  const positiveDefinite = cholesky.isPositiveDefinite();
  const factor = positiveDefinite ? cholesky.lowerTriangularMatrix : new LuDecomposition(matrix).upperTriangularMatrix;
  // Logarithms are summed because a determinant itself may leave the range of a double.
  let sum = 0;
  for (const entry of factor.diagonal()) sum += Math.log(Math.abs(entry));
  return { logDeterminant: positiveDefinite ? 2 * sum : sum, positiveDefinite };
}
