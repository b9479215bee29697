// What a method says of itself, in one place: its names, how it infers, what its epochs are judged by, what it costs and
// how its model is made. Training, evaluation, plans, tables and help ask the definition and know no method by name.

import type { RunConfig } from '../config/schema.js';
import type { PreparedCorpus } from '../data/corpus.js';
import type { Inference, Model } from './method.js';

/** One quantity of the validation split, as a definition that judges epochs by its own rule sees it. */
export interface ValidationRow {
  readonly metric: string;
  /** In the quantity's unit; null where it could not be measured. */
  readonly value: number | null;
  readonly sentences: number;
  /** With each sentence's end; absent of a quantity that counts none. */
  readonly words?: number;
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

/** What {@link defineMethod} is told. `Created` is what its model can do: that of a language model, or of one with a code. */
export interface MethodDefinition<Created extends Model = Model> {
  /** As configurations and folders name it: letters and digits in lower case, `-` between. */
  readonly name: string;
  /** As tables do. */
  readonly label: string;
  /** The same where it depends on the configuration. */
  labelOf?(run: Pick<RunConfig, 'model'>): string;
  readonly inference: Inference;
  /** Whether its loss leaves the KL alone below `freeBits.target`. */
  readonly freeBits?: boolean;
  readonly selects: Selection;
  /** What a plan guesses a run's time by, beside the operations that its model counts. */
  cost?(run: RunConfig): MethodCost;
  /** A model with its initial weights. */
  create(run: RunConfig, corpus: PreparedCorpus): Created;
}

/** A method, defined. */
export interface Method<Created extends Model = Model> extends MethodDefinition<Created> {
  readonly kind: 'method';
}

/** What can be measured of each inference. */
const JUDGES: Readonly<Record<Inference, readonly Selection[]>> = {
  none: ['perplexity'],
  'short-run': ['perplexity', 'negative-elbo', 'reconstruction'],
  gaussian: ['perplexity', 'negative-elbo', 'reconstruction'],
  point: ['reconstruction'],
};

/**
 * A method, to be registered or to be the default export of a plugin.
 *
 * @example
 * export default defineMethod({
 *   name: 'plain-vae',
 *   label: 'VAE',
 *   inference: 'gaussian',
 *   selects: 'negative-elbo',
 *   create: (run, corpus) => new AmortizedModel(run, corpus),
 * });
 *
 * @throws {RangeError} for a name that no folder and no configuration could have, or a selection by what such a model does
 *   not have.
 */
export function defineMethod<Created extends Model>(definition: MethodDefinition<Created>): Method<Created> {
  const { name, inference, selects } = definition;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    throw new RangeError(`${name}: a method's name is of letters and digits in lower case, with - between`);
  }
  const judges = typeof selects === 'function' || JUDGES[inference].includes(selects);
  if (!judges) throw new RangeError(`${name}: no epoch can be selected by ${selects} where inference is ${inference}`);
  return { kind: 'method', ...definition };
}
