// Two layers of codes: what their chain, its density and the gradient of its bound are, against plain differences, against the
// one-layer chain, and against a linear-Gaussian model of which everything is known.

import { inverse, Matrix } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { AisEstimator } from '../../src/evaluation/perplexity/ais-estimator.js';
import { PerplexityMeasurement } from '../../src/evaluation/perplexity/perplexity.js';
import { searchDynamics } from '../../src/inference/dynamics-search.js';
import { boundGradient, JointEnergy, type LayeredSchedule, layeredChain } from '../../src/inference/layered-chain.js';
import type { Posterior } from '../../src/inference/posterior.js';
import { langevinChain } from '../../src/inference/short-run-posterior.js';
import { codesOf, type LatentLayers, noiseOf, oneLayer } from '../../src/model/latent-layers.js';
import { LayeredLikelihood, lowerLayer } from '../../src/model/layered-decoder.js';
import type { ConditionalLikelihood } from '../../src/model/likelihood.js';
import { RandomStream } from '../../src/random/philox.js';
import { constantSchedule, LinearGaussian, logDeterminant, meanAndError, normals, TinyRnn } from './models.js';

/** mean(z2) = W z2. */
function linearLayers(loading: Matrix, deviation: number): LatentLayers {
  const { rows: lower, columns: upper } = loading;
  return {
    lower,
    upper,
    deviation,
    meanAt: (z, from) => ({
      mean: Float64Array.from(
        loading.mmul(Matrix.columnVector(Array.from({ length: upper }, (_, j) => z[from + j]!))).to1DArray(),
      ),
      jacobian: Float64Array.from(loading.to1DArray()),
      curvature: () => new Float64Array(upper * upper),
    }),
  };
}

/** mean(z2)_i = sin(sum_j W_ij z2_j). */
function curvedLayers(loading: Matrix, deviation: number): LatentLayers {
  const plain = linearLayers(loading, deviation);
  const { lower, upper } = plain;
  return {
    ...plain,
    meanAt(z, from) {
      const { mean, jacobian } = plain.meanAt(z, from);
      const curvature = (weights: Float64Array) => {
        const out = new Float64Array(upper * upper);
        for (let i = 0; i < lower; i++) {
          for (let j = 0; j < upper; j++) {
            for (let k = 0; k < upper; k++) {
              out[j * upper + k]! -= weights[i]! * Math.sin(mean[i]!) * loading.get(i, j) * loading.get(i, k);
            }
          }
        }
        return out;
      };
      return {
        mean: mean.map(Math.sin),
        jacobian: jacobian.map((entry, at) => entry * Math.cos(mean[Math.floor(at / upper)]!)),
        curvature,
      };
    },
  };
}

const random = (rows: number, columns: number, seed: number, scale = 1) =>
  Matrix.from1DArray(
    rows,
    columns,
    Array.from(new RandomStream({ seed, purpose: 'shuffle' }).normals(rows * columns)),
  ).mul(scale);

const texts = [
  [1, 3, 2, 4],
  [2, 2, 0, 1],
];
const curved = () =>
  new LayeredLikelihood(new TinyRnn(texts, 2, { scale: 0.8 }), curvedLayers(random(2, 2, 4, 0.8), 0.7));

function schedule(steps: number, lower: number, upper: number, temperature = 1): LayeredSchedule {
  return { stepSizes: Array.from({ length: steps }, (_, k) => [lower / (1 + 0.2 * k), upper] as const), temperature };
}

describe('codes and their noise', () => {
  it('are one another’s', () => {
    const { layers } = curved();
    const u = normals(3 * 4);
    const z = codesOf(layers, u);
    expect(Math.max(...z.map((value, i) => Math.abs(value - u[i]!)))).toBeGreaterThan(0.1);
    noiseOf(layers, z).forEach((value, i) => {
      expect(value).toBeCloseTo(u[i]!, 5);
    });
  });
});

/** Central differences of a function's values, one number at a time, against what it says of their slopes. */
function expectSlopes(
  at: Float32Array,
  valuesAt: (z: Float32Array) => ArrayLike<number>,
  slopes: (out: number, input: number) => number,
  outputs: number,
  tolerance: number,
): void {
  const h = 0.02;
  for (let input = 0; input < at.length; input++) {
    const [plus, minus] = [1, -1].map((sign) => {
      const moved = at.slice();
      moved[input]! += sign * h;
      return Array.from(valuesAt(moved));
    }) as [number[], number[]];
    for (let out = 0; out < outputs; out++) {
      expect(Math.abs((plus[out]! - minus[out]!) / (2 * h) - slopes(out, input)), `${out} by ${input}`).toBeLessThan(
        tolerance,
      );
    }
  }
}

