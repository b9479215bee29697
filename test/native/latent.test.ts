// NLL(z), its gradient, its Hessian and Langevin chains against differences of a double-precision decoder.

import { describe, expect, it } from 'vitest';
import { derivativeAlong, dot, latentNll, relativeError, type Sizes } from '../ops/reference.js';
import { addon, latentHandles, latentInputs, Random, SIZES, withThreads } from './fixtures.js';

function gradientAt(handles: ReturnType<typeof latentHandles>, rows: number, z: Float32Array) {
  const out = { nll: new Float32Array(rows), gradient: new Float32Array(z.length) };
  addon.latentGradient(...handles, { rows, z, ...out });
  return out;
}

function hessianAt(handles: ReturnType<typeof latentHandles>, { rows, latentSize }: Sizes, z: Float32Array) {
  const out = {
    nll: new Float32Array(rows),
    gradient: new Float32Array(z.length),
    hessian: new Float32Array(z.length * latentSize),
  };
  addon.posteriorHessian(...handles, { rows, z, ...out });
  return out;
}

/** dNLL/dz of the reference `[R, Z]`: every row at once, since rows do not know of each other. */
function referenceGradient(sizes: Sizes, inputs: ReturnType<typeof latentInputs>, z: ArrayLike<number>, step = 1e-3) {
  const { rows, latentSize: Z } = sizes;
  const gradient = new Float64Array(rows * Z);
  for (let d = 0; d < Z; d++) {
    const at = (distance: number) =>
      latentNll(
        sizes,
        inputs,
        Float64Array.from(z, (value, i) => value + (i % Z === d ? distance : 0)),
      );
    const [a, b, c, e] = [at(step), at(-step), at(2 * step), at(-2 * step)];
    for (let r = 0; r < rows; r++) {
      gradient[r * Z + d] = (8 * (a[r]! - b[r]!) - (c[r]! - e[r]!)) / (12 * step);
    }
  }
  return gradient;
}

/** d2NLL/dz2 of the reference `[R, Z, Z]`. */
function referenceHessian(sizes: Sizes, inputs: ReturnType<typeof latentInputs>, z: Float32Array) {
  const { rows, latentSize: Z } = sizes;
  const hessian = new Float64Array(rows * Z * Z);
  const step = 1e-2;
  for (let d = 0; d < Z; d++) {
    const at = (distance: number) =>
      referenceGradient(
        sizes,
        inputs,
        Float64Array.from(z, (value, i) => value + (i % Z === d ? distance : 0)),
        1e-2,
      );
    const [a, b, c, e] = [at(step), at(-step), at(2 * step), at(-2 * step)];
    for (let i = 0; i < rows * Z; i++) {
      const r = Math.floor(i / Z);
      hessian[(r * Z + d) * Z + (i % Z)] = (8 * (a[i]! - b[i]!) - (c[i]! - e[i]!)) / (12 * step);
    }
  }
  return hessian;
}

describe('NLL(z)', () => {
  for (const [i, sizes] of SIZES.entries()) {
    for (const masked of [false, true]) {
      it(`${sizes.name}${masked ? ', masked' : ''}: value and gradient, 1 to 3 threads`, () => {
        const inputs = latentInputs(sizes, 10 + i, masked);
        const z = new Random(20 + i).floats(sizes.rows * sizes.latentSize, 2);
        const nll = latentNll(sizes, inputs, z);
        const gradient = referenceGradient(sizes, inputs, z);
        // One word in the vocabulary is certain whatever z is.
        const certain = sizes.vocabularySize === 1;
        withThreads([1, 2, 3], () => {
          const handles = latentHandles(sizes, inputs);
          const out = gradientAt(handles, sizes.rows, z);
          const valueAlone = new Float32Array(sizes.rows);
          addon.latentNll(...handles, { rows: sizes.rows, z, nll: valueAlone });
          if (certain) {
            expect(Math.abs(out.nll[0]!) + Math.abs(valueAlone[0]!) + Math.abs(out.gradient[0]!)).toBeLessThan(1e-6);
          } else {
            expect(relativeError(out.nll, nll)).toBeLessThan(3e-6);
            expect(relativeError(valueAlone, nll)).toBeLessThan(3e-6);
            expect(relativeError(out.gradient, gradient)).toBeLessThan(2e-5);
          }
        });
      });
    }
  }

  it('works through many draws in pieces', () => {
    const sizes = { ...SIZES[3]!, rows: 3 * 400 };
    const inputs = latentInputs(sizes, 30, true);
    const z = new Random(31).floats(sizes.rows * sizes.latentSize, 2);
    const handles = latentHandles(sizes, inputs);
    const nll = new Float32Array(sizes.rows);
    addon.latentNll(...handles, { rows: sizes.rows, z, nll });
    const out = gradientAt(handles, sizes.rows, z);
    expect(relativeError(out.nll, nll)).toBeLessThan(1e-6);
    // Any draws of the same sentences give the same numbers alone.
    const part = { ...sizes, rows: 6 };
    const begin = 3 * 250;
    const alone = gradientAt(handles, part.rows, z.slice(begin * 5, (begin + 6) * 5));
    expect(relativeError(alone.gradient, out.gradient.slice(begin * 5, (begin + 6) * 5))).toBeLessThan(1e-5);
    expect(() => addon.latentNll(...handles, { rows: 4, z: z.slice(0, 20), nll: nll.slice(0, 4) })).toThrow(
      'rows must be a multiple of batch',
    );
  });
});

