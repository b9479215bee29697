// Why a training ended, as a manifest holds it.

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