describe('the likelihood of the noise', () => {
  it('has the gradient and the Hessian of its NLL', () => {
    const model = curved();
    const u = normals(2 * 4, 5);
    const { gradient, hessian, nll } = model.hessian(u);
    expect(nll).toEqual(model.nll(u).nll);
    expectSlopes(
      u,
      (z) => model.nll(z).nll,
      (row, i) => (Math.floor(i / 4) === row ? gradient[i]! : 0),
      2,
      2e-3,
    );
    expectSlopes(
      u,
      (z) => model.gradient(z).gradient,
      (out, i) => (Math.floor(i / 4) === Math.floor(out / 4) ? hessian[out * 4 + (i % 4)]! : 0),
      8,
      2e-2,
    );
  });

  it('is that of the linear-Gaussian model that two linear layers come to', () => {
    const [loading, above, deviation] = [random(4, 2, 1), random(2, 2, 2), 0.6];
    const observations = [
      [0.3, -1, 0.5, 1.2],
      [1, 0.2, -0.4, 0.1],
    ];
    const model = new LayeredLikelihood(new LinearGaussian(loading, observations, 0.9), linearLayers(above, deviation));
    // x = A (deviation e + W z2) + noise.
    const whole = Matrix.zeros(4, 4);
    whole.setSubMatrix(Matrix.mul(loading, deviation), 0, 0);
    whole.setSubMatrix(loading.mmul(above), 0, 2);
    const wanted = new LinearGaussian(whole, observations, 0.9);
    const u = normals(4 * 4, 9);
    const [found, known] = [model.hessian(u), wanted.hessian(u)];
    for (const part of ['nll', 'gradient', 'hessian'] as const) {
      found[part].forEach((value, i) => {
        expect(value).toBeCloseTo(known[part][i]!, 4);
      });
    }
  });
});

describe('the joint energy', () => {
  it('is -log p(x, z1, z2), with its derivatives', () => {
    const model = curved();
    const energy = new JointEnergy(model);
    const u = normals(2 * 4, 6);
    const z = codesOf(model.layers, u);
    // The density of z is that of its noise over deviation^lower.
    const { nll } = model.nll(u);
    energy.gradient(z).energy.forEach((value, row) => {
      const squares = u.subarray(row * 4, row * 4 + 4).reduce((sum, number) => sum + number * number, 0);
      const logPrior = -squares / 2 - 2 * Math.log(2 * Math.PI) - 2 * Math.log(0.7);
      expect(value).toBeCloseTo(nll[row]! - logPrior, 4);
    });
    const { gradient } = energy.gradient(z);
    const hessians = energy.hessians(z);
    expectSlopes(
      z,
      (at) => energy.gradient(at).energy,
      (row, i) => (Math.floor(i / 4) === row ? gradient[i]! : 0),
      2,
      5e-3,
    );
    expectSlopes(
      z,
      (at) => energy.gradient(at).gradient,
      (out, i) => (Math.floor(i / 4) === Math.floor(out / 4) ? hessians[Math.floor(out / 4)]!.get(out % 4, i % 4) : 0),
      8,
      2e-2,
    );
  });
});

/** An energy over both layers. */
const tilt = new TinyRnn([[1, 0, 2]], 4, { scale: 0.7 });

