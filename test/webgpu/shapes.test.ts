// Every kernel at shapes that no tile, workgroup or unrolled loop divides, against the portable operations on tfjs's own CPU
// backend: one more and one less than a workgroup has threads, several tiles and a bit, several rows a workgroup, pieces of
// a batch. A barrier that is missing, or a bound that is off by one, fails here.

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { clearFallbacks, fallbacks } from '../../src/backends/fallbacks.js';
import { useBackend } from '../../src/backends/index.js';
import type { WebgpuBackend } from '../../src/backends/webgpu/backend.js';
import { sequenceLayout } from '../../src/backends/webgpu/kernels/lstm.js';
import { vocabularyLayout } from '../../src/backends/webgpu/kernels/token-nll.js';
import type { Precision } from '../../src/config/choices.js';
import { InputError } from '../../src/errors.js';
import { checkPrecision } from '../../src/experiments/machine.js';
import { clipByGlobalNorm } from '../../src/ops/clip-by-global-norm.js';
import { dropoutMask } from '../../src/ops/dropout-mask.js';
import { embedding } from '../../src/ops/embedding.js';
import { latentGradient, latentNllPortable } from '../../src/ops/latent-nll.js';
import { lstm } from '../../src/ops/lstm.js';
import { posteriorHessian } from '../../src/ops/posterior-hessian.js';
import type { SentenceContext } from '../../src/ops/sentence-context.js';
import { shortRun, shortRunWithGradient } from '../../src/ops/short-run.js';
import { tokenNll } from '../../src/ops/token-nll.js';
import { RandomStream } from '../../src/random/philox.js';

let backend: WebgpuBackend;

beforeAll(async () => {
  await useBackend('webgpu', 1);
  backend = tf.backend() as WebgpuBackend;
});

/** The same computation on the GPU and on tfjs's own CPU backend; the GPU's falls back to nothing. */
async function both(compute: () => tf.Tensor[]): Promise<[gpu: Float32Array[], cpu: Float32Array[]]> {
  const on = async (name: 'webgpu' | 'cpu') => {
    await useBackend(name, 1);
    const tensors = tf.tidy(compute);
    const values = tensors.map((tensor) => Float32Array.from(tensor.dataSync()));
    tf.dispose(tensors);
    return values;
  };
  clearFallbacks();
  const gpu = await on('webgpu');
  expect(fallbacks()).toEqual({});
  const cpu = await on('cpu');
  await useBackend('webgpu', 1);
  return [gpu, cpu];
}

async function expectSame(compute: () => tf.Tensor[], tolerance = 1e-5): Promise<void> {
  const [gpu, cpu] = await both(compute);
  for (const [i, wanted] of cpu.entries()) {
    const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const worst = wanted.reduce((most, x, j) => {
      const difference = Math.abs(x - gpu[i]![j]!);
      // NaN is worse than any difference.
      return difference <= most ? most : difference;
    }, 0);
    expect(gpu[i]!.length).toBe(wanted.length);
    expect(worst / scale, `output ${i}`).toBeLessThan(tolerance);
  }
}

/** The same where numbers are not finite: NaN for NaN, and each infinity for itself. */
async function expectSameAll(compute: () => tf.Tensor[]): Promise<void> {
  const [gpu, cpu] = await both(compute);
  for (const [i, wanted] of cpu.entries()) {
    const close = Array.from(wanted, (x, j) => {
      const found = gpu[i]![j]!;
      return Math.abs(x - found) <= 1e-5 * Math.abs(x) + 1e-20 ? x : found;
    });
    expect(close, `output ${i}`).toEqual([...wanted]);
  }
}

/** Numbers that depend on the seed and the shape alone. */
function random<R extends tf.Rank>(seed: number, shape: tf.ShapeMap[R], range = 1): tf.Tensor<R> {
  const stream = new RandomStream({ seed, purpose: 'initialization' });
  return tf.tensor<R>(stream.uniforms(tf.util.sizeFromShape(shape), -range, range), shape);
}

