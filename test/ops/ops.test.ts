// One suite for every operation on every backend this machine has: values against the portable version on tfjs's own
// CPU backend, derivatives against finite differences of a double-precision reference.

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { availableBackends, useBackend } from '../../src/backends/index.js';
import { adam } from '../../src/ops/adam.js';
import { clipByGlobalNorm } from '../../src/ops/clip-by-global-norm.js';
import { dropoutMask } from '../../src/ops/dropout-mask.js';
import { embedding } from '../../src/ops/embedding.js';
import { gelu, geluWithSlope } from '../../src/ops/gelu.js';
import { latentGradient, latentNll } from '../../src/ops/latent-nll.js';
import { lstm, lstmPortable } from '../../src/ops/lstm.js';
import { posteriorHessian } from '../../src/ops/posterior-hessian.js';
import type { SentenceContext } from '../../src/ops/sentence-context.js';
import { sgd } from '../../src/ops/sgd.js';
import { shortRun } from '../../src/ops/short-run.js';
import { tokenNll, tokenNllPortable, unevenly } from '../../src/ops/token-nll.js';
import { RandomStream } from '../../src/random/philox.js';
import * as reference from './reference.js';
import { finiteDifferences, type LatentInputs, type Sizes } from './reference.js';

/** Everything NLL depends on. */
type Inputs = LatentInputs<Float64Array> & { z: Float64Array };

/** Odd on purpose: one row, one token, hidden sizes and vocabularies that no tile divides. */
const SHAPES: (Sizes & { mask: boolean })[] = [
  { tokens: 4, batch: 3, rows: 3, hiddenSize: 16, latentSize: 4, vocabularySize: 32, mask: false },
  { tokens: 3, batch: 2, rows: 6, hiddenSize: 7, latentSize: 3, vocabularySize: 19, mask: true },
  { tokens: 1, batch: 1, rows: 1, hiddenSize: 5, latentSize: 2, vocabularySize: 11, mask: true },
  { tokens: 5, batch: 1, rows: 4, hiddenSize: 33, latentSize: 5, vocabularySize: 530, mask: false },
];

function numbers(sizes: Sizes & { mask: boolean }, seed = 1): Inputs {
  const { tokens, batch, rows, hiddenSize: H, latentSize: Z, vocabularySize: V } = sizes;
  const stream = new RandomStream({ seed, purpose: 'initialization' });
  // Through single precision, so that the reference starts from exactly what the backends see.
  const uniform = (count: number, range: number) => Float64Array.from(stream.uniforms(count, -range, range));
  return {
    wordGates: uniform(tokens * batch * 4 * H, 1),
    outputMask: sizes.mask ? uniform(tokens * batch * H, 1).map((x) => (x > 0 ? 2 : 0)) : null,
    targets: Int32Array.from({ length: tokens * batch }, () => stream.integer(V)),
    latentKernel: uniform(Z * 4 * H, 0.7),
    initialKernel: uniform(Z * H, 0.7),
    initialBias: uniform(H, 0.5),
    recurrentKernel: uniform(H * 4 * H, 0.4),
    outputKernel: uniform(V * H, 1),
    outputBias: uniform(V, 0.5),
    z: Float64Array.from(stream.normals(rows * Z)),
  };
}

const floats = (values: Float64Array) => Float32Array.from(values);

function context(sizes: Sizes, n: Inputs): SentenceContext {
  const { tokens: T, batch: B, hiddenSize: H, latentSize: Z, vocabularySize: V } = sizes;
  return {
    wordGates: tf.tensor3d(floats(n.wordGates), [T, B, 4 * H]),
    outputMask: n.outputMask && tf.tensor3d(floats(n.outputMask), [T, B, H]),
    targets: tf.tensor2d(n.targets, [T, B], 'int32'),
    latentKernel: tf.tensor2d(floats(n.latentKernel), [Z, 4 * H]),
    initialKernel: tf.tensor2d(floats(n.initialKernel), [Z, H]),
    initialBias: tf.tensor1d(floats(n.initialBias)),
    recurrentKernel: tf.tensor2d(floats(n.recurrentKernel), [H, 4 * H]),
    outputKernel: tf.tensor2d(floats(n.outputKernel), [V, H]),
    outputBias: tf.tensor1d(floats(n.outputBias)),
  };
}