describe('the joint energy under a prior with an energy of its own', () => {
  const { layers, sentences, inner } = curved();
  const both = new JointEnergy({ layers, sentences, inner, tilt });

  it('is that of the Gaussian layers and -f, and has its derivatives', () => {
    const z = normals(2 * 4, 6);
    const plain = new JointEnergy({ layers, sentences, inner });
    const { energy, gradient } = both.gradient(z);
    energy.forEach((value, row) => {
      expect(value).toBeCloseTo(plain.gradient(z).energy[row]! + tilt.nll(z).nll[row]!, 5);
    });
    const hessians = both.hessians(z);
    expectSlopes(
      z,
      (at) => both.gradient(at).energy,
      (row, i) => (Math.floor(i / 4) === row ? gradient[i]! : 0),
      2,
      5e-3,
    );
    expectSlopes(
      z,
      (at) => both.gradient(at).gradient,
      (out, i) => (Math.floor(i / 4) === Math.floor(out / 4) ? hessians[Math.floor(out / 4)]!.get(out % 4, i % 4) : 0),
      8,
      2e-2,
    );
  });

  it('is the prior’s alone where there is no text', () => {
    const z = normals(3 * 4, 8);
    const prior = new JointEnergy({ layers, sentences: 1, tilt }).gradient(z);
    const { nll, gradient } = inner.gradient(lowerLayer(layers, z.slice(0, 8)));
    const of = both.gradient(z.slice(0, 8));
    for (const row of [0, 1]) {
      expect(prior.energy[row]).toBeCloseTo(of.energy[row]! - nll[row]!, 4);
      for (let i = 0; i < 4; i++) {
        const ofText = i < 2 ? gradient[row * 2 + i]! : 0;
        expect(prior.gradient[row * 4 + i]).toBeCloseTo(of.gradient[row * 4 + i]! - ofText, 4);
      }
    }
  });
});

describe('the chain of one layer', () => {
  const model = new TinyRnn(texts, 2);
  const layered = layeredChain(new LayeredLikelihood(model, oneLayer(2)), schedule(4, 0.1, 1, 0.8));
  const stepSizes = Float32Array.from(schedule(4, 0.1, 1).stepSizes, ([step]) => step);
  const plain = langevinChain(model, { stepSizes, temperature: 0.8, priorWeight: 1 });
  const [z0, noise] = [normals(3 * 4, 2), normals(4 * 3 * 4, 3)];

  it('is the short run, its density that of the short run', () => {
    const [one, other] = [layered.run(z0, noise, true), plain.run(z0, noise, true)];
    one.path!.forEach((value, i) => {
      expect(value).toBeCloseTo(other.path![i]!, 4);
    });
    const [density, wanted] = [layered.density(one.path!), plain.density(other.path!)];
    density.logDensity.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted.logDensity[i]!, 3);
    });
    expect(density.stepsNotPositiveDefinite).toEqual(wanted.stepsNotPositiveDefinite);
  });

  it('has the bound that the search over a grid goes by, from the same starts and noise', () => {
    const constant = constantSchedule(0.08, 5);
    const { candidates } = searchDynamics(
      [model],
      [{ label: 's', schedule: constant }],
      { criterion: 'bound', chains: 64, foldLimit: 0.25 },
      {
        seed: 11,
        epoch: 2,
      },
    );
    const stream = new RandomStream({ seed: 11, purpose: 'step-search', epoch: 2, batch: 0, step: 0 });
    const [start, eps] = [stream.normals(4), stream.normals(5 * 4)];
    const energy = new JointEnergy(new LayeredLikelihood(model, oneLayer(2)));
    const stepSizes = Array.from({ length: 5 }, () => [0.08, 1] as const);
    const { bound, leftOut } = boundGradient(energy, start, eps, { stepSizes, temperature: 1 });
    expect(leftOut).toBe(0);
    expect(bound).toBeCloseTo(candidates[0]!.value, 3);
  });
});

/** Central differences of the bound in each step size. */
function expectBoundSlopes(model: LayeredLikelihood, dynamics: LayeredSchedule, chains: number): void {
  const energy = new JointEnergy(model);
  const rows = chains * model.sentences;
  const z0 = codesOf(model.layers, normals(rows * energy.size, 12));
  const noise = normals(dynamics.stepSizes.length * rows * energy.size, 13);
  const { gradient, leftOut } = boundGradient(energy, z0, noise, dynamics);
  expect(leftOut).toBe(0);
  const largest = Math.max(...gradient.flat().map(Math.abs));
  dynamics.stepSizes.forEach((steps, k) => {
    for (let layer = 0; layer < (model.layers.upper === 0 ? 1 : 2); layer++) {
      const h = 0.02 * steps[layer]!;
      const [plus, minus] = [h, -h].map((by) => {
        const stepSizes = dynamics.stepSizes.map(([a, b], at): [number, number] =>
          at === k ? [a + (layer === 0 ? by : 0), b + (layer === 1 ? by : 0)] : [a, b],
        );
        return boundGradient(energy, z0, noise, { ...dynamics, stepSizes }).bound;
      }) as [number, number];
      const numeric = (plus - minus) / (2 * h);
      expect(Math.abs(numeric - gradient[k]![layer]!), `step ${k}, layer ${layer}`).toBeLessThan(
        0.01 * largest + 0.02 * Math.abs(numeric),
      );
    }
  });
}

