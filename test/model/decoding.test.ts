import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { availableBackends, useBackend } from '../../src/backends/index.js';
import { END, PAD, START, UNK } from '../../src/data/vocabulary.js';
import { type DecodedSentence, type Decoding, decodeSentences } from '../../src/model/decoding.js';
import { LstmDecoder } from '../../src/model/lstm/decoder.js';
import { Parameters } from '../../src/model/parameters.js';
import { RandomStream } from '../../src/random/philox.js';

/** Four specials and two words. */
const V = 6;
const Z = 2;
/** What may follow, in a sentence or at its end. */
const NEXT = [UNK, END, 4, 5];

const GREEDY: Decoding = { method: 'greedy' };
const beam = (width: number, lengthPower = 0): Decoding => ({ method: 'beam', width, lengthPower });
const sample = (temperature = 1, seed = 11): Decoding => ({ method: 'sample', temperature, seed });

/** A decoder whose random weights are large enough that words and z matter, and sentences differ in length. */
function decoderOf({ latentSize = Z, outputBias = {} as Record<number, number>, seed = 14 } = {}): LstmDecoder {
  const parameters = new Parameters(seed);
  const shape = {
    vocabularySize: V,
    wordVectorSize: 3,
    hiddenSize: 5,
    latentSize,
    wordDropout: 0.5,
    outputDropout: 0.5,
  };
  const decoder = new LstmDecoder(parameters, shape, 4, 1);
  const weights = parameters.store();
  const bias = weights.get('decoder.outputBias')!;
  const data = bias.data.map((value, word) => outputBias[word] ?? value);
  parameters.restore(new Map(weights).set('decoder.outputBias', { ...bias, data }), 'by hand');
  return decoder;
}

function codes(count: number, seed = 3): Float32Array {
  return new RandomStream({ seed, purpose: 'chain-start' }).normals(count * Z);
}

const codeOf = (z: Float32Array, item: number) => z.subarray(item * Z, (item + 1) * Z);

/** log p(tokens | z) as training computes it, of any beginning of a sentence. */
function logProbability(decoder: LstmDecoder, z: Float32Array | null, tokens: readonly number[]): number {
  if (tokens.length === 0) return 0;
  const batch = {
    inputs: Int32Array.from([START, ...tokens.slice(0, -1)]),
    targets: Int32Array.from(tokens),
    size: 1,
    tokens: tokens.length,
  };
  return tf.tidy(() => {
    const code = z === null ? null : tf.tensor2d(z, [1, Z]);
    return -decoder.sentenceNll(batch, code).dataSync()[0]!;
  });
}

/** Every beginning of so many words. */
function beginnings(words: number): number[][] {
  if (words === 0) return [[]];
  return beginnings(words - 1).flatMap((start) => NEXT.filter((word) => word !== END).map((word) => [...start, word]));
}

function plain({ words, ...rest }: DecodedSentence) {
  return { words: [...words], ...rest };
}

beforeAll(async () => {
  await useBackend('cpu', 1);
});

