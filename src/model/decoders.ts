// The decoders there are, by their names in `model.decoder`. A new one is a file or a folder that implements LatentDecoder,
// a definition here, and its name and keys in config/decoder-keys.ts; a plugin's is registered as it is loaded.

import { DECODER_KEYS } from '../config/decoder-keys.js';
import { addDecoderKeys, commonSchema, type RunConfig } from '../config/schema.js';
import { requireParts } from '../definition-parts.js';
import { InputError } from '../errors.js';
import { Registry } from '../registry.js';
import { type DecoderDefinition, defineDecoder } from './define-decoder.js';
import { GruDecoder } from './gru/decoder.js';
import type { LatentDecoder } from './latent-decoder.js';
import { LstmDecoder } from './lstm/decoder.js';
import { SkipLstmDecoder } from './lstm/skip-decoder.js';
import type { Parameters } from './parameters.js';
import { TransformerDecoder } from './transformer/decoder.js';

type ModelConfig = RunConfig['model'];

/** Gates of the hidden size squared, three of a GRU and four of an LSTM, and the output layer. */
function recurrentWeights({ hiddenSize: h }: ModelConfig, vocabularySize: number) {
  return { 'model.hiddenSize': h * (3 * h + vocabularySize) };
}

const BUILT_IN: Record<keyof typeof DECODER_KEYS, DecoderDefinition> = {
  lstm: defineDecoder({
    name: 'lstm',
    ...DECODER_KEYS.lstm,
    label: 'LSTM',
    weights: recurrentWeights,
    create: (parameters, shape, { weightRange, wordVectorRange }) =>
      new LstmDecoder(parameters, shape, weightRange, wordVectorRange),
  }),
  gru: defineDecoder({
    name: 'gru',
    ...DECODER_KEYS.gru,
    label: 'GRU',
    weights: recurrentWeights,
    create: (parameters, shape, { weightRange, wordVectorRange, hessianDifference }) =>
      new GruDecoder(parameters, { ...shape, hessianDifference }, weightRange, wordVectorRange),
  }),
  transformer: defineDecoder({
    name: 'transformer',
    ...DECODER_KEYS.transformer,
    label: 'Transformer',
    weights: ({ hiddenSize: h, transformer: { layers } }) => ({
      'model.hiddenSize': 4 * h * h,
      'model.transformer.layers': layers * 4 * h * h,
    }),
    create: (parameters, shape, { weightRange, wordVectorRange, hessianDifference }, own) =>
      new TransformerDecoder(parameters, { ...shape, ...own, hessianDifference }, weightRange, wordVectorRange),
  }),
  // Without a code there is nothing to skip: a language model of it is LSTM-LM.
  'skip-lstm': defineDecoder({
    name: 'skip-lstm',
    ...DECODER_KEYS['skip-lstm'],
    label: 'LSTM',
    weights: recurrentWeights,
    create: (parameters, shape, { weightRange, wordVectorRange, hessianDifference }) =>
      new SkipLstmDecoder(parameters, { ...shape, hessianDifference }, weightRange, wordVectorRange),
  }),
};

const DECODERS = new Registry<DecoderDefinition>('decoder', Object.values(BUILT_IN));

/** Makes a decoder known to every configuration. @throws {InputError} where its name is taken. */
export function registerDecoder(decoder: DecoderDefinition): void {
  const { name } = decoder;
  const taken = DECODERS.find(name);
  if (taken === decoder) return;
  if (taken === undefined && name in commonSchema().shape.model.shape) {
    throw new InputError(`no decoder can be called ${name}, a key of model; give it another name`);
  }
  DECODERS.register(decoder);
  addDecoderKeys(decoder);
}

/** @throws {InputError} for a name that no decoder has. */
export function decoderNamed(name: string): DecoderDefinition {
  return DECODERS.named(name);
}

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
  const { reduced, create } = decoderNamed(model.decoder);
  if (precision !== 'f32' && !reduced) {
    throw new InputError(`precision: ${precision} is for model.decoder: lstm; with ${model.decoder} it is f32`);
  }
  const decoder = create(parameters, { ...model, vocabularySize, latentSize }, model);
  if (!Object.hasOwn(BUILT_IN, model.decoder)) checkAnswers(model.decoder, decoder, vocabularySize);
  return decoder;
}

/** Lets what a plugin's decoder answers be looked at: of another size it would be taken for numbers that it is not. */
function checkAnswers(name: string, decoder: LatentDecoder, vocabularySize: number): void {
  requireParts(`the decoder ${name}`, decoder, { step: 'function', sentenceNll: 'function' });
  const [step, sentenceNll] = [decoder.step.bind(decoder), decoder.sentenceNll.bind(decoder)];
  decoder.step = (state, words) => {
    const answer = step(state, words);
    const { length } = answer?.logProbabilities ?? { length: 'no' };
    const wanted = words.length * vocabularySize;
    if (length === wanted) return answer;
    throw new TypeError(
      `the decoder ${name}: step gave ${length} logProbabilities of ${words.length} rows; they are ${wanted}, one a word of each`,
    );
  };
  decoder.sentenceNll = (batch, z, masks) => {
    const nll = sentenceNll(batch, z, masks);
    const rows = z === null ? batch.size : z.shape[0];
    if (nll?.shape?.length === 1 && nll.shape[0] === rows) return nll;
    const given = nll?.shape === undefined ? 'no tensor' : `a tensor of shape [${nll.shape.join(', ')}]`;
    throw new TypeError(`the decoder ${name}: sentenceNll gave ${given}; it is a tensor of shape [${rows}]`);
  };
}

/** What a language model without z is called in tables. */
export function languageModelLabel({ decoder }: Pick<ModelConfig, 'decoder'>): string {
  return `${DECODERS.find(decoder)?.label ?? decoder}-LM`;
}
