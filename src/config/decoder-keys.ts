// What a configuration must know of the decoders that the program comes with, stated once: the schema reads it here, and their
// definitions, in src/model/decoders.ts, take it from here. Those of plugins bring the same with them.

import type { KeyOwner } from './key-owner.js';
import { count } from './numbers.js';

export interface DecoderKeys extends Omit<KeyOwner<object>, 'name'> {
  /** Whether it can learn by products in another precision than f32 where the machine can. */
  readonly reduced: boolean;
}

const NONE = { config: {}, defaults: {}, reduced: false } as const satisfies DecoderKeys;

/** By name, in the order in which lists show them. */
export const DECODER_KEYS = {
  lstm: { ...NONE, reduced: true },
  gru: NONE,
  transformer: {
    config: {
      layers: count.describe('layers of the transformer decoder; a whole number from 1'),
      heads: count.describe('attention heads of each layer; a whole number from 1 that divides model.hiddenSize'),
    },
    defaults: { layers: 2, heads: 4 },
    reduced: false,
  },
  'skip-lstm': NONE,
} as const satisfies Record<string, DecoderKeys>;

export const DECODER_NAMES = Object.keys(DECODER_KEYS) as (keyof typeof DECODER_KEYS)[];
