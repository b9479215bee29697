import { describe, expect, it } from 'vitest';
import type { ValidationState } from '../../src/runs/checkpoint.js';
import { INITIAL_VALIDATION, judge } from '../../src/training/validation.js';

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

describe('judge', () => {
  it('keeps the best epoch', () => {
    const decisions = follow([5, 4, 4.5, 3, 3], { decay: null, earlyStop: null });
    expect(decisions.map(({ improved }) => improved)).toEqual([true, true, false, true, false]);
    expect(decisions.at(-1)!.state).toMatchObject({ best: 3, bestEpoch: 4 });
  });

  it('halves the learning rate after `patience` epochs without gain, not before `fromEpoch`, at most `atMost` times', () => {
    const decisions = follow([5, 6, 6, 6, 6, 6, 6, 6, 6], { decay: DECAY, earlyStop: null });
    // Epochs 2 and 3 bring no gain: a decay after 3; then after 5; a third would be due after 7, and training ends.
    expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual([1, 1, 0.5, 1, 0.5, 1, 1]);
    expect(decisions[2]!.restoreBest).toBe(true);
    expect(decisions.at(-1)!.stop).toEqual({ reason: 'decays', decays: 2 });
  });

  it('waits for fromEpoch', () => {
    const decisions = follow([5, 6, 6, 6, 6], { decay: { ...DECAY, fromEpoch: 5 }, earlyStop: null });
    expect(decisions.map(({ learningRateFactor }) => learningRateFactor)).toEqual([1, 1, 1, 1, 0.5]);
  });

  it('stops early', () => {
    const decisions = follow([5, 4, 6, 6, 6, 6], { decay: null, earlyStop: { patience: 3 } });
    expect(decisions).toHaveLength(5);
    expect(decisions.at(-1)!.stop).toEqual({ reason: 'early-stop', patience: 3 });
  });
});
