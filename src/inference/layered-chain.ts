// Short runs over two layers of codes at once (Nijkamp, Pang, Han, Zhou, Zhu and Wu, ECCV 2020), each layer and each step of
// the chain with a step size of its own, and those learned: by stochastic gradient on the bound that a chain gives,
//
//   log p(x) >= E[log p(x, z_K) - log q(z_K | eps)],
//   log q(z_K | eps) = log p(z_0) - sum_k log |det(I - S_k H(z_k))|,
//
// z_0 drawn from the prior, H the Hessian of U(z) = -log p(x, z), S_k the diagonal of step sizes. For fixed noise eps the chain
// is a map of z_0, so that q(z | eps) is a density, and the expectation of a lower bound's estimate, as long as the map is one
// to one. It is Q~ of Pang et al. 2021, eq. 12, the criterion `bound` of the search over a grid, and estimated alike.

import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { LatentLayers } from '../model/latent-layers.js';
import { codesOf, noiseOf } from '../model/latent-layers.js';
import { type LayeredLikelihood, lowerLayer } from '../model/layered-decoder.js';
import type { ConditionalLikelihood, ShortRunResult } from '../model/likelihood.js';
import { logAbsDeterminant, logStandardNormal, type PathDensity } from './path-density.js';
import type { Chain } from './short-run-posterior.js';

/** Rows whose Hessian is asked for in one call; bounds what the model holds. */
const HESSIANS_AT_ONCE = 64;

/** What p(x, z1, z2) is made of, which a {@link LayeredLikelihood} says as well. */
export interface JointModel {
  /** p(z1 | z2), below p(z2) = N(0, I). */
  readonly layers: LatentLayers;
  readonly sentences: number;
  /** log p(x | z1); absent where codes of the prior are meant. */
  readonly inner?: ConditionalLikelihood;
  /** -f(z1, z2) as the NLL of one sentence, where the prior is exp(f(z1, z2)) p(z1 | z2) p(z2) / C; absent where f is 0. */
  readonly tilt?: ConditionalLikelihood | undefined;
}

/** U(z) = -log p(x, z) of the codes `[z1, z2]` of a batch, but for log C of a prior that has one, with its derivatives. */
export class JointEnergy {
  readonly layers: LatentLayers;
  readonly sentences: number;
  /** Dimensions of both layers. */
  readonly size: number;

  constructor(private readonly model: JointModel) {
    this.layers = model.layers;
    this.sentences = model.sentences;
    this.size = model.layers.lower + model.layers.upper;
  }

  /**
   * U and dU/dz, nats.
   * @param z `[rows, size]`, any whole number of draws of every sentence.
   */
  gradient(z: Float32Array): { energy: Float64Array; gradient: Float64Array } {
    const { layers, size } = this;
    const { lower, upper, deviation } = layers;
    const ofText = this.model.inner?.gradient(lowerLayer(layers, z));
    const tilt = this.model.tilt?.gradient(z);
    const precision = deviation ** -2;
    const constant = (size / 2) * Math.log(2 * Math.PI) + lower * Math.log(deviation);
    const gradient = tilt === undefined ? new Float64Array(z.length) : Float64Array.from(tilt.gradient);
    const energy = Float64Array.from({ length: z.length / size }, (_, row) => {
      const at = row * size;
      const { mean, jacobian } = layers.meanAt(z, at + lower);
      let squares = 0;
      for (let i = 0; i < lower; i++) {
        const residual = z[at + i]! - mean[i]!;
        squares += precision * residual * residual;
        gradient[at + i]! += precision * residual + (ofText?.gradient[row * lower + i] ?? 0);
        for (let j = 0; j < upper; j++) gradient[at + lower + j]! -= precision * jacobian[i * upper + j]! * residual;
      }
      for (let j = 0; j < upper; j++) {
        squares += z[at + lower + j]! ** 2;
        gradient[at + lower + j]! += z[at + lower + j]!;
      }
      return (ofText?.nll[row] ?? 0) + (tilt?.nll[row] ?? 0) + squares / 2 + constant;
    });
    return { energy, gradient };
  }

