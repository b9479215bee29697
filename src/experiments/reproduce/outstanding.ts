// What a run still lacks: how far its training is, which rows and artifacts of its best weights are missing. The folder
// says it; nothing else is remembered, so a plan may be given again at any time, and by any process.

import type { RunConfig } from '../../config/schema.js';
import type { CorpusStatistics, SplitName } from '../../data/corpus.js';
import { classifierSettings, estimatorSettings } from '../../evaluation/estimator-settings.js';
import { gaussianKlDraws } from '../../evaluation/kl.js';
import {
  EXACT,
  estimatorName,
  estimatorNamed,
  estimatorSentences,
  rowEstimator,
} from '../../evaluation/perplexity/registry.js';
import { metricNamed } from '../../evaluation/registry.js';
import type { Inference } from '../../methods/method.js';
import { mayGoOn } from '../../runs/ending.js';
import { type MeasuredRun, rowsOfSelected, satisfies } from '../../runs/measured-run.js';
import { keptPosterior } from '../../runs/posterior-files.js';
import type { MeasuredRow } from '../../runs/row.js';
import type { Manifest } from '../../runs/run-folder.js';
import {
  GENERATIONS,
  type Generations,
  INTERPOLATIONS,
  type Interpolations,
  keptTexts,
  type TextArtifact,
} from '../../runs/texts.js';
import { metricsOf } from '../evaluate.js';
import { FIGURE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5 } from '../published.js';
import type { Measuring } from './plan.js';

export type TrainingState = { state: 'done' | 'to do' } | { state: 'goes on'; epochs: number };

/** How far a run is, which had `manifest` when it was last seen; null where no epoch of it was finished. */
export function trainingState(
  { training }: Pick<RunConfig, 'training'>,
  manifest: Pick<Manifest, 'finished' | 'epochs'> | null,
): TrainingState {
  if (manifest === null) return { state: 'to do' };
  const { finished, epochs } = manifest;
  // One that had done all its epochs goes on when it is given more.
  const wantsMore = finished === null || mayGoOn(finished, epochs, training.epochs);
  return wantsMore ? { state: 'goes on', epochs } : { state: 'done' };
}

/** How a run is to be measured. */
export interface Measured {
  run: Pick<RunConfig, 'evaluation' | 'model'>;
  inference: Inference;
  split: SplitName;
  /** Null as long as the corpus is not prepared; then any number of sentences will do. */
  statistics: CorpusStatistics | null;
}

/** What is still to be made of a run. */
export type Remaining =
  | { kind: 'metrics'; metrics: string[] }
  | { kind: 'ais'; estimators: string[]; sentences: number }
  | { kind: 'noisy-recon'; swaps: number[] }
  | { kind: 'classification'; labels: number[] }
  | { kind: 'interpolations' | 'generations' | 'posterior' };

/**
 * What a run lacks of one kind, for its best weights, on as many sentences as the configuration asks for.
 * @param found the run, or null where no epoch of it was finished.
 * @returns null where nothing is missing.
 */
export function remaining(kind: Measuring, found: MeasuredRun | null, how: Measured): Remaining | null {
  switch (kind) {
    case 'metrics': {
      const metrics = metricsOf(how.inference).filter((metric) => !isMeasured(found, metric, undefined, how));
      return metrics.length === 0 ? null : { kind, metrics };
    }
    case 'ais': {
      const own = estimatorName(how.run.evaluation, how.inference);
      if (own === 'ais') return null;
      const sentences = aisSentences(how);
      const estimators = ['ais', own].filter((estimator) => !isChecked(found, estimator, sentences, how));
      return estimators.length === 0 ? null : { kind, estimators, sentences };
    }
    case 'noisy-recon': {
      const swaps = TABLE_4.swaps.filter((count) => !isMeasured(found, 'noisy-recon', `swaps-${count}`, how));
      return swaps.length === 0 ? null : { kind, swaps };
    }
    case 'classification': {
      const sentences = how.statistics?.splits.train.sentences ?? Number.POSITIVE_INFINITY;
      const labels = TABLE_5.labels.filter((count) => !isMeasured(found, 'accuracy', `labels-${count}`, how));
      // More labels than there are sentences can never be had; that is said when the others are measured, and no reason to
      // measure again.
      return labels.some((count) => count <= sentences) ? { kind, labels } : null;
    }
    case 'interpolations':
      return textsOf(found, INTERPOLATIONS) >= TABLE_2.pairs * TABLE_2.points ? null : { kind };
    case 'generations':
      return textsOf(found, GENERATIONS) >= TABLE_3.count ? null : { kind };
    case 'posterior': {
      const kept = found === null ? null : keptPosterior(found);
      const there = how.statistics?.splits[how.split].sentences ?? 0;
      const enough = kept?.split === how.split && kept.sentences >= Math.min(FIGURE_1.sentences, there);
      return enough ? null : { kind };
    }
  }
}

