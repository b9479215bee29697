// The decoders there are, by their names in `model.decoder`. A new one is a file or a folder that implements LatentDecoder,
// a line here, and its name in config/schema.ts.

import type { RunConfig } from '../config/schema.js';
import { InputError } from '../errors.js';
import { GruDecoder } from './gru/decoder.js';
import type { DecoderShape, LatentDecoder } from './latent-decoder.js';
import { LstmDecoder } from './lstm/decoder.js';
import { SkipLstmDecoder } from './lstm/skip-decoder.js';
import type { Parameters } from './parameters.js';
import { TransformerDecoder } from './transformer/decoder.js';

type ModelConfig = RunConfig['model'];

interface DecoderDefinition {
  /** As tables name a language model of its kind, before `-LM`. */
  label: string;
  /** Whether its short runs can multiply in another precision than f32 where the machine can. */
  reduced: boolean;
  /** A decoder with its initial weights, which it adds to `parameters`. */
  create(parameters: Parameters, shape: DecoderShape, model: ModelConfig): LatentDecoder;
}

const DECODERS: Record<ModelConfig['decoder'], DecoderDefinition> = {
  lstm: {
    label: 'LSTM',
    reduced: true,
    create: (parameters, shape, { weightRange, wordVectorRange }) =>
      new LstmDecoder(parameters, shape, weightRange, wordVectorRange),
  },
  gru: {
    label: 'GRU',
    reduced: false,
    create: (parameters, shape, { weightRange, wordVectorRange }) =>
      new GruDecoder(parameters, shape, weightRange, wordVectorRange),
  },
  transformer: {
    label: 'Transformer',
    reduced: false,
    create: (parameters, shape, { transformer, weightRange, wordVectorRange }) =>
      new TransformerDecoder(parameters, { ...shape, ...transformer }, weightRange, wordVectorRange),
  },
  // Without a code there is nothing to skip: a language model of it is LSTM-LM.
  'skip-lstm': {
    label: 'LSTM',
    reduced: false,
    create: (parameters, shape, { weightRange, wordVectorRange }) =>
      new SkipLstmDecoder(parameters, shape, weightRange, wordVectorRange),
  },
};

/**
 * The decoder of a run, its weights added to `parameters`.
 * @param latentSize 0 for a language model without z; that of the run unless given.
 * @throws InputError for products in another precision than f32 with a decoder that has none.
 */
export function createDecoder(
  parameters: Parameters,
  { model, precision }: Pick<RunConfig, 'model' | 'precision'>,
  vocabularySize: number,
  latentSize = model.latentSize,
): LatentDecoder {
  const { reduced, create } = DECODERS[model.decoder];
  if (precision !== 'f32' && !reduced) {
    throw new InputError(`precision: ${precision} is for model.decoder: lstm; with ${model.decoder} it is f32`);
  }
  return create(parameters, { ...model, vocabularySize, latentSize }, model);
}

/** What a language model without z is called in tables. */
export function languageModelLabel({ decoder }: Pick<ModelConfig, 'decoder'>): string {
  return `${DECODERS[decoder].label}-LM`;
}
