// The addon's output layer and cross-entropy against the plain one, on shapes that its tiles of tokens and words do not
// divide.

import { describe, expect, it } from 'vitest';
import { derivativeAlong, dot, type Numbers, relativeError, tokenNll } from '../ops/reference.js';
import { addon, Random, withThreads } from './fixtures.js';

/** Tokens, hidden units, vocabulary. */
const SHAPES: [count: number, hiddenSize: number, vocabularySize: number][] = [
  [1, 1, 1],
  [1, 16, 700],
  [5, 33, 512],
  [17, 20, 1049],
  // More than one tile of tokens.
  [801, 8, 530],
];

function inputsOf([N, H, V]: [number, number, number], seed: number, range = 1) {
  const random = new Random(seed);
  return {
    hidden: random.floats(N * H),
    kernel: random.floats(V * H, range),
    bias: random.floats(V),
    targets: random.integers(N, V),
    dNll: random.floats(N),
  };
}

function run([N, H, V]: [number, number, number], inputs: ReturnType<typeof inputsOf>) {
  const { hidden, kernel, bias, targets, dNll } = inputs;
  const handle = new addon.VocabularyWeights(V, H, 'f32');
  handle.pack(kernel);
  const out = { nll: new Float32Array(N), logNormalizer: new Float32Array(N) };
  addon.tokenNllForward(handle, { count: N, hidden, bias, targets, ...out, gradients: null });
  const gradients = { dHidden: new Float32Array(N * H), dKernel: new Float32Array(V * H), dBias: new Float32Array(V) };
  const { logNormalizer } = out;
  addon.tokenNllBackward(handle, { count: N, hidden, bias, targets, logNormalizer, dNll, ...gradients });
  return { ...out, ...gradients, handle };
}

