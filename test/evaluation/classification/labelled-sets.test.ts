import { describe, expect, it } from 'vitest';
import type { Split } from '../../../src/data/corpus.js';
import { labelledOrder, planClassification } from '../../../src/evaluation/classification/labelled-sets.js';

function split(name: string, labels: number[] | null, length = labels?.length ?? 10): Split {
  return {
    name,
    length,
    sentence: () => Int32Array.of(3),
    lengthOf: () => 1,
    label: (i) => labels?.[i] ?? null,
  };
}

/** 400 items, of which one in forty is of class 2. */
const LABELS = Array.from({ length: 400 }, (_, i) => (i % 40 === 7 ? 2 : i % 2));
const splits = {
  train: split('train', LABELS),
  valid: split('valid', [0, 1, 2, 0, 1, 2, 0]),
  test: split('test', [1, 0, 2, 1, 0]),
};
const options = { labelCounts: [0, 10, 100], sets: 3, limit: null, classes: 3, seed: 4 };

describe('the order in which items are labelled', () => {
  it('shows every class first, and each item once', () => {
    const labels = Int32Array.from(LABELS);
    for (let set = 0; set < 20; set++) {
      const order = labelledOrder(labels, { seed: 1, set });
      expect(new Set([...order.slice(0, 3)].map((item) => labels[item]))).toEqual(new Set([0, 1, 2]));
      expect([...order].sort((a, b) => a - b)).toEqual([...labels.keys()]);
    }
  });

  it('is uniform: with two even classes, every item is among the first half as often', () => {
    const labels = Int32Array.from({ length: 12 }, (_, i) => i % 2);
    const counts = new Float64Array(12);
    const draws = 4000;
    for (let set = 0; set < draws; set++) {
      for (const item of labelledOrder(labels, { seed: 2, set }).slice(0, 6)) counts[item]!++;
    }
    // Each count is binomial (n, 1/2) with a standard deviation of 32; the chance of any beyond 4.5 of them is 1e-4.
    for (const count of counts) expect(Math.abs(count - draws / 2)).toBeLessThan(4.5 * Math.sqrt(draws / 4));
  });

  it('differs from set to set and from seed to seed, and comes again', () => {
    const labels = Int32Array.from(LABELS);
    const order = labelledOrder(labels, { seed: 1, set: 0 });
    expect(labelledOrder(labels, { seed: 1, set: 0 })).toEqual(order);
    expect(labelledOrder(labels, { seed: 1, set: 1 })).not.toEqual(order);
    expect(labelledOrder(labels, { seed: 2, set: 0 })).not.toEqual(order);
  });
});

describe('a plan', () => {
  const plan = planClassification(splits, options);

  it('nests a set’s smaller number of labels in its larger', () => {
    const [ten, hundred] = plan.labelled;
    expect(plan.labelled.map(({ labels }) => labels)).toEqual([10, 100]);
    ten!.sets.forEach((places, set) => {
      expect(places).toHaveLength(10);
      expect(hundred!.sets[set]!.slice(0, 10)).toEqual(places);
      expect(new Set(hundred!.sets[set])).toHaveLength(100);
    });
  });

  it('infers each training item that is used once, and no other', () => {
    const chosen = planClassification(splits, { ...options, labelCounts: [10] });
    const used = new Set(chosen.labelled[0]!.sets.flatMap((places) => [...places]));
    expect(chosen.items.train).toHaveLength(used.size);
    expect([...chosen.items.train]).toEqual([...new Set(chosen.items.train)].sort((a, b) => a - b));
    expect(used.size).toBeLessThanOrEqual(30);
    expect(chosen.mixture).toBeNull();
    expect(chosen.items.valid).toHaveLength(0);
    expect(chosen.items.test).toHaveLength(5);
    // Places, not indices: every set has each class, which the items at those places bear.
    for (const places of chosen.labelled[0]!.sets) {
      expect(new Set([...places].map((place) => LABELS[chosen.items.train[place]!]))).toEqual(new Set([0, 1, 2]));
    }
  });

  it('fits the mixture to items that the first set has too', () => {
    const limited = planClassification(splits, { ...options, limit: 50 });
    expect(limited.mixture).toHaveLength(50);
    const first = new Set(limited.labelled[1]!.sets[0]);
    expect([...limited.mixture!].filter((place) => first.has(place)).length).toBeGreaterThan(45);
    expect(planClassification(splits, options).mixture).toHaveLength(400);
  });

  it('limits the items that are tested on and that give names, the same for the same seed', () => {
    const limited = planClassification(splits, { ...options, limit: 4 });
    expect(limited.items.test).toHaveLength(4);
    expect(limited.items.valid).toHaveLength(4);
    expect(planClassification(splits, { ...options, limit: 4 })).toEqual(limited);
    expect(planClassification(splits, { ...options, limit: 9 }).items.test).toHaveLength(5);
  });

  it('leaves out more labels than there are', () => {
    const { labelled, tooMany } = planClassification(splits, { ...options, labelCounts: [400, 401, 9000] });
    expect(labelled.map(({ labels }) => labels)).toEqual([400]);
    expect(tooMany).toEqual([401, 9000]);
  });

  it('says what it cannot do', () => {
    expect(() => planClassification(splits, { ...options, labelCounts: [2] })).toThrow(
      /2 labels do not show each of 3 classes; give 0, or 3 or more/,
    );
    expect(() => planClassification({ ...splits, train: split('train', null) }, options)).toThrow(
      /the train split has no labels/,
    );
    expect(() => planClassification(splits, { ...options, limit: 2 })).toThrow(/2 training items .* 3 clusters/);
    expect(() => planClassification({ ...splits, test: split('test', []) }, options)).toThrow(/'test' has no sentence/);
  });
});
