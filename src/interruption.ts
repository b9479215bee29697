// Long computations that nothing waits in keep timers and signals out. Between its pieces such a one lets them in, and
// stops where one of them asked for it.

import { InterruptedError } from './errors.js';

/** What asks to stop, with the exit code of a command that has saved and stopped: 128 and the signal's number. */
export const STOPPED = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
export type Stopping = keyof typeof STOPPED;

/** Whether a command that ended with this code was asked to stop, and saved. */
export function isStopped(code: number): boolean {
  return Object.values<number>(STOPPED).includes(code);
}

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
