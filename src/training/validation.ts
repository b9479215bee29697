// What a validation loss after each epoch leads to: keeping the best weights, lowering the learning rate, stopping.

import type { RunConfig } from '../config/schema.js';
import type { ValidationState } from '../runs/checkpoint.js';
import type { Ending } from '../runs/ending-schema.js';

export const INITIAL_VALIDATION: ValidationState = {
  best: null,
  bestEpoch: 0,
  reference: null,
  epochsWithoutGain: 0,
  decays: 0,
};

type Decay = NonNullable<RunConfig['training']['decay']>;

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
 * The learning rate that falls when validation stops improving (`decay`), and plain early stopping (`earlyStop`).
 *
 * As in the code of He et al. 2019 and Li et al. 2019, what follows a decay is measured against the loss at the decay, though
 * the weights be the best's again, and the last decay ends training. Kim et al. 2018, whose every epoch after the first decay
 * brings another, is a patience of one epoch and then of none.
 *
 * @param epoch the epoch just finished, from 1.
 * @param loss its validation loss, nats a word.
 */
export function judge(
  previous: ValidationState,
  epoch: number,
  loss: number,
  { decay, earlyStop }: Pick<RunConfig['training'], 'decay' | 'earlyStop'>,
): Decision {
  const { best, reference = best } = previous;
  const improved = best === null || loss < best;
  const gained = reference == null || loss <= reference;
  const state: ValidationState = {
    ...previous,
    ...(improved ? { best: loss, bestEpoch: epoch } : {}),
    reference: gained ? loss : reference,
    epochsWithoutGain: gained ? 0 : previous.epochsWithoutGain + 1,
  };
  const nothing = { improved, learningRateFactor: 1, restoreBest: false, stop: null };
  if (earlyStop !== null && epoch - state.bestEpoch >= earlyStop.patience) {
    return { ...nothing, state, stop: { reason: 'early-stop', patience: earlyStop.patience } };
  }
  if (decay === null || epoch < decay.fromEpoch || state.epochsWithoutGain < patienceOf(decay, state.decays)) {
    return { ...nothing, state };
  }
  const decays = state.decays + 1;
  return {
    improved,
    state: { ...state, reference: loss, epochsWithoutGain: 0, decays },
    learningRateFactor: decay.factor,
    // An epoch that improved and yet brings a decay, as a patience of none has it, ends with the best already.
    restoreBest: decay.restoreBest && !improved,
    stop: decays >= decay.atMost ? { reason: 'decays', decays } : null,
  };
}

/** Epochs without a gain that the next decay waits for. @param decays so far. */
function patienceOf({ patience }: Pick<Decay, 'patience'>, decays: number): number {
  return typeof patience === 'number' ? patience : patience[Math.min(decays, patience.length - 1)]!;
}