describe('tokenNll', () => {
  for (const shape of SHAPES) {
    it(`[${shape}]: values and gradients, 1 to 3 threads`, () => {
      const [, H] = shape;
      const inputs = inputsOf(shape, 1);
      const { hidden, kernel, bias, targets, dNll } = inputs;
      const loss = (h: Numbers, k: Numbers, b: Numbers) => dot(tokenNll(H, h, k, b, targets).nll, dNll);
      const random = new Random(2);
      const towards = [random.floats(hidden.length), random.floats(kernel.length), random.floats(bias.length)] as const;
      const slopes = [
        derivativeAlong((x) => loss(x, kernel, bias), hidden, towards[0]),
        derivativeAlong((x) => loss(hidden, x, bias), kernel, towards[1]),
        derivativeAlong((x) => loss(hidden, kernel, x), bias, towards[2]),
      ];
      const expected = tokenNll(H, hidden, kernel, bias, targets);
      withThreads([1, 2, 3], () => {
        const out = run(shape, inputs);
        expect(relativeError(out.logNormalizer, expected.logNormalizer)).toBeLessThan(2e-6);
        const scale = Math.max(1, ...expected.nll);
        expect(Math.max(...expected.nll.map((nll, n) => Math.abs(nll - out.nll[n]!))) / scale).toBeLessThan(4e-6);
        const slopesOut = [dot(out.dHidden, towards[0]), dot(out.dKernel, towards[1]), dot(out.dBias, towards[2])];
        const size = Math.max(1, ...slopes.map(Math.abs));
        for (const [i, slope] of slopes.entries()) expect(Math.abs(slopesOut[i]! - slope) / size).toBeLessThan(1e-5);
      });
    });
  }

  for (const shape of SHAPES) {
    it(`[${shape}]: the gradients of the sum along with the values, 1 to 3 threads`, () => {
      const [N, H, V] = shape;
      const inputs = { ...inputsOf(shape, 7), dNll: new Float32Array(N).fill(1) };
      const { hidden, kernel, bias, targets } = inputs;
      withThreads([1, 2, 3], () => {
        const apart = run(shape, inputs);
        // Not zeros: what was there before is written over.
        const made = (size: number) => new Float32Array(size).fill(5);
        const gradients = { dHidden: made(N * H), dKernel: made(V * H), dBias: made(V) };
        const out = { nll: made(N), logNormalizer: made(N) };
        const args = { count: N, hidden, bias, targets, ...out, gradients: { kernel, ...gradients } };
        addon.tokenNllForward(apart.handle, args);
        const wanted = { nll: apart.nll, logNormalizer: apart.logNormalizer };
        for (const name of ['nll', 'logNormalizer'] as const) {
          const scale = Math.max(1, ...wanted[name].map(Math.abs));
          const error = Math.max(...out[name].map((value, i) => Math.abs(value - wanted[name][i]!)));
          expect(error / scale, name).toBeLessThan(2e-6);
        }
        for (const name of ['dHidden', 'dKernel', 'dBias'] as const) {
          const scale = Math.max(1, ...apart[name].map(Math.abs));
          const error = Math.max(...gradients[name].map((value, i) => Math.abs(value - apart[name][i]!)));
          expect(error / scale, name).toBeLessThan(1e-5);
        }
      });
    });
  }

  it('survives logits far apart, whichever tile holds the largest', () => {
    const shape: [number, number, number] = [3, 2, 1600];
    const [N, H, V] = shape;
    const inputs = inputsOf(shape, 3);
    for (const peak of [5, 700, 1599]) {
      inputs.bias.fill(-200);
      inputs.bias[peak] = 150;
      const expected = tokenNll(H, inputs.hidden, inputs.kernel, inputs.bias, inputs.targets);
      const out = run(shape, inputs);
      expect(relativeError(out.nll, expected.nll)).toBeLessThan(1e-6);
      // All the probability is at the peak, so the gradient is a difference of two rows of the kernel.
      for (let n = 0; n < N; n++) {
        for (let u = 0; u < H; u++) {
          const target = inputs.targets[n]!;
          const difference = inputs.kernel[peak * H + u]! - inputs.kernel[target * H + u]!;
          expect(out.dHidden[n * H + u]).toBeCloseTo(inputs.dNll[n]! * difference, 5);
        }
      }
      expect(V).toBe(out.dBias.length);
    }
  });

  it('leaves out the gradients that nobody wants', () => {
    const shape: [number, number, number] = [7, 12, 600];
    const [N, H, V] = shape;
    const inputs = inputsOf(shape, 4);
    const all = run(shape, inputs);
    const { hidden, bias, targets, dNll } = inputs;
    const common = { count: N, hidden, bias, targets, dNll, logNormalizer: all.logNormalizer };
    const dHidden = new Float32Array(N * H);
    addon.tokenNllBackward(all.handle, { ...common, dHidden, dKernel: null, dBias: null });
    expect(dHidden).toEqual(all.dHidden);
    const dKernel = new Float32Array(V * H);
    addon.tokenNllBackward(all.handle, { ...common, dHidden: null, dKernel, dBias: null });
    expect(dKernel).toEqual(all.dKernel);
  });

  it('gives the same bits again', () => {
    const shape: [number, number, number] = [801, 30, 1700];
    const inputs = inputsOf(shape, 5);
    withThreads([2, 3], () => {
      const { handle: _, ...first } = run(shape, inputs);
      const { handle: __, ...second } = run(shape, inputs);
      expect(second).toEqual(first);
    });
  });

  it('follows the kernel when it is packed anew, and refuses targets outside the vocabulary', () => {
    const shape: [number, number, number] = [4, 5, 30];
    const [N, H] = shape;
    const inputs = inputsOf(shape, 6);
    const { hidden, bias, targets } = inputs;
    const { handle } = run(shape, inputs);
    const doubled = inputs.kernel.map((value) => 2 * value);
    handle.pack(doubled);
    const out = { nll: new Float32Array(N), logNormalizer: new Float32Array(N) };
    addon.tokenNllForward(handle, { count: N, hidden, bias, targets, ...out, gradients: null });
    expect(relativeError(out.nll, tokenNll(H, hidden, doubled, bias, targets).nll)).toBeLessThan(2e-6);
    const outside = Int32Array.from(targets);
    outside[2] = 30;
    const wrong = { count: N, hidden, bias, targets: outside, ...out, gradients: null };
    expect(() => addon.tokenNllForward(handle, wrong)).toThrow('targets[2] is 30, outside the rows of 0 to 29');
  });
});
