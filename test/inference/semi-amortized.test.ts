import { describe, expect, test } from 'vitest';
import type { DiagonalGaussian } from '../../src/inference/posterior.js';
import { negativeElbo, type RefinementOptions, refine, refinementAdjoint } from '../../src/inference/semi-amortized.js';
import { delegating, normals, randomLinearGaussian, TinyRnn } from './models.js';

const options: RefinementOptions = {
  steps: 6,
  learningRate: 1,
  momentum: 0.5,
  clipNorm: 5,
  klWeight: 0.7,
  scale: 8,
  scope: 'sentence',
  difference: 0.01,
};
const TEXTS = [
  [1, 2, 0, 4],
  [3, 3, 1, 2],
];
const LATENT = 2;
const SIZE = TEXTS.length * LATENT;

function startAt(seed: number): DiagonalGaussian {
  return { mean: normals(SIZE, seed), logVariance: normals(SIZE, seed + 1).map((value) => 0.3 * value - 0.5) };
}

/** A smooth loss of (mean, log variance), and its derivative. */
function lossOf({ mean, logVariance }: DiagonalGaussian): number {
  let sum = 0;
  mean.forEach((value, i) => {
    sum += Math.sin(value + i) + 0.3 * logVariance[i]! ** 2;
  });
  return sum;
}

function lossGradient({ mean, logVariance }: DiagonalGaussian): Float64Array {
  const inMean = mean.map((value, i) => Math.cos(value + i));
  return Float64Array.from([...inMean, ...logVariance.map((value) => 0.6 * value)]);
}

describe('refinement', () => {
  test('takes the steps of gradient descent with momentum, in closed form for a linear-Gaussian model', () => {
    const model = randomLinearGaussian(1, 2);
    const start = { mean: Float32Array.of(0.3, -0.2), logVariance: Float32Array.of(-0.1, 0.4) };
    const noise = normals(2 * 2, 5);
    const steps = 2;
    const { gaussian } = refine(model, start, noise, { ...options, steps });
    const { klWeight, scale, momentum } = options;
    let [mean, logVariance] = [[...start.mean], [...start.logVariance]];
    let velocity = [0, 0, 0, 0];
    for (let k = 0; k < steps; k++) {
      const eps = noise.subarray(2 * k, 2 * k + 2);
      const z = mean.map((value, d) => value + Math.exp(logVariance[d]! / 2) * eps[d]!);
      const { gradient } = model.at(0, z);
      const g = [
        ...mean.map((value, d) => (gradient[d]! + klWeight * value) / scale),
        ...logVariance.map((value, d) => {
          const deviation = Math.exp(value / 2);
          return (0.5 * (gradient[d]! * deviation * eps[d]! + klWeight * (deviation ** 2 - 1))) / scale;
        }),
      ];
      const length = Math.hypot(...g);
      velocity = velocity.map((v, i) => momentum * v + g[i]! * Math.min(1, options.clipNorm / length));
      mean = mean.map((value, d) => value - velocity[d]!);
      logVariance = logVariance.map((value, d) => value - velocity[2 + d]!);
    }
    mean.forEach((value, d) => {
      expect(gaussian.mean[d]).toBeCloseTo(value, 5);
    });
    logVariance.forEach((value, d) => {
      expect(gaussian.logVariance[d]).toBeCloseTo(value, 5);
    });
  });

  test('raises the ELBO of each sentence, and leaves a sentence to itself', () => {
    const model = new TinyRnn(TEXTS, LATENT, { scale: 1.5 });
    const start = { ...startAt(3), mean: new Float32Array(SIZE).fill(2.5) };
    const noise = normals(60 * SIZE, 9);
    const many = { ...options, steps: 60, klWeight: 1, scale: 32 };
    const { gaussian } = refine(model, start, noise, many);
    const elbo = ({ mean, logVariance }: DiagonalGaussian, sentence: number) => {
      const draws = 400;
      const eps = normals(draws * SIZE, 77);
      const z = eps.map((value, i) => mean[i % SIZE]! + Math.exp(logVariance[i % SIZE]! / 2) * value);
      const { nll } = model.nll(z);
      let value = 0;
      for (let m = 0; m < draws; m++) value -= nll[m * TEXTS.length + sentence]! / draws;
      for (let d = sentence * LATENT; d < (sentence + 1) * LATENT; d++) {
        value -= 0.5 * (mean[d]! ** 2 + Math.exp(logVariance[d]!) - 1 - logVariance[d]!);
      }
      return value;
    };
    for (const sentence of [0, 1]) expect(elbo(gaussian, sentence)).toBeGreaterThan(elbo(start, sentence) + 1);
    const alone = new TinyRnn(TEXTS.slice(0, 1), LATENT, { scale: 1.5 });
    const first = (values: Float32Array) =>
      Float32Array.from({ length: (values.length / SIZE) * LATENT }, (_, i) => {
        return values[Math.floor(i / LATENT) * SIZE + (i % LATENT)]!;
      });
    const single = refine(
      alone,
      { mean: first(start.mean), logVariance: first(start.logVariance) },
      first(noise),
      many,
    );
    expect(single.gaussian.mean[0]).toBeCloseTo(gaussian.mean[0]!, 5);
    expect(single.gaussian.logVariance[1]).toBeCloseTo(gaussian.logVariance[1]!, 5);
  });
});

