// A quantity as `evaluate` sees it: it is given batch after batch, and in the end has rows to show and what should be known
// of them.

import type { Batch } from '../data/batches.js';
import type { Posterior } from '../inference/posterior.js';
import type { ConditionalLikelihood } from '../model/likelihood.js';
import { percent } from '../notation.js';
import { NAME } from '../registry.js';
import { finiteOrNull, MEASURED, type Result, type SentenceValues } from '../runs/row.js';
import type { SentenceMean } from './statistics.js';

/** A result but for what all of an evaluation have in common. */
export type MeasuredQuantity = Omit<Result, 'split' | 'seed' | 'seconds'>;

export interface Measurement {
  readonly metric: string;
  /** Short runs of each sentence whose density will be asked for. */
  readonly pathDraws: number;
  add(likelihood: ConditionalLikelihood, posterior: Posterior): void | Promise<void>;
  result(): MeasuredQuantity;
}

/** A {@link Measurement} on a model that knows the probability of a sentence. */
export interface ExactMeasurement extends Pick<Measurement, 'metric' | 'result'> {
  /** @param nll -log p(x) of each sentence of the batch, nats, over words and `</s>`; [batch.size]. */
  add(batch: Pick<Batch, 'indices' | 'size' | 'tokens'>, nll: Float32Array): void;
}

/**
 * What a measurement of a metric found, as it can be a row. A plugin in JavaScript has no compiler that would say what it lacks.
 * @param name of the metric.
 * @throws {TypeError} saying what of it no row could have.
 */
export function checkedResult(name: string, result: MeasuredQuantity): MeasuredQuantity {
  const fail = (what: string): never => {
    throw new TypeError(`the metric ${name}: its result: ${what}`);
  };
  if (typeof result !== 'object' || result === null) return fail(`${result}; it is an object`);
  const { perSentence, ...row } = result;
  if (row.metric !== name)
    fail(`metric: ${JSON.stringify(row.metric)}; it is ${JSON.stringify(name)}, the metric's own name`);
  const wrong = MEASURED.safeParse(row).error?.issues[0];
  if (wrong !== undefined) fail(`${wrong.path.join('.')}: ${wrong.message}`);
  for (const part of [row.estimator, row.variant]) {
    if (part !== undefined && !NAME.test(part))
      fail(`${JSON.stringify(part)}: a-z, 0-9 and - between, as files are called`);
  }
  if (perSentence !== undefined && !isPerSentence(perSentence)) {
    fail('perSentence: wanted are {index: Int32Array, value: Float32Array} of one length');
  }
  return result;
}

function isPerSentence({ index, value }: SentenceValues): boolean {
  return index instanceof Int32Array && value instanceof Float32Array && index.length === value.length;
}

/**
 * A mean as a row shows it, with what it is of.
 * @param shared an error that all of its sentences have in common, so that their spread does not show it.
 */
export function meanRow(mean: SentenceMean, shared = 0) {
  const { value, standardError, count } = mean.result();
  return {
    value: finiteOrNull(value),
    standardError: finiteOrNull(Math.hypot(standardError, shared)),
    sentences: count,
    perSentence: mean.perSentence(),
  };
}

/** How many of the values are NaN or infinite. */
export function countNotFinite(values: Float32Array | Float64Array): number {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  return count;
}

/** What a row is to say of draws that are not finite; nothing where there are none. */
export function divergenceWarnings(notFinite: number): string[] {
  return notFinite > 0
    ? [`${notFinite} numbers of the draws are not finite: where they are short runs, the step size is too large`]
    : [];
}

/** @param share of chains whose map is not invertible along their path, 0 to 1. */
export function foldingWarning(share: number): string {
  return (
    `${percent(share)} of the chains have a step whose Jacobian is not positive definite: their density may be too ` +
    'small, and the number is no bound'
  );
}
