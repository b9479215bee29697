// Every sentence once, one length a batch, and an order that a key fixes.

import { describe, expect, it } from 'vitest';
import { type Batch, drawSubset, equalLengthBatches, makeBatch } from '../../src/data/batches.js';
import { EncodedSplit } from '../../src/data/corpus.js';
import { END, START } from '../../src/data/vocabulary.js';

/** 200 sentences of 1 to 7 words, the word ids all different. */
const lengths = Array.from({ length: 200 }, (_, i) => 1 + ((i * i + 3 * i) % 7));
const split = splitOf(lengths);

function splitOf(lengths: number[]): EncodedSplit {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  const ids = Int32Array.from({ length: offsets.at(-1)! }, (_, i) => 4 + i);
  return new EncodedSplit('train', ids, Int32Array.from(offsets), null);
}

const sentencesOf = (batches: Iterable<Batch>) => [...batches].flatMap(({ indices }) => [...indices]);
const numeric = (a: number, b: number) => a - b;

describe.each([
  ['in order', undefined],
  ['shuffled', { seed: 3, epoch: 2 }],
])('equal-length batches %s', (_, key) => {
  const batches = equalLengthBatches(split, 8, key && { key });

  it('hold every sentence exactly once', () => {
    expect(sentencesOf(batches).sort(numeric)).toEqual([...lengths.keys()]);
  });

  it('are full but for one of each length', () => {
    const small = new Map<number, number>();
    for (const { size, tokens } of batches) {
      expect(size).toBeLessThanOrEqual(8);
      if (size < 8) small.set(tokens, (small.get(tokens) ?? 0) + 1);
    }
    expect([...small.values()].every((count) => count === 1)).toBe(true);
    const expected = [1, 2, 3, 4, 5, 6, 7].map((length) => Math.ceil(lengths.filter((n) => n === length).length / 8));
    expect(batches).toHaveLength(expected.reduce((a, b) => a + b));
  });

  it('are time-major: <s> w1 .. wn in, w1 .. wn </s> out', () => {
    for (const [place, { index, indices, inputs, targets, size, tokens }] of [...batches].entries()) {
      expect(index).toBe(place);
      expect(indices).toHaveLength(size);
      expect([inputs.length, targets.length]).toEqual([tokens * size, tokens * size]);
      indices.forEach((which, column) => {
        const words = [...split.sentence(which)];
        const steps = Array.from({ length: tokens }, (_, t) => t * size + column);
        expect(steps.map((at) => inputs[at])).toEqual([START, ...words]);
        expect(steps.map((at) => targets[at])).toEqual([...words, END]);
      });
    }
  });
});

describe('the order of batches', () => {
  const order = (seed: number, epoch: number) => sentencesOf(equalLengthBatches(split, 8, { key: { seed, epoch } }));

  it('is fixed by seed and epoch', () => {
    expect(order(1, 5)).toEqual(order(1, 5));
    expect(order(1, 5)).not.toEqual(order(1, 6));
    expect(order(1, 5)).not.toEqual(order(2, 5));
  });

  it('shuffles who shares a batch, and which lengths come first', () => {
    const grouped = (epoch: number) =>
      Array.from(equalLengthBatches(split, 8, { key: { seed: 1, epoch } }), ({ indices }) =>
        [...indices].sort(numeric).join(),
      );
    expect(grouped(0).filter((batch) => grouped(1).includes(batch)).length).toBeLessThan(grouped(0).length / 2);
    const tokens = Array.from(equalLengthBatches(split, 8, { key: { seed: 1, epoch: 0 } }), (batch) => batch.tokens);
    expect(tokens).not.toEqual([...tokens].sort(numeric));
  });

  it('without a key goes by length, then by place in the split', () => {
    const batches = [...equalLengthBatches(split, 8)];
    expect(batches.map(({ tokens }) => tokens)).toEqual(batches.map(({ tokens }) => tokens).sort(numeric));
    const ofLength = (length: number) => sentencesOf(batches.filter(({ tokens }) => tokens === length + 1));
    expect(ofLength(4)).toEqual([...lengths.keys()].filter((i) => lengths[i] === 4));
  });

  it('puts every sentence of one length first equally often', () => {
    const same = splitOf(Array(6).fill(2));
    const first = new Int32Array(6);
    const epochs = 1200;
    for (let epoch = 0; epoch < epochs; epoch++) {
      first[equalLengthBatches(same, 1, { key: { seed: 9, epoch } }).at(0).indices[0]!]!++;
    }
    // Binomial(1200, 1/6): five standard deviations are 65.
    for (const count of first) expect(Math.abs(count - epochs / 6)).toBeLessThan(65);
  });
});

describe('a choice of sentences', () => {
  it('is batched alone', () => {
    const indices = Int32Array.of(5, 17, 100, 3);
    expect(sentencesOf(equalLengthBatches(split, 2, { indices })).sort(numeric)).toEqual([3, 5, 17, 100]);
    expect([...equalLengthBatches(split, 2, { indices: new Int32Array(0) })]).toEqual([]);
  });

  it('is drawn without repetition, in order, by seed', () => {
    const drawn = drawSubset(split, 50, 4);
    expect([...drawn]).toEqual([...new Set(drawn)].sort(numeric));
    expect(drawn).toHaveLength(50);
    expect(drawSubset(split, 50, 4)).toEqual(drawn);
    expect(drawSubset(split, 50, 5)).not.toEqual(drawn);
    expect([...drawSubset(split, 1000, 4)]).toEqual([...lengths.keys()]);
  });

  it('reaches every sentence equally often', () => {
    const small = splitOf(Array(10).fill(1));
    const hits = new Int32Array(10);
    for (let seed = 0; seed < 1000; seed++) for (const i of drawSubset(small, 3, seed)) hits[i]!++;
    // Binomial(1000, 0.3): five standard deviations are 73.
    for (const count of hits) expect(Math.abs(count - 300)).toBeLessThan(73);
  });
});

describe('wrong use', () => {
  it('is refused', () => {
    expect(() => equalLengthBatches(split, 0)).toThrow(RangeError);
    expect(() => equalLengthBatches(split, 2.5)).toThrow(RangeError);
    expect(() => equalLengthBatches(split, 2, { indices: Int32Array.of(200) })).toThrow(RangeError);
    expect(() => drawSubset(split, 0, 1)).toThrow(RangeError);
    const other = lengths.findIndex((length) => length !== lengths[0]);
    const unequal = Int32Array.of(0, other);
    expect(() => makeBatch(split, unequal, 0)).toThrow(RangeError);
  });
});

describe('the batches of an epoch', () => {
  const batches = equalLengthBatches(split, 8, { key: { seed: 1, epoch: 1 } });

  it('are the same from any place on, as a run that goes on needs them', () => {
    expect([...batches.from(7)]).toEqual([...batches].slice(7));
    expect(() => batches.at(batches.length)).toThrow(RangeError);
  });

  it('tell their shapes without their words', () => {
    expect(batches.shapes()).toEqual(Array.from(batches, ({ size, tokens }) => ({ size, tokens })));
  });
});
