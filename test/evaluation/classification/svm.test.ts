import { describe, expect, it } from 'vitest';
import { DEFAULTS } from '../../../src/config/schema.js';
import { rowsOf } from '../../../src/evaluation/classification/mixture-classifier.js';
import { Standardizer, SvmTrainer, stratifiedFolds } from '../../../src/evaluation/classification/svm.js';
import { RandomStream } from '../../../src/random/philox.js';
import { CODES, LABELS, LEARNT, SIZE } from './classification-data.js';

const rows = rowsOf(CODES, SIZE);
const standardizer = new Standardizer(rows.slice(0, LEARNT));
const learnt = standardizer.apply(rows.slice(0, LEARNT));
const tested = standardizer.apply(rows.slice(LEARNT));
const noPause = async () => {};

function stream(step = 0): RandomStream {
  return new RandomStream({ seed: 0, purpose: 'cross-validation', step });
}

describe('a support vector machine', () => {
  it.each([
    [0.3, 49, '000000000000000000000000000000'],
    [3, 48, '000001010000001001001011011001'],
    [30, 46, '001101000000001001001001011001'],
  ])('with C = %d predicts as scikit-learn’s does', async (cost, supportVectors, predictions) => {
    const trainer = await SvmTrainer.load();
    const result = trainer.fitAndPredict({ rows: learnt, labels: LABELS.slice(0, LEARNT) }, cost, tested);
    expect(result.predicted.join('')).toBe(predictions);
    expect(result.supportVectors).toBe(supportVectors);
  });

  it('does so with three classes', async () => {
    const trainer = await SvmTrainer.load();
    const labels = Int32Array.from({ length: LEARNT }, (_, i) => i % 3);
    const { predicted, supportVectors } = trainer.fitAndPredict({ rows: learnt, labels }, 3, tested);
    expect(predicted.join('')).toBe('101112121000012012102022022102');
    expect(supportVectors).toBe(58);
  });

  it('leaves the process as it was: a rejected promise is still heard of', async () => {
    const before = process.listeners('unhandledRejection');
    const { instantiateStreaming } = (globalThis as unknown as { WebAssembly: { instantiateStreaming: unknown } })
      .WebAssembly;
    await SvmTrainer.load();
    expect(process.listeners('unhandledRejection')).toEqual(before);
    expect(instantiateStreaming).toBeTypeOf('function');
  });
});

describe('the choice of C', () => {
  const { penalties, folds } = DEFAULTS.evaluation.classification;
  const search = { costs: penalties, folds };

  /** Two rings, one around the other: how closely the machine may follow the items matters. */
  function rings(count: number): { rows: number[][]; labels: Int32Array } {
    const random = stream(9);
    const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
    const points = Array.from(labels, (label) => {
      const angle = 2 * Math.PI * random.uniform();
      const radius = (label === 0 ? 0.7 : 1.3) + 0.2 * random.uniform();
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });
    return { rows: points, labels };
  }

  it('is the one that predicts held items best, the smallest of equals', async () => {
    const trainer = await SvmTrainer.load();
    const items = rings(60);
    const folds = stratifiedFolds(items.labels, 5, stream());
    const right = penalties.map((cost) => {
      let count = 0;
      for (let fold = 0; fold < 5; fold++) {
        const of = (held: boolean) => ({
          rows: items.rows.filter((_, i) => (folds[i] === fold) === held),
          labels: items.labels.filter((_, i) => (folds[i] === fold) === held),
        });
        const { predicted } = trainer.fitAndPredict(of(false), cost, of(true).rows);
        count += predicted.filter((label, i) => label === of(true).labels[i]).length;
      }
      return count;
    });
    expect(new Set(right).size).toBeGreaterThan(1);
    expect(await trainer.chooseCost(items, search, stream(), noPause)).toBe(
      penalties[right.indexOf(Math.max(...right))],
    );
  });

  it('does without a fold that has no item', async () => {
    const trainer = await SvmTrainer.load();
    const items = { rows: [[0], [1]], labels: Int32Array.of(0, 1) };
    expect(penalties).toContain(await trainer.chooseCost(items, search, stream(), noPause));
  });
});

describe('folds', () => {
  it('have the same number of items, and of each class, but for one', () => {
    const labels = Int32Array.from({ length: 103 }, (_, i) => (i % 7 === 0 ? 2 : i % 2));
    const folds = stratifiedFolds(labels, 5, stream());
    for (const chosen of [[0], [1], [2], [0, 1, 2]]) {
      const counts = Array.from(
        { length: 5 },
        (_, fold) => folds.filter((of, item) => of === fold && chosen.includes(labels[item]!)).length,
      );
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
    expect(stratifiedFolds(labels, 5, stream(1))).not.toEqual(folds);
  });
});

describe('standardization', () => {
  it('gives the rows it was made of mean 0 and variance 1, and leaves a constant feature at 0', () => {
    const made = new Standardizer([
      [1, 5],
      [2, 5],
      [6, 5],
    ]);
    const [a, b, c] = made
      .apply([
        [1, 5],
        [2, 5],
        [6, 5],
      ])
      .map(([first]) => first!);
    expect(a! + b! + c!).toBeCloseTo(0, 12);
    expect((a! ** 2 + b! ** 2 + c! ** 2) / 3).toBeCloseTo(1, 12);
    expect(made.apply([[3, 5]])[0]).toEqual([0, 0]);
    // The mean of ten times 0.1 is not 0.1.
    const [constant] = new Standardizer(Array.from({ length: 10 }, () => [0.1])).apply([[0.1]]);
    expect(Math.abs(constant![0]!)).toBeLessThan(1e-12);
  });
});
