// The estimators of perplexity that there are, in the order in which lists show them, and which of them a configuration means.

import { addEstimatorKeys, commonSchema, type RunConfig } from '../../config/schema.js';
import { InputError } from '../../errors.js';
import { can, NEEDING } from '../../methods/capability.js';
import type { Inference } from '../../methods/method.js';
import { Registry } from '../../registry.js';
import { ais } from './ais-estimator.js';
import type { EstimatorDefinition } from './define-estimator.js';
import { encoder } from './encoder-estimator.js';
import type { PerplexityEstimator } from './estimator.js';
import { fitted } from './fitted-estimator.js';
import { jacobian } from './jacobian-estimator.js';

type Evaluation = RunConfig['evaluation'];

const ESTIMATORS = new Registry<EstimatorDefinition>('estimator', [fitted, jacobian, encoder, ais]);

/** Makes an estimator known to every command, table and plan. @throws {InputError} where its name is taken. */
export function registerEstimator(estimator: EstimatorDefinition): void {
  const { name } = estimator;
  if (ESTIMATORS.find(name) === estimator) return;
  const isKey = ESTIMATORS.find(name) === undefined && name in commonSchema().shape.evaluation.shape;
  if (name === EXACT || name === 'auto' || isKey)
    throw new InputError(
      `no estimator can be called ${name}${isKey ? ', a key of evaluation' : ''}; give it another name`,
    );
  ESTIMATORS.register(estimator);
  addEstimatorKeys(estimator);
}

/** All of them, the program's own first. */
export function estimators(): readonly EstimatorDefinition[] {
  return ESTIMATORS.all();
}

/** @throws {InputError} for a name that none has. */
export function estimatorNamed(name: string): EstimatorDefinition {
  return ESTIMATORS.named(name);
}

/** What stands in the place of an estimator's name where log p(x) is known, and nothing is to be estimated. */
export const EXACT = 'exact';

/** The name of the estimator that a configuration asks for, or of the method's own; `exact` without a code. */
export function estimatorName(evaluation: Pick<Evaluation, 'estimator'>, inference: Inference): string {
  return can(inference, 'code') ? meant(evaluation, inference).name : EXACT;
}

/** The estimator of perplexity that a configuration asks for; of a method without a code, one that is never asked. */
export function createEstimator(evaluation: Evaluation, inference: Inference): PerplexityEstimator {
  return meant(evaluation, inference).create(evaluation);
}

/** Sentences of a split that it is run on; null for all. */
export function estimatorSentences(evaluation: Evaluation, inference: Inference): number | null {
  const own = can(inference, 'code') ? meant(evaluation, inference).sentences(evaluation) : undefined;
  return own === undefined ? evaluation.perplexitySentences : own;
}

function meant({ estimator }: Pick<Evaluation, 'estimator'>, inference: Inference): EstimatorDefinition {
  return estimator === 'auto' || !can(inference, 'code')
    ? ESTIMATORS.all().find(({ isUsual }) => isUsual(inference))!
    : ESTIMATORS.named(estimator);
}

/** @throws {InputError} where inference has not what the estimator needs. */
export function checkEstimator(evaluation: Evaluation, inference: Inference): void {
  if (!can(inference, 'code')) return;
  const { name, needs } = meant(evaluation, inference);
  const lacking = needs.find((need) => !can(inference, need));
  if (lacking !== undefined) throw new InputError(`the estimator ${name} is for methods ${NEEDING[lacking]}`);
}

/** What the rows of an estimator are named by, as a configuration has it. */
export function rowEstimator(name: string, evaluation: Evaluation): string {
  return ESTIMATORS.find(name)?.rowName(evaluation) ?? name;
}