  /** d2U/dz2 of each row, symmetric. */
  hessians(z: Float32Array): Matrix[] {
    const { layers, size, sentences } = this;
    const { lower, upper, deviation } = layers;
    const precision = deviation ** -2;
    const out: Matrix[] = [];
    const rows = z.length / size;
    const atOnce = sentences * Math.max(1, Math.floor(HESSIANS_AT_ONCE / sentences));
    for (let start = 0; start < rows; start += atOnce) {
      const piece = z.subarray(start * size, Math.min(rows, start + atOnce) * size);
      const hessian = this.model.inner?.hessian(lowerLayer(layers, piece)).hessian;
      const tilt = this.model.tilt?.hessian(piece).hessian;
      for (let row = 0; row < piece.length / size; row++) {
        const at = row * size;
        const { mean, jacobian, curvature } = layers.meanAt(piece, at + lower);
        const matrix = Matrix.zeros(size, size);
        if (hessian !== undefined) addSymmetric(matrix, hessian, row * lower * lower, lower);
        for (let i = 0; i < lower; i++) {
          matrix.set(i, i, matrix.get(i, i) + precision);
          for (let j = 0; j < upper; j++) {
            matrix.set(i, lower + j, -precision * jacobian[i * upper + j]!);
            matrix.set(lower + j, i, -precision * jacobian[i * upper + j]!);
          }
        }
        const bend = curvature(mean.map((value, i) => precision * (piece[at + i]! - value)));
        for (let j = 0; j < upper; j++) {
          for (let k = 0; k < upper; k++) {
            let products = 0;
            for (let i = 0; i < lower; i++) products += jacobian[i * upper + j]! * jacobian[i * upper + k]!;
            matrix.set(
              lower + j,
              lower + k,
              (j === k ? 1 : 0) + precision * products - (bend[j * upper + k]! + bend[k * upper + j]!) / 2,
            );
          }
        }
        if (tilt !== undefined) addSymmetric(matrix, tilt, row * size * size, size);
        out.push(matrix);
      }
    }
    return out;
  }
}

/** Adds the symmetric part of a `[size, size]` that stands at `values[from ..]` to the first rows and columns of a matrix. */
function addSymmetric(matrix: Matrix, values: Float32Array, from: number, size: number): void {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const entry = (values[from + i * size + j]! + values[from + j * size + i]!) / 2;
      matrix.set(i, j, matrix.get(i, j) + entry);
    }
  }
}

/** The dynamics: s of each step and layer, and the temperature of their noise. */
export interface LayeredSchedule {
  /** s_k of z1 and of z2, `[steps][2]`; the second is of no account where there is one layer. */
  stepSizes: readonly (readonly [lower: number, upper: number])[];
  /** tau of z_{k+1} = z_k - S_k dU/dz + tau sqrt(2 S_k) eps_k. */
  temperature: number;
}

/** What moves both layers, as a posterior runs it: from draws of u to ends in u, paths in z. */
export function layeredChain(model: JointModel, schedule: LayeredSchedule): Chain {
  const energy = new JointEnergy(model);
  return {
    steps: schedule.stepSizes.length,
    run(start, noise, keepPath) {
      const { z, path } = layeredRun(energy, codesOf(energy.layers, start), noise, schedule, keepPath);
      return { z: noiseOf(energy.layers, z), ...(path && { path }) };
    },
    density: (path) => layeredPathDensity(energy, path, schedule),
  };
}

/**
 * z_{k+1} = z_k - S_k dU/dz + temperature sqrt(2 S_k) eps_k for k = 0 .. K-1, U(z) = -log p(x, z1, z2).
 * @param z0 codes, `[draws * sentences, size]`; not changed.
 * @param noise eps, `[K, draws * sentences, size]`.
 */
export function layeredRun(
  energy: JointEnergy,
  z0: Float32Array,
  noise: Float32Array,
  { stepSizes, temperature }: LayeredSchedule,
  keepPath = false,
): ShortRunResult {
  const { size, layers } = energy;
  const path = keepPath ? new Float32Array((stepSizes.length + 1) * z0.length) : undefined;
  let z = z0.slice();
  path?.set(z);
  stepSizes.forEach((steps, k) => {
    const { gradient } = energy.gradient(z);
    z = z.map((value, i) => {
      const step = steps[i % size < layers.lower ? 0 : 1];
      return value - step * gradient[i]! + temperature * Math.sqrt(2 * step) * noise[k * z0.length + i]!;
    });
    path?.set(z, (k + 1) * z0.length);
  });
  return path ? { z, path } : { z };
}