function integers(seed: number, count: number, bound: number): Int32Array {
  const stream = new RandomStream({ seed, purpose: 'shuffle' });
  return Int32Array.from({ length: count }, () => stream.integer(bound));
}

describe('lstm', () => {
  // Units: one thread with two of them (257), one too many threads (31, 33). Rows: 1, 2 and 4 a workgroup, the last not
  // full.
  it.each([
    { tokens: 3, rows: 1, hidden: 257 },
    { tokens: 4, rows: 5, hidden: 31 },
    { tokens: 3, rows: 129, hidden: 33 },
    { tokens: 2, rows: 514, hidden: 9 },
  ])('T $tokens, $rows rows, H $hidden: values and gradients', async ({ tokens: T, rows, hidden: H }) => {
    const inputs = () =>
      [
        random<tf.Rank.R3>(1, [T, rows, 4 * H]),
        random<tf.Rank.R2>(2, [rows, 4 * H]),
        random<tf.Rank.R2>(3, [rows, H]),
        random<tf.Rank.R2>(4, [H, 4 * H], 1 / Math.sqrt(H)),
      ] as const;
    const dy = () => random<tf.Rank.R3>(5, [T, rows, H]);
    const of = (...args: tf.Tensor[]) => lstm(...(args as unknown as ReturnType<typeof inputs>));
    await expectSame(() => [of(...inputs()), ...tf.grads(of)([...inputs()], dy())]);
  });

  it('shares out rows and units within the workgroup memory that there is', () => {
    const { facts } = backend.gpu;
    expect(sequenceLayout({ facts }, 256, 32)).toEqual({ H: 256, G: 1, W: 256, U: 1 });
    expect(sequenceLayout({ facts }, 256, 1000)).toEqual({ H: 256, G: 4, W: 256, U: 1 });
    // Yahoo's: 16 bytes of a workgroup's memory for each unit of each row.
    const yahoo = sequenceLayout({ facts: { ...facts, maxWorkgroupMemory: 32768 } }, 1024, 1000);
    expect(yahoo).toEqual({ H: 1024, G: 2, W: 256, U: 4 });
    const small = { facts: { ...facts, maxWorkgroupMemory: 32768 } };
    expect(() => sequenceLayout(small, 2049, 32)).toThrow(InputError);
    expect(() => sequenceLayout(small, 2049, 32)).toThrow(/hiddenSize: 2049 .*32784 bytes .* has 32768/);
  });
});

describe('tokenNll', () => {
  // Tokens: a tile less and more one. Words: less than a tile, two slices and a bit. Hidden: less than the depth of a
  // tile (7), a bit more than a multiple of it (33), two elements a thread (257), the smaller tiles (300, 520).
  it.each([
    { count: 63, hidden: 7, vocabulary: 61 },
    { count: 65, hidden: 33, vocabulary: 130 },
    { count: 3, hidden: 257, vocabulary: 70 },
    { count: 35, hidden: 300, vocabulary: 67 },
    { count: 18, hidden: 520, vocabulary: 66 },
  ])('$count tokens, H $hidden, V $vocabulary: values and gradients', async ({ count, hidden: H, vocabulary: V }) => {
    const targets = () => tf.tensor1d(integers(1, count, V), 'int32');
    const inputs = () =>
      [
        random<tf.Rank.R2>(2, [count, H]),
        random<tf.Rank.R2>(3, [V, H], 8 / Math.sqrt(H)),
        random<tf.Rank.R1>(4, [V], 2),
      ] as const;
    await expectSame(() => {
      const of = (...args: tf.Tensor[]) => tokenNll(...(args as unknown as ReturnType<typeof inputs>), targets());
      return [of(...inputs()), ...tf.grads(of)([...inputs()], random<tf.Rank.R1>(5, [count]))];
    });
  });

  it('keeps its head when logits are far apart, and when the largest comes last', async () => {
    await expectSame(() => {
      const kernel = tf.tensor2d(
        Float32Array.from({ length: 800 }, (_, i) => Math.floor(i / 4) / 100 - 1),
        [200, 4],
      );
      const hidden = tf.tensor2d([100, 100, 100, 100, -100, -100, -100, -100, 0, 0, 0, 0], [3, 4]);
      return [tokenNll(hidden, kernel, tf.zeros([200]), tf.tensor1d([0, 0, 7], 'int32'))];
    });
  });

  it('cuts the vocabulary into slices that hold together within the memory there is', () => {
    const { gpu } = backend;
    for (const [count, H, V] of [
      [736, 256, 10_000],
      [2560, 1024, 20_000],
      [1, 5, 11],
    ] as const) {
      const { ROWS, slice, slices } = vocabularyLayout(gpu, count, H, V);
      expect(slice % 64).toBe(0);
      expect(slice * slices).toBeGreaterThanOrEqual(V);
      expect(slice * (slices - 1)).toBeLessThan(V);
      expect(4 * slices * count * H).toBeLessThanOrEqual(gpu.facts.maxBindingSize);
      expect([16, 32, 64]).toContain(ROWS);
    }
  });
});

