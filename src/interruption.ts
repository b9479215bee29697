// Long computations that nothing waits in keep timers and signals out. Between its pieces such a one lets them in, and
// stops where one of them asked for it.

import { InterruptedError } from './errors.js';

/** Lets timers and signals have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * The same between two pieces of work.
 * @param told what the work is left as: `stopped before all was measured`.
 * @throws {InterruptedError} where the signal asked to stop.
 */
export async function pause(signal: AbortSignal | undefined, told: string): Promise<void> {
  await turn();
  if (signal?.aborted) throw new InterruptedError(told);
}