describe('the gradient of the bound', () => {
  it('is that of its differences, with two layers and with one', () => {
    expectBoundSlopes(curved(), schedule(3, 0.06, 0.09), 4);
    expectBoundSlopes(curved(), schedule(2, 0.03, 0.05, 0.4), 3);
    expectBoundSlopes(new LayeredLikelihood(new TinyRnn(texts, 2), oneLayer(2)), schedule(4, 0.03, 1), 4);
  });

  it('leaves out chains that fold, and says how many', () => {
    const model = curved();
    const energy = new JointEnergy(model);
    const z0 = codesOf(model.layers, normals(4 * 4));
    const far = boundGradient(energy, z0, normals(2 * 4 * 4, 3), schedule(2, 2.5, 2.5));
    expect(far).toEqual({
      bound: Number.NaN,
      gradient: [
        [0, 0],
        [0, 0],
      ],
      leftOut: 4,
    });
  });
});

describe('two linear layers under a linear-Gaussian text', () => {
  const [loading, above, sigma] = [random(4, 2, 1), random(2, 2, 2, 0.9), 0.9];
  const x = [0.8, -1, 0.5, 1.2];
  const inner = new LinearGaussian(loading, [x], sigma);
  const model = new LayeredLikelihood(inner as ConditionalLikelihood, linearLayers(above, 1));
  const energy = new JointEnergy(model);
  const K = 4;
  const S = Matrix.diag([0.07, 0.07, 0.12, 0.12]);
  const dynamics: LayeredSchedule = {
    stepSizes: Array.from({ length: K }, () => [0.07, 0.12] as const),
    temperature: 1,
  };

  // U(z) = z'Pz / 2 - p'z + c.
  const P = energy.hessians(new Float32Array(4))[0]!;
  const p = Matrix.columnVector(Array.from(energy.gradient(new Float32Array(4)).gradient, (value) => -value));
  const c = energy.gradient(new Float32Array(4)).energy[0]!;
  const A = Matrix.sub(Matrix.eye(4), S.mmul(P));
  const prior = Matrix.eye(4);
  prior.setSubMatrix(Matrix.add(Matrix.eye(2), above.mmul(above.transpose())), 0, 0);
  prior.setSubMatrix(above, 0, 2);
  prior.setSubMatrix(above.transpose(), 2, 0);

  it('has the evidence of its closed form: the Gaussian integral of exp(-U)', () => {
    const logEvidence =
      0.5 * p.dot(inverse(P).mmul(p)) - c + 2 * Math.log(2 * Math.PI) - 0.5 * logDeterminant(symmetric(P));
    const covariance = symmetric(
      loading
        .mmul(Matrix.add(Matrix.eye(2), above.mmul(above.transpose())))
        .mmul(loading.transpose())
        .add(Matrix.eye(4, 4, sigma ** 2)),
    );
    const column = Matrix.columnVector(x);
    const wanted =
      -0.5 * (column.dot(inverse(covariance).mmul(column)) + logDeterminant(covariance) + 4 * Math.log(2 * Math.PI));
    expect(logEvidence).toBeCloseTo(wanted, 4);
  });

  it('has a bound whose mean over starts and noise is the closed form, below the evidence', () => {
    let mean = Matrix.zeros(4, 1);
    let covariance: Matrix = prior;
    for (let k = 0; k < K; k++) {
      mean = A.mmul(mean).add(S.mmul(p));
      covariance = A.mmul(covariance).mmul(A.transpose()).add(Matrix.mul(S, 2));
    }
    const expectedEnergy = 0.5 * (P.mmul(covariance).trace() + mean.dot(P.mmul(mean))) - p.dot(mean) + c;
    const entropy = 0.5 * (4 + 4 * Math.log(2 * Math.PI) + logDeterminant(symmetric(prior)));
    const logVolume = K * Math.log(Math.abs(determinantOf(A)));
    const wanted = -expectedEnergy + entropy + logVolume;

    const values = Array.from({ length: 20 }, (_, i) => {
      const rows = 20;
      const z0 = codesOf(model.layers, normals(rows * 4, 100 + i));
      return boundGradient(energy, z0, normals(K * rows * 4, 300 + i), dynamics).bound;
    });
    const { mean: found, error } = meanAndError(values);
    expect(error).toBeLessThan(0.2);
    expect(Math.abs(found - wanted)).toBeLessThan(4 * error);
    expect(wanted).toBeLessThan(
      0.5 * p.dot(inverse(P).mmul(p)) - c + 2 * Math.log(2 * Math.PI) - 0.5 * logDeterminant(symmetric(P)),
    );
  });

  it('leads, by the gradient of the bound, to step sizes of a higher bound', () => {
    const rows = 10;
    const z0 = codesOf(model.layers, normals(rows * 4, 7));
    const noise = normals(K * rows * 4, 8);
    let steps = dynamics.stepSizes.map(([a, b]): [number, number] => [a, b]);
    const boundOf = () => boundGradient(energy, z0, noise, { stepSizes: steps, temperature: 0 });
    const before = boundOf().bound;
    for (let i = 0; i < 12; i++) {
      const { gradient } = boundOf();
      steps = steps.map(([a, b], k) => [
        a * Math.exp(0.5 * a * gradient[k]![0]),
        b * Math.exp(0.5 * b * gradient[k]![1]),
      ]);
    }
    expect(boundOf().bound).toBeGreaterThan(before + 0.1);
  });
});