/** A batch with several draws of each sentence and dropout on the outputs. */
function context({
  tokens: T = 3,
  batch: B = 3,
  hidden: H = 33,
  latent: Z = 19,
  vocabulary: V = 70,
} = {}): SentenceContext {
  return {
    wordGates: random<tf.Rank.R3>(1, [T, B, 4 * H]),
    outputMask: tf.mul(tf.cast(tf.greater(random<tf.Rank.R3>(2, [T, B, H]), 0), 'float32'), 2),
    targets: tf.tensor2d(integers(3, T * B, V), [T, B], 'int32'),
    latentKernel: random<tf.Rank.R2>(4, [Z, 4 * H], 0.3),
    initialKernel: random<tf.Rank.R2>(5, [Z, H], 0.3),
    initialBias: random<tf.Rank.R1>(6, [H]),
    recurrentKernel: random<tf.Rank.R2>(7, [H, 4 * H], 0.2),
    outputKernel: random<tf.Rank.R2>(8, [V, H]),
    outputBias: random<tf.Rank.R1>(9, [V]),
  };
}

describe('inference', () => {
  // Latent dimensions: more than are added up at once (19 of 16), with a bit left over.
  it('latentGradient of several draws, in pieces that cut a draw', async () => {
    const gradientOf = () => {
      const { nll, gradient } = latentGradient(context(), random<tf.Rank.R2>(10, [12, 19]));
      return [nll, gradient];
    };
    await expectSame(gradientOf, 3e-5);
    const whole = tf.tidy(() => gradientOf().map((x) => x.dataSync()));
    const { gpu } = backend;
    const limit = gpu.pieceLimit;
    // Five rows at once.
    gpu.pieceLimit = 5 * 16 * 3 * 33;
    try {
      const pieces = tf.tidy(() => gradientOf().map((x) => x.dataSync()));
      pieces.forEach((piece, i) => {
        piece.forEach((value, j) => {
          expect(Math.abs(value - whole[i]![j]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
        });
      });
    } finally {
      gpu.pieceLimit = limit;
    }
  });

  it('refuses a z that a workgroup cannot hold, with the numbers', () => {
    // A dimension takes 68 bytes, and a workgroup has what its GPU gives it.
    const { maxWorkgroupMemory } = backend.gpu.facts;
    const latent = Math.floor(maxWorkgroupMemory / 68) + 1;
    tf.tidy(() => {
      const large = context({ tokens: 1, batch: 1, hidden: 3, latent, vocabulary: 5 });
      const numbers = new RegExp(`latentSize: ${latent} .*${68 * latent} bytes .* has ${maxWorkgroupMemory}`);
      expect(() => latentGradient(large, tf.zeros([1, latent]))).toThrow(numbers);
    });
  });

  it('shortRun: five dispatches a step, and the path of the portable version', async () => {
    const z0 = () => random<tf.Rank.R2>(10, [6, 19]);
    const noise = () => random<tf.Rank.R3>(11, [4, 6, 19]);
    const schedule = { stepSizes: Float32Array.of(0.1, 0.05, 0.02, 0.02), temperature: 0.5, priorWeight: 0.8 };
    await expectSame(() => {
      const { z, path } = shortRun(context(), z0(), noise(), schedule, { keepPath: true });
      return [z, path!];
    }, 3e-5);
    tf.tidy(() => {
      const batch = context();
      const run = (steps: number) => {
        const stepSizes = new Float32Array(steps).fill(0.01);
        const eps = tf.zeros<tf.Rank.R3>([steps, 6, 19]);
        const start = z0();
        // The layouts of the weights are made once an update.
        shortRun(batch, start, eps, { ...schedule, stepSizes });
        const before = backend.gpu.counts();
        shortRun(batch, start, eps, { ...schedule, stepSizes }).z.dataSync();
        const after = backend.gpu.counts();
        return {
          dispatches: after.dispatches - before.dispatches,
          submissions: after.submissions - before.submissions,
        };
      };
      expect(run(5).dispatches - run(4).dispatches).toBe(5);
      const { dispatches, submissions } = run(20);
      expect(dispatches).toBeLessThan(130);
      // The chain is one; reading its end is the other.
      expect(submissions).toBe(2);
    });
  });
});

describe('recurrent weights in halves', () => {
  const [z0, noise] = [() => random<tf.Rank.R2>(10, [6, 19]), () => random<tf.Rank.R3>(11, [3, 6, 19])];
  const schedule = { stepSizes: Float32Array.of(0.1, 0.05, 0.02), temperature: 0.5, priorWeight: 0.8 };
  /** What a chain, its gradients and a single gradient come to, with recurrent weights of the caller's. */
  const numbers = (precision: Precision, recurrentKernel: (weights: tf.Tensor2D) => tf.Tensor2D): Float32Array[] =>
    tf.tidy(() => {
      const whole = context();
      const batch = { ...whole, recurrentKernel: recurrentKernel(whole.recurrentKernel) };
      const taught = shortRunWithGradient(batch, z0(), noise(), schedule, Float32Array.of(0.5, 0, 2), precision)!;
      const { nll, gradient } = latentGradient(batch, z0(), precision);
      const { z } = shortRun(batch, z0(), noise(), schedule, { precision });
      return [z, nll, gradient, taught.z, taught.gradient.recurrentKernel].map((tensor) =>
        tensor.dataSync<'float32'>(),
      );
    });

  // Multiples of 1/128 below 4 are halves themselves.
  it('are the numbers that were stored, where halves have them: the same bits', () => {
    const exact = (weights: tf.Tensor2D): tf.Tensor2D => tf.div(tf.round(tf.mul(weights, 128)), 128);
    expect(numbers('f16', exact)).toEqual(numbers('f32', exact));
  });

  it('are else off by a half of their last place at most, and so is all that follows in proportion', () => {
    const asTheyAre = (weights: tf.Tensor2D) => weights;
    const [whole, halves] = [numbers('f32', asTheyAre), numbers('f16', asTheyAre)];
    whole.forEach((exact, i) => {
      const scale = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const worst = exact.reduce((most, value, j) => Math.max(most, Math.abs(value - halves[i]![j]!)), 0);
      // Halves have 11 digits in base 2.
      expect(worst / scale, `output ${i}`).toBeLessThan(2 ** -9);
      expect(worst, `output ${i}`).toBeGreaterThan(0);
    });
  });

  it('are of this backend, and bf16 is not', () => {
    expect(() => checkPrecision({ precision: 'f16' })).not.toThrow();
    expect(() => checkPrecision({ precision: 'bf16' })).toThrow(/the webgpu backend has no bf16 products/);
  });
});

describe('derivatives of inference', () => {
  // Directions: several workgroups of them, tokens by directions more than a tile, words more than a slice.
  it('posteriorHessian of several draws, in pieces too: that of the portable version, and symmetric to the last bit', async () => {
    const sizes = { tokens: 3, batch: 2, hidden: 33, latent: 5, vocabulary: 131 };
    const hessianOf = () => {
      const { nll, gradient, hessian } = posteriorHessian(context(sizes), random<tf.Rank.R2>(10, [6, 5]));
      return [nll, gradient, hessian];
    };
    await expectSame(hessianOf, 3e-5);
    const { gpu } = backend;
    const limit = gpu.pieceLimit;
    // Four rows at once.
    gpu.pieceLimit = 4 * 16 * 3 * 33 * 5;
    try {
      await expectSame(hessianOf, 3e-5);
    } finally {
      gpu.pieceLimit = limit;
    }
    tf.tidy(() => {
      const [, , hessian] = hessianOf();
      expect([...tf.transpose(hessian!, [0, 2, 1]).dataSync()]).toEqual([...hessian!.dataSync()]);
    });
  });

  it('shortRunWithGradient: the weighted sum of the gradients at the codes of the path, in pieces that cut a draw', async () => {
    const weights = Float32Array.of(0.5, 0, 2);
    const schedule = { stepSizes: Float32Array.of(0.1, 0.05, 0.02), temperature: 0.5, priorWeight: 0.8 };
    const [z0, noise] = [() => random<tf.Rank.R2>(10, [9, 19]), () => random<tf.Rank.R3>(11, [3, 9, 19])];
    const names = [
      'wordGates',
      'latentKernel',
      'initialKernel',
      'initialBias',
      'recurrentKernel',
      'outputKernel',
      'outputBias',
    ] as const;
    const { gpu } = backend;
    const limit = gpu.pieceLimit;
    for (const rows of [9, 4]) {
      gpu.pieceLimit = rows * 16 * 3 * 33;
      try {
        await expectSame(() => {
          const batch = context();
          const together = shortRunWithGradient(batch, z0(), noise(), schedule, weights);
          if (together !== null) return [together.z, ...names.map((name) => together.gradient[name])];
          const { z, path } = shortRun(batch, z0(), noise(), schedule, { keepPath: true });
          const taught = (...values: tf.Tensor[]) => {
            const given = { ...batch, ...Object.fromEntries(names.map((name, i) => [name, values[i]])) };
            const terms = [...weights].map((weight, k) =>
              tf.mul(
                tf.sum(latentNllPortable(given, tf.reshape(tf.slice(path!, [k, 0, 0], [1, -1, -1]), [9, 19]))),
                weight,
              ),
            );
            return tf.addN(terms);
          };
          return [z, ...tf.grads(taught)(names.map((name) => batch[name]))];
        }, 3e-5);
      } finally {
        gpu.pieceLimit = limit;
      }
    }
  });
});

describe('products', () => {
  it.each([
    [1, 1, 1],
    [63, 65, 17],
    [65, 64, 15],
    [3, 130, 33],
  ])('%i x %i by %i, as they lie and transposed', async (m, n, k) => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        await expectSame(() => [
          tf.matMul(
            random<tf.Rank.R2>(1, transposeA ? [k, m] : [m, k]),
            random<tf.Rank.R2>(2, transposeB ? [n, k] : [k, n]),
            transposeA,
            transposeB,
          ),
        ]);
      }
    }
  });

  it('stacks of matrices, one operand for all of them', async () => {
    await expectSame(() => [
      tf.matMul(random<tf.Rank.R3>(1, [3, 5, 7]), random<tf.Rank.R3>(2, [3, 7, 4])),
      tf.matMul(random<tf.Rank.R3>(1, [3, 5, 7]), random<tf.Rank.R3>(2, [1, 7, 4])),
    ]);
    const one = tf.matMul(random<tf.Rank.R4>(1, [1, 1, 5, 7]), random<tf.Rank.R3>(2, [3, 7, 4]));
    expect(one.shape).toEqual([1, 3, 5, 4]);
    one.dispose();
  });

  it('more of a stack than an axis of the GPU has workgroups', async () => {
    const limit = backend.gpu.facts.maxWorkgroups;
    await expectSame(() => {
      const a = random<tf.Rank.R3>(1, [limit + 3, 1, 1]);
      return [tf.matMul(a, tf.fill([limit + 3, 1, 1], 0.5)), tf.matMul(tf.fill([1, 1, 1], 2), a)];
    });
    expect(() =>
      backend.gpu.run({ shader: 'fill', parameters: [], buffers: [], workgroups: [1, 1, limit + 1] }),
    ).toThrow(`fill.wgsl: 1,1,${limit + 1} workgroups are more than ${limit} along an axis`);
  });

  it('of other stacks, or that do not go together, as tfjs has them', async () => {
    const multiply = (a: number[], b: number[]) =>
      tf.tidy(() => {
        const product = tf.matMul(random(1, a as [number, number]), random(2, b as [number, number]));
        return { shape: product.shape, values: [...product.dataSync()].map((value) => value.toFixed(4)) };
      });
    const found = multiply([2, 1, 3, 4], [1, 2, 4, 5]);
    const refused = [
      [3, 4, 5, 2],
      [1, 200, 2, 1],
    ].map(
      ([m, k, l, n]) =>
        () =>
          multiply([m!, k!], [l!, n!]),
    );
    for (const one of refused) expect(one).toThrow(/inner shapes \(\d+\) and \(\d\)/);
    await useBackend('cpu', 1);
    const wanted = multiply([2, 1, 3, 4], [1, 2, 4, 5]);
    await useBackend('webgpu', 1);
    expect(found).toEqual(wanted);
    expect(found.shape).toEqual([2, 2, 3, 5]);
  });
});

