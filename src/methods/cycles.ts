// How far a run has come, in epochs, and how far into its cycles: what moves with every update counts by it.

import type { Position } from './method.js';

/** Epochs done before an update, with the share of its own. */
export function epochsDone({ epoch, batch, batches }: Omit<Position, 'iteration'>): number {
  return epoch - 1 + batch / batches;
}

/**
 * Epochs since the last cycle began.
 * @param length of a cycle, epochs. Cycles of a fraction begin where rounding would have the last one end: 0.3 % 0.1 is all but 0.1.
 */
export function intoCycle(epochs: number, length: number): number {
  const into = epochs % length;
  return length - into < 1e-9 * length ? 0 : into;
}
