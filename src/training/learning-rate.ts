// How the learning rate moves within epochs; what lowers it between them is the validation's to say.

import type { RunConfig } from '../config/schema.js';
import { epochsDone, intoCycle } from '../methods/cycles.js';
import type { Position } from '../methods/method.js';

/**
 * The share of its learning rate that an update is made with: (1 + cos(pi t)) / 2, where t goes from 0 to 1 over every
 * `cosineEpochs` epochs (Loshchilov and Hutter 2017, eq. 5, with the lowest rate 0), and 1 where that is null.
 */
export function cosineShare(
  { cosineEpochs }: Pick<RunConfig['optimizer'], 'cosineEpochs'>,
  at: Omit<Position, 'iteration'>,
): number {
  if (cosineEpochs === null) return 1;
  return (1 + Math.cos((Math.PI * intoCycle(epochsDone(at), cosineEpochs)) / cosineEpochs)) / 2;
}
