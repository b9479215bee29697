// Free bits: a share of the KL that costs a model nothing (Kingma et al. 2016), as the keys of the methods that have them.

import { z } from 'zod';
import type { Variations } from '../config/method-keys.js';
import { positive } from '../config/numbers.js';
import { KL_WEIGHT_DEFAULTS, type KlWeightKeys, klWeightKeys } from './kl-weight.js';

const freeBits = z.strictObject({
  target: positive.describe(
    'KL, nats a sentence, below which its gradient is zero: of the whole (fbp-vae), or an equal share of it of each dimension (fb-vae); a number above 0',
  ),
});

export const freeBitsKeys = { ...klWeightKeys, freeBits };
export type FreeBitsKeys = KlWeightKeys & { freeBits: z.infer<typeof freeBits> };

export const FREE_BITS_DEFAULTS: FreeBitsKeys = { ...KL_WEIGHT_DEFAULTS, freeBits: { target: 8 } };

/** What a frontier varies: the KL that is free. */
export const FREE_BITS_VARIATIONS: Variations<FreeBitsKeys> = {
  target: {
    key: () => 'freeBits.target',
    of: ({ freeBits }) => freeBits.target,
    to: (target) => ({ freeBits: { target } }),
  },
};
