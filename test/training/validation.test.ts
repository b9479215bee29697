import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/config/schema.js';
import { validationOptions } from '../../src/experiments/evaluation.js';
import { RandomStream } from '../../src/random/philox.js';
import type { ValidationState } from '../../src/runs/checkpoint.js';
import { INITIAL_VALIDATION, judge } from '../../src/training/validation.js';
import { toyRun } from './toy.js';

const DECAY = { factor: 0.5, patience: 2, fromEpoch: 3, atMost: 2, restoreBest: true };

/** Feeds losses epoch by epoch; returns what was decided after each. */
function follow(losses: number[], rules: Parameters<typeof judge>[3]) {
  let state: ValidationState = INITIAL_VALIDATION;
  const decisions = [];
  for (const [i, loss] of losses.entries()) {
    const decision = judge(state, i + 1, loss, rules);
    state = decision.state;
    decisions.push(decision);
    if (decision.stop !== null) break;
  }
  return decisions;
}

it('is by estimators that measuring the run otherwise does not change', () => {
  const run: RunConfig = toyRun('sri');
  const estimator = (studentDegrees: number | null) =>
    validationOptions({ ...run, evaluation: { ...run.evaluation, studentDegrees } }).estimator;
  expect(estimator(3)).toEqual(estimator(null));
});

describe('judge', () => {
  it('keeps the best epoch', () => {
    const decisions = follow([5, 4, 4.5, 3, 3], { decay: null, earlyStop: null });
    expect(decisions.map(({ improved }) => improved)).toEqual([true, true, false, true, false]);
    expect(decisions.at(-1)!.state).toMatchObject({ best: 3, bestEpoch: 4 });
  });

  it('halves the learning rate after `patience` epochs without gain, not before `fromEpoch`, and ends at the last', () => {
    const decisions = follow([5, 6, 7, 8, 9, 10, 11], { decay: DECAY, earlyStop: null });
    // Epochs 2 and 3 bring no gain: a decay after 3; then after 5, which is the second and last.
    expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual([1, 1, 0.5, 1, 0.5]);
    expect(decisions[2]!.restoreBest).toBe(true);
    expect(decisions[2]!.stop).toBeNull();
    expect(decisions.at(-1)!.stop).toEqual({ reason: 'decays', decays: 2 });
  });

  it('takes a loss that stays the same for a gain', () => {
    const decisions = follow([5, 5, 5, 5, 5], { decay: { ...DECAY, fromEpoch: 1 }, earlyStop: null });
    expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual([1, 1, 1, 1, 1]);
  });

  it('waits for fromEpoch', () => {
    const decisions = follow([5, 6, 6, 6, 6], { decay: { ...DECAY, fromEpoch: 5 }, earlyStop: null });
    expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual([1, 1, 1, 1, 0.5]);
  });

  it('measures progress after a decay against the loss at the decay, and the best weights against the best', () => {
    // 7 at the decay after epoch 3: 6.5 and 6.4 are gains on it although 5 was better, and 6.6 begins the next wait.
    const losses = [5, 6, 7, 6.5, 6.4, 6.6, 6.5, 6];
    const decisions = follow(losses, { decay: { ...DECAY, atMost: 9 }, earlyStop: null });
    expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual([1, 1, 0.5, 1, 1, 1, 0.5, 1]);
    expect(decisions.map(({ improved }) => improved)).toEqual([true, ...Array(7).fill(false)]);
    expect(decisions.at(-1)!.state).toEqual({ best: 5, bestEpoch: 1, reference: 6, epochsWithoutGain: 0, decays: 2 });
  });

  it("follows the sources' loop on any losses", () => {
    // He et al. 2019 and Li et al. 2019, in words: epochs count from 0, a loss above the one to beat is a miss; enough of them
    // from a certain epoch on are a decay, after which the loss of that epoch is the one to beat; the last decay ends it all.
    const [patience, firstEpoch, most] = [2, 15, 5];
    for (let seed = 0; seed < 20; seed++) {
      const random = new RandomStream({ seed, purpose: 'shuffle' });
      const losses = Array.from({ length: 80 }, (_, epoch) => 4 + 3 * 0.9 ** epoch + random.uniforms(1, 0, 0.5)[0]!);
      const wanted: number[] = [];
      let [toBeat, misses, decays] = [Number.POSITIVE_INFINITY, 0, 0];
      for (let epoch = 0; epoch < losses.length && decays < most; epoch++) {
        const loss = losses[epoch]!;
        misses = loss > toBeat ? misses + 1 : 0;
        if (misses === 0) toBeat = loss;
        const due = misses >= patience && epoch >= firstEpoch;
        if (due) [toBeat, misses, decays] = [loss, 0, decays + 1];
        wanted.push(due ? 0.5 : 1);
      }
      const decay = { factor: 0.5, patience, fromEpoch: firstEpoch + 1, atMost: most, restoreBest: true };
      const decisions = follow(losses, { decay, earlyStop: null });
      expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual(wanted);
      expect(wanted.filter((factor) => factor < 1)).toHaveLength(most);
    }
  });

  it('with a patience of one epoch and then none, decays after every epoch that follows the first without gain', () => {
    // Kim et al. 2018: from a rate of 1, until it is below 0.03.
    const decay = { factor: 0.5, patience: [1, 0], fromEpoch: 4, atMost: 6, restoreBest: false };
    const decisions = follow([5, 6, 4, 3.9, 3.8, 3.9, 3, 2, 1, 3, 2, 2, 2], { decay, earlyStop: null });
    const factors = decisions.map(({ learningRateFactor }) => learningRateFactor);
    expect(factors).toEqual([1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
    const rates = factors.map((_, i) => factors.slice(0, i + 1).reduce((product, factor) => product * factor, 1));
    expect(rates.findIndex((rate) => rate < 0.03)).toBe(rates.length - 1);
    expect(decisions.at(-1)!.stop).toEqual({ reason: 'decays', decays: 6 });
  });

  it('goes on from a state that was saved before a reference was kept', () => {
    const saved: ValidationState = { best: 5, bestEpoch: 1, epochsWithoutGain: 1, decays: 1 };
    const missed = judge(saved, 9, 5.5, { decay: DECAY, earlyStop: null });
    expect(missed.learningRateFactor).toBe(0.5);
    const gained = judge(saved, 9, 4.5, { decay: DECAY, earlyStop: null });
    expect(gained.state).toEqual({ best: 4.5, bestEpoch: 9, reference: 4.5, epochsWithoutGain: 0, decays: 1 });
  });

  it('stops early', () => {
    const decisions = follow([5, 4, 6, 6, 6, 6], { decay: null, earlyStop: { patience: 3 } });
    expect(decisions).toHaveLength(5);
    expect(decisions.at(-1)!.stop).toEqual({ reason: 'early-stop', patience: 3 });
  });
});
