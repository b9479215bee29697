// Which estimator measures a model's perplexity: what a configuration asks for, and what its `auto` stands for. Apart from
// the estimators themselves, since plans and tables need the name alone.

import type { RunConfig } from '../../config/schema.js';
import type { Inference } from '../../methods/method.js';

/** Of perplexity; a model without a code knows it `exact`ly. */
export type PerplexityEstimatorName = Exclude<RunConfig['evaluation']['estimator'], 'auto'> | 'exact';

/** The estimator that a configuration asks for, or the method's own; without a code there is nothing to estimate. */
export function estimatorName(
  { estimator }: Pick<RunConfig['evaluation'], 'estimator'>,
  inference: Inference,
): PerplexityEstimatorName {
  if (inference === 'none') return 'exact';
  if (estimator !== 'auto') return estimator;
  return inference === 'gaussian' ? 'encoder' : 'fitted';
}

/** What rows call the estimator `encoder` where no draw is the prior's. */
export const ENCODER_ALONE = 'encoder-alone';

/** What the rows of an estimator are named by, as a configuration has it. */
export function rowEstimator(
  estimator: PerplexityEstimatorName,
  { priorShare }: Pick<RunConfig['evaluation'], 'priorShare'>,
): string {
  return estimator === 'encoder' && priorShare === 0 ? ENCODER_ALONE : estimator;
}
