// What a number depends on beside its sentences and draws, which its row has anyway: the settings of its own estimator.

import { DEFAULTS, type RunConfig } from '../config/schema.js';
import type { MeasuredRow } from '../runs/row.js';
import { estimators } from './perplexity/registry.js';
import { settingsApart } from './settings-apart.js';

/** The settings, by the names that the configuration has for them; none where draws alone decide. */
export function estimatorSettings(
  { metric, estimator }: Pick<MeasuredRow, 'metric' | 'estimator'>,
  { evaluation }: Pick<RunConfig, 'evaluation'>,
): MeasuredRow['settings'] {
  if (metric !== 'ppl') return {};
  return (
    estimators()
      .find(({ name, rowName }) => name === estimator || rowName(evaluation) === estimator)
      ?.settings(evaluation) ?? {}
  );
}

/** What the classifiers of Table 5 are trained with. */
export function classifierSettings({ evaluation }: Pick<RunConfig, 'evaluation'>): MeasuredRow['settings'] {
  return settingsApart(evaluation.classification, DEFAULTS.evaluation.classification);
}
