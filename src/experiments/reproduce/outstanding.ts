// What a run still lacks: how far its training is, which rows and artifacts of its best weights are missing. The folder
// says it; nothing else is remembered, so a plan may be given again at any time, and by any process.

import { isDeepStrictEqual } from 'node:util';
import type { RunConfig } from '../../config/schema.js';
import type { SplitStatistics } from '../../data/corpus.js';
import type { SplitName } from '../../data/splits.js';
import { accuracyVariant } from '../../evaluation/classification/accuracy.js';
import type { WantedRow } from '../../evaluation/define-metric.js';
import { classifierSettings, estimatorSettings } from '../../evaluation/estimator-settings.js';
import {
  EXACT,
  estimatorName,
  estimatorNamed,
  estimatorSentences,
  rowEstimator,
} from '../../evaluation/perplexity/registry.js';
import { metricNamed } from '../../evaluation/registry.js';
import { can } from '../../methods/capability.js';
import type { Inference } from '../../methods/method.js';
import { methodNamed } from '../../methods/registry.js';
import { isDone } from '../../runs/ending.js';
import { type MeasuredRun, rowsOfSelected, satisfies } from '../../runs/measured-run.js';
import type { MeasuredRow } from '../../runs/row.js';
import type { Manifest } from '../../runs/run-folder.js';
import { type Generations, type Interpolations, keptTexts, type TextArtifact } from '../../runs/texts.js';
import { metricsOf } from '../evaluate.js';
import { TABLE_4, TABLE_5 } from '../published.js';

export type TrainingState = { state: 'done' | 'to do' } | { state: 'goes on'; epochs: number };

/** How far a run is, which had `manifest` when it was last seen; null where no epoch of it was finished. */
export function trainingState(
  { training }: Pick<RunConfig, 'training'>,
  manifest: Pick<Manifest, 'finished' | 'epochs'> | null,
): TrainingState {
  if (manifest === null) return { state: 'to do' };
  return isDone(manifest, training.epochs) ? { state: 'done' } : { state: 'goes on', epochs: manifest.epochs };
}

/** How a run is to be measured. */
export interface MeasuringTerms {
  run: Pick<RunConfig, 'evaluation' | 'model'>;
  inference: Inference;
  split: SplitName;
  /** Null as long as the corpus is not prepared; then any number of sentences will do. */
  statistics: { splits: Record<SplitName, Pick<SplitStatistics, 'sentences'>> } | null;
}

/** How many texts the run has kept of its best weights. */
export function textsOf<Texts extends Generations | Interpolations>(
  found: MeasuredRun | null,
  artifact: TextArtifact<Texts>,
): number {
  return (found === null ? null : keptTexts(found, artifact))?.items.length ?? 0;
}

/**
 * Whether the best weights have each row of the metric, on as many sentences and with all that is asked for, or more.
 * @param settings what it is asked for with beside what the configuration says.
 */
export function isMeasured(
  found: MeasuredRun | null,
  metric: string,
  how: MeasuringTerms,
  { variant, settings = {} }: { variant?: string; settings?: MeasuredRow['settings'] } = {},
): boolean {
  if (found === null) return false;
  const rows = rowsOfSelected(found, metric, how.split);
  const sentences = wantedSentences(metric, how);
  return wantedRows(metric, how).every((wanted) =>
    rows.some(
      (row) =>
        row.variant === (wanted.variant ?? variant) &&
        (wanted.estimator === null || row.estimator === wanted.estimator) &&
        row.draws >= wanted.draws &&
        satisfies(row, { ...wanted.settings, ...settings }) &&
        covered(row) >= sentences,
    ),
  );
}

/** Whether a row is what a plan measures by the configuration of its run as it is. @param metrics that it measures. */
export function isPlanned(
  row: MeasuredRow,
  { run, manifest }: Pick<MeasuredRun, 'run' | 'manifest'>,
  metrics: readonly string[],
): boolean {
  const split = row.split as SplitName;
  const { inference } = methodNamed(run.method);
  const how = { run, inference, split, statistics: statisticsOf(manifest) };
  const varied = plannedVariants(row.metric, how);
  const planned = [
    ...(varied !== null || metricsOf(inference, metrics).includes(row.metric)
      ? (varied ?? wantedRows(row.metric, how)).map((wanted) => ({
          variants: [wanted.variant] as readonly (string | undefined)[],
          ...wanted,
          sentences: wantedSentences(row.metric, how),
        }))
      : []),
    ...(row.metric === 'ppl' && can(inference, 'distribution')
      ? (['ais', estimatorName(run.evaluation, inference)] as const).map((name) => ({
          ...wantedPerplexity(name, run),
          variants: [undefined],
          sentences: checkedSentences(how),
        }))
      : []),
  ];
  return planned.some(
    ({ estimator, draws, settings, variants, sentences }) =>
      (estimator === null || estimator === row.estimator) &&
      variants.includes(row.variant) &&
      (row.draws === draws || (row.metric === 'kl' && can(inference, 'gaussian'))) &&
      isDeepStrictEqual(row.settings, settings) &&
      (row.metric === 'accuracy' || covered(row) === sentences),
  );
}

