// A decoder, defined: its name, its keys, and what makes its network. Models are made with whichever one `model.decoder` names.
//
//     export default defineDecoder({
//       name: 'bag',
//       label: 'Bag',
//       create: (parameters, shape, { weightRange }) => new BagDecoder(parameters, shape, weightRange),
//     });

import type { z } from 'zod';
import type { RunConfig } from '../config/schema.js';
import { checkDefaults, requireParts } from '../definition-parts.js';
import type { DecoderShape, LatentDecoder } from './latent-decoder.js';
import type { Parameters } from './parameters.js';

type ModelConfig = RunConfig['model'];

export interface DecoderDefinition {
  readonly kind: 'decoder';
  /** As `model.decoder` names it. */
  readonly name: string;
  /** As tables name a language model of its kind, before `-LM`. */
  readonly label: string;
  /** Whether it can learn by products in another precision than f32 where the machine can. */
  readonly reduced: boolean;
  /** Each of its own keys with its schema; they stand under its name, in `model`. */
  readonly config: z.ZodRawShape;
  readonly defaults: object;
  /**
   * The numbers that its weights come to at least, by the key that most decides them: what a machine's memory is held against
   * before anything is made. Of one that says nothing, that of its word vectors alone.
   */
  weights(model: ModelConfig, vocabularySize: number): Readonly<Record<string, number>>;
  /** A decoder with its initial weights, which it adds to `parameters`, in an order that never changes. */
  create(parameters: Parameters, shape: DecoderShape, model: ModelConfig): LatentDecoder;
}

type Values<Shape extends z.ZodRawShape> = { [key in keyof Shape]: z.output<Shape[key]> };

/** What a definition need not say: it has no keys of its own, and multiplies in single precision. */
export interface DecoderSpec<Shape extends z.ZodRawShape>
  extends Pick<DecoderDefinition, 'name' | 'label'>,
    Partial<Pick<DecoderDefinition, 'reduced' | 'weights'>> {
  readonly config?: Shape;
  readonly defaults?: Values<Shape>;
  /** @param own its own keys, `model.<name>`. */
  create(parameters: Parameters, shape: DecoderShape, model: ModelConfig, own: Values<Shape>): LatentDecoder;
}

/**
 * A decoder, whole.
 * @throws {TypeError} where a part is missing or of another type.
 * @throws {RangeError} for defaults that their schemas refuse.
 */
export function defineDecoder<Shape extends z.ZodRawShape = Record<never, never>>({
  create,
  config = {} as Shape,
  defaults = {} as Values<Shape>,
  ...spec
}: DecoderSpec<Shape>): DecoderDefinition {
  requireParts(
    'defineDecoder',
    { ...spec, create, config, defaults },
    { name: 'string', label: 'string', create: 'function', config: 'object', defaults: 'object' },
    { reduced: 'boolean', weights: 'function' },
  );
  const { name } = spec;
  checkDefaults(name, config, defaults);
  return {
    kind: 'decoder',
    reduced: false,
    weights: () => ({}),
    ...spec,
    config,
    defaults,
    create(parameters, shape, model) {
      const own = { ...defaults, ...(model as unknown as Record<string, object | undefined>)[name] };
      return create(parameters, shape, model, own);
    },
  };
}