/** Where sums of products left the last digit otherwise. */
function symmetric(matrix: Matrix): Matrix {
  return Matrix.add(matrix, matrix.transpose()).mul(0.5);
}

function determinantOf(matrix: Matrix): number {
  return Math.exp(0.5 * logDeterminant(symmetric(matrix.mmul(matrix.transpose()))));
}

describe('two linear layers under a linear-Gaussian text and a quadratic energy', () => {
  const [loading, above, deviation, sigma] = [random(4, 2, 1), random(2, 2, 2, 0.9), 0.7, 0.9];
  const texts = [
    [0.8, -1, 0.5, 1.2],
    [0.1, 0.4, -0.9, 0.3],
  ];
  const [weights, pull] = [random(3, 4, 5, 0.8), [0.9, -1.2, 0.7]];
  const ofCodes = new LinearGaussian(weights, [pull], sigma);

  /** The same in u, where all is Gaussian under N(0, I): z = D u, with its text A [deviation I, W] u. */
  const known = (W: Matrix) => {
    const D = Matrix.eye(4);
    D.setSubMatrix(Matrix.mul(Matrix.eye(2), deviation), 0, 0);
    D.setSubMatrix(W, 0, 2);
    const [ofText, ofEnergy] = [loading.mmul(D.subMatrix(0, 1, 0, 3)), weights.mmul(D)];
    const rows = [...ofText.to2DArray(), ...ofEnergy.to2DArray()];
    const joint = new LinearGaussian(
      new Matrix(rows),
      texts.map((x) => [...x, ...pull]),
      sigma,
    );
    const prior = new LinearGaussian(ofEnergy, [pull], sigma);
    /** Mean of z and E[z z'] under a posterior. */
    const moments = (model: LinearGaussian, sentence: number) => {
      const { mean, covariance } = model.posterior(sentence);
      const m = D.mmul(Matrix.columnVector(mean));
      return D.mmul(covariance).mmul(D.transpose()).add(m.mmul(m.transpose()));
    };
    return { D, joint, prior, moments, logLikelihood: (i: number) => joint.logEvidence(i) - prior.logEvidence(0) };
  };
  const { D, joint, prior, moments, logLikelihood } = known(above);
  const layers = linearLayers(above, deviation);
  const inner: ConditionalLikelihood = new LinearGaussian(loading, texts, sigma);

  it('has the constants and the precision of both, C and p(x) C', () => {
    for (const [model, wanted] of [
      [{ layers, sentences: 1, tilt: ofCodes }, prior.logEvidence(0)],
      [{ layers, sentences: 2, inner, tilt: ofCodes }, joint.logEvidence(0)],
    ] as const) {
      // U(z) = z'Pz / 2 - p'z + c, so that exp(-U) integrates to a closed form.
      const energy = new JointEnergy(model);
      const origin = new Float32Array(4 * model.sentences);
      const P = energy.hessians(origin)[0]!;
      const { energy: c, gradient } = energy.gradient(origin);
      const p = Matrix.columnVector(Array.from(gradient.subarray(0, 4), (value) => -value));
      const integral = -c[0]! + p.dot(inverse(P).mmul(p)) / 2 - logDeterminant(P) / 2 + (4 / 2) * Math.log(2 * Math.PI);
      expect(integral).toBeCloseTo(wanted, 4);
    }
  });

  it('has chains that come to rest around the mean of the posterior, in the noise of the codes', () => {
    const steps = 150;
    const draws = 100;
    const chain = layeredChain({ layers, sentences: 2, inner, tilt: ofCodes }, schedule(steps, 0.1, 0.04));
    const ends = chain.run(normals(draws * 2 * 4, 3), normals(steps * draws * 2 * 4, 4), false).z;
    for (const sentence of [0, 1]) {
      const { mean } = joint.posterior(sentence);
      for (let i = 0; i < 4; i++) {
        const values = Array.from({ length: draws }, (_, draw) => ends[(draw * 2 + sentence) * 4 + i]!);
        const found = meanAndError(values);
        expect(Math.abs(found.mean - mean[i]!), `${sentence}, ${i}`).toBeLessThan(4.5 * found.error);
      }
    }
  });

  it('has the density of its ends: that of its start, less what each step stretches', () => {
    const model = { layers, sentences: 2, inner, tilt: ofCodes };
    const chain = layeredChain(model, schedule(3, 0.03, 0.015));
    const u0 = normals(2 * 4, 5);
    const { path } = chain.run(u0, normals(3 * 2 * 4, 6), true);
    const { logDensity, stepsNotPositiveDefinite } = chain.density(path!);
    expect(Math.max(...stepsNotPositiveDefinite)).toBe(0);
    // d2U/dz2 = D^-T (I + joint curvature) D^-1, the same everywhere.
    const inverted = inverse(D);
    const P = inverted.transpose().mmul(joint.precision).mmul(inverted);
    const stretch = [0.03, 0.03 / 1.2, 0.03 / 1.4].reduce((sum, lower) => {
      const S = Matrix.diag([lower, lower, 0.015, 0.015]);
      return sum + Math.log(determinantOf(Matrix.sub(Matrix.eye(4), S.mmul(P))));
    }, 0);
    for (const row of [0, 1]) {
      const squares = u0.subarray(row * 4, row * 4 + 4).reduce((sum, value) => sum + value * value, 0);
      expect(logDensity[row]).toBeCloseTo(-squares / 2 - 2 * Math.log(2 * Math.PI) - stretch, 4);
    }
  });

  it('has the perplexity of the closed form', () => {
    const likelihood = Object.assign(new LayeredLikelihood(inner, layers), { prior });
    const measurement = new PerplexityMeasurement(new AisEstimator({ chains: 32, temperatures: 100 }));
    measurement.add(likelihood, {
      keys: { seed: 4, sentences: Int32Array.of(0, 1) },
      z: () => new Float32Array(),
    } as unknown as Posterior);
    const { value, facts } = measurement.result();
    const words = 2 * inner.words[0]!;
    expect(Math.abs(Math.log(value!) + (logLikelihood(0) + logLikelihood(1)) / words)).toBeLessThan(0.1);
    expect(Math.abs((facts!.logNormalizerFromAbove as number) - prior.logEvidence(0))).toBeLessThan(0.2);
  });

  it('learns p(z1 | z2) by its log’s slope under the posterior less that under the prior: the slope of log p(x)', () => {
    // d log p(z1 | z2) / dW = (z1 - W z2) z2' / deviation^2.
    const slope = (second: Matrix) =>
      second
        .subMatrix(0, 1, 2, 3)
        .sub(above.mmul(second.subMatrix(2, 3, 2, 3)))
        .div(deviation ** 2);
    const found = Matrix.sub(slope(moments(joint, 1)), slope(moments(prior, 0)));
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 2; j++) {
        const [plus, minus] = [1e-4, -1e-4].map((by) => {
          const moved = above.clone();
          moved.set(i, j, moved.get(i, j) + by);
          return known(moved).logLikelihood(1);
        }) as [number, number];
        expect((plus - minus) / 2e-4).toBeCloseTo(found.get(i, j), 5);
      }
    }
  });
});
