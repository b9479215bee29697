// Why a training ended.

import { z } from 'zod';

export const endingSchema = z.discriminatedUnion('reason', [
  /** All the epochs that were asked for are done; given more, it goes on. */
  z.strictObject({ reason: z.literal('all-epochs'), epochs: z.int() }),
  /** No better validation loss for `patience` epochs (`training.earlyStop`). */
  z.strictObject({ reason: z.literal('early-stop'), patience: z.int() }),
  /** The last of `decays` of the learning rate (`training.decay`). */
  z.strictObject({ reason: z.literal('decays'), decays: z.int() }),
]);
export type Ending = z.infer<typeof endingSchema>;

/** In a sentence. */
export function describeEnding(ending: Ending): string {
  switch (ending.reason) {
    case 'all-epochs':
      return `all ${ending.epochs} epochs done`;
    case 'early-stop':
      return `no better validation loss for ${ending.patience} epochs`;
    case 'decays':
      return `the last of ${ending.decays} decays of the learning rate`;
  }
}

/** Whether a run that ended so has more to do when `epochs` are asked for, of which it has done `done`. */
export function mayGoOn(ending: Ending, done: number, epochs: number): boolean {
  return ending.reason === 'all-epochs' && done < epochs;
}