describe('one step of the decoder', async () => {
  it.each(await availableBackends())('adds up to the likelihood that it is trained by, on %s', async (backend) => {
    await useBackend(backend, 1);
    const sentences = [
      [4, 5, 4, 1, 5],
      [5, 5, 1, 4, 4],
    ];
    for (const latentSize of [Z, 0]) {
      const decoder = decoderOf({ latentSize });
      const targets = sentences.map((words) => [...words, END]);
      const tokens = targets[0]!.length;
      const batch = {
        inputs: Int32Array.from({ length: 2 * tokens }, (_, i) => [START, ...sentences[i % 2]!][i >> 1]!),
        targets: Int32Array.from({ length: 2 * tokens }, (_, i) => targets[i % 2]![i >> 1]!),
        size: 2,
        tokens,
      };
      const z = latentSize === 0 ? null : tf.tensor2d(codes(2), [2, Z]);
      const wanted = tf.tidy(() => decoder.sentenceNll(batch, z).dataSync());
      const sums = [0, 0];
      tf.tidy(() => {
        let state = decoder.start(z, 2);
        for (let t = 0; t < tokens; t++) {
          const step = decoder.step(state, batch.inputs.subarray(2 * t, 2 * t + 2));
          const values = step.logProbabilities;
          for (const row of [0, 1]) {
            const next = values.subarray(row * V, (row + 1) * V);
            expect(next.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
            sums[row]! += next[batch.targets[2 * t + row]!]!;
          }
          state = step.state;
        }
      });
      expect(-sums[0]!).toBeCloseTo(wanted[0]!, 4);
      expect(-sums[1]!).toBeCloseTo(wanted[1]!, 4);
      expect(Math.abs(wanted[0]! - wanted[1]!)).toBeGreaterThan(0.1);
    }
    await useBackend('cpu', 1);
  });
});

describe('greedy decoding', () => {
  it('takes the most probable of all next words, word by word', async () => {
    const decoder = decoderOf();
    const z = codes(12);
    const sentences = await decodeSentences(decoder, z, 12, { decoding: GREEDY, maxLength: 6 });
    expect(new Set(sentences.map(({ words }) => words.join(' '))).size).toBeGreaterThan(2);
    sentences.forEach((sentence, item) => {
      const words: number[] = [];
      let next = Number.NaN;
      while (words.length <= 6) {
        const scores = NEXT.map((word) => logProbability(decoder, codeOf(z, item), [...words, word]));
        next = NEXT[scores.indexOf(Math.max(...scores))]!;
        if (next === END || words.length === 6) break;
        words.push(next);
      }
      expect([...sentence.words]).toEqual(words);
      expect(sentence.ended).toBe(next === END);
      const tokens = sentence.ended ? [...words, END] : words;
      expect(sentence.logProbability).toBeCloseTo(logProbability(decoder, codeOf(z, item), tokens), 4);
    });
  });

  it('is beam search with a beam of one', async () => {
    const decoder = decoderOf();
    const options = (decoding: Decoding) => ({ decoding, maxLength: 4 });
    const greedy = await decodeSentences(decoder, codes(9), 9, options(GREEDY));
    const one = await decodeSentences(decoder, codes(9), 9, options(beam(1, 1)));
    expect(one.map(plain)).toEqual(greedy.map(plain));
  });
});

describe('beam search', () => {
  const MAX = 3;
  const ITEMS = 12;

  it.each([0, 0.6, 2])(
    'with room for all beginnings finds the best of all sentences, length power %d',
    async (power) => {
      const decoder = decoderOf({ seed: 10 });
      const z = codes(ITEMS);
      const all = [0, 1, 2, 3].flatMap((words) => beginnings(words));
      expect(all).toHaveLength(1 + 3 + 9 + 27);
      const found = await decodeSentences(decoder, z, ITEMS, { decoding: beam(27 * V, power), maxLength: MAX });
      found.forEach((sentence, item) => {
        const scored = all.map((words) => {
          const value = logProbability(decoder, codeOf(z, item), [...words, END]);
          return { words, value, score: value / (words.length + 1) ** power };
        });
        const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
        expect([...sentence.words]).toEqual(best.words);
        expect(sentence.ended).toBe(true);
        expect(sentence.logProbability).toBeCloseTo(best.value, 4);
      });
    },
  );

  it('finds better sentences than greedy decoding, and longer ones where length is made up for', async () => {
    const decoder = decoderOf();
    const decode = (decoding: Decoding) => decodeSentences(decoder, codes(40), 40, { decoding, maxLength: 8 });
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [greedy, five, long] = [await decode(GREEDY), await decode(beam(5)), await decode(beam(5, 2))];
    const ended = (sentences: DecodedSentence[]) => sentences.filter((_, item) => greedy[item]!.ended);
    const quality = (sentences: DecodedSentence[]) => mean(ended(sentences).map((s) => s.logProbability));
    expect(quality(five)).toBeGreaterThan(quality(greedy));
    expect(mean(long.map(({ words }) => words.length))).toBeGreaterThan(mean(five.map(({ words }) => words.length)));
  });
});

describe('sampling', () => {
  it.each([1, 0.6])('follows the model’s probabilities at temperature %d', async (temperature) => {
    const decoder = decoderOf();
    const z = codes(1);
    const draws = 4000;
    const repeated = Float32Array.from({ length: draws * Z }, (_, i) => z[i % Z]!);
    const sentences = await decodeSentences(decoder, repeated, draws, { decoding: sample(temperature), maxLength: 2 });

    // p of every outcome: a finished sentence of up to two words, or two words that were cut.
    const next = (words: readonly number[]) => {
      const weights = NEXT.map((word) => {
        const value = logProbability(decoder, z, [...words, word]) - logProbability(decoder, z, words);
        return Math.exp(value / temperature);
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return new Map(NEXT.map((word, i) => [word, weights[i]! / total]));
    };
    const probability = new Map<string, number>();
    const spread = (words: readonly number[], mass: number) => {
      for (const [word, share] of next(words)) {
        if (word === END) probability.set(`${words} ended`, mass * share);
        else if (words.length < 2) spread([...words, word], mass * share);
        else probability.set(`${words} cut`, (probability.get(`${words} cut`) ?? 0) + mass * share);
      }
    };
    spread([], 1);
    const counts = new Map([...probability.keys()].map((outcome) => [outcome, 0]));
    for (const { words, ended } of sentences) {
      const outcome = `${[...words]} ${ended ? 'ended' : 'cut'}`;
      counts.set(outcome, counts.get(outcome)! + 1);
    }
    let chiSquare = 0;
    let cells = 0;
    for (const [outcome, share] of probability) {
      const expected = draws * share;
      if (expected < 5) continue;
      chiSquare += (counts.get(outcome)! - expected) ** 2 / expected;
      cells++;
    }
    expect(cells).toBeGreaterThan(8);
    // The mean of chi-square is its degrees of freedom, its variance twice that.
    expect(chiSquare).toBeLessThan(cells + 3 * Math.sqrt(2 * cells));
  });

  it('reports log p(x | z) of the model, whatever the temperature', async () => {
    const decoder = decoderOf();
    const z = codes(10);
    const sentences = await decodeSentences(decoder, z, 10, { decoding: sample(3), maxLength: 5 });
    sentences.forEach(({ words, ended, logProbability: value }, item) => {
      const tokens = ended ? [...words, END] : [...words];
      expect(value).toBeCloseTo(logProbability(decoder, codeOf(z, item), tokens), 4);
    });
  });

  it('becomes greedy as the temperature goes to zero', async () => {
    const decoder = decoderOf();
    const decode = (decoding: Decoding) => decodeSentences(decoder, codes(20), 20, { decoding, maxLength: 6 });
    const [cold, warm, greedy] = [await decode(sample(1e-4)), await decode(sample(1)), await decode(GREEDY)];
    expect(cold.map(plain)).toEqual(greedy.map(plain));
    expect(warm.map(plain)).not.toEqual(greedy.map(plain));
  });

  it('needs no code where the decoder has none, and differs from sentence to sentence', async () => {
    const decoder = decoderOf({ latentSize: 0 });
    const decode = (seed: number) => decodeSentences(decoder, null, 30, { decoding: sample(1, seed), maxLength: 6 });
    const sentences = await decode(1);
    expect(new Set(sentences.map(({ words }) => words.join(' '))).size).toBeGreaterThan(5);
    expect((await decode(1)).map(plain)).toEqual(sentences.map(plain));
    expect((await decode(2)).map(plain)).not.toEqual(sentences.map(plain));
  });
});

describe.each<[string, Decoding]>([
  ['greedy', GREEDY],
  ['sample', sample()],
  ['beam', beam(3)],
])('%s', (_, decoding) => {
  it('writes a sentence that does not depend on its neighbours', async () => {
    const decoder = decoderOf();
    const z = codes(300);
    const all = await decodeSentences(decoder, z, 300, { decoding, maxLength: 5 });
    const few = await decodeSentences(decoder, z.slice(0, 4 * Z), 4, { decoding, maxLength: 5 });
    expect(few.map(plain)).toEqual(all.slice(0, 4).map(plain));
    const others = codes(300, 8);
    others.set(codeOf(z, 200), 200 * Z);
    const beside = await decodeSentences(decoder, others, 300, { decoding, maxLength: 5 });
    expect(plain(beside[200]!)).toEqual(plain(all[200]!));
    expect(beside.map(plain)).not.toEqual(all.map(plain));
  });

  it('never writes <pad> or <s>, however probable', async () => {
    const decoder = decoderOf({ outputBias: { [PAD]: 9, [START]: 12 } });
    const sentences = await decodeSentences(decoder, codes(20), 20, { decoding, maxLength: 5 });
    const words = new Set(sentences.flatMap((sentence) => [...sentence.words]));
    expect(words.size).toBeGreaterThan(0);
    for (const word of [PAD, START, END]) expect(words.has(word)).toBe(false);
  });

  it('ends at </s>, and is cut at the longest length', async () => {
    const brief = await decodeSentences(decoderOf({ outputBias: { [END]: 40 } }), codes(3), 3, {
      decoding,
      maxLength: 5,
    });
    for (const { words, ended } of brief) expect([words.length, ended]).toEqual([0, true]);
    const endless = decoderOf({ outputBias: { [END]: -40 } });
    const z = codes(3);
    const cut = await decodeSentences(endless, z, 3, { decoding, maxLength: 5 });
    cut.forEach(({ words, ended, logProbability: value }, item) => {
      expect([words.length, ended]).toEqual([5, false]);
      expect(value).toBeCloseTo(logProbability(endless, codeOf(z, item), [...words]), 4);
    });
  });

  it('tells how far it is, leaves no tensors behind, and stops when asked', async () => {
    const decoder = decoderOf();
    const tensors = tf.memory().numTensors;
    const done: number[] = [];
    const tell = (now: number) => done.push(now);
    await decodeSentences(decoder, codes(300), 300, { decoding, maxLength: 5 }, tell);
    expect(done.at(-1)).toBe(300);
    expect(done.length).toBeGreaterThan(1);
    const signal = AbortSignal.abort();
    await expect(decodeSentences(decoder, codes(300), 300, { decoding, maxLength: 5, signal })).rejects.toThrow(
      /stopped/,
    );
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('what cannot be decoded', () => {
  const decode = (decoding: Decoding, { z = codes(2), maxLength = 5 } = {}) =>
    decodeSentences(decoderOf(), z, 2, { decoding, maxLength });

  it('is refused', async () => {
    await expect(decode(GREEDY, { z: codes(3) })).rejects.toThrow(/2 codes of 2 dimensions are not 6 numbers/);
    await expect(decode(GREEDY, { maxLength: 0 })).rejects.toThrow(/whole number of words, not 0/);
    await expect(decode(sample(0))).rejects.toThrow(/temperature is a number above 0, not 0/);
    await expect(decode(beam(0))).rejects.toThrow(/width is a whole number, not 0/);
    await expect(decode(beam(2, -1))).rejects.toThrow(/length power is 0 or more, not -1/);
  });

  it('is a code that is not finite', async () => {
    const tensors = tf.memory().numTensors;
    const decoder = decoderOf();
    const before = tf.memory().numTensors;
    const z = Float32Array.of(0, 1, Number.NaN, 1);
    await expect(decodeSentences(decoder, z, 2, { decoding: GREEDY, maxLength: 5 })).rejects.toThrow(/not finite/);
    expect(tf.memory().numTensors).toBe(before);
    expect(before).toBeGreaterThan(tensors);
  });
});
