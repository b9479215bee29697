// A quantity of a model, defined: its name and unit, what it needs, what it costs, and how it is measured. Whatever lists,
// prints or plans quantities reads these definitions and knows no single one of them.
//
//     export default defineMetric({
//       name: 'norm',
//       label: 'Norm',
//       description: "mean length of a sentence's code",
//       measure: ({ draws }) => [new NormMeasurement(draws)],
//     });

import type { RunConfig } from '../config/schema.js';
import { requireParts } from '../definition-parts.js';
import { CAPABILITIES, type Capability, can } from '../methods/capability.js';
import type { Inference } from '../methods/method.js';
import type { MeasuredRow, ResultRow } from '../runs/row.js';
import type { ModelSize } from './cost.js';
import type { LatentModel } from './evaluated-model.js';
import type { ExactMeasurement, Measurement } from './measurement.js';
import type { PerplexityEstimator } from './perplexity/estimator.js';

/** Of short runs, chains a sentence behind the KL by each estimator; 0 leaves its row out. */
export interface KlChains {
  /** Each costs K Hessians. */
  jacobian: number;
  /** More than the latent dimensions and one. */
  gaussian: number;
  /** Three or more. */
  marginals: number;
}

/** What a measurement is made with. */
export interface MeasuringContext {
  model: LatentModel;
  /** Draws a sentence from q(z | x), which all quantities share; three or more. */
  draws: number;
  /** Of perplexity. */
  estimator: PerplexityEstimator;
  klChains: KlChains;
  /**
   * LSTM-LM's -log p(x) by sentence of the split, nats; null where it is not known. It is asked for by whoever compares with
   * it, since asking costs a pass over the sentences.
   */
  languageModelNll(): ReadonlyMap<number, number> | null;
}

/** What a quantity's cost depends on. */
export interface CostContext extends ModelSize, Pick<MeasuringContext, 'draws' | 'klChains' | 'estimator'> {}

/** What decides which rows a quantity is to have. */
export interface WantedContext extends Pick<ModelSize, 'latentSize'> {
  evaluation: RunConfig['evaluation'];
  /** One with a code. */
  inference: Inference;
}

/** A row as a configuration asks for it. */
export interface WantedRow {
  /** Null where inference alone decides. */
  estimator: string | null;
  /** What tells it from the quantity's other rows; none where absent. */
  variant?: string;
  /** At least. */
  draws: number;
  settings: MeasuredRow['settings'];
}

/** A row of what inference knows without a draw where it knows a code's mean, and else of so many draws. */
export function drawsOfChains({ inference }: Pick<WantedContext, 'inference'>, draws: number): WantedRow {
  return { estimator: null, draws: can(inference, 'mean') ? 0 : draws, settings: {} };
}

/** What a quantity says of an epoch, in metrics.csv. */
export interface ValidationColumns {
  /** `always`, or only of methods whose epochs are judged by it. */
  when: 'always' | 'judged';
  /** Of single numbers. */
  columns(inference: Inference): readonly string[];
  /** Of the number's parts, which stand behind the single numbers of all quantities. */
  parts?(latentSize: number): readonly string[];
  /** What stands in them; columns without a number are left empty. @param rows of this quantity. */
  values(rows: readonly ResultRow[]): Record<string, number | null | undefined>;
}

export interface MetricDefinition {
  readonly kind: 'metric';
  readonly name: string;
  /** As tables head it. */
  readonly label: string;
  /** In a line, for people. */
  readonly description: string;
  /** Of its values, as it is printed after them; empty for counts and shares. */
  readonly unit: string;
  /** Where better models have it. Null where neither is better in itself. */
  readonly direction: 'lower' | 'higher' | null;
  /** What of a model with a latent code it needs. */
  readonly needs: readonly Capability[];
  /** The command that measures it; null for `sri eval`. */
  readonly command: string | null;
  /** Of dear ones a model is measured on `evaluation.perplexitySentences` sentences alone. */
  cost(inference: Inference): 'cheap' | 'dear';
  /** The rows that a configuration asks for of a model with a latent code; a run that has them is not measured again. */
  wanted(how: WantedContext): readonly WantedRow[];
  /** Forward passes of the decoder over a token that it takes once its draws are there; for a plan. */
  passes(context: CostContext): number;
  /** Measurements on a model with a latent code, one for each row; null where it takes another model or command. */
  readonly measure: ((context: MeasuringContext) => Measurement[]) | null;
  /** A measurement on a model that knows -log p(x); null where it takes a code. */
  readonly measureExact: (() => ExactMeasurement) | null;
  /** Null where an epoch is not looked at so. */
  readonly validation: ValidationColumns | null;
}

/** What a definition need not say has the least of everything: no unit, no needs, no cost. */
export type MetricSpec = Pick<MetricDefinition, 'name' | 'label' | 'description'> &
  Partial<Omit<MetricDefinition, 'kind'>>;

/**
 * A metric, whole.
 * @throws {TypeError} where a part is missing or of another type.
 */
export function defineMetric(spec: MetricSpec): MetricDefinition {
  requireParts(
    'defineMetric',
    spec,
    { name: 'string', label: 'string', description: 'string' },
    {
      direction: ['lower', 'higher'],
      needs: 'list',
      command: 'string',
      cost: 'function',
      wanted: 'function',
      passes: 'function',
      measure: 'function',
      measureExact: 'function',
      validation: 'object',
    },
  );
  const { unit, needs = [], command, measure, measureExact } = spec;
  if (unit !== undefined && typeof unit !== 'string')
    throw new TypeError('defineMetric: unit will not do; it is a string');
  for (const need of needs) requireParts('defineMetric', { needs: need }, { needs: CAPABILITIES });
  if (!measure && !measureExact && !command) {
    throw new TypeError(
      'defineMetric: measure is missing; it is a function, or measureExact is, of models without a code',
    );
  }
  return {
    kind: 'metric',
    unit: '',
    direction: null,
    needs: [],
    command: null,
    cost: () => 'cheap',
    wanted: ({ evaluation }) => [{ estimator: null, draws: evaluation.inferenceChains, settings: {} }],
    passes: () => 0,
    measure: null,
    measureExact: null,
    validation: null,
    ...spec,
  };
}
