import { describe, expect, it } from 'vitest';
import { inWholeTiles, NEVER, sampleVocabulary } from '../../src/model/sampled-vocabulary.js';
import { RandomStream } from '../../src/random/philox.js';

const V = 60;
const targets = Int32Array.of(3, 41, 7, 41, 1, 59);
const key = (batch: number) => ({ seed: 9, purpose: 'chain-vocabulary', batch }) as const;

describe('a sample of the vocabulary', () => {
  it('has the frequent words and the targets exactly, each word once, and finds the targets among them', () => {
    const { ids, corrections, targets: places } = sampleVocabulary(targets, V, { frequent: 5, sampled: 8 }, key(0));
    expect([...ids.slice(0, 8)]).toEqual([0, 1, 2, 3, 4, 41, 7, 59]);
    expect([...corrections.slice(0, 8)]).toEqual(Array(8).fill(0));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(8);
    expect(ids.length).toBeLessThanOrEqual(16);
    expect(corrections).toHaveLength(ids.length);
    expect([...places].map((place) => ids[place])).toEqual([...targets]);
  });

  it('is the same for the same key, and another for another', () => {
    const drawn = (batch: number) => sampleVocabulary(targets, V, { frequent: 5, sampled: 8 }, key(batch)).ids;
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  it('is the whole vocabulary, exactly, where that is no larger than what is asked for', () => {
    for (const size of [
      { frequent: V, sampled: 1 },
      { frequent: 10, sampled: V - 10 },
    ]) {
      const { ids, corrections } = sampleVocabulary(targets, V, size, key(0));
      expect([...ids].sort((a, b) => a - b)).toEqual(Array.from({ length: V }, (_, id) => id));
      expect(corrections.every((correction) => correction === 0)).toBe(true);
    }
  });

  it('estimates the normalizer of the softmax without bias', () => {
    const logits = new RandomStream({ seed: 4, purpose: 'chain-start' }).normals(V);
    const wanted = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const estimates = Array.from({ length: 4000 }, (_, batch) => {
      const { ids, corrections } = sampleVocabulary(targets, V, { frequent: 5, sampled: 8 }, key(batch));
      return ids.reduce((sum, id, i) => sum + Math.exp(logits[id]! + corrections[i]!), 0);
    });
    const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
    const variance = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (estimates.length - 1);
    const error = Math.sqrt(variance / estimates.length);
    expect(error).toBeLessThan(0.01 * wanted);
    expect(Math.abs(mean - wanted)).toBeLessThan(3.5 * error);
  });

  it('is filled up to whole tiles, or to the vocabulary, by words that add nothing', () => {
    for (const [size, length] of [
      [500, 64],
      [V, V],
    ] as const) {
      const sample = sampleVocabulary(targets, size, { frequent: 5, sampled: 8 }, key(0));
      const { ids, corrections, targets: places } = inWholeTiles(sample, size);
      const drawn = sample.ids.length;
      expect(ids).toHaveLength(length);
      expect(new Set(ids).size).toBe(length);
      expect(Math.max(...ids)).toBeLessThan(size);
      expect(ids.slice(0, drawn)).toEqual(sample.ids);
      expect(corrections.slice(0, drawn)).toEqual(sample.corrections);
      expect(corrections.slice(drawn).every((correction) => correction === Math.fround(NEVER))).toBe(true);
      expect(places).toEqual(sample.targets);
    }
    const whole = sampleVocabulary(targets, V, { frequent: V, sampled: 1 }, key(0));
    expect(inWholeTiles(whole, V)).toEqual(whole);
  });
});
