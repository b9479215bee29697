// Why a training ended, for people and for what goes on from there. Help shows endings, so nothing here loads a schema.

import { counted } from '../notation.js';
import type { Ending } from './ending-schema.js';
import type { Manifest } from './run-folder.js';

/** In a sentence. */
export function describeEnding(ending: Ending): string {
  switch (ending.reason) {
    case 'all-epochs':
      return ending.epochs === 1 ? 'its one epoch done' : `all ${ending.epochs} epochs done`;
    case 'early-stop':
      return `no better validation loss for ${counted(ending.patience, 'epoch')}`;
    case 'decays':
      return `the last of ${counted(ending.decays, 'decay')} of the learning rate`;
  }
}

/** Whether a run that ended so has more to do when `epochs` are asked for, of which it has done `done`. */
export function mayGoOn(ending: Ending, done: number, epochs: number): boolean {
  return ending.reason === 'all-epochs' && done < epochs;
}

/** Whether a run has ended, and is asked for no more: one that had done all its epochs goes on when it is given more. */
export function isDone({ finished, epochs }: Pick<Manifest, 'finished' | 'epochs'>, wanted: number): boolean {
  return finished !== null && !mayGoOn(finished, epochs, wanted);
}
