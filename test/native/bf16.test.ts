// Products of bf16 operands: near to single precision where the processor has them, refused where it has not.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ADDON } from '../../src/backends/native/addon.js';
import { relativeError } from '../ops/reference.js';
import { addon, latentHandles, latentInputs, Random, runLstm, SIZES, withThreads } from './fixtures.js';

const here = addon.info().bf16;

/** Numbers of few digits: bf16 has them, and f32 their products' sums, in whatever order. */
const coarse = (random: Random, count: number): Float32Array => random.floats(count).map((x) => Math.round(8 * x) / 8);

/** Zeros of either sign as one: it depends on the order of a sum. */
const unsigned = (x: Float32Array): Float32Array => x.map((value) => value + 0);

/** The nearest number that bf16 has; of two, the even one. */
function rounded(x: Float32Array): Float32Array {
  const bits = new Uint32Array(x.slice().buffer);
  return new Float32Array(bits.map((b) => ((b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000) >>> 0).buffer);
}

describe.runIf(here)('bf16 products', () => {
  const sizes = { ...SIZES[3]!, tokens: 8, hiddenSize: 50, rows: 6 };
  const inputs = latentInputs(sizes, 1, true);
  const z = new Random(2).floats(sizes.rows * sizes.latentSize, 2);

  function gradient(precision: 'f32' | 'bf16') {
    const out = { nll: new Float32Array(sizes.rows), gradient: new Float32Array(z.length) };
    addon.latentGradient(...latentHandles(sizes, inputs, precision), { rows: sizes.rows, z, ...out });
    return out;
  }

  it('give the gradient to the eight bits that their operands have', () => {
    withThreads([1, 2, 3], () => {
      const exact = gradient('f32');
      const rounded = gradient('bf16');
      const norm = (x: Float32Array) => Math.hypot(...x);
      const error = norm(exact.gradient.map((g, i) => g - rounded.gradient[i]!)) / norm(exact.gradient);
      expect(error).toBeLessThan(2 ** -6);
      // If this were zero, the products would not have been bf16.
      expect(error).toBeGreaterThan(2 ** -16);
      expect(norm(exact.nll.map((v, i) => v - rounded.nll[i]!)) / norm(exact.nll)).toBeLessThan(2 ** -9);
    });
  });

  it('have operands that are rounded to the nearest, of two to the even one', () => {
    // Halfway between neighbours, whose last bits are 0 and 1, and 1 and 0; and beside it.
    const a = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8, 1 + 2 ** -8 + 2 ** -16);
    const out = new Float32Array(4);
    addon.matMul(a, Float32Array.of(1), out, 4, 1, 1, false, false, false, 'bf16');
    expect(out).toEqual(rounded(a));
    expect(Array.from(out)).toEqual([1, 1 + 2 ** -6, -1, 1 + 2 ** -7]);
  });

  it('run chains, the same bits each time', () => {
    const handles = latentHandles(sizes, inputs, 'bf16');
    const stepSizes = new Float32Array(5).fill(0.01);
    const noise = new Random(3).floats(5 * z.length);
    const run = () => {
      const end = new Float32Array(z.length);
      const args = { rows: sizes.rows, z0: z, noise, stepSizes, temperature: 0.1, priorWeight: 1 };
      addon.shortRun(...handles, { ...args, z: end, path: null });
      return end;
    };
    const first = run();
    expect(first.every(Number.isFinite)).toBe(true);
    expect(first).not.toEqual(z);
    expect(run()).toEqual(first);
  });

  it('are refused where single precision is needed, and mixed with it', () => {
    const [recurrent, vocabulary, context] = latentHandles(sizes, inputs, 'bf16');
    const [recurrent32] = latentHandles(sizes, inputs, 'f32');
    const out = { nll: new Float32Array(sizes.rows), gradient: new Float32Array(z.length) };
    const hessian = new Float32Array(z.length * sizes.latentSize);
    const args = { rows: sizes.rows, z, ...out };
    expect(() => addon.posteriorHessian(recurrent, vocabulary, context, { ...args, hessian })).toThrow('precision f32');
    expect(() => addon.latentGradient(recurrent32, vocabulary, context, args)).toThrow('one precision');
  });
});