/** How many texts the run has kept of its best weights. */
function textsOf<Texts extends Generations | Interpolations>(
  found: MeasuredRun | null,
  artifact: TextArtifact<Texts>,
): number {
  return (found === null ? null : keptTexts(found, artifact))?.items.length ?? 0;
}

/** Whether the best weights have each row of the metric, on as many sentences and with all that is asked for, or more. */
function isMeasured(
  found: MeasuredRun | null,
  metric: MeasuredRow['metric'],
  variant: string | undefined,
  how: Measured,
): boolean {
  if (found === null) return false;
  const rows = rowsOfSelected(found, metric, how.split).filter((row) => row.variant === variant);
  const sentences = wantedSentences(metric, how);
  return wantedRows(metric, how).every(({ estimator, draws, settings }) =>
    rows.some(
      (row) =>
        (estimator === null || row.estimator === estimator) &&
        row.draws >= draws &&
        satisfies(row, settings) &&
        covered(row) >= sentences,
    ),
  );
}

/** A row as the configuration asks for it. */
interface WantedRow {
  /** Null where inference alone decides. */
  estimator: string | null;
  /** At least. */
  draws: number;
  settings: MeasuredRow['settings'];
}

function wantedRows(metric: MeasuredRow['metric'], { run, inference }: Measured): WantedRow[] {
  const { evaluation } = run;
  // Of an encoder's Gaussian, means are known without draws; of a code that is a point, all is.
  const ofChains = (draws: number) => (inference === 'short-run' ? draws : 0);
  switch (metric) {
    case 'ppl':
      return [wantedPerplexity(estimatorName(evaluation, inference), run)];
    case 'kl': {
      if (inference !== 'short-run') return [{ estimator: null, draws: 0, settings: {} }];
      const { jacobian, gaussian } = evaluation.klChains;
      const fitted = gaussian === 'auto' ? gaussianKlDraws(run.model.latentSize) : gaussian;
      return [
        { estimator: 'jacobian', draws: jacobian, settings: {} },
        ...(fitted === 0 ? [] : [{ estimator: 'gaussian', draws: fitted, settings: {} }]),
      ];
    }
    case 'noisy-recon':
      return [
        {
          estimator: null,
          draws: inference === 'point' ? 1 : evaluation.inferenceChains,
          settings: { noiseDraws: TABLE_4.noiseDraws },
        },
      ];
    case 'au':
      return [{ estimator: null, draws: ofChains(evaluation.inferenceChains), settings: {} }];
    case 'accuracy': {
      const settings = { sets: TABLE_5.draws, limit: evaluation.sentences, ...classifierSettings(run) };
      return [{ estimator: null, draws: ofChains(evaluation.featureDraws), settings }];
    }
    default:
      return [{ estimator: null, draws: evaluation.inferenceChains, settings: {} }];
  }
}

function wantedPerplexity(name: string, { evaluation }: Measured['run']): WantedRow {
  const estimator = rowEstimator(name, evaluation);
  const draws = name === EXACT ? 0 : (evaluation.draws[name] ?? estimatorNamed(name).draws);
  return { estimator, draws, settings: estimatorSettings({ metric: 'ppl', estimator }, { evaluation }) };
}

/** Whether the best weights have a perplexity by that estimator on just so many sentences, which are then the same ones. */
function isChecked(
  found: MeasuredRun | null,
  name: string,
  sentences: number,
  { run, split, statistics }: Measured,
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
function aisSentences({ run, split, statistics }: Omit<Measured, 'inference'>): number {
  const { aisSentences: few, sentences } = run.evaluation;
  const numbers = [few, sentences, statistics?.splits[split].sentences].filter((number) => number != null);
  return numbers.length === 0 ? 0 : Math.min(...numbers);
}

/** Sentences that a metric is to be measured on. */
export function wantedSentences(
  metric: MeasuredRow['metric'],
  { run: { evaluation }, inference, split, statistics }: Measured,
): number {
  if (statistics === null) return 0;
  const all = Math.min(evaluation.sentences ?? Number.POSITIVE_INFINITY, statistics.splits[split].sentences);
  if (inference === 'none' || metricNamed(metric).cost(inference) === 'cheap') return all;
  const few = estimatorSentences(evaluation, inference);
  return Math.min(few ?? all, all);
}

/** Sentences that a row saw, with those that it had to leave out. */
function covered({ sentences, facts }: MeasuredRow): number {
  return sentences + (facts?.skipped ?? 0);
}
