// Products of bf16 operands: near to single precision where the processor has them, refused where it has not.

import { describe, expect, it } from 'vitest';
import { addon, latentHandles, latentInputs, Random, SIZES, withThreads } from './fixtures.js';

const here = addon.info().bf16;

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

describe.skipIf(here)('bf16 products on a processor without them', () => {
  it('are refused', () => {
    expect(() => new addon.RecurrentWeights(8, 'bf16')).toThrow('no bf16 products');
    expect(() => new addon.VocabularyWeights(8, 8, 'bf16')).toThrow('no bf16 products');
  });
});

it('a precision is f32 or bf16', () => {
  expect(() => new addon.RecurrentWeights(8, 'f16' as 'f32')).toThrow("precision must be 'f32' or 'bf16'");
});