describe.runIf(here)('matMul of bf16 operands', () => {
  const shapes = [
    [1, 1, 1],
    [3, 50, 7],
    [64, 33, 129],
    // The right-hand side in more than one piece.
    [5, 40, 1100],
  ] as const;
  it.each(shapes)('[%i, ., ] [., %i] over %i: as exact as its operands, exact where they are', (m, n, k) => {
    const transposed = (x: Float32Array, rows: number, columns: number) =>
      x.map((_, at) => x[(at % rows) * columns + Math.floor(at / rows)]!);
    const sums = (a: Float32Array, b: Float32Array) =>
      Float64Array.from({ length: m * n }, (_, at) => {
        let sum = 0;
        for (let i = 0; i < k; i++) sum += a[Math.floor(at / n) * k + i]! * b[i * n + (at % n)]!;
        return sum;
      });
    const random = new Random(4);
    const before = coarse(random, m * n);
    const multiply = (a: Float32Array, b: Float32Array, flipA: boolean, flipB: boolean, accumulate: boolean) => {
      const out = Float32Array.from(before);
      const left = flipA ? transposed(a, m, k) : a;
      addon.matMul(left, flipB ? transposed(b, k, n) : b, out, m, n, k, flipA, flipB, accumulate, 'bf16');
      return unsigned(accumulate ? out.map((value, i) => value - before[i]!) : out);
    };
    const [a, b] = [random.floats(m * k), random.floats(k * n)];
    const size = sums(
      a.map((x) => Math.abs(x)),
      b.map((x) => Math.abs(x)),
    );
    const expected = sums(a, b);
    const [exactA, exactB] = [coarse(random, m * k), coarse(random, k * n)];
    const exact = Float32Array.from(sums(exactA, exactB));
    withThreads([1, 3], () => {
      for (const flipA of [false, true]) {
        for (const flipB of [false, true]) {
          for (const accumulate of [false, true]) {
            expect(multiply(exactA, exactB, flipA, flipB, accumulate)).toEqual(exact);
            // Each operand is off by half a unit in its eighth bit at most, and f32 adds little to it.
            const out = multiply(a, b, flipA, flipB, accumulate);
            const excess = out.map((value, i) => Math.abs(value - expected[i]!) - 2 ** -8 * size[i]!);
            expect(Math.max(...excess)).toBeLessThan(1e-5);
            if (k > 1) expect(out).not.toEqual(Float32Array.from(expected));
          }
        }
      }
    });
  });
});

it.runIf(here)('writes every row where OpenMP gives fewer threads than were asked for', () => {
  const child = `
    const addon = require(process.argv[1]);
    addon.setThreads(2);
    const out = new Float32Array(7 * 33).fill(-5);
    addon.matMul(new Float32Array(7 * 40).fill(1), new Float32Array(40 * 33).fill(1), out, 7, 33, 40, false, false, false, 'bf16');
    process.stdout.write(String(out.every((value) => value === 40)));
  `;
  const env = { ...process.env, OMP_THREAD_LIMIT: '1' };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', child, ADDON], {
    encoding: 'utf8',
    env,
    timeout: 30_000,
  });
  expect(stdout, stderr).toBe('true');
});

