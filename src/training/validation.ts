// What a validation loss after each epoch leads to: keeping the best weights, lowering the learning rate, stopping.

import type { RunConfig } from '../config/schema.js';
import type { ValidationState } from '../runs/checkpoint.js';
import type { Ending } from '../runs/ending.js';

export const INITIAL_VALIDATION: ValidationState = { best: null, bestEpoch: 0, epochsWithoutGain: 0, decays: 0 };

export interface Decision {
  state: ValidationState;
  /** The weights are the best so far. */
  improved: boolean;
  /** Multiply the learning rate by this; 1 for no change. */
  learningRateFactor: number;
  /** Go on from the best weights. */
  restoreBest: boolean;
  /** Why training ends here, or null. */
  stop: Ending | null;
}

/**
 * Halving on a plateau as in He et al. 2019 and Li et al. 2019 (`decay`), and plain early stopping (`earlyStop`).
 * @param epoch the epoch just finished, from 1.
 * @param loss its validation loss, nats a word.
 */
export function judge(
  previous: ValidationState,
  epoch: number,
  loss: number,
  { decay, earlyStop }: Pick<RunConfig['training'], 'decay' | 'earlyStop'>,
): Decision {
  const nothing = { improved: false, learningRateFactor: 1, restoreBest: false, stop: null };
  if (previous.best === null || loss < previous.best) {
    const state = { ...previous, best: loss, bestEpoch: epoch, epochsWithoutGain: 0 };
    return { ...nothing, state, improved: true };
  }
  const state = { ...previous, epochsWithoutGain: previous.epochsWithoutGain + 1 };
  if (earlyStop !== null && epoch - state.bestEpoch >= earlyStop.patience) {
    return { ...nothing, state, stop: { reason: 'early-stop', patience: earlyStop.patience } };
  }
  if (decay !== null && epoch >= decay.fromEpoch && state.epochsWithoutGain >= decay.patience) {
    if (state.decays === decay.atMost) {
      return { ...nothing, state, stop: { reason: 'decays', decays: decay.atMost } };
    }
    return {
      ...nothing,
      state: { ...state, decays: state.decays + 1, epochsWithoutGain: 0 },
      learningRateFactor: decay.factor,
      restoreBest: decay.restoreBest,
    };
  }
  return { ...nothing, state };
}
