// The addon's LSTM against the plain one: states by value, gradients by their slope along random directions.

import { describe, expect, it } from 'vitest';
import { derivativeAlong, dot, lstm, type Numbers, relativeError, type Sizes } from '../ops/reference.js';
import { addon, type LstmInputs, Random, runLstm, SIZES, withThreads } from './fixtures.js';

function inputsOf({ tokens: T, batch: B, rows: R, hiddenSize: H }: Sizes, seed: number) {
  const random = new Random(seed);
  return {
    wordGates: random.floats(T * B * 4 * H),
    latentGates: random.floats(R * 4 * H),
    initial: random.floats(R * H),
    kernel: random.floats(H * 4 * H, 1 / Math.sqrt(H)),
    dHidden: random.floats(T * R * H),
  };
}

function run(sizes: Sizes, inputs: LstmInputs) {
  const { states, gradients } = runLstm(sizes, inputs, 'f32');
  return { ...states, ...gradients };
}

describe('lstm', () => {
  for (const sizes of SIZES) {
    it(`${sizes.name}: states and gradients, 1 to 3 threads`, () => {
      const { tokens: T, batch: B, rows: R, hiddenSize: H } = sizes;
      const inputs = inputsOf(sizes, 1);
      const { wordGates, latentGates, initial, kernel, dHidden } = inputs;
      const loss = (w: Numbers, l: Numbers, h: Numbers, k: Numbers) => dot(lstm(sizes, w, l, h, k), dHidden);
      const random = new Random(2);
      const towards = {
        word: random.floats(wordGates.length),
        latent: random.floats(latentGates.length),
        initial: random.floats(initial.length),
        kernel: random.floats(kernel.length),
      };
      const slopes = [
        derivativeAlong((x) => loss(x, latentGates, initial, kernel), wordGates, towards.word),
        derivativeAlong((x) => loss(wordGates, x, initial, kernel), latentGates, towards.latent),
        derivativeAlong((x) => loss(wordGates, latentGates, x, kernel), initial, towards.initial),
        derivativeAlong((x) => loss(wordGates, latentGates, initial, x), kernel, towards.kernel),
      ];
      withThreads([1, 2, 3], () => {
        const out = run(sizes, inputs);
        expect(relativeError(out.hidden, lstm(sizes, wordGates, latentGates, initial, kernel))).toBeLessThan(2e-6);
        // The gates' gradient is one for each row; a word's is the sum over its rows.
        const alongWord = Float64Array.from({ length: T * R * 4 * H }, (_, at) => {
          const row = Math.floor(at / (4 * H));
          return towards.word[(Math.floor(row / R) * B + ((row % R) % B)) * 4 * H + (at % (4 * H))]!;
        });
        const slopesOut = [
          dot(out.dGates, alongWord),
          dot(out.dLatentGates, towards.latent),
          dot(out.dInitial, towards.initial),
          dot(out.dRecurrentKernel, towards.kernel),
        ];
        expect(relativeError(slopesOut, slopes)).toBeLessThan(1e-5);
      });
    });
  }

  it('takes missing latent gates and initial states for zeros', () => {
    const sizes = SIZES[3]!;
    const inputs = inputsOf(sizes, 3);
    const zeros = {
      ...inputs,
      latentGates: new Float32Array(inputs.latentGates.length),
      initial: new Float32Array(inputs.initial.length),
    };
    expect(run(sizes, { ...inputs, latentGates: null, initial: null })).toEqual(run(sizes, zeros));
  });

  it('gives the same bits again', () => {
    const sizes = { ...SIZES[3]!, tokens: 9, hiddenSize: 70 };
    const inputs = inputsOf(sizes, 4);
    withThreads([2, 3], () => expect(run(sizes, inputs)).toEqual(run(sizes, inputs)));
  });

  it('refuses what does not fit', () => {
    const handle = new addon.RecurrentWeights(4, 'f32');
    const args = {
      tokens: 1,
      batch: 1,
      rows: 1,
      wordGates: new Float32Array(16),
      latentGates: null,
      initial: null,
      hidden: new Float32Array(4),
      cells: new Float32Array(4),
      activations: new Float32Array(16),
    };
    expect(() => addon.lstmForward(handle, args)).toThrow('call pack first');
    expect(() => handle.pack(new Float32Array(63))).toThrow('kernel holds 63 numbers, but its shape has 64');
    handle.pack(new Float32Array(64));
    expect(() => addon.lstmForward(handle, { ...args, cells: new Float32Array(5) })).toThrow('cells holds 5');
    expect(() => addon.lstmForward(handle, { ...args, tokens: 0 })).toThrow('tokens must be a whole number');
    addon.lstmForward(handle, args);
    expect([...args.hidden]).toEqual([0, 0, 0, 0]);
  });
});
