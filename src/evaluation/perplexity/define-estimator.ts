// An estimator of perplexity, defined: its name, what it needs of inference, its draws and keys, what it costs and how it says
// log p(x) of a sentence. Options, configurations, plans and tables read these definitions and know no single one of them.
//
//     export default defineEstimator({
//       name: 'prior',
//       description: 'importance draws from the prior alone',
//       draws: 1000,
//       create: ({ draws }) => ({ passes: () => draws, estimate: (likelihood, posterior) => ... }),
//     });

import type { z } from 'zod';
import type { RunConfig } from '../../config/schema.js';
import { checkDefaults, requireParts } from '../../definition-parts.js';
import { CAPABILITIES, type Capability } from '../../methods/capability.js';
import type { Inference } from '../../methods/method.js';
import type { PerplexityEstimator } from './estimator.js';

type Evaluation = RunConfig['evaluation'];

/** What an estimator is made of. */
export interface EstimatorContext<Own> {
  /** M, draws a sentence: `evaluation.draws.<name>`. */
  draws: number;
  /** Its own keys, `evaluation.<name>`. */
  own: Own;
  /** All keys of `evaluation`. */
  evaluation: Evaluation;
}

export interface EstimatorDefinition {
  readonly kind: 'estimator';
  /** As configurations and rows name it. */
  readonly name: string;
  /** In a line, for people. */
  readonly description: string;
  /** What of inference it needs. */
  readonly needs: readonly Capability[];
  /** Draws a sentence where a configuration does not say; two or more. */
  readonly draws: number;
  /** Each of its own keys with its schema. */
  readonly config: z.ZodRawShape;
  readonly defaults: object;
  /** Whether `auto` stands for it where inference is so; of several, for the first. */
  isUsual(inference: Inference): boolean;
  /** As rows name it, where that depends on the configuration. */
  rowName(evaluation: Evaluation): string;
  /** What its numbers depend on beside draws, as its rows keep it. */
  settings(evaluation: Evaluation): Record<string, number | string | null>;
  /** Sentences that it is run on in the place of `evaluation.perplexitySentences`; null for all, undefined for as many. */
  sentences(evaluation: Evaluation): number | null | undefined;
  create(evaluation: Evaluation): PerplexityEstimator;
}

/** What makes an estimator: its cost and its estimates, and of the rest what differs from the usual. */
export type Estimating = Pick<PerplexityEstimator, 'passes' | 'estimate'> &
  Partial<Pick<PerplexityEstimator, 'name' | 'pathDraws' | 'beside'>>;

type Values<Shape extends z.ZodRawShape> = { [key in keyof Shape]: z.output<Shape[key]> };

/** What a definition need not say: it needs nothing but draws of a code, and has no keys of its own. */
export interface EstimatorSpec<Shape extends z.ZodRawShape>
  extends Pick<EstimatorDefinition, 'name' | 'description' | 'draws'>,
    Partial<Pick<EstimatorDefinition, 'needs' | 'isUsual' | 'rowName' | 'settings' | 'sentences'>> {
  readonly config?: Shape;
  readonly defaults?: Values<Shape>;
  create(context: EstimatorContext<Values<Shape>>): Estimating;
}

/**
 * An estimator, whole.
 * @throws {TypeError} where a part is missing or of another type.
 * @throws {RangeError} for defaults that their schemas refuse.
 */
export function defineEstimator<Shape extends z.ZodRawShape = Record<never, never>>({
  create,
  config = {} as Shape,
  defaults = {} as Values<Shape>,
  ...spec
}: EstimatorSpec<Shape>): EstimatorDefinition {
  requireParts(
    'defineEstimator',
    { ...spec, create, config, defaults },
    { name: 'string', description: 'string', draws: 'draws', create: 'function', config: 'object', defaults: 'object' },
    { needs: 'list', isUsual: 'function', rowName: 'function', settings: 'function', sentences: 'function' },
  );
  for (const need of spec.needs ?? []) requireParts('defineEstimator', { needs: need }, { needs: CAPABILITIES });
  const { name } = spec;
  checkDefaults(name, config, defaults);
  const ownOf = (evaluation: Evaluation): Values<Shape> => ({
    ...defaults,
    ...(evaluation as unknown as Record<string, object | undefined>)[name],
  });
  return {
    kind: 'estimator',
    needs: [],
    isUsual: () => false,
    rowName: () => name,
    settings: (evaluation) =>
      Object.fromEntries(Object.entries(ownOf(evaluation)).map(([key, value]) => [key, asSetting(value)])),
    sentences: () => undefined,
    ...spec,
    config,
    defaults,
    create(evaluation) {
      const draws = evaluation.draws[name] ?? spec.draws;
      const made = create({ draws, own: ownOf(evaluation), evaluation });
      requireParts(`the estimator ${name}: create`, made ?? {}, { passes: 'function', estimate: 'function' });
      // Member by member: those of a class are not the object's own.
      return {
        name: made.name ?? name,
        draws,
        pathDraws: made.pathDraws ?? 0,
        ...(made.beside === undefined ? {} : { beside: made.beside }),
        passes: (size) => made.passes(size),
        estimate: (likelihood, posterior) => made.estimate(likelihood, posterior),
      };
    },
  };
}

/** A key's value as a row can hold it: what is neither number nor text becomes text. */
function asSetting(value: unknown): number | string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}
