import { describe, expect, it } from 'vitest';
import { accuracyOverSets } from '../../../src/evaluation/classification/accuracy.js';
import { RandomStream } from '../../../src/random/philox.js';

describe('accuracy over labelled sets', () => {
  it('of one set is a share with its binomial error', () => {
    const estimate = accuracyOverSets([Uint8Array.of(1, 1, 1, 0)]);
    expect(estimate).toMatchObject({ value: 0.75, lowest: 0.75, highest: 0.75 });
    expect(estimate.standardError).toBeCloseTo(Math.sqrt((0.75 * 0.25) / 3), 12);
    expect(estimate.spread).toBeNaN();
  });

  it('of the same answers again and again is no surer than once', () => {
    const answers = Uint8Array.of(1, 0, 1, 1, 1, 0, 1);
    const once = accuracyOverSets([answers]);
    const thrice = accuracyOverSets([answers, answers, answers]);
    expect(thrice.standardError).toBeCloseTo(once.standardError, 12);
    expect(thrice.spread).toBe(0);
  });

  it('has the sets’ mean, extremes and standard deviation', () => {
    const estimate = accuracyOverSets([
      Uint8Array.of(1, 1, 0, 0),
      Uint8Array.of(1, 1, 1, 1),
      Uint8Array.of(0, 1, 1, 1),
    ]);
    expect(estimate).toMatchObject({ value: 0.75, lowest: 0.5, highest: 1 });
    expect(estimate.spread).toBeCloseTo(0.25, 12);
  });

  it('has an error as large as the mean varies when labels and test items are drawn anew', () => {
    // Some labels teach better than others, some items are harder than others, and the rest is chance.
    const replicates = 1500;
    const [sets, items] = [4, 60];
    const random = new RandomStream({ seed: 3, purpose: 'labelled-set' });
    const means: number[] = [];
    let expected = 0;
    for (let r = 0; r < replicates; r++) {
      const luck = Array.from({ length: sets }, () => 0.2 * random.uniform() - 0.1);
      const ease = Array.from({ length: items }, () => 0.5 + 0.4 * random.uniform());
      const right = luck.map((bonus) => Uint8Array.from(ease, (share) => (random.uniform() < share + bonus ? 1 : 0)));
      const { value, standardError } = accuracyOverSets(right);
      means.push(value);
      expected += standardError ** 2 / replicates;
    }
    const mean = means.reduce((sum, value) => sum + value, 0) / replicates;
    const variance = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (replicates - 1);
    // The variance is known to about sqrt(2 / 1500) = 4 %; counting the chance of an answer twice would add a quarter.
    expect(expected / variance).toBeGreaterThan(0.88);
    expect(expected / variance).toBeLessThan(1.12);
  });
});
