// Inputs for the addon's tests, and the shapes that its tiles, vectors and threads find awkward.

import { loadAddon, type NativeAddon } from '../../src/backends/native/addon.js';
import type { Precision } from '../../src/config/choices.js';
import { RandomStream } from '../../src/random/philox.js';
import type { LatentInputs, Sizes } from '../ops/reference.js';

export const addon: NativeAddon = loadAddon();

/** Numbers that depend on the seed alone. */
export class Random {
  private readonly stream: RandomStream;

  constructor(seed: number) {
    this.stream = new RandomStream({ seed, purpose: 'initialization' });
  }

  floats(count: number, range = 1): Float32Array {
    return this.stream.uniforms(count, -range, range);
  }

  integers(count: number, bound: number): Int32Array {
    return Int32Array.from({ length: count }, () => this.stream.integer(bound));
  }

  mask(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => (this.stream.uniform() < 0.5 ? 0 : 2));
  }
}

export const SIZES: (Sizes & { name: string })[] = [
  { name: 'one of everything', tokens: 1, batch: 1, rows: 1, hiddenSize: 1, latentSize: 1, vocabularySize: 1 },
  { name: 'one sentence', tokens: 5, batch: 1, rows: 1, hiddenSize: 16, latentSize: 4, vocabularySize: 40 },
  { name: 'one word', tokens: 1, batch: 3, rows: 3, hiddenSize: 33, latentSize: 2, vocabularySize: 513 },
  { name: 'odd sizes, draws', tokens: 4, batch: 3, rows: 9, hiddenSize: 21, latentSize: 5, vocabularySize: 1100 },
  { name: 'a full tile', tokens: 3, batch: 2, rows: 4, hiddenSize: 48, latentSize: 8, vocabularySize: 512 },
];

export function latentInputs(sizes: Sizes, seed: number, masked: boolean): LatentInputs {
  const { tokens: T, batch: B, hiddenSize: H, latentSize: Z, vocabularySize: V } = sizes;
  const random = new Random(seed);
  return {
    wordGates: random.floats(T * B * 4 * H),
    outputMask: masked ? random.mask(T * B * H) : null,
    targets: random.integers(T * B, V),
    latentKernel: random.floats(Z * 4 * H),
    initialKernel: random.floats(Z * H),
    initialBias: random.floats(H),
    recurrentKernel: random.floats(H * 4 * H, 1 / Math.sqrt(H)),
    outputKernel: random.floats(V * H),
    outputBias: random.floats(V),
  };
}

export function latentHandles(sizes: Sizes, inputs: LatentInputs, precision: Precision = 'f32') {
  const recurrent = new addon.RecurrentWeights(sizes.hiddenSize, precision);
  const vocabulary = new addon.VocabularyWeights(sizes.vocabularySize, sizes.hiddenSize, precision);
  recurrent.pack(inputs.recurrentKernel);
  vocabulary.pack(inputs.outputKernel);
  const { tokens, batch, latentSize } = sizes;
  const { recurrentKernel: _, ...arrays } = inputs;
  return [recurrent, vocabulary, { tokens, batch, latentSize, ...arrays }] as const;
}

/** Runs `body` with each of these thread counts, and puts the count back. */
export function withThreads(counts: number[], body: (threads: number) => void): void {
  const before = addon.info().threads;
  try {
    for (const threads of counts) {
      addon.setThreads(threads);
      body(threads);
    }
  } finally {
    addon.setThreads(before);
  }
}

/** What both passes of an LSTM read. */
export interface LstmInputs {
  wordGates: Float32Array;
  latentGates: Float32Array | null;
  initial: Float32Array | null;
  kernel: Float32Array;
  dHidden: Float32Array;
}

/** Both passes of the addon's LSTM. */
export function runLstm(
  { tokens: T, batch: B, rows: R, hiddenSize: H }: Sizes,
  { wordGates, latentGates, initial, kernel, dHidden }: LstmInputs,
  precision: Precision,
) {
  const handle = new addon.RecurrentWeights(H, precision);
  handle.pack(kernel);
  const states = {
    hidden: new Float32Array(T * R * H),
    cells: new Float32Array(T * R * H),
    activations: new Float32Array(T * R * 4 * H),
  };
  addon.lstmForward(handle, { tokens: T, batch: B, rows: R, wordGates, latentGates, initial, ...states });
  const gradients = {
    dGates: new Float32Array(T * R * 4 * H),
    dLatentGates: new Float32Array(R * 4 * H),
    dInitial: new Float32Array(R * H),
    dRecurrentKernel: new Float32Array(H * 4 * H),
  };
  addon.lstmBackward(handle, { tokens: T, rows: R, initial, ...states, dHidden, ...gradients });
  return { states, gradients };
}