function codes(sizes: Sizes, n: Inputs): tf.Tensor2D {
  return tf.tensor2d(floats(n.z), [sizes.rows, sizes.latentSize]);
}

/** Largest |a - b| relative to the larger of 1 and the largest |b|. */
function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what: string): void {
  expect(actual.length, what).toBe(wanted.length);
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(actual[i]! - wanted[i]!);
    worst = Number.isNaN(difference) ? Number.NaN : Math.max(worst, difference);
  }
  expect(worst / scale, what).toBeLessThan(tolerance);
}

const backends = await availableBackends();

it('finds a backend besides the oracle', () => {
  expect(backends).toContain('cpu');
  expect(backends.length).toBeGreaterThan(1);
});

describe.each(backends)('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend, 2);
  });

  describe.each(SHAPES)('T $tokens B $batch R $rows H $hiddenSize Z $latentSize V $vocabularySize', (sizes) => {
    const n = numbers(sizes);
    const { tokens: T, batch: B, rows, hiddenSize: H, latentSize: Z, vocabularySize: V } = sizes;
    const nllAt = (z: Float64Array) => reference.latentNll(sizes, n, z);
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b);

    it('lstm: values and all four gradients', () => {
      tf.tidy(() => {
        const stream = new RandomStream({ seed: 2, purpose: 'initialization' });
        const latentGates = Float64Array.from(stream.uniforms(rows * 4 * H, -0.5, 0.5));
        const initialHidden = Float64Array.from(stream.uniforms(rows * H, -0.5, 0.5));
        const upstream = Float64Array.from(stream.uniforms(T * rows * H, -1, 1));
        const inputs = [
          tf.tensor3d(floats(n.wordGates), [T, B, 4 * H]),
          tf.tensor2d(floats(latentGates), [rows, 4 * H]),
          tf.tensor2d(floats(initialHidden), [rows, H]),
          tf.tensor2d(floats(n.recurrentKernel), [H, 4 * H]),
        ] as const;
        const wanted = () => reference.lstm(sizes, n.wordGates, latentGates, initialHidden, n.recurrentKernel);
        expectClose(lstm(...inputs).dataSync(), wanted(), 1e-5, 'values');
        expectClose(lstm(...inputs).dataSync(), lstmPortable(...inputs).dataSync(), 1e-5, 'portable values');

        const dy = tf.tensor3d(floats(upstream), [T, rows, H]);
        const gradients = tf.grads((...args: tf.Tensor[]) => lstm(...(args as unknown as typeof inputs)))(
          [...inputs],
          dy,
        );
        const f = () => wanted().reduce((total, h, i) => total + h * upstream[i]!, 0);
        [n.wordGates, latentGates, initialHidden, n.recurrentKernel].forEach((x, i) => {
          // Every entry of the smaller shapes; the recurrent kernel of the larger ones is covered through its products.
          if (x.length * T * rows * H * H > 4e7) return;
          expectClose(gradients[i]!.dataSync(), finiteDifferences(x, f), 2e-4, `gradient ${i}`);
        });
      });
    });

    it('tokenNll: values and gradients', () => {
      tf.tidy(() => {
        const N = T * rows;
        const stream = new RandomStream({ seed: 3, purpose: 'initialization' });
        const hidden = Float64Array.from(stream.uniforms(N * H, -1, 1));
        const upstream = Float64Array.from(stream.uniforms(N, -1, 1));
        const targets = Int32Array.from({ length: N }, () => stream.integer(V));
        const inputs = [
          tf.tensor2d(floats(hidden), [N, H]),
          tf.tensor2d(floats(n.outputKernel), [V, H]),
          tf.tensor1d(floats(n.outputBias)),
        ] as const;
        const targetTensor = tf.tensor1d(targets, 'int32');
        const wanted = () => reference.tokenNll(H, hidden, n.outputKernel, n.outputBias, targets).nll;
        expectClose(tokenNll(...inputs, targetTensor).dataSync(), wanted(), 1e-5, 'values');

        const gradientsOf = (op: typeof tokenNll, dNll: Float64Array) =>
          tf.grads((...args: tf.Tensor[]) => op(...(args as unknown as typeof inputs), targetTensor))(
            [...inputs],
            tf.tensor1d(floats(dNll)),
          );
        const gradients = gradientsOf(tokenNll, upstream);
        const portable = gradientsOf(tokenNllPortable, upstream);
        // One number for all tokens, as a mean's is: a backend may have these from its forward pass.
        const even = upstream.map(() => 0.25);
        const ofMean = gradientsOf(tokenNll, even);
        gradientsOf(tokenNllPortable, even).forEach((wanted, i) => {
          expectClose(ofMean[i]!.dataSync(), wanted.dataSync(), 1e-5, `gradient ${i} of a mean`);
        });
        unevenly(() => gradientsOf(tokenNll, upstream)).forEach((gradient, i) => {
          expectClose(gradient.dataSync(), portable[i]!.dataSync(), 1e-5, `gradient ${i} without a mean's`);
        });
        const f = () => wanted().reduce((total, nll, i) => total + nll * upstream[i]!, 0);
        [hidden, n.outputKernel, n.outputBias].forEach((x, i) => {
          expectClose(gradients[i]!.dataSync(), portable[i]!.dataSync(), 1e-5, `portable gradient ${i}`);
          if (x.length * N * V * H < 4e7) {
            expectClose(gradients[i]!.dataSync(), finiteDifferences(x, f), 1e-4, `gradient ${i}`);
          }
        });
      });
    });

    it('latentNll and latentGradient', () => {
      tf.tidy(() => {
        const nll = nllAt(n.z);
        const { nll: value, gradient } = latentGradient(context(sizes, n), codes(sizes, n));
        expectClose(latentNll(context(sizes, n), codes(sizes, n)).dataSync(), nll, 1e-5, 'nll');
        expectClose(value.dataSync(), nll, 1e-5, 'nll beside the gradient');
        const f = () => sum(nllAt(n.z));
        expectClose(gradient.dataSync(), finiteDifferences(n.z, f), 1e-4, 'gradient');
      });
    });

    it('shortRun: the path of Langevin steps, each checked by itself', () => {
      tf.tidy(() => {
        const K = 4;
        const stepSizes = Float32Array.from([0.3, 0.2, 0.05, 0.05]);
        const schedule = { stepSizes, temperature: 0.7, priorWeight: 0.9 };
        const eps = new RandomStream({ seed: 4, purpose: 'chain-noise' }).normals(K * rows * Z);
        const noise = tf.tensor3d(eps, [K, rows, Z]);
        const batchContext = context(sizes, n);
        const { z, path } = shortRun(batchContext, codes(sizes, n), noise, schedule, { keepPath: true });
        const steps = path!.dataSync();
        expectClose(steps.slice(0, rows * Z), floats(n.z), 1e-7, 'z_0');
        expectClose(steps.slice(K * rows * Z), z.dataSync(), 1e-7, 'z_K');
        for (let k = 0; k < K; k++) {
          const from = Float64Array.from(steps.slice(k * rows * Z, (k + 1) * rows * Z));
          const slope = finiteDifferences(from, () => sum(nllAt(from)));
          const step = stepSizes[k]!;
          const wanted = from.map(
            (x, i) => x - step * (0.9 * x + slope[i]!) + 0.7 * Math.sqrt(2 * step) * eps[k * rows * Z + i]!,
          );
          expectClose(steps.slice((k + 1) * rows * Z, (k + 2) * rows * Z), wanted, 1e-4, `z_${k + 1}`);
        }
        const alone = shortRun(batchContext, codes(sizes, n), noise, schedule);
        expect(alone.path).toBeNull();
        expectClose(alone.z.dataSync(), z.dataSync(), 1e-6, 'without the path');
      });
    });

    it('posteriorHessian against finite differences of the gradient', () => {
      tf.tidy(() => {
        const { nll, gradient, hessian } = posteriorHessian(context(sizes, n), codes(sizes, n));
        expectClose(nll.dataSync(), nllAt(n.z), 1e-5, 'nll');
        const total = () => sum(nllAt(n.z));
        expectClose(gradient.dataSync(), finiteDifferences(n.z, total), 1e-4, 'gradient');
        const wanted = new Float64Array(rows * Z * Z);
        for (let d = 0; d < Z; d++) {
          // All rows at once: each row's NLL depends on its own z alone.
          const slopeAt = (shift: number) => {
            const moved = n.z.map((x, i) => (i % Z === d ? x + shift : x));
            return finiteDifferences(moved, () => sum(nllAt(moved)), 1e-4);
          };
          const above = slopeAt(1e-4);
          const below = slopeAt(-1e-4);
          for (let r = 0; r < rows; r++) {
            for (let e = 0; e < Z; e++) wanted[(r * Z + d) * Z + e] = (above[r * Z + e]! - below[r * Z + e]!) / 2e-4;
          }
        }
        expectClose(hessian.dataSync(), wanted, 1e-3, 'hessian');
      });
    });
  });

  it('embedding: values, and gradients that add up over repeated ids', () => {
    tf.tidy(() => {
      const table = tf.tensor2d(new RandomStream({ seed: 5, purpose: 'initialization' }).uniforms(7 * 3), [7, 3]);
      const ids = tf.tensor2d([2, 6, 2, 0], [2, 2], 'int32');
      expectClose(embedding(table, ids).dataSync(), tf.gather(table, ids).dataSync(), 1e-7, 'values');
      const dy = tf.tensor3d(
        Float32Array.from({ length: 12 }, (_, i) => i + 1),
        [2, 2, 3],
      );
      const gradient = tf.grad((t: tf.Tensor) => embedding(t as tf.Tensor2D, ids))(table, dy);
      const wanted = new Float64Array(21);
      [2, 6, 2, 0].forEach((id, i) => {
        for (let e = 0; e < 3; e++) wanted[id * 3 + e]! += i * 3 + e + 1;
      });
      expectClose(gradient.dataSync(), wanted, 1e-6, 'gradient');
    });
  });

  it('dropoutMask: the bits of the key, whatever the backend', () => {
    tf.tidy(() => {
      const key = { seed: 6, purpose: 'word-dropout', epoch: 3, batch: 17 } as const;
      const mask = dropoutMask([50, 41], 0.3, key).dataSync();
      const stream = new RandomStream(key);
      const wanted = Float32Array.from({ length: 50 * 41 }, () => (stream.next() / 2 ** 32 < 0.3 ? 0 : 1 / 0.7));
      expect(Array.from(mask)).toEqual(Array.from(wanted));
    });
  });

  it('adds and multiplies arrays of whatever shapes broadcast', () => {
    const shapes = [[2, 3, 4], [3, 4], [1, 3, 4], [4], [1, 4], [1, 1, 4], [3, 1], [2, 1, 1], [1, 1], [1], []];
    tf.tidy(() => {
      const tensors = shapes.map((shape, i) => {
        const stream = new RandomStream({ seed: i, purpose: 'initialization' });
        return tf.tensor(stream.uniforms(tf.util.sizeFromShape(shape), -1, 1), shape);
      });
      for (const a of tensors) {
        for (const b of tensors) {
          const shape = tf.broadcastTo(
            tf.zeros(a.shape),
            tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape),
          ).shape;
          const [x, y] = [a, b].map((tensor) => tf.broadcastTo(tensor, shape).dataSync());
          const what = `[${a.shape}] and [${b.shape}]`;
          const [sum, product] = [tf.add(a, b), tf.mul(a, b)];
          expect([sum.shape, product.shape], what).toEqual([shape, shape]);
          expectClose(
            sum.dataSync(),
            x!.map((value, i) => value + y![i]!),
            1e-6,
            what,
          );
          expectClose(
            product.dataSync(),
            x!.map((value, i) => value * y![i]!),
            1e-6,
            what,
          );
        }
      }
    });
  });

  it('gathers rows of whatever shape', () => {
    tf.tidy(() => {
      const ids = tf.tensor2d([2, 0, 1, 2, 2, 1], [3, 2], 'int32');
      for (const inner of [[], [4], [4, 3]]) {
        const x = tf.reshape(tf.range(0, 3 * tf.util.sizeFromShape(inner)), [3, ...inner]);
        const rows = tf.unstack(x);
        const wanted = tf.stack([2, 0, 1, 2, 2, 1].map((id) => rows[id]!));
        const gathered = tf.gather(x, ids);
        expect(gathered.shape).toEqual([3, 2, ...inner]);
        expect(Array.from(gathered.dataSync())).toEqual(Array.from(wanted.dataSync()));
      }
      expect(Array.from(tf.gather(tf.tensor2d([[1, 2, 3]]), [2, 0], 1).dataSync())).toEqual([3, 1]);
    });
  });

  it('gelu: its value beside its slope, which is the one of automatic differentiation', () => {
    tf.tidy(() => {
      const x = tf.linspace(-6, 6, 49);
      const { value, slope } = geluWithSlope(x);
      expectClose(value.dataSync(), gelu(x).dataSync(), 1e-6, 'value');
      expectClose(
        slope.dataSync(),
        tf
          .grad((of) => gelu(of))(x)
          .dataSync(),
        1e-6,
        'slope',
      );
    });
  });

  it('adam, sgd and clipByGlobalNorm: three updates, dense and of a few rows, against double precision', () => {
    const start = new RandomStream({ seed: 7, purpose: 'initialization' }).uniforms(6 * 5, -1, 1);
    const ids = [
      [1, 4],
      [4, 4],
      [0, 1],
    ];
    const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    for (const rule of ['adam', 'sgd'] as const) {
      const parameter = tf.variable(tf.tensor2d(start, [6, 5]));
      const first = tf.variable(tf.zeros([6, 5]));
      const second = tf.variable(tf.zeros([6, 5]));
      const wanted = { x: Float64Array.from(start), m: new Float64Array(30), v: new Float64Array(30) };
      ids.forEach((chosen, i) => {
        tf.tidy(() => {
          const table = tf.tensor1d(chosen, 'int32');
          const dy = tf.tensor2d(new RandomStream({ seed: i, purpose: 'metropolis' }).normals(10), [2, 5]);
          const sparse = tf.grad((t: tf.Tensor) => embedding(t as tf.Tensor2D, table))(parameter, dy);
          const dense = Float64Array.from(sparse.dataSync());
          const { norm, scale } = clipByGlobalNorm([sparse], 1.5);
          const trueNorm = Math.sqrt(dense.reduce((sum, g) => sum + g * g, 0));
          expect(norm).toBeCloseTo(trueNorm, 4);
          expect(scale).toBeCloseTo(Math.min(1, 1.5 / trueNorm), 5);
          if (rule === 'adam') adam(parameter, first, second, sparse, settings, i + 1, scale);
          else sgd(parameter, sparse, settings.learningRate, scale);
          dense.forEach((raw, j) => {
            const g = raw * scale;
            wanted.m[j] = 0.9 * wanted.m[j]! + 0.1 * g;
            wanted.v[j] = 0.999 * wanted.v[j]! + 0.001 * g * g;
            const move =
              rule === 'sgd'
                ? g
                : wanted.m[j]! / (1 - 0.9 ** (i + 1)) / (Math.sqrt(wanted.v[j]! / (1 - 0.999 ** (i + 1))) + 1e-8);
            wanted.x[j]! -= settings.learningRate * move;
          });
        });
      });
      expectClose(parameter.dataSync(), wanted.x, 1e-5, rule);
      tf.dispose([parameter, first, second]);
    }
  });
});