describe.runIf(here)('matMul of bf16 operands in several pieces', () => {
  // Where operands lie as oneDNN has no fast product for them it takes plain loops, a thousand times slower, without a word.
  it.each([false, true])('takes no plain loops (left-hand side transposed: %s)', (flipped) => {
    const [m, n, k] = [740, 256, 1024];
    const random = new Random(8);
    const [a, b, out] = [random.floats(m * k), random.floats(k * n), new Float32Array(m * n)];
    const seconds = (precision: 'f32' | 'bf16') => {
      const times = [1, 2, 3].map(() => {
        const start = performance.now();
        addon.matMul(a, b, out, m, n, k, flipped, false, false, precision);
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    withThreads([1, 2], () => expect(seconds('bf16')).toBeLessThan(10 * seconds('f32')));
  });
});

describe.runIf(here)('lstm by bf16 products', () => {
  const inputsOf = ({ tokens: T, batch: B, rows: R, hiddenSize: H }: (typeof SIZES)[number]) => {
    const random = new Random(5);
    return {
      wordGates: random.floats(T * B * 4 * H),
      latentGates: random.floats(R * 4 * H),
      initial: coarse(random, R * H) as Float32Array | null,
      kernel: coarse(random, H * 4 * H),
      dHidden: random.floats(T * R * H),
    };
  };

  it.each(SIZES)('$name: states and gradients to eight bits, the same bits each time', (sizes) => {
    const inputs = { ...inputsOf(sizes), kernel: new Random(6).floats(sizes.hiddenSize ** 2 * 4, 0.3) };
    withThreads([1, 3], () => {
      const exact = runLstm(sizes, inputs, 'f32');
      const found = runLstm(sizes, inputs, 'bf16');
      expect(runLstm(sizes, inputs, 'bf16')).toEqual(found);
      expect(relativeError(found.states.hidden, exact.states.hidden)).toBeLessThan(2 ** -7);
      for (const name of ['dGates', 'dLatentGates', 'dInitial', 'dRecurrentKernel'] as const) {
        expect(relativeError(found.gradients[name], exact.gradients[name]), name).toBeLessThan(2 ** -6);
      }
      expect(found.gradients.dInitial).not.toEqual(exact.gradients.dInitial);
      const zeros = new Float32Array(inputs.initial!.length);
      expect(runLstm(sizes, { ...inputs, initial: null }, 'bf16')).toEqual(
        runLstm(sizes, { ...inputs, initial: zeros }, 'bf16'),
      );
    });
  });

  it('is exact over one word where states and kernel are, but for the gradients that it rounds', () => {
    const sizes = { ...SIZES[2]!, rows: 1, batch: 1 };
    const { hiddenSize: H } = sizes;
    const inputs = inputsOf(sizes);
    withThreads([1, 3], () => {
      const exact = runLstm(sizes, inputs, 'f32');
      const { states, gradients } = runLstm(sizes, inputs, 'bf16');
      expect(states).toEqual(exact.states);
      expect(gradients.dLatentGates).toEqual(exact.gradients.dLatentGates);
      expect(gradients.dGates).toEqual(rounded(exact.gradients.dGates));
      // One row: each element is one product, whose sixteen bits f32 has.
      const outer = Float32Array.from(
        { length: H * 4 * H },
        (_, at) => inputs.initial![Math.floor(at / (4 * H))]! * gradients.dGates[at % (4 * H)]!,
      );
      expect(unsigned(gradients.dRecurrentKernel)).toEqual(unsigned(outer));
    });
  });
});

describe.runIf(here)('tokenNll by bf16 products', () => {
  const shapes: [count: number, hiddenSize: number, vocabularySize: number][] = [
    [1, 1, 1],
    [5, 33, 512],
    [17, 20, 1049],
    [801, 8, 530],
  ];
  const run = (
    [N, H, V]: (typeof shapes)[number],
    { hidden, kernel, bias, targets, dNll }: ReturnType<typeof inputsOf>,
    precision: 'f32' | 'bf16',
  ) => {
    const handle = new addon.VocabularyWeights(V, H, precision);
    handle.pack(kernel);
    const out = { nll: new Float32Array(N), logNormalizer: new Float32Array(N) };
    addon.tokenNllForward(handle, { count: N, hidden, bias, targets, ...out, gradients: null });
    const gradients = {
      dHidden: new Float32Array(N * H),
      dKernel: new Float32Array(V * H),
      dBias: new Float32Array(V),
    };
    const { logNormalizer } = out;
    addon.tokenNllBackward(handle, { count: N, hidden, bias, targets, logNormalizer, dNll, ...gradients });
    return { ...out, ...gradients };
  };
  const inputsOf = ([N, H, V]: (typeof shapes)[number], numbers: (random: Random, count: number) => Float32Array) => {
    const random = new Random(7);
    return {
      hidden: numbers(random, N * H),
      kernel: numbers(random, V * H),
      bias: random.floats(V),
      targets: random.integers(N, V),
      dNll: random.floats(N),
    };
  };

  it.each(shapes)('%i tokens, %i units, %i words: to eight bits, the same bits each time', (...shape) => {
    const [N, H, V] = shape;
    const inputs = inputsOf(shape, (random, count) => random.floats(count));
    withThreads([1, 3], () => {
      const exact = run(shape, inputs, 'f32');
      const found = run(shape, inputs, 'bf16');
      expect(run(shape, inputs, 'bf16')).toEqual(found);
      for (let n = 0; n < N; n++) {
        // A logit is off by 2^-8 of the sum of its terms' sizes at most, the NLL by twice the worst of them.
        let worst = 0;
        for (let v = 0; v < V; v++) {
          let size = 0;
          for (let u = 0; u < H; u++) size += Math.abs(inputs.hidden[n * H + u]! * inputs.kernel[v * H + u]!);
          worst = Math.max(worst, size);
        }
        expect(Math.abs(found.nll[n]! - exact.nll[n]!)).toBeLessThan(2 ** -7 * worst + 1e-5);
      }
      if (V === 1) return;
      for (const name of ['dHidden', 'dKernel', 'dBias'] as const) {
        const error = relativeError(found[name], exact[name]);
        expect(error, name).toBeLessThan(2 ** -6);
        expect(error, name).toBeGreaterThan(2 ** -16);
      }
    });
  });

  it.each(shapes)('%i tokens, %i units, %i words: exact where states and kernel are', (...shape) => {
    const inputs = inputsOf(shape, coarse);
    withThreads([1, 3], () => {
      const exact = run(shape, inputs, 'f32');
      const { nll, logNormalizer, dBias, dHidden } = run(shape, inputs, 'bf16');
      expect({ nll, logNormalizer, dBias }).toEqual({
        nll: exact.nll,
        logNormalizer: exact.logNormalizer,
        dBias: exact.dBias,
      });
      // The logits' gradients are rounded on their way back.
      if (shape[2] > 1) expect(dHidden).not.toEqual(exact.dHidden);
    });
  });
});

describe.skipIf(here)('bf16 products on a processor without them', () => {
  it('are refused', () => {
    expect(() => new addon.RecurrentWeights(8, 'bf16')).toThrow('no bf16 products');
    expect(() => new addon.VocabularyWeights(8, 8, 'bf16')).toThrow('no bf16 products');
    const one = new Float32Array(1);
    expect(() => addon.matMul(one, one, one, 1, 1, 1, false, false, false, 'bf16')).toThrow('no bf16 products');
  });
});

it('a precision is f32 or bf16', () => {
  expect(() => new addon.RecurrentWeights(8, 'f16' as 'f32')).toThrow("precision must be 'f32' or 'bf16'");
});