/**
 * log q(u_K | eps) of paths in z. The density of z is that of its noise u less the layers' log volume, lower * log deviation,
 * at either end, so that it cancels.
 */
function layeredPathDensity(energy: JointEnergy, path: Float32Array, { stepSizes }: LayeredSchedule): PathDensity {
  const { size, layers } = energy;
  const rows = path.length / ((stepSizes.length + 1) * size);
  const start = noiseOf(layers, path.subarray(0, rows * size));
  const logDensity = Float64Array.from({ length: rows }, (_, row) => logStandardNormal(start, row * size, size));
  const stepsNotPositiveDefinite = new Int32Array(rows);
  stepSizes.forEach((steps, k) => {
    energy.hessians(path.subarray(k * rows * size, (k + 1) * rows * size)).forEach((hessian, row) => {
      const { logDeterminant, positiveDefinite } = logAbsDeterminant(
        scaledJacobian(hessian, diagonalOf(layers, steps)),
      );
      logDensity[row]! -= logDeterminant;
      if (!positiveDefinite) stepsNotPositiveDefinite[row]!++;
    });
  });
  return { logDensity, stepsNotPositiveDefinite };
}

/** s of each dimension. */
function diagonalOf({ lower, upper }: LatentLayers, [ofLower, ofUpper]: readonly [number, number]): Float64Array {
  return Float64Array.from({ length: lower + upper }, (_, i) => (i < lower ? ofLower : ofUpper));
}

/**
 * I - S^1/2 H S^1/2: the Jacobian I - S H of a step in the coordinates S^-1/2 z, of the same determinant, and symmetric. Where
 * it is positive definite everywhere the step is one to one.
 */
function scaledJacobian(hessian: Matrix, steps: Float64Array): Matrix {
  const size = steps.length;
  const jacobian = Matrix.eye(size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      jacobian.set(i, j, jacobian.get(i, j) - Math.sqrt(steps[i]! * steps[j]!) * hessian.get(i, j));
    }
  }
  return jacobian;
}

/** The bound's estimate from some chains, and its gradient. */
export interface BoundGradient {
  /** Mean over the chains that count of log p(x, z_K) - log q(z_K | eps), nats; NaN where none counts. */
  bound: number;
  /** Of that mean in the step sizes, `[steps][2]`; 0 where none counts. */
  gradient: [lower: number, upper: number][];
  /** Chains that do not count: a step's Jacobian was not positive definite, or a number not finite. */
  leftOut: number;
}

/** Distance of the second differences of dU/dz: their error goes with its square, that of single precision against it. */
const DIFFERENCE = 0.03;

/**
 * The bound and its derivative in every step size, for given starts and noise, through the whole path: backwards from
 * lambda_K = -dU(z_K), with A_k = I - S_k H(z_k) and M_k = (S_k^-1 - H(z_k))^-1,
 *
 *   d/ds_kl = sum over i in layer l of lambda_{k+1,i} (-dU_i(z_k) + tau eps_ki / sqrt(2 s_kl)) - (H M)_ii / s_kl,
 *   lambda_k = A_k' lambda_{k+1} - d/dz tr(M_k H(z)) at z_k, M_k held.
 *
 * The last term is a third derivative of U. Along the eigenvectors of M_k it is a second difference of dU/dz, so that a step
 * of a chain costs one Hessian and two gradients a dimension.
 *
 * @param z0 codes of both layers drawn from their prior, `[draws * sentences, size]`.
 * @param noise eps, `[K, draws * sentences, size]`.
 */
