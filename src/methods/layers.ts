// Two layers of codes, z2 -> z1 -> x, as the methods that have them are told of them, and the decoder below them.

import { z } from 'zod';
import { count, positive, wholeNumber } from '../config/numbers.js';
import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import { createDecoder } from '../model/decoders.js';
import { LayerNetwork } from '../model/latent-layers.js';
import { LayeredDecoder } from '../model/layered-decoder.js';
import type { Parameters } from '../model/parameters.js';

/** What a key has that tells of the layers. */
export const layerShape = {
  upper: wholeNumber
    .nullable()
    .describe(
      'dimensions of z2, of the model.latentSize that both layers have together: a whole number below it, 0 for one ' +
        'layer, or null for a quarter of it',
    ),
  hiddenSize: count.describe('units of the network that the mean of z1 given z2 is; a whole number from 1'),
  deviation: positive.describe('standard deviation of z1 given z2; a number above 0, of no account with one layer'),
};

const shape = z.strictObject(layerShape);
export type Layers = z.infer<typeof shape>;

export const LAYER_DEFAULTS: Layers = { upper: null, hiddenSize: 64, deviation: 1 };

/**
 * A decoder of z1 below p(z1 | z2), its weights added to `parameters`.
 * @param key whose values `layers` are.
 * @throws InputError where z2 takes all dimensions.
 */
export function createLayeredDecoder(
  parameters: Parameters,
  run: RunConfig,
  vocabularySize: number,
  key: string,
  layers: Layers,
): LayeredDecoder {
  const { latentSize, weightRange } = run.model;
  const upper = layers.upper ?? Math.floor(latentSize / 4);
  const lower = latentSize - upper;
  if (lower < 1) {
    throw new InputError(
      `${key}.upper: z2 has ${upper} of the ${latentSize} dimensions of model.latentSize, and z1 none: fewer, or more in all`,
    );
  }
  const decoder = createDecoder(parameters, run, vocabularySize, lower);
  if (upper === 0) return new LayeredDecoder(decoder, null, { lower, upper, deviation: 1 });
  const { hiddenSize: hidden, deviation } = layers;
  const network = new LayerNetwork(parameters, { lower, upper, hidden }, deviation, weightRange);
  return new LayeredDecoder(decoder, network, { lower, upper, deviation });
}
