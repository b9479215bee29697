// How well sentences are classified by the codes that a trained run infers of them, with few labels or none (Table 5).

import type { SplitName } from '../data/splits.js';
import { InputError } from '../errors.js';
import { classify, type Feature, inferFeatures } from '../evaluation/classification/classification.js';
import { planClassification } from '../evaluation/classification/labelled-sets.js';
import { classifierSettings } from '../evaluation/estimator-settings.js';
import { can } from '../methods/capability.js';
import type { MeasuredRow } from '../runs/row.js';
import { latentModel, type OpenRun } from './open-run.js';
import { type Following, type RowEvent, rowKeeper, type Stage, stage } from './progress.js';

export interface ClassifyRequest {
  /** Numbers of labels; 0 for clusters. */
  labels: readonly number[];
  /** Labelled sets of each other number. */
  draws: number;
  split: Exclude<SplitName, 'train'>;
  /** Items to test on, to name clusters by, and to fit clusters to, each at most; as the configuration has it where absent. */
  limit?: number | undefined;
}

/** A number of labels that the training split has not. */
export interface SkippedLabels {
  kind: 'skipped-labels';
  labels: number;
  trainingSentences: number;
}

/**
 * Measures the accuracy of classification by a run's codes, a row for each number of labels, each kept in its folder as soon
 * as it is known; of short runs by the modes of their posteriors too (`evaluation.modeGradients`). Numbers of labels that the
 * training split has not are passed over, and told.
 * @throws {InputError} where the method has no code, the corpus has no labels, too few of either for its classes, or fewer than
 *   each of `labels`.
 * @throws {InterruptedError} where the signal asked to stop; rows kept before stay.
 * @throws {Error} at the end, where rows could not be kept.
 */
export async function classifyRun(
  opened: OpenRun,
  { labels, draws: sets, split, limit }: ClassifyRequest,
  { signal, onProgress }: Following<Stage | SkippedLabels | RowEvent> = {},
): Promise<MeasuredRow[]> {
  const { run, corpus } = opened;
  const model = latentModel(opened, 'sri classify');
  const classes = corpus.labels?.length ?? 0;
  if (classes < 2) {
    throw new InputError(
      `sri classify: ${corpus.directory} has ${classes === 0 ? 'no labels' : 'one class alone'}; ` +
        'prepare a text of label<TAB>text lines (data.labelColumn: required), and train on it',
    );
  }
  const { seed } = run;
  const splits = { train: corpus.splits.train, valid: corpus.splits.valid, test: corpus.splits[split] };
  const plan = planClassification(splits, {
    labelCounts: labels,
    sets,
    limit: limit ?? run.evaluation.sentences,
    classes,
    seed,
  });
  const { length } = splits.train;
  if (plan.tooMany.length > 0 && plan.tooMany.length === labels.length) {
    throw new InputError(
      `--labels ${labels.join(',')}: ${corpus.directory} has ${length} training sentences; give 0, or ${classes} to ${length}`,
    );
  }
  for (const count of plan.tooMany) {
    onProgress?.({ kind: 'skipped-labels', labels: count, trainingSentences: length });
  }

  const { evaluation, training } = run;
  const settings = { sets, limit: limit ?? evaluation.sentences, ...classifierSettings(run) };
  const byChains = !can(model.inference, 'mean');
  const features: { feature: Feature; draws: number; settings: MeasuredRow['settings'] }[] = [
    {
      feature: { kind: 'mean', draws: evaluation.featureDraws },
      draws: byChains ? evaluation.featureDraws : 0,
      settings,
    },
  ];
  const { modeGradients } = evaluation;
  if (byChains && modeGradients > 0) {
    const feature = { kind: 'mode', gradients: modeGradients } as const;
    features.push({ feature, draws: 0, settings: { ...settings, modeGradients } });
  }
  const keepers = features.map(({ settings }) => rowKeeper(opened, () => settings, onProgress));
  for (const [i, { feature, draws }] of features.entries()) {
    const start = performance.now();
    const inferred = await inferFeatures(
      model,
      splits,
      plan,
      { batchSize: training.batchSize, seed, feature, signal },
      stage(feature.kind === 'mean' ? 'codes' : 'modes', onProgress),
    );
    // All rows share the codes; the time they took is the first's.
    let shared = (performance.now() - start) / 1000;
    await classify(
      inferred,
      plan,
      {
        classes,
        split,
        draws,
        feature: feature.kind,
        seed,
        classifiers: evaluation.classification,
        signal,
        onResult: async (row) => {
          await keepers[i]!.keep({ ...row, seconds: row.seconds + shared });
          shared = 0;
        },
      },
      stage('classifiers', onProgress),
    );
  }
  return keepers.flatMap((keeper) => keeper.settle());
}