describe('a refinement of the whole batch', () => {
  test('clips the gradient in all means and that in all log variances, each by its own norm', () => {
    const model = new TinyRnn(TEXTS, LATENT, { scale: 1.5 });
    const start = startAt(3);
    const noise = normals(SIZE, 9);
    const lengthOf = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));
    const settings: RefinementOptions = { ...options, steps: 1, scope: 'batch', clipNorm: 1e9 };
    const { gradient } = negativeElbo(model, start, noise, settings);
    const [inMean, inLogVariance] = [gradient.subarray(0, SIZE), gradient.subarray(SIZE)];
    // Between the two norms, so that the larger alone is clipped; a sentence's own are both smaller than the larger.
    const [smaller, larger] = [lengthOf(inMean), lengthOf(inLogVariance)].sort((a, b) => a - b) as [number, number];
    const clipNorm = (smaller + larger) / 2;
    const { gaussian } = refine(model, start, noise, { ...settings, clipNorm });
    for (const [part, own] of [
      ['mean', inMean],
      ['logVariance', inLogVariance],
    ] as const) {
      const shrunk = Math.min(1, clipNorm / lengthOf(own));
      gaussian[part].forEach((value, i) => {
        expect(value).toBeCloseTo(start[part][i]! - shrunk * own[i]!, 5);
      });
    }
    expect(larger / smaller).toBeGreaterThan(1.1);
  });
});

/** Norms of what is clipped as one: a sentence's gradient in its mean and log variance together, or that in all means. */
function lengthsOf(gradient: Float64Array, { scope }: RefinementOptions): number[] {
  if (scope === 'batch') return [0, SIZE].map((from) => Math.hypot(...gradient.subarray(from, from + SIZE)));
  return TEXTS.map((_, sentence) => {
    const own = [0, SIZE].flatMap((part) =>
      Array.from(gradient.subarray(part + sentence * LATENT, part + (sentence + 1) * LATENT)),
    );
    return Math.hypot(...own);
  });
}