describe('shortRun', () => {
  it('is Langevin dynamics on the gradient, and its path leads there', () => {
    const sizes = SIZES[3]!;
    const { rows, latentSize: Z } = sizes;
    const inputs = latentInputs(sizes, 40, true);
    const random = new Random(41);
    const z0 = random.floats(rows * Z);
    const steps = Float32Array.of(0.05, 0.02, 0.01);
    const noise = random.floats(steps.length * rows * Z, 2);
    const temperature = 0.7;
    const priorWeight = 0.3;
    const expected = [Float64Array.from(z0)];
    for (const [k, s] of steps.entries()) {
      const gradient = referenceGradient(sizes, inputs, expected[k]!);
      expected.push(
        expected[k]!.map((value, i) => {
          const drift = priorWeight * value + gradient[i]!;
          return value - s * drift + temperature * Math.sqrt(2 * s) * noise[k * rows * Z + i]!;
        }),
      );
    }
    withThreads([1, 2, 3], () => {
      const handles = latentHandles(sizes, inputs);
      const z = new Float32Array(rows * Z);
      const path = new Float32Array(expected.length * rows * Z);
      const args = { rows, z0, noise, stepSizes: steps, temperature, priorWeight };
      addon.shortRun(...handles, { ...args, z, path });
      for (const [k, state] of expected.entries()) {
        expect(relativeError(path.slice(k * rows * Z, (k + 1) * rows * Z), state)).toBeLessThan(2e-5);
      }
      expect(path.slice(-rows * Z)).toEqual(z);
      const again = new Float32Array(rows * Z);
      addon.shortRun(...handles, { ...args, z: again, path: null });
      expect(again).toEqual(z);
    });
  });

  it('keeps the whole path of more draws than are carried at once', () => {
    const sizes = { ...SIZES[3]!, rows: 3 * 200 };
    const size = sizes.rows * sizes.latentSize;
    const handles = latentHandles(sizes, latentInputs(sizes, 45, true));
    const random = new Random(46);
    const z0 = random.floats(size);
    const noise = random.floats(2 * size, 2);
    const stepSizes = Float32Array.of(0.05, 0.02);
    const [z, path] = [new Float32Array(size), new Float32Array(3 * size)];
    const dynamics = { rows: sizes.rows, temperature: 0.7, priorWeight: 0.3 };
    addon.shortRun(...handles, { ...dynamics, z0, noise, stepSizes, z, path });
    expect(path.slice(0, size)).toEqual(z0);
    const first = new Float32Array(size);
    const only = { noise: noise.slice(0, size), stepSizes: stepSizes.slice(0, 1) };
    addon.shortRun(...handles, { ...dynamics, ...only, z0, z: first, path: null });
    expect(path.slice(size, 2 * size)).toEqual(first);
    expect(path.slice(2 * size)).toEqual(z);
  });
});

