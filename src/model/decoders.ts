// The decoders there are. A new one is a file or a folder that implements LatentDecoder, a line here and its name in
// config/schema.ts.

import type { RunConfig } from '../config/schema.js';
import type { LatentDecoder } from './latent-decoder.js';
import { LstmDecoder } from './lstm/decoder.js';
import type { Parameters } from './parameters.js';

/**
 * The decoder of a run, its weights added to `parameters`.
 * @param latentSize 0 for a language model without z; that of the run unless given.
 */
export function createDecoder(
  parameters: Parameters,
  { model }: Pick<RunConfig, 'model'>,
  vocabularySize: number,
  latentSize = model.latentSize,
): LatentDecoder {
  const shape = { ...model, vocabularySize, latentSize };
  return new LstmDecoder(parameters, shape, model.weightRange, model.wordVectorRange);
}