describe('its adjoint', () => {
  const noise = normals(options.steps * SIZE, 21);

  test.each([
    [5, 'none', 'sentence'],
    [0.05, 'most', 'sentence'],
    [0.05, 'most', 'batch'],
  ] as const)(
    'is the derivative of the unrolled steps in where they start, clipped to %f, which clips %s, by %s',
    (clipNorm, clips, scope) => {
      const model = new TinyRnn(TEXTS, LATENT, { scale: 1.5 });
      const settings: RefinementOptions = { ...options, clipNorm, scope };
      const start = startAt(3);
      const refinement = refine(model, start, noise, settings);
      const lengths = refinement.gradients.flatMap((gradient) => lengthsOf(gradient, settings));
      const clipped = lengths.filter((length) => length > clipNorm).length / lengths.length;
      if (clips === 'none') expect(clipped).toBe(0);
      else expect(clipped).toBeGreaterThan(0.5);
      const { start: derivative } = refinementAdjoint(model, refinement, lossGradient(refinement.gaussian), settings);
      for (const part of ['mean', 'logVariance'] as const) {
        for (let i = 0; i < SIZE; i++) {
          const moved = (by: number) => {
            const values = start[part].slice();
            values[i]! += by;
            return lossOf(refine(model, { ...start, [part]: values }, noise, settings).gaussian);
          };
          const numeric = (moved(0.001) - moved(-0.001)) / 0.002;
          expect(Math.abs(derivative[part][i]! - numeric)).toBeLessThan(5e-3 * Math.max(1, Math.abs(numeric)));
        }
      }
    },
  );

  test.each([
    [5, 'sentence'],
    [0.05, 'sentence'],
    [0.05, 'batch'],
  ] as const)(
    'has in its probes what the steps owe to a weight of the decoder, one that multiplies the NLL, clipped to %f by %s',
    (clipNorm, scope) => {
      const model = new TinyRnn(TEXTS, LATENT, { scale: 1.5 });
      const settings: RefinementOptions = { ...options, steps: 3, clipNorm, scope };
      const start = startAt(3);
      const refined = (by: number) => {
        const heavier = delegating(model, {
          gradient(z) {
            const { nll, gradient } = model.gradient(z);
            return { nll, gradient: gradient.map((value) => (1 + by) * value) };
          },
        });
        return refine(heavier, start, noise, settings);
      };
      const numeric = (lossOf(refined(0.005).gaussian) - lossOf(refined(-0.005).gaussian)) / 0.01;
      const refinement = refined(0);
      const { probes } = refinementAdjoint(model, refinement, lossGradient(refinement.gaussian), settings);
      // The slope of a NLL in what multiplies it is the NLL.
      let owed = 0;
      for (const { plus, minus, weight } of probes) {
        const [above, below] = [model.nll(plus).nll, model.nll(minus).nll];
        weight.forEach((value, sentence) => {
          owed += value * (above[sentence]! - below[sentence]!);
        });
      }
      expect(Math.abs(numeric)).toBeGreaterThan(0.02);
      expect(owed / numeric).toBeCloseTo(1, 2);
    },
  );

  test('is what exact Hessian-vector products give', () => {
    const model = new TinyRnn(TEXTS, LATENT, { scale: 1.5 });
    const start = startAt(6);
    const refinement = refine(model, start, noise, options);
    const end = lossGradient(refinement.gaussian);
    const { start: derivative } = refinementAdjoint(model, refinement, end, options);

    const { klWeight, scale, learningRate, momentum } = options;
    const position = [...end];
    const velocity = Array<number>(2 * SIZE).fill(0);
    for (let k = options.steps - 1; k >= 0; k--) {
      const { mean, logVariance } = refinement.visited[k]!;
      const eps = refinement.noise[k]!;
      for (let i = 0; i < 2 * SIZE; i++) velocity[i] = momentum * velocity[i]! - learningRate * position[i]!;
      // No gradient is clipped here, so what is owed to the gradient is the velocity's adjoint.
      const z = mean.map((value, i) => value + Math.exp(logVariance[i]! / 2) * eps[i]!);
      const { gradient, hessian } = model.hessian(z);
      const half = (i: number) => 0.5 * Math.exp(logVariance[i]! / 2) * eps[i]!;
      for (let sentence = 0; sentence < TEXTS.length; sentence++) {
        for (let d = 0; d < LATENT; d++) {
          const i = sentence * LATENT + d;
          let alongZ = 0;
          for (let e = 0; e < LATENT; e++) {
            const j = sentence * LATENT + e;
            const moved = velocity[j]! + half(j) * velocity[SIZE + j]!;
            alongZ += hessian[(sentence * LATENT + d) * LATENT + e]! * moved;
          }
          const variance = Math.exp(logVariance[i]!);
          position[i]! += (alongZ + klWeight * velocity[i]!) / scale;
          position[SIZE + i]! +=
            (half(i) * alongZ + 0.5 * (gradient[i]! * half(i) + klWeight * variance) * velocity[SIZE + i]!) / scale;
        }
      }
    }
    for (let i = 0; i < SIZE; i++) {
      expect(Math.abs(derivative.mean[i]! - position[i]!)).toBeLessThan(2e-3);
      expect(Math.abs(derivative.logVariance[i]! - position[SIZE + i]!)).toBeLessThan(2e-3);
    }
  });
});