export function boundGradient(
  energy: JointEnergy,
  z0: Float32Array,
  noise: Float32Array,
  schedule: LayeredSchedule,
): BoundGradient {
  const { size, layers } = energy;
  const { stepSizes, temperature } = schedule;
  const { z: end, path } = layeredRun(energy, z0, noise, schedule, true);
  const gradient = stepSizes.map((): [number, number] => [0, 0]);
  const rows = z0.length / size;
  const nothing = { bound: Number.NaN, gradient, leftOut: rows };
  if (!end.every(Number.isFinite)) return nothing;

  const at = (k: number) => path!.subarray(k * z0.length, (k + 1) * z0.length);
  const last = energy.gradient(end);
  const start = noiseOf(layers, z0);
  const logVolume = layers.lower * Math.log(layers.deviation);
  const bounds = Float64Array.from(
    last.energy,
    (value, row) => -value - logStandardNormal(start, row * size, size) + logVolume,
  );
  const steps = stepSizes.map((step, k) => {
    const diagonal = diagonalOf(layers, step);
    const hessians = energy.hessians(at(k));
    return { diagonal, hessians, gradient: energy.gradient(at(k)).gradient };
  });
  const counts = Uint8Array.from({ length: rows }, () => 1);
  for (const { diagonal, hessians } of steps) {
    hessians.forEach((hessian, row) => {
      const { logDeterminant, positiveDefinite } = logAbsDeterminant(scaledJacobian(hessian, diagonal));
      bounds[row]! += logDeterminant;
      if (!positiveDefinite) counts[row] = 0;
    });
  }
  const counted = counts.reduce((sum, one) => sum + one, 0);
  if (counted === 0) return nothing;

  const lambda = last.gradient.map((value) => -value);
  for (let k = stepSizes.length - 1; k >= 0; k--) {
    const { diagonal, hessians, gradient: slope } = steps[k]!;
    const matrices = hessians.map((hessian) => stepInverse(hessian, diagonal));
    const bends = traceSlopes(energy, at(k), matrices);
    for (let row = 0; row < rows; row++) {
      if (counts[row] === 0) continue;
      const hessian = hessians[row]!;
      const own = lambda.subarray(row * size, (row + 1) * size);
      const trace = hessian.mmul(matrices[row]!.matrix).diagonal();
      for (let i = 0; i < size; i++) {
        const place = row * size + i;
        const step = diagonal[i]!;
        const moved = -slope[place]! + (temperature * noise[k * z0.length + place]!) / Math.sqrt(2 * step);
        gradient[k]![i < layers.lower ? 0 : 1] += (own[i]! * moved - trace[i]! / step) / counted;
      }
      const pulled = hessian.mmul(Matrix.columnVector(Array.from(own, (value, i) => diagonal[i]! * value)));
      for (let i = 0; i < size; i++) own[i]! -= pulled.get(i, 0) + bends[row * size + i]!;
    }
  }
  const bound = bounds.reduce((sum, value, row) => sum + (counts[row] === 1 ? value : 0), 0) / counted;
  return { bound, gradient, leftOut: rows - counted };
}

/** (S^-1 - H)^-1, symmetric, with its eigenvalues and eigenvectors. */
interface StepInverse {
  matrix: Matrix;
  values: number[];
  /** A column each. */
  vectors: Matrix;
}

function stepInverse(hessian: Matrix, steps: Float64Array): StepInverse {
  const { realEigenvalues, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(
    Matrix.sub(Matrix.diag(Array.from(steps, (step) => 1 / step)), hessian),
    { assumeSymmetric: true },
  );
  const values = realEigenvalues.map((value) => 1 / value);
  return { matrix: vectors.mmul(Matrix.diag(values)).mmul(vectors.transpose()), values, vectors };
}

/** d/dz tr(M H(z)) of each row, M held: sum_j m_j d/dz v_j' H v_j, each a second difference of dU/dz along v_j. */
function traceSlopes(energy: JointEnergy, z: Float32Array, matrices: readonly StepInverse[]): Float64Array {
  const { size } = energy;
  const slopes = new Float64Array(z.length);
  const { gradient: middle } = energy.gradient(z);
  for (let j = 0; j < size; j++) {
    const moved = new Float32Array(2 * z.length);
    z.forEach((value, i) => {
      const by = DIFFERENCE * matrices[Math.floor(i / size)]!.vectors.get(i % size, j);
      moved[i] = value + by;
      moved[z.length + i] = value - by;
    });
    const { gradient } = energy.gradient(moved);
    for (let i = 0; i < z.length; i++) {
      const difference = gradient[i]! - 2 * middle[i]! + gradient[z.length + i]!;
      slopes[i]! += (matrices[Math.floor(i / size)]!.values[j]! * difference) / DIFFERENCE ** 2;
    }
  }
  return slopes;
}