describe('reductions', () => {
  it.each([[[257]], [[3, 300]], [[300, 3]], [[5, 33, 7]], [[2, 3, 40]], [[4, 1025]]])('of %j', async (shape) => {
    for (let axis = 0; axis < shape.length; axis++) {
      await expectSame(() => {
        const x = random(1, shape as [number]);
        return [tf.sum(x, axis), tf.mean(x, axis), tf.max(x, axis), tf.min(x, axis), tf.argMax(x, axis)];
      });
    }
    await expectSame(() => {
      const x = random(1, shape as [number]);
      return [tf.sum(x), tf.mean(x, undefined, true), tf.softmax(x), tf.logSoftmax(x), tf.logSumExp(x)];
    });
  });

  it('softmax of rows so far apart that each needs its own maximum', async () => {
    await expectSame(() => {
      const levels = tf.tensor2d([500, -500, 300, 0, 900, -900], [6, 1]);
      const x = tf.add(random<tf.Rank.R2>(1, [6, 300], 2), levels);
      // A place for the maximum wherever a thread may see it alone.
      const peaks = tf.oneHot(tf.tensor1d([200, 250, 7, 131, 199, 299], 'int32'), 300);
      const peaked = tf.add(x, tf.mul(peaks, 300));
      return [tf.softmax(x), tf.logSoftmax(x), tf.softmax(peaked), tf.logSoftmax(peaked)];
    });
  });

  it('of numbers that are not finite', async () => {
    const { NaN: none, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
    await expectSameAll(() => {
      const x = tf.tensor2d([none, 1, 2, low, low, low, high, 3, low, 1, 2, none, high, high, high], [5, 3]);
      return [0, 1].flatMap((axis) => [tf.max(x, axis), tf.min(x, axis), tf.sum(x, axis)]);
    });
    await expectSameAll(() => {
      const x = tf.tensor2d([none, 1, 2, low, 1, 2], [2, 3]);
      return [tf.softmax(x), tf.logSoftmax(x)];
    });
    const long = Float32Array.from({ length: 1000 }, (_, i) => (i === 777 ? none : i));
    await expectSameAll(() => [tf.max(tf.tensor1d(long)), tf.min(tf.tensor1d(long))]);
  });

  it('over axes with others between them', async () => {
    await expectSame(() => [
      tf.sum(random<tf.Rank.R4>(1, [3, 5, 2, 9]), [0, 2]),
      tf.max(random<tf.Rank.R3>(2, [3, 5, 2]), [0, 2]),
    ]);
  });

  it('the first of several equal maxima, as tfjs does', async () => {
    await expectSame(() => [tf.argMax(tf.ones([2, 300]), 1), tf.argMax(tf.tensor2d([1, 3, 3, 0, 2, 2], [2, 3]), 1)]);
  });
});

describe('numbers one by one', () => {
  it('functions', async () => {
    await expectSame(() => {
      const x = random<tf.Rank.R2>(1, [7, 43], 3);
      const positive = tf.add(tf.abs(x), 0.1);
      return [
        ...[tf.neg, tf.exp, tf.tanh, tf.sigmoid, tf.square, tf.abs, tf.relu, tf.softplus, tf.sign].map((f) => f(x)),
        ...[tf.log, tf.sqrt, tf.rsqrt, tf.reciprocal].map((f) => f(positive)),
        tf.clipByValue(x, -1, 2),
        tf.step(x, 0.25),
        tf.pow(positive, 1.7),
        tf.pow(x, 3),
        tf.pow(x, tf.scalar(2)),
        tf.tanh(tf.mul(x, 1000)),
        tf.sigmoid(tf.mul(x, 1000)),
      ];
    });
  });

  it('of numbers that are not finite, or at the ends of what is', async () => {
    const { NaN: none, NEGATIVE_INFINITY: low, POSITIVE_INFINITY: high } = Number;
    await expectSameAll(() => {
      const x = tf.tensor1d([none, low, high, -20, -9, 0, 9, 30]);
      // But the sign: of NaN it is 0 by tfjs's CPU backend.
      return [
        ...[tf.neg, tf.exp, tf.tanh, tf.sigmoid, tf.square, tf.abs, tf.relu, tf.softplus].map((f) => f(x)),
        ...[tf.log, tf.sqrt, tf.rsqrt, tf.reciprocal].map((f) => f(tf.relu(x))),
        tf.clipByValue(x, -1, 2),
        tf.step(x, 0.25),
        tf.maximum(x, 1),
        tf.minimum(1, x),
        tf.equal(x, x),
        tf.greater(x, 0),
      ];
    });
    await expectSameAll(() => {
      const [x, y] = [tf.tensor1d([-2, 0, 2, 0, 0, -2, -2, none]), tf.tensor1d([0.5, 0, 3, -1, 2, 3, -2, 2])];
      return [tf.pow(x, y), tf.pow(y, x)];
    });
  });

  it('two operands, each repeated where it has one', async () => {
    await expectSame(() => {
      const [a, b] = [random<tf.Rank.R3>(1, [4, 1, 65]), random<tf.Rank.R2>(2, [3, 1])];
      return [
        tf.add(a, b),
        tf.sub(b, a),
        tf.mul(a, a),
        tf.div(a, tf.add(b, 3)),
        tf.maximum(a, b),
        tf.minimum(a, 0),
        tf.squaredDifference(a, b),
        ...[tf.greater, tf.greaterEqual, tf.less, tf.lessEqual, tf.notEqual].map((f) => f(a, b)),
        tf.equal(a, a),
        tf.logicalAnd(tf.greater(a, 0), tf.logicalNot(tf.less(a, b))),
        tf.logicalOr(tf.greater(a, 0), tf.less(a, b)),
        tf.where(tf.greater(a, 0), a, tf.zerosLike(a)),
        tf.addN([a, a, a]),
      ];
    });
  });

  it('integers and truth values', async () => {
    await expectSame(() => {
      const [a, b] = [tf.tensor1d([1, -2, 30_000_001], 'int32'), tf.tensor1d([4, 5, -6], 'int32')];
      const whole = [tf.add(a, b), tf.mul(a, b), tf.sub(a, b), tf.maximum(a, b), tf.minimum(a, b), tf.neg(a)];
      return [
        ...whole,
        tf.equal(a, b),
        tf.less(a, b),
        tf.cast(tf.less(a, b), 'int32'),
        tf.cast(a, 'float32'),
        tf.cast(a, 'bool'),
        tf.cast(tf.tensor1d([1.7, -1.7, 0]), 'int32'),
        tf.cast(tf.tensor1d([1.7, 0, -0]), 'bool'),
      ];
    });
  });
});

describe('arrangements', () => {
  it('slices, transposes, concatenations, repeats, paddings', async () => {
    await expectSame(() => {
      const x = random<tf.Rank.R3>(1, [5, 7, 3]);
      return [
        tf.slice(x, [1, 2, 0], [3, 4, 2]),
        tf.transpose(x, [2, 0, 1]),
        tf.concat([x, tf.slice(x, [0, 0, 0], [5, 2, 3])], 1),
        tf.concat([x, x, x], 0),
        tf.stack([x, x], 2),
        ...tf.unstack(x, 1),
        ...tf.split(x, [2, 5], 1),
        tf.tile(x, [2, 1, 3]),
        tf.broadcastTo(random<tf.Rank.R2>(2, [7, 1]), [5, 7, 4]),
        tf.pad(x, [
          [1, 0],
          [0, 2],
          [1, 1],
        ]),
        tf.gather(x, tf.tensor1d([2, 0, 2, 4], 'int32')),
        tf.gather(x, tf.tensor2d([6, 1], [1, 2], 'int32'), 1),
        tf.oneHot(tf.tensor1d([0, 4, 2, 9], 'int32'), 5),
        tf.fill([3, 2], 7),
        tf.zerosLike(x),
        tf.onesLike(x),
        tf.reshape(x, [7, -1]),
      ];
    });
  });
});

describe('updates', () => {
  it('embedding: many places of few ids, more numbers a row than a workgroup has threads', async () => {
    await expectSame(() => {
      const table = random<tf.Rank.R2>(1, [6, 67]);
      const ids = tf.tensor2d(integers(2, 40, 5), [8, 5], 'int32');
      const gradient = tf.grad((rows: tf.Tensor) => embedding(rows as tf.Tensor2D, ids));
      return [embedding(table, ids), gradient(table, random<tf.Rank.R3>(3, [8, 5, 67]))];
    });
  });

  it('dropoutMask: lengths that no block and no workgroup divides', async () => {
    for (const size of [1, 3, 1023, 1025]) {
      const [gpu, cpu] = await both(() => [
        dropoutMask<tf.Rank.R1>([size], 0.4, {
          seed: 2 ** 32 - 5,
          purpose: 'output-dropout',
          epoch: 9,
          step: 2 ** 31 + 7,
        }),
      ]);
      expect(gpu[0]).toEqual(cpu[0]);
    }
  });

  it('clipByGlobalNorm: one number, a piece and a bit, more pieces than one', () => {
    for (const size of [1, 1025, 300_001]) {
      tf.tidy(() => {
        const x = random<tf.Rank.R1>(1, [size]);
        const exact = Math.sqrt(x.dataSync<'float32'>().reduce((sum, value) => sum + value * value, 0));
        expect(Math.abs(clipByGlobalNorm([x], 1).norm / exact - 1)).toBeLessThan(1e-6);
      });
    }
  });
});
