// What a method says of itself, in one place: its names, how it infers, what its epochs are judged by, what it costs and
// how its model is made. Training, evaluation, plans, tables and help ask the definition and know no method by name.

import type { z } from 'zod';
import type { MethodKeys } from '../config/method-keys.js';
import { commonSchema, METHOD_NAME, type RunConfig } from '../config/schema.js';
import type { PreparedCorpus } from '../data/corpus.js';
import { checkDefaults, requireParts } from '../definition-parts.js';
import { can, hasPerplexity, INFERENCE_NAMES } from './capability.js';
import type { Inference, Model } from './method.js';

/** One quantity of the validation split, as a definition that judges epochs by its own rule sees it. */
export interface ValidationRow {
  readonly metric: string;
  /** In the quantity's unit; null where it could not be measured. */
  readonly value: number | null;
  readonly sentences: number;
  /** With each sentence's end; absent of a quantity that counts none. */
  readonly words?: number | undefined;
}

/**
 * The validation loss whose least value makes an epoch the best: log of the perplexity, the negative ELBO (reconstruction
 * and KL), reconstruction alone, all nats a word, or any number that is computed of the validation's rows.
 */
export type Selection =
  | 'perplexity'
  | 'negative-elbo'
  | 'reconstruction'
  | ((rows: readonly ValidationRow[]) => number);

const SELECTIONS = ['perplexity', 'negative-elbo', 'reconstruction'] as const satisfies readonly Selection[];

/** Floating-point operations for a token, of a run on its corpus. */
export interface TokenCost {
  /** Of a fresh model's iteration (`Model.flops`). */
  readonly learning: number;
  /** Of the decoder's pass forward, what depends on the words alone and what every code costs; see `DecoderFlops`. */
  readonly words: number;
  readonly pass: number;
}

/** What the operations of a fresh model's iteration (`Model.flops`) do not tell of what a run takes. */
export interface MethodCost {
  /** How many times those a mean iteration of the run makes; 1 where absent. */
  readonly iterations?: number;
  /**
   * Gradients of log p(x | z) in z behind each draw of q(z | x). Where absent, all draws of a sentence together cost as much
   * as learning from it.
   */
  readonly drawGradients?: number;
}

/**
 * A method.
 * @typeParam Own the keys that it has beside those of every method.
 * @typeParam Created what its model can do: that of a language model, or of one with a code.
 */
export interface Method<Own = unknown, Created extends Model = Model> extends MethodKeys<Own> {
  readonly kind: 'method';
  /** As configurations and folders name it: letters and digits in lower case, `-` between. */
  readonly name: string;
  /** As tables name it. */
  readonly label: string;
  /** The label, where it depends on the configuration. */
  labelOf?(run: Pick<RunConfig, 'model'>): string;
  readonly inference: Inference;
  readonly selects: Selection;
  /** What a plan guesses a run's time by, beside the operations that its model counts. @param token what one of it costs. */
  cost?(run: RunConfig<Own>, token: TokenCost): MethodCost;
  /** A model with its initial weights. */
  create(run: RunConfig<Own>, corpus: PreparedCorpus): Created;
}

/** The values of keys with such schemas. */
type Values<Shape extends z.ZodRawShape> = { [key in keyof Shape]: z.output<Shape[key]> };

/** What {@link defineMethod} is told. */
export type MethodDefinition<Shape extends z.ZodRawShape, Created extends Model = Model> = Omit<
  Method<Values<Shape>, Created>,
  'kind' | 'config'
> & {
  readonly config: Shape;
};

/** Whether epochs can be judged so, by what can be measured of such inference. */
function canSelect(inference: Inference, selects: Selection): boolean {
  switch (selects) {
    case 'perplexity':
      return hasPerplexity(inference);
    case 'negative-elbo':
      return can(inference, 'distribution');
    case 'reconstruction':
      return can(inference, 'code');
    default:
      return true;
  }
}

/**
 * A method, to be registered or to be the default export of a plugin. Its own keys stand under its name in a configuration,
 * `methods.<name>`, and are checked there.
 *
 * @example
 * export default defineMethod({
 *   name: 'noisy-vae',
 *   label: 'Noisy-VAE',
 *   inference: 'gaussian',
 *   config: { noise: z.number().positive().describe('standard deviation of the noise on words; a number above 0') },
 *   defaults: { noise: 0.1 },
 *   selects: 'negative-elbo',
 *   create: (run, corpus) => new NoisyVae(run, corpus),
 * });
 *
 * @throws {TypeError} where a part is missing or of another type.
 * @throws {RangeError} for a name that no folder and no configuration could have, a key that all methods have, defaults that
 *   their schemas refuse, or a selection by what such a model does not have.
 */
export function defineMethod<Shape extends z.ZodRawShape, Created extends Model>(
  definition: MethodDefinition<Shape, Created>,
): Method<Values<Shape>, Created> {
  requireParts(
    'defineMethod',
    definition,
    {
      name: 'string',
      label: 'string',
      inference: INFERENCE_NAMES,
      config: 'object',
      defaults: 'object',
      create: 'function',
    },
    { labelOf: 'function', cost: 'function', variations: 'object' },
  );
  if (typeof definition.selects !== 'function') requireParts('defineMethod', definition, { selects: SELECTIONS });
  const { name, inference, selects, config, defaults } = definition;
  if (!METHOD_NAME.test(name)) {
    throw new RangeError(`${name}: a method's name is of letters and digits in lower case, with - between`);
  }
  const taken = Object.keys(config).find((key) => key === 'settings' || key in commonSchema().shape);
  if (taken !== undefined) throw new RangeError(`${name}: all methods have a key ${taken}; name its own otherwise`);
  checkDefaults(name, config, defaults);
  if (!canSelect(inference, selects)) {
    throw new RangeError(`${name}: no epoch can be selected by ${selects} where inference is ${inference}`);
  }
  return {
    kind: 'method',
    ...definition,
    create(run, corpus) {
      const model = definition.create(run, corpus);
      requireParts(`the method ${name}: create`, model ?? {}, { learn: 'function', dispose: 'function' });
      return model;
    },
  };
}