describe('shortRun with the sum of gradients along its way', () => {
  const NAMES = [
    'wordGates',
    'latentKernel',
    'initialKernel',
    'initialBias',
    'recurrentKernel',
    'outputKernel',
    'outputBias',
  ] as const;
  type Sums = Record<(typeof NAMES)[number], Float32Array>;

  const zeros = (inputs: ReturnType<typeof latentInputs>) =>
    Object.fromEntries(NAMES.map((name) => [name, new Float32Array(inputs[name].length)])) as Sums;

  /** Three steps of which the second does not count. */
  const weights = Float32Array.of(0.7, 0, 2);
  const dynamics = { stepSizes: Float32Array.of(0.05, 0.02, 0.01), temperature: 0.7, priorWeight: 0.3 };

  function run(handles: ReturnType<typeof latentHandles>, rows: number, z0: Float32Array, noise: Float32Array) {
    const z = new Float32Array(z0.length);
    const path = new Float32Array(4 * z0.length);
    addon.shortRun(...handles, { rows, z0, noise, ...dynamics, z, path });
    return { z, path };
  }

  function runWithSums(
    handles: ReturnType<typeof latentHandles>,
    inputs: ReturnType<typeof latentInputs>,
    rows: number,
    z0: Float32Array,
    noise: Float32Array,
  ) {
    const z = new Float32Array(z0.length);
    const gradient = zeros(inputs);
    addon.shortRun(...handles, { rows, z0, noise, ...dynamics, z, path: null, weights, gradient });
    return { z, gradient };
  }

  /** The slope of sum_k weights_k NLL(z_k) in every input along a random direction, beside what `gradient` says it is. */
  function expectSlopes(
    sizes: Sizes,
    inputs: ReturnType<typeof latentInputs>,
    path: Float32Array,
    gradient: Sums,
    seed: number,
  ) {
    const size = sizes.rows * sizes.latentSize;
    const sumOfNll = (moved: ReturnType<typeof latentInputs>) =>
      Array.from(weights).reduce(
        (sum, weight, k) =>
          weight === 0
            ? sum
            : sum + weight * latentNll(sizes, moved, path.slice(k * size, (k + 1) * size)).reduce((a, b) => a + b, 0),
        0,
      );
    for (const [i, name] of NAMES.entries()) {
      const direction = new Random(seed + i).floats(inputs[name].length);
      const slope = derivativeAlong(
        (x) => sumOfNll({ ...inputs, [name]: x as unknown as Float32Array }),
        inputs[name],
        direction,
        1e-3,
      );
      const claimed = dot(gradient[name], direction);
      const scale = Math.sqrt(direction.reduce((sum, value, j) => sum + (value * gradient[name][j]!) ** 2, 0));
      expect(Math.abs(claimed - slope), name).toBeLessThanOrEqual(2e-4 * scale + 1e-6);
    }
  }

  for (const [i, sizes] of SIZES.entries()) {
    for (const masked of [false, true]) {
      it(`${sizes.name}${masked ? ', masked' : ''}: against differences of the reference, 1 to 3 threads`, () => {
        const inputs = latentInputs(sizes, 110 + i, masked);
        const random = new Random(120 + i);
        const z0 = random.floats(sizes.rows * sizes.latentSize);
        const noise = random.floats(3 * z0.length, 2);
        let first: Sums | null = null;
        withThreads([1, 2, 3], () => {
          const handles = latentHandles(sizes, inputs);
          const { z, path } = run(handles, sizes.rows, z0, noise);
          const summed = runWithSums(handles, inputs, sizes.rows, z0, noise);
          expect(summed.z).toEqual(z);
          if (first === null) expectSlopes(sizes, inputs, path, summed.gradient, 130 + 10 * i);
          first ??= summed.gradient;
          for (const name of NAMES) {
            const size = Math.max(...first[name].map(Math.abs));
            summed.gradient[name].forEach((value, j) => {
              expect(Math.abs(value - first![name][j]!), name).toBeLessThanOrEqual(2e-5 * size + 1e-7);
            });
          }
        });
      });
    }
  }

  it('is right where the largest logits come last, and what was kept of the first words has to be scaled', () => {
    const sizes = SIZES[3]!;
    const inputs = latentInputs(sizes, 160, true);
    inputs.outputBias[600] = 30;
    inputs.outputBias[1090] = 58;
    const random = new Random(161);
    const z0 = random.floats(sizes.rows * sizes.latentSize);
    const noise = random.floats(3 * z0.length, 2);
    const handles = latentHandles(sizes, inputs);
    const { path } = run(handles, sizes.rows, z0, noise);
    expectSlopes(sizes, inputs, path, runWithSums(handles, inputs, sizes.rows, z0, noise).gradient, 170);
  });

  it('adds up over pieces of the rows and tiles of the tokens', () => {
    const sizes = { ...SIZES[3]!, rows: 3 * 200 };
    const inputs = latentInputs(sizes, 180, true);
    const random = new Random(181);
    const z0 = random.floats(sizes.rows * sizes.latentSize);
    const noise = random.floats(3 * z0.length, 2);
    withThreads([1, 2], () => {
      const handles = latentHandles(sizes, inputs);
      const whole = runWithSums(handles, inputs, sizes.rows, z0, noise);
      expect(whole.z).toEqual(run(handles, sizes.rows, z0, noise).z);
      // In tens of draws, which are one piece and one tile each, summed into the same arrays.
      const gradient = zeros(inputs);
      const rows = 30;
      const size = rows * sizes.latentSize;
      for (let begin = 0; begin < z0.length; begin += size) {
        const part = (k: number) => noise.subarray(k * z0.length + begin, k * z0.length + begin + size);
        const parts = Float32Array.from([...part(0), ...part(1), ...part(2)]);
        const z = new Float32Array(size);
        const start = z0.slice(begin, begin + size);
        addon.shortRun(...handles, { rows, z0: start, noise: parts, ...dynamics, z, path: null, weights, gradient });
      }
      for (const name of NAMES) expect(relativeError(whole.gradient[name], gradient[name]), name).toBeLessThan(2e-5);
    });
  });

  it('refuses sums of another size', () => {
    const sizes = SIZES[1]!;
    const inputs = latentInputs(sizes, 190, false);
    const handles = latentHandles(sizes, inputs);
    const z0 = new Float32Array(sizes.latentSize);
    const gradient = { ...zeros(inputs), outputKernel: new Float32Array(1) };
    const args = {
      rows: 1,
      z0,
      noise: new Float32Array(12),
      ...dynamics,
      z: z0.slice(),
      path: null,
      weights,
      gradient,
    };
    expect(() => addon.shortRun(...handles, args)).toThrow(/outputKernel/);
    expect(() => addon.shortRun(...handles, { ...args, weights: weights.slice(1) })).toThrow(/weights/);
  });
});