/** The sizes of the splits that a run learned from. */
function statisticsOf({ sentences }: Pick<Manifest, 'sentences'>): NonNullable<MeasuringTerms['statistics']> {
  const { train, valid, test } = sentences;
  return { splits: { train: { sentences: train }, valid: { sentences: valid }, test: { sentences: test } } };
}

/** What a plan asks of the metrics that have variants, beside what their definitions say. */
export interface PlannedVariants {
  variants: readonly string[];
  settings: MeasuredRow['settings'];
}

/** Of Table 4. */
export const plannedSwaps = (): PlannedVariants => ({
  variants: TABLE_4.swaps.map((count) => `swaps-${count}`),
  settings: { noiseDraws: TABLE_4.noiseDraws },
});

/** Of Table 5, by the means of draws. */
export function plannedLabels({ run }: Pick<MeasuringTerms, 'run'>): PlannedVariants {
  return {
    variants: TABLE_5.labels.map((count) => accuracyVariant(count)),
    settings: { sets: TABLE_5.draws, limit: run.evaluation.sentences, ...classifierSettings(run) },
  };
}

/** What comes with these of short runs, by the modes of posteriors. */
function plannedModes(how: Pick<MeasuringTerms, 'run'>): PlannedVariants {
  const { modeGradients } = how.run.evaluation;
  return {
    variants: TABLE_5.labels.map((count) => accuracyVariant(count, 'mode')),
    settings: { ...plannedLabels(how).settings, modeGradients },
  };
}

/** Variants that a metric has, with the rows that they ask for; null of a metric without variants. */
function plannedVariants(metric: string, how: MeasuringTerms): (WantedRow & { variants: readonly string[] })[] | null {
  const of = ({ variants, settings }: PlannedVariants) =>
    wantedRows(metric, how).map((wanted) => ({ ...wanted, settings: { ...wanted.settings, ...settings }, variants }));
  switch (metric) {
    case 'noisy-recon':
      return of(plannedSwaps());
    case 'accuracy':
      return [...of(plannedLabels(how)), ...of(plannedModes(how)).map((wanted) => ({ ...wanted, draws: 0 }))];
    default:
      return null;
  }
}

function wantedRows(metric: string, { run, inference }: MeasuringTerms): readonly WantedRow[] {
  const { evaluation } = run;
  if (metric === 'ppl') return [wantedPerplexity(estimatorName(evaluation, inference), run)];
  return can(inference, 'code')
    ? metricNamed(metric).wanted({ evaluation, inference, latentSize: run.model.latentSize })
    : [{ estimator: null, draws: 0, settings: {} }];
}

function wantedPerplexity(name: string, { evaluation }: MeasuringTerms['run']): WantedRow {
  const estimator = rowEstimator(name, evaluation);
  const draws = name === EXACT ? 0 : (evaluation.draws[name] ?? estimatorNamed(name).draws);
  return { estimator, draws, settings: estimatorSettings({ metric: 'ppl', estimator }, { evaluation }) };
}

/** Whether the best weights have a perplexity by that estimator on just so many sentences, which are then the same ones. */
export function isChecked(
  found: MeasuredRun | null,
  name: string,
  sentences: number,
  { run, split, statistics }: MeasuringTerms,
): boolean {
  if (found === null) return false;
  const { estimator, draws, settings } = wantedPerplexity(name, run);
  return rowsOfSelected(found, 'ppl', split).some(
    (row) =>
      row.estimator === estimator &&
      row.draws >= draws &&
      satisfies(row, settings) &&
      (statistics === null || row.sentences === sentences),
  );
}

/** Sentences that `ais` is run on: a number that is dear, so of few. */
export function checkedSentences({ run, split, statistics }: Omit<MeasuringTerms, 'inference'>): number {
  const { aisSentences: few, sentences } = run.evaluation;
  const numbers = [few, sentences, statistics?.splits[split].sentences].filter((number) => number != null);
  return numbers.length === 0 ? 0 : Math.min(...numbers);
}

/** Sentences that a metric is to be measured on. */
export function wantedSentences(
  metric: MeasuredRow['metric'],
  { run: { evaluation }, inference, split, statistics }: MeasuringTerms,
): number {
  if (statistics === null) return 0;
  const all = Math.min(evaluation.sentences ?? Number.POSITIVE_INFINITY, statistics.splits[split].sentences);
  if (!can(inference, 'code') || metricNamed(metric).cost(inference) === 'cheap') return all;
  const few = estimatorSentences(evaluation, inference);
  return Math.min(few ?? all, all);
}

/** Sentences that a row saw, with those that it had to leave out. */
export function covered({ sentences, facts }: MeasuredRow): number {
  return sentences + (facts?.skipped ?? 0) + (facts?.leftOut ?? 0);
}