describe('posteriorHessian', () => {
  for (const [i, sizes] of SIZES.entries()) {
    it(`${sizes.name}: against differences of the reference, 1 to 3 threads`, () => {
      const inputs = latentInputs(sizes, 50 + i, i % 2 === 1);
      const z = new Random(60 + i).floats(sizes.rows * sizes.latentSize);
      const hessian = sizes.vocabularySize === 1 ? null : referenceHessian(sizes, inputs, z);
      withThreads([1, 2, 3], () => {
        const handles = latentHandles(sizes, inputs);
        const out = hessianAt(handles, sizes, z);
        const { nll, gradient } = gradientAt(handles, sizes.rows, z);
        expect(out.nll).toEqual(nll);
        expect(out.gradient).toEqual(gradient);
        if (hessian === null) {
          expect(Math.abs(out.hessian[0]!)).toBeLessThan(1e-6);
        } else {
          expect(relativeError(out.hessian, hessian)).toBeLessThan(3e-5);
        }
      });
    });
  }

  it('is symmetric to the last bit and the same again, for more rows than are carried at once', () => {
    const sizes = { ...SIZES[3]!, rows: 3 * 15 };
    const inputs = latentInputs(sizes, 70, true);
    const z = new Random(71).floats(sizes.rows * sizes.latentSize);
    const Z = sizes.latentSize;
    withThreads([2, 3], () => {
      const handles = latentHandles(sizes, inputs);
      const { hessian } = hessianAt(handles, sizes, z);
      const transposed = hessian.map((_, at) => {
        const r = Math.floor(at / (Z * Z));
        const [d, e] = [Math.floor(at / Z) % Z, at % Z];
        return hessian[(r * Z + e) * Z + d]!;
      });
      expect(transposed).toEqual(hessian);
      expect(hessianAt(handles, sizes, z).hessian).toEqual(hessian);
      // A row's Hessian does not depend on its company.
      const alone = hessianAt(handles, { ...sizes, rows: 3 }, z.slice(-3 * Z));
      expect(relativeError(alone.hessian, hessian.slice(-3 * Z * Z))).toBeLessThan(1e-5);
    });
  });

  it('is the slope of the gradient along any direction', () => {
    const sizes = { ...SIZES[3]!, tokens: 11, batch: 1, rows: 1 };
    const inputs = latentInputs(sizes, 80, true);
    const random = new Random(81);
    const z = random.floats(sizes.latentSize);
    const direction = random.floats(sizes.latentSize);
    const { hessian } = hessianAt(latentHandles(sizes, inputs), sizes, z);
    const Z = sizes.latentSize;
    const curvature = direction.reduce(
      (sum, a, d) => sum + a * direction.reduce((inner, b, e) => inner + hessian[d * Z + e]! * b, 0),
      0,
    );
    const slopeAt = (x: Float64Array) => derivativeAlong((y) => latentNll(sizes, inputs, y)[0]!, x, direction, 1e-2);
    expect(curvature / derivativeAlong(slopeAt, z, direction, 1e-2)).toBeCloseTo(1, 4);
  });
});
